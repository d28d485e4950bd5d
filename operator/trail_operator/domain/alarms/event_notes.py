"""What Events say of writes to filters and alarms."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.trail_status import Difference
from trail_operator.domain.alarms.actions import AlarmAction
from trail_operator.domain.texts import fitting

# Bytes: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
_LONGEST = 1024


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
    unique = list(dict.fromkeys(changes))
    if is_drift and unique:
        text = _filled(" ".join(filter(None, (f"Corrected drift: {{}} ({operations}).", caller))), unique)
        return AppliedNote("Warning", "DriftCorrected", operations, text)
    counts = Counter(action.operation for action in done)
    summary = ", ".join(f"{operation} x {count}" for operation, count in counts.items())
    created = [action for action in done if action.operation == "PutMetricAlarm" and not action.existing_alarms]
    if created and len(created) == counts["PutMetricAlarm"]:
        note = f"Created alarms: {{}} ({summary})"
        names = fitting([name for action in created for name in action.alarms], _LONGEST - len(note))
        return AppliedNote("Normal", "Created", operations, note.replace("{}", names, 1))
    text = _filled(f"Updated alarms: {{}} ({summary})", unique) if unique else f"Updated alarms: owner tags ({summary})"
    return AppliedNote("Normal", "Updated", operations, text)


def _filled(template: str, changes: Sequence[Difference]) -> str:
    """Return a note with what has changed. If it would be too long: fields without values, and not all of them."""
    values = "; ".join(f"{entry.path} {entry.observed} -> {entry.desired}" for entry in changes)
    room = _LONGEST - len(template.encode())
    if len(values.encode()) > room:
        values = fitting([entry.path for entry in changes], room)
    return template.replace("{}", values, 1)
