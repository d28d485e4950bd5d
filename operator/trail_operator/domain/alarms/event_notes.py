"""What Events say of writes to filters and alarms."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trail_operator.api.constants import OWNER_TAG
from trail_operator.domain.alarms.actions import AlarmAction

# Above this length, an Event names the changed fields without their values.
_LONGEST = 900


@dataclass(frozen=True)
class AppliedNote:
    """The Event about writes that took effect."""

    kind: Literal["Normal", "Warning"]
    reason: str
    operations: str
    """The operations, each once."""
    text: str


def applied_note(done: Sequence[AlarmAction], *, is_drift: bool, caller: str = "") -> AppliedNote:
    """Return the Event about these writes. `caller`: a sentence that names who caused the drift."""
    operations = ", ".join(dict.fromkeys(action.operation for action in done))
    changes = [entry for action in done for entry in action.differences if entry.path != f"tags[{OWNER_TAG}]"]
    unique = dict.fromkeys(changes)
    values = "; ".join(f"{entry.path} {entry.observed} -> {entry.desired}" for entry in unique)
    if len(values) > _LONGEST:
        values = ", ".join(entry.path for entry in unique)
    if is_drift and unique:
        text = " ".join(filter(None, (f"Corrected drift: {values} ({operations}).", caller)))
        return AppliedNote("Warning", "DriftCorrected", operations, text)
    counts = Counter(action.operation for action in done)
    summary = ", ".join(f"{operation} x {count}" for operation, count in counts.items())
    created = [action for action in done if action.operation == "PutMetricAlarm" and not action.existing_alarms]
    if created and len(created) == counts["PutMetricAlarm"]:
        names = ", ".join(name for action in created for name in action.alarms)
        return AppliedNote("Normal", "Created", operations, f"Created alarms: {names} ({summary})")
    return AppliedNote("Normal", "Updated", operations, f"Updated alarms: {values or 'owner tags'} ({summary})")
