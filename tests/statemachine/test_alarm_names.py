"""Several sets of one Trail whose names begin alike."""

import pytest

from tests.statemachine.alarm_scene import SET, SPEC, A, B
from tests.statemachine.alarm_stage import AlarmStage, until


@pytest.fixture
def stage(alarm_stage: AlarmStage) -> AlarmStage:
    """A Trail with a log group, and no set."""
    return alarm_stage


def test_sets_whose_names_begin_alike_do_not_touch_each_other(stage: AlarmStage) -> None:
    keys = [SET, f"{SET}.b", "team-a/alarm", "team-a/team-a"]
    for key in keys:
        stage.sets.create(key, SPEC | {"alarms": [A | {"name": "a.b"}, B | {"name": "b-c"}]})
    until(stage, lambda: {stage.ready(key) for key in keys} == {("True", "InSync")})
    stage.wait(15.0)
    assert len(stage.alarms) == len(stage.filters) == 8
    stage.sets.delete(SET)
    stage.sets.replace_spec("team-a/alarm", SPEC | {"alarms": [A | {"name": "a.b"}]})
    stage.wait(40.0)
    left = {f"test/{key}/{name}" for key in keys[1:] for name in ("a.b", "b-c")} - {"test/team-a/alarm/b-c"}
    assert {name for _, name in stage.alarms} == {name for *_, name in stage.filters} == left
    assert {stage.ready(key) for key in keys[1:]} == {("True", "InSync")}
