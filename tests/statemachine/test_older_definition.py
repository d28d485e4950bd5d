"""A definition of Trails that is older than the operator: it drops fields of the status."""

import pytest

from tests.statemachine.aws import REGIONS
from tests.statemachine.stage import VirtualStage
from tests.statemachine.test_unreportable import ready

KEY, SPEC = "team-a/audit", {"s3BucketName": "logs-one"}
MINUTES = 60.0


@pytest.fixture(autouse=True)
def warned(stage: VirtualStage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "trail_operator")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if "CustomResourceDefinition" in record.message]


def is_outdated(stage: VirtualStage) -> float | None:
    return stage.life.metrics.registry.get_sample_value("trail_operator_definition_outdated", {"kind": "Trail"})


@pytest.mark.parametrize("field", ["accountID", "homeRegion"])
def test_nothing_is_created_whose_account_and_region_are_not_recorded(
    stage: VirtualStage, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    stage.server.dropped.add(field)
    stage.create(KEY, SPEC)
    stage.wait(30.0)
    assert ready(stage, KEY) == ("False", "DefinitionOutdated")
    stored, events = stage.server.writes, len(stage.server.events)
    stage.wait(120 * MINUTES)
    assert stage.aws.trails.all() == []
    assert (stage.server.writes, len(stage.server.events)) == (stored, events), "nothing new is to be said"
    assert len(warnings(caplog)) == 1
    assert is_outdated(stage) == 1
    stage.server.dropped.clear()
    stage.wait(11 * MINUTES)
    assert ready(stage, KEY) == ("True", "Recording")
    assert [trail.is_logging for trail in stage.aws.trails.all()] == [True]


@pytest.mark.parametrize("field", ["ownerTag", "lastDrift", "isMultiRegionTrail"])
def test_what_is_dropped_besides_is_said_once_and_rarely_sent_again(
    stage: VirtualStage, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    stage.server.dropped.add(field)
    stage.create(KEY, SPEC)
    stage.wait(30.0)
    stage.by_hand(REGIONS[0], "StopLogging", Name="audit")
    stage.wait(10 * MINUTES)
    assert ready(stage, KEY) == ("True", "Recording")
    assert [trail.is_logging for trail in stage.aws.trails.all()] == [True]
    (line,) = warnings(caplog)
    assert f"the API server drops status.{field}." in line
    stored, sent = stage.server.writes, stage.server.status_patches
    stage.wait(120 * MINUTES)
    assert stage.server.writes == stored
    assert stage.server.status_patches - sent <= 13, "once in ten minutes, in case the definition was updated"
    stage.server.dropped.clear()
    stage.wait(20 * MINUTES)
    assert field in stage.objects[KEY]["status"]
    assert is_outdated(stage) == 0
