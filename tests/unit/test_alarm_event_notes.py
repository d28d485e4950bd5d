"""What Events say of writes to filters and alarms, also of many at once: the API server takes 1024 bytes."""

import pytest

from tests.unit.alarm_builders import PREFIX, alarm_arn
from trail_operator.api.trail_status import Difference
from trail_operator.domain.alarms.actions import AlarmAction, Operation
from trail_operator.domain.alarms.event_notes import AppliedNote, applied_note

CALLER = f"PutMetricAlarm was called by arn:aws:sts::123456789012:assumed-role/{'r' * 64}/someone (event history)."
NAMES = [f"{'a' * 60}-{number}" for number in range(65)]


def action(operation: Operation, name: str, *changes: Difference, exists: bool = True) -> AlarmAction:
    existing = {f"{PREFIX}{name}": alarm_arn(f"{PREFIX}{name}")} if exists else None
    return AlarmAction(operation, {}, (name,), changes, existing_alarms=existing)


def changed(name: str, observed: str = "5") -> AlarmAction:
    entry = Difference(path=f"alarms[{name}].threshold", desired="1", observed=observed)
    return action("PutMetricAlarm", name, entry)


def test_a_correction_says_what_was_changed_and_by_whom() -> None:
    note = applied_note([changed("A")], is_drift=True, caller="Somebody did it.")
    text = "Corrected drift: alarms[A].threshold 5 -> 1 (PutMetricAlarm). Somebody did it."
    assert note == AppliedNote("Warning", "DriftCorrected", "PutMetricAlarm", text)


@pytest.mark.parametrize("observed", ["5", "\N{SNOWMAN}" * 300])
def test_a_correction_of_many_alarms_still_says_by_whom(observed: str) -> None:
    note = applied_note([changed(name, observed) for name in NAMES], is_drift=True, caller=CALLER)
    assert len(note.text.encode()) <= 1024
    assert note.text.startswith(f"Corrected drift: alarms[{NAMES[0]}].threshold, ")
    assert note.text.endswith(f" more (PutMetricAlarm). {CALLER}")


def test_the_creation_of_many_alarms_says_how_many_there_are() -> None:
    missing = [Difference(path=f"alarms[{name}]", desired="present", observed="absent") for name in NAMES]
    puts = [action("PutMetricAlarm", name, entry, exists=False) for name, entry in zip(NAMES, missing, strict=True)]
    note = applied_note(puts, is_drift=False)
    assert len(note.text.encode()) <= 1024
    assert note.text.startswith(f"Created alarms: {NAMES[0]}, {NAMES[1]}, ")
    assert note.text.endswith(" more (PutMetricAlarm x 65)")


def test_many_changes_of_the_spec_are_counted() -> None:
    note = applied_note([changed(name) for name in NAMES], is_drift=False)
    assert len(note.text.encode()) <= 1024
    assert note.text.endswith(" more (PutMetricAlarm x 65)")
