"""TrailAlarmSets with more of everything than their status has room for."""

import pytest

from tests.statemachine.alarm_scene import SET, SPEC, A, settled
from tests.statemachine.alarm_stage import AlarmStage
from trail_operator.domain.status import MOST_DIFFERENCES


@pytest.fixture
def stage(alarm_stage: AlarmStage) -> AlarmStage:
    """A Trail with a log group, and no set."""
    return alarm_stage


def tags(prefix: str) -> list[dict[str, str]]:
    return [{"key": f"{prefix}{number}", "value": "a"} for number in range(10)]


def test_differences_that_the_status_has_no_room_for_are_reported_once(stage: AlarmStage) -> None:
    alarms = [A | {"name": f"A{number}"} for number in range(10)]
    settled(stage, alarms=alarms, tags=tags("x"))
    observing = SPEC | {"alarms": alarms, "tags": tags("y"), "managementPolicy": "Observe"}
    stage.sets.replace_spec(SET, observing)
    stage.wait(200.0)
    assert stage.ready(SET) == ("False", "Drifted")
    assert len(stage.status(SET)["drift"]) == MOST_DIFFERENCES < 200
    assert stage.life.controllers is not None
    assert stage.life.controllers.alarm_sets is not None
    (state,) = stage.life.controllers.alarm_sets.objects.values()
    found, writes = state.drift_count, stage.server.writes
    stage.wait(300.0)
    assert (state.drift_count, stage.server.writes) == (found, writes)
