"""A cluster that was renamed: what is read late, and whenever the operator dies while it rewrites owner tags."""

import logging
from collections.abc import Iterator

import pytest

from tests.statemachine.aws import ACCOUNT, REGIONS
from tests.statemachine.expectation import OWNER
from tests.statemachine.stage import VirtualStage

KEY = "team-a/alpha"
ARN = f"arn:aws:cloudtrail:{REGIONS[0]}:{ACCOUNT}:trail/alpha"
FORMER, PRESENT = f"former/{KEY}", f"test/{KEY}"
RECORD = {"arn": ARN, "accountID": ACCOUNT, "homeRegion": REGIONS[0], "ownerTag": FORMER}


@pytest.fixture
def stage(caplog: pytest.LogCaptureFixture) -> Iterator[VirtualStage]:
    """With a trail that the operator made when its cluster had another name, and the Trail that it is of."""
    caplog.set_level(logging.CRITICAL, "trail_operator")
    result = VirtualStage(0, former_cluster_names=["former"])
    result.kill(0)
    made = {"S3BucketName": "logs-one", "IsMultiRegionTrail": True, "EnableLogFileValidation": True}
    result.by_hand(REGIONS[0], "CreateTrail", Name="alpha", TagsList=[{"Key": OWNER, "Value": FORMER}], **made)
    result.by_hand(REGIONS[0], "StartLogging", Name="alpha")
    result.record.meddled.clear()
    result.create(KEY, {"s3BucketName": "logs-one"})
    result.server.objects[KEY]["status"] = {"observedGeneration": -1, **RECORD}
    result.server.objects[KEY]["metadata"]["finalizers"] = ["trail-operator.dev/finalizer"]
    yield result
    result.close()


def owner(stage: VirtualStage) -> str | None:
    (trail,) = stage.aws.trails.all()
    return dict(trail.tags).get(OWNER)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("stale", [0.0, 8.0])
@pytest.mark.parametrize("points", [None, *range(1, 30, 2)])
def test_a_rename_loses_no_trail_whenever_the_operator_dies(
    stage: VirtualStage, points: int | None, stale: float
) -> None:
    stage.stale(stale)
    stage.restart()
    if points is not None:
        stage.kill(points)
    stage.wait(4.0)
    if stage.is_dead:
        stage.restart()
    stage.wait(60.0)
    assert stage.notes("Conflict") == []
    assert stage.rest().judge() == []
    assert stage.further() == (0, 0)
    assert owner(stage) == stage.objects[KEY]["status"]["ownerTag"] == PRESENT
    assert {call.operation for call in stage.record.writes} == {"AddTags"}


def test_a_tag_that_aws_still_shows_after_a_restart_is_no_conflict(stage: VirtualStage) -> None:
    """An earlier process has replaced it, and another of AWS's servers is asked."""
    stage.wait(20.0)
    stage.restart()
    while stage.objects[KEY]["status"]["ownerTag"] != PRESENT:
        stage.wait(0.01)
    stage.kill(0)
    stage.stale(8.0)
    stage.restart()
    stage.wait(60.0)
    assert stage.notes("Conflict") == []
    assert stage.rest().judge() == []


@pytest.mark.parametrize("stale", [0.0, 8.0])
def test_a_trail_deleted_while_its_tag_is_rewritten_goes(stage: VirtualStage, stale: float) -> None:
    stage.stale(stale)
    stage.restart()
    while not stage.record.writes:
        stage.wait(0.01)
    stage.kill(0)
    stage.restart()
    stage.delete(KEY)
    stage.wait(30.0)
    assert not stage.objects
    assert not stage.aws.trails.all()


def test_a_lost_answer_to_the_rewriting_is_told_as_no_drift(stage: VirtualStage) -> None:
    stage.fault(operation="AddTags", drop=True, when="after", count=1)
    stage.restart()
    assert stage.rest().judge() == []
    assert owner(stage) == PRESENT
    assert {"DriftCorrected", "Adopted"}.isdisjoint(reason for reason, _ in stage.server.events)
