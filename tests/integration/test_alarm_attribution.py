"""Who changed the filters and alarms of a TrailAlarmSet: by the event queue at once, and as event history records it.

The operator asks event history a minute after it has found a drift: tests/statemachine has that, in virtual time.
"""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.alarm_world import SET, AlarmWorld
from tests.integration.aws import REGION
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import AlarmSets
from tests.integration.test_alarm_set_drift import CHANGES, NAME, Change, begin, status
from tests.integration.test_attribution import Reader
from tests.patience import eventually
from tests.sandbox.buses import Bus
from trail_operator.api.trail_status import Difference
from trail_operator.domain.alarms.drift_causes import causes_of
from trail_operator.domain.attribution import DetectedDrift
from trail_operator.domain.cloudtrail_calls import Kind
from trail_operator.domain.cloudtrail_resources import ResourceRef

PATTERN = {"source": ["aws.logs", "aws.monitoring"], "detail-type": ["AWS API Call via CloudTrail"]}


def test_changes_of_each_kind_are_corrected_within_seconds_and_their_callers_named(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    Bus(alarm_world.account).rule("events", PATTERN)
    operator_process(
        *("--allowed-action-arns", "*", "--resync", "1h", "--event-queue", "events"), **alarm_world.environment
    )
    begin(alarm_world, alarm_sets)
    before = alarm_world.snapshot()
    principal = f"arn:aws:iam::{alarm_world.account.number}:root"

    def last() -> dict[str, Any]:
        found: dict[str, Any] = status(alarm_sets).get("lastDrift", {})
        return found

    for change in CHANGES:
        time.sleep(2.0)  # CloudTrail records whole seconds: each change is later than the detection of the one before
        path = f"alarms[{NAME}].{change.path}"
        change.make(alarm_world)
        eventually(f"{change.title} is found", lambda path=path: path in last().get("paths", ()))  # type: ignore[misc]
        eventually(f"{change.title} is corrected", lambda: "correctionTime" in last())
        assert alarm_world.snapshot() == before
        named = last()["changedBy"]
        assert (named["principal"], named["eventName"], named["source"]) == (principal, change.call, "Queue")
    notes = [event.message for event in alarm_sets.events(SET, "DriftCorrected")]
    for change in CHANGES:
        sentence = f"{change.call} was called by {principal} (event queue, not verified)."
        assert any(f".{change.path} " in note and note.endswith(sentence) for note in notes), change.title


@pytest.mark.sampled
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.title)
def test_event_history_names_the_caller(alarm_world: AlarmWorld, change: Change) -> None:
    account, full_name = alarm_world.account, alarm_world.full(NAME)
    alarm_world.put_filter(full_name)
    alarm_world.put_alarm(full_name, AlarmActions=[f"arn:aws:sns:{REGION}:{account.number}:alerts"])
    # CloudTrail records whole seconds: what came before must not be in the same.
    time.sleep(1.0 - time.time() % 1.0)
    since = datetime.now(UTC).replace(microsecond=0)
    change.make(alarm_world)
    detected = datetime.now(UTC).replace(microsecond=0)
    is_missing = change.title.endswith("-deleted")
    observed = "absent" if is_missing else "false"
    difference = Difference(path=f"alarms[{NAME}].{change.path}", desired="x", observed=observed)
    refs = {
        "logs": ResourceRef.of_filter(account.number, REGION, "events", full_name),
        "monitoring": ResourceRef(Kind.ALARM, account.number, REGION, full_name),
    }
    ref = refs["logs" if "Filter" in change.call else "monitoring"]
    drift = DetectedDrift(frozenset({ref}), (difference.path,), causes_of([difference]), since, detected)
    named = Reader(account).attribute(drift)
    assert named is not None
    assert (named.principal, named.event_name) == (f"arn:aws:iam::{account.number}:root", change.call)
    assert named.source == "EventHistory"
