"""Odd objects, as a looser definition let them in: each is reported, and none affects another."""

from typing import Any

import pytest

from tests.statemachine.aws import REGIONS
from tests.statemachine.stage import VirtualStage

ODD, WELL = "team-a/odd", "team-b/well"
SPEC = {"s3BucketName": "logs-one"}


def ready(stage: VirtualStage, key: str) -> tuple[str, str] | None:
    conditions = stage.objects[key].get("status", {}).get("conditions", ())
    return next(((one["status"], one["reason"]) for one in conditions if one["type"] == "Ready"), None)


def well(stage: VirtualStage) -> None:
    """The other Trail is made, and started again when it was stopped."""
    if WELL not in stage.objects:
        stage.create(WELL, SPEC)
        stage.wait(10.0)
    assert ready(stage, WELL) == ("True", "Recording")
    stage.by_hand(REGIONS[0], "StopLogging", Name="well")
    stage.wait(150.0)
    assert [trail.is_logging for trail in stage.aws.trails.all()] == [True]


SPECS: list[Any] = [
    *(None, "x", [], 7, {}),
    *(SPEC | {"accountRef": "x"}, SPEC | {"accountRef": {"name": 7}}, SPEC | {"name": {"a": 1}}),
    *(SPEC | {"region": ["eu-west-1"]}, SPEC | {"region": "evil.invalid#"}, SPEC | {"isLogging": {"a": 1}}),
    *(SPEC | {"kmsKeyID": "arn:x:alias/"}, SPEC | {"cloudWatchLogsLogGroupARN": "x", "cloudWatchLogsRoleARN": "y"}),
    *(SPEC | {"snsTopicName": "arn:"}, SPEC | {"managementPolicy": ["Observe"]}, SPEC | {"tags": "x"}),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_an_odd_spec_is_invalid(stage: VirtualStage, spec: Any) -> None:
    stage.create(ODD, spec)
    stage.wait(5.0)
    assert ready(stage, ODD) == ("False", "InvalidSpec")
    well(stage)


@pytest.mark.parametrize("status", ["x", [], 7, {"conditions": "x"}, {"observedGeneration": "1"}, {"arn": {"a": 1}}])
def test_an_odd_status_is_written_over(stage: VirtualStage, status: Any) -> None:
    stage.create(ODD, SPEC)
    stage.wait(10.0)
    stage.kill(0)
    stage.objects[ODD]["status"] = status
    stage.restart()
    stage.wait(20.0)
    assert ready(stage, ODD) == ("True", "Recording")


def test_a_trail_that_cannot_be_written_is_reported_and_rarely_tried(stage: VirtualStage) -> None:
    stage.server.unwritable.add(ODD)
    stage.create(ODD, SPEC)
    stage.wait(5.0)
    assert [reason for reason, _ in stage.server.events] == ["StatusRefused"]
    assert "spec: Required value" in stage.server.events[0][1]
    well(stage)
    assert stage.server.refusals == 2, "it is believed when it is repeated"
    stage.wait(3600.0)
    assert 3 <= stage.server.refusals <= 8
    stage.server.unwritable.clear()
    stage.wait(601.0)
    assert ready(stage, ODD) == ("True", "Recording")


def test_a_lost_event_is_written_within_two_minutes_and_nothing_else_is_retried(stage: VirtualStage) -> None:
    stage.server.unwritable.add(ODD)
    stage.server.refuses_events = True
    stage.create(ODD, SPEC)
    stage.wait(200.0)
    assert stage.server.events == []
    stage.server.refuses_events = False
    stage.wait(120.0)
    assert [reason for reason, _ in stage.server.events] == ["StatusRefused"]
    assert stage.server.refusals == 2, "only the Event is retried"


def test_one_refusal_may_be_a_proxys(stage: VirtualStage) -> None:
    stage.server.unwritable.add(ODD)
    stage.create(ODD, SPEC)
    while not stage.server.refusals:
        stage.wait(0.01)
    stage.server.unwritable.clear()
    stage.wait(10.0)
    assert ready(stage, ODD) == ("True", "Recording")


def test_a_trail_that_cannot_be_written_is_tried_at_once_when_it_changes(stage: VirtualStage) -> None:
    stage.server.unwritable.add(ODD)
    stage.create(ODD, SPEC)
    stage.wait(5.0)
    stage.server.unwritable.clear()
    stage.replace_spec(ODD, SPEC | {"s3KeyPrefix": "corrected"})
    stage.wait(10.0)
    assert ready(stage, ODD) == ("True", "Recording")
