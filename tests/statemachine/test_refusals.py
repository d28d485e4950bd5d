"""What AWS refuses for good is remembered in status.refusals, and no refusal is believed without end."""

from typing import Any

import pytest

from tests.statemachine.aws import ACCOUNT, REGIONS
from tests.statemachine.rest import condition_of
from tests.statemachine.stage import VirtualStage

KEY = "team-a/alpha"
SPEC = {"s3BucketName": "logs-one"}
ARN = f"arn:aws:cloudtrail:{REGIONS[0]}:{ACCOUNT}:trail/alpha"
READ_ONLY = {"eventSelectors": [{"readWriteType": "ReadOnly"}]}
# Refused for good, whatever is sent.
REFUSAL = "InvalidEventSelectorsException"
# Two resyncs with their jitter, and a moment.
TWO_RESYNCS = 150.0
HOUR = 3600.0


@pytest.fixture
def stage(empty: VirtualStage) -> VirtualStage:
    """A world in which one Trail is Ready."""
    empty.create(KEY, SPEC)
    empty.wait(20.0)
    assert condition(empty) == ("True", "Recording")
    return empty


def condition(stage: VirtualStage, kind: str = "Ready") -> tuple[str, str] | None:
    return condition_of(stage.objects[KEY], kind)


def refusals(stage: VirtualStage) -> dict[str, str]:
    return {entry["operation"]: entry["message"] for entry in stage.objects[KEY]["status"].get("refusals") or ()}


def is_logging(stage: VirtualStage) -> bool:
    (trail,) = stage.aws.trails.all()
    return trail.is_logging


def refused(stage: VirtualStage, change: dict[str, Any] | None = None, **fault: Any) -> None:
    """Have AWS refuse a change of the selectors for good."""
    stage.fault(**({"operation": "PutEventSelectors", "error": REFUSAL, "message": "no"} | fault))
    stage.replace_spec(KEY, SPEC | (change or READ_ONLY))
    stage.wait(5.0)
    assert condition(stage) == ("False", "InvalidSpec")


def forge(stage: VirtualStage, **status: Any) -> None:
    stage.server.write_status(KEY, status)
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)


def stalled(text: str) -> dict[str, Any]:
    return {
        "type": "Stalled",
        "status": "True",
        "reason": "InvalidSpec",
        "message": text,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1,
    }


def test_a_refusal_is_on_record_by_its_operation(stage: VirtualStage) -> None:
    refused(stage)
    assert refusals(stage) == {"PutEventSelectors": f"cloudtrail:PutEventSelectors: no ({REFUSAL})"}
    stage.heal()
    stage.replace_spec(KEY, SPEC)
    stage.wait(20.0)
    assert condition(stage) == ("True", "Recording")
    assert refusals(stage) == {}


@pytest.mark.parametrize("restarted", [False, True])
def test_a_forged_stalled_keeps_no_trail_from_being_started(stage: VirtualStage, restarted: bool) -> None:
    if restarted:
        stage.kill(0)
    conditions = stage.objects[KEY]["status"]["conditions"]
    forge(stage, conditions=[*conditions, stalled("cloudtrail:StartLogging: forged (InvalidParameterException)")])
    if restarted:
        stage.restart()
    stage.wait(TWO_RESYNCS)
    assert is_logging(stage)


def test_a_forged_refusal_is_believed_for_an_hour_at_most(stage: VirtualStage) -> None:
    forge(stage, refusals=[{"operation": "StartLogging", "message": "forged"}])
    stage.wait(HOUR - stage.time + 1.0)
    assert is_logging(stage)
    forge(stage, refusals=[{"operation": "StartLogging", "message": "forged"}])
    stage.wait(TWO_RESYNCS)
    assert is_logging(stage)
    assert refusals(stage) == {}


def test_a_refused_call_is_repeated_after_an_hour_and_an_unchanged_refusal_writes_nothing(stage: VirtualStage) -> None:
    refused(stage)
    asked, writes = stage.aws.asked["PutEventSelectors"], stage.server.writes
    stage.wait(HOUR - 10.0)
    assert stage.aws.asked["PutEventSelectors"] == asked
    stage.wait(20.0)
    assert stage.aws.asked["PutEventSelectors"] == asked + 1
    stage.wait(HOUR - 20.0)
    assert stage.aws.asked["PutEventSelectors"] == asked + 1
    assert stage.server.writes == writes
    stage.heal()
    stage.wait(60.0)
    assert condition(stage) == ("True", "Recording")
    assert refusals(stage) == {}


def test_a_restart_asks_again_an_hour_after_the_start(stage: VirtualStage) -> None:
    refused(stage)
    stage.wait(1800.0)
    stage.kill(0)
    stage.restart()
    asked, writes = stage.aws.asked["PutEventSelectors"], stage.server.writes
    stage.wait(HOUR - 10.0)
    assert stage.aws.asked["PutEventSelectors"] == asked
    assert stage.server.writes == writes
    stage.wait(20.0)
    assert stage.aws.asked["PutEventSelectors"] == asked + 1


def test_a_refusal_counts_for_the_generation_that_was_refused_only(stage: VirtualStage) -> None:
    """Also where the first pass over the new one sees nothing."""
    refused(stage, count=1)
    stage.fault(operation="GetTrail", error="ThrottlingException", count=1)
    stage.replace_spec(KEY, SPEC | READ_ONLY | {"enableLogFileValidation": True})
    stage.wait(20.0)
    assert condition(stage) == ("True", "Recording")


def test_a_refusal_survives_a_pass_that_sees_nothing(stage: VirtualStage) -> None:
    refused(stage)
    asked = stage.aws.asked["PutEventSelectors"]
    stage.fault(operation="GetTrail", error="AccessDeniedException", count=1)
    stage.wait(TWO_RESYNCS)
    assert stage.aws.asked["PutEventSelectors"] == asked
    assert "PutEventSelectors" in refusals(stage)


def test_a_refusal_lapses_when_the_trail_has_changed(stage: VirtualStage) -> None:
    refused(stage, count=1)
    stage.by_hand(REGIONS[0], "UpdateTrail", Name=ARN, S3KeyPrefix="theirs")
    stage.wait(TWO_RESYNCS)
    assert condition(stage) == ("True", "Recording")


def test_a_long_refusal_is_cut_once_and_for_all(stage: VirtualStage) -> None:
    refused(stage, message="x" * 5000)
    (message,) = refusals(stage).values()
    assert len(message) <= 1024
    assert "xxx" in message
    writes = stage.server.writes
    stage.wait(TWO_RESYNCS)
    assert stage.server.writes == writes


def test_two_refusals_hold_each_for_itself(stage: VirtualStage) -> None:
    stage.fault(operation="UpdateTrail", error="InvalidS3PrefixException", message="no")
    refused(stage, READ_ONLY | {"s3KeyPrefix": "new"})
    assert set(refusals(stage)) == {"PutEventSelectors", "UpdateTrail"}
    asked = dict(stage.aws.asked)
    writes = stage.server.writes
    stage.wait(TWO_RESYNCS)
    assert {name: stage.aws.asked[name] for name in refusals(stage)} == {name: asked[name] for name in refusals(stage)}
    assert stage.server.writes == writes
