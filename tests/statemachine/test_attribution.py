"""What is said of a drift after it was found: when, what differed, when it was corrected, and who caused it."""

from typing import Any

import pytest

from tests.statemachine.aws import ACCOUNT, REGIONS
from tests.statemachine.kubernetes import at
from tests.statemachine.stage import RESYNC, VirtualStage

KEY = "team-a/alpha"
SPEC = {"s3BucketName": "logs-one"}
ARN = f"arn:aws:cloudtrail:{REGIONS[0]}:{ACCOUNT}:trail/alpha"
LONGEST_RESYNC = 1.2 * RESYNC


@pytest.fixture
def stage(empty: VirtualStage) -> VirtualStage:
    """A world in which one Trail is Ready."""
    empty.create(KEY, SPEC)
    empty.wait(20.0)
    empty.server.events.clear()
    return empty


def last_drift(stage: VirtualStage) -> dict[str, Any]:
    found: dict[str, Any] = stage.objects[KEY]["status"].get("lastDrift", {})
    return found


def stop(stage: VirtualStage) -> None:
    assert stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)


def test_a_corrected_drift_stays_in_status_with_its_times(stage: VirtualStage) -> None:
    assert "lastDrift" not in stage.objects[KEY]["status"]
    stop(stage)
    stopped, writes = stage.time, stage.server.writes
    stage.wait(LONGEST_RESYNC)
    found = last_drift(stage)
    assert found["paths"] == ["isLogging"]
    assert at(stopped).strftime("%Y-%m-%dT%H:%M:%SZ") <= found["detectionTime"] <= found["correctionTime"]
    assert "changedBy" not in found
    assert stage.server.writes - writes == 2, "one Event and one status"
    stage.wait(3 * LONGEST_RESYNC)
    assert last_drift(stage) == found
    assert stage.server.writes - writes == 2


def test_a_drift_that_cannot_be_corrected_has_no_time_of_correction_until_it_is(stage: VirtualStage) -> None:
    stage.fault(operation="StartLogging", error="AccessDeniedException")
    stop(stage)
    stage.wait(LONGEST_RESYNC + 30.0)
    found = last_drift(stage)
    assert found["paths"] == ["isLogging"]
    assert "correctionTime" not in found
    stage.heal()
    stage.wait(60.0)
    assert last_drift(stage)["detectionTime"] == found["detectionTime"]
    assert last_drift(stage)["correctionTime"] > found["detectionTime"]


def test_a_restart_keeps_the_last_drift_and_its_correction(stage: VirtualStage) -> None:
    stage.fault(operation="StartLogging", error="AccessDeniedException")
    stop(stage)
    stage.wait(LONGEST_RESYNC)
    found = last_drift(stage)
    stage.stop()
    stage.heal()
    stage.restart()
    stage.wait(60.0)
    assert last_drift(stage) == found | {"correctionTime": last_drift(stage)["correctionTime"]}


def test_a_later_drift_takes_the_place_of_the_earlier_one(stage: VirtualStage) -> None:
    stop(stage)
    stage.wait(LONGEST_RESYNC)
    first = last_drift(stage)
    stage.by_hand(REGIONS[0], "UpdateTrail", Name=ARN, S3KeyPrefix="x", EnableLogFileValidation=False)
    stage.wait(LONGEST_RESYNC)
    assert last_drift(stage)["paths"] == ["s3KeyPrefix", "enableLogFileValidation"]
    assert last_drift(stage)["detectionTime"] > first["detectionTime"]


def test_a_deleted_trail_is_a_drift(stage: VirtualStage) -> None:
    stage.by_hand(REGIONS[0], "DeleteTrail", Name=ARN)
    stage.wait(LONGEST_RESYNC)
    assert last_drift(stage)["paths"] == ["trail"]
    assert "correctionTime" in last_drift(stage)


def test_a_change_of_the_spec_is_no_drift(stage: VirtualStage) -> None:
    stage.replace_spec(KEY, SPEC | {"isLogging": False})
    stage.wait(30.0)
    stage.replace_spec(KEY, SPEC | {"managementPolicy": "Observe"})
    stage.wait(LONGEST_RESYNC)
    assert last_drift(stage) == {}


def test_an_observed_drift_is_reported_once_and_ends_when_somebody_corrects_it(stage: VirtualStage) -> None:
    stage.replace_spec(KEY, SPEC | {"managementPolicy": "Observe"})
    stage.wait(30.0)
    stop(stage)
    stage.wait(3 * LONGEST_RESYNC)
    assert stage.notes("DriftDetected") == ["Detected drift: isLogging is false, not true"]
    found = last_drift(stage)
    assert "correctionTime" not in found
    stage.by_hand(REGIONS[0], "StartLogging", Name=ARN)
    stage.wait(LONGEST_RESYNC)
    assert last_drift(stage) == found | {"correctionTime": last_drift(stage)["correctionTime"]}


def test_at_most_32_paths_are_kept(stage: VirtualStage) -> None:
    tags = [{"Key": f"key-{number:02}"} for number in range(40)]
    stage.by_hand(REGIONS[0], "AddTags", ResourceId=ARN, TagsList=tags)
    stage.wait(LONGEST_RESYNC)
    assert last_drift(stage)["paths"] == [f"tags[key-{number:02}]" for number in range(32)]
