"""TrailAlarmSets through kills, lost answers and faults at every point: what is left when everything stands still."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.statemachine.alarm_scene import (
    MOVED,
    PREFIX,
    REGION,
    SET,
    SPEC,
    TRAIL,
    A,
    B,
    comes_to_rest,
    created,
    settled,
)
from tests.statemachine.alarm_stage import AlarmStage, until
from tests.statemachine.kubernetes import Manifest


@pytest.fixture
def stage(alarm_stage: AlarmStage) -> AlarmStage:
    """A Trail with a log group, and no set."""
    return alarm_stage


def test_a_set_is_created_changed_and_deleted(stage: AlarmStage) -> None:
    created(stage)
    assert set(stage.filters) == {(REGION, "one", f"{PREFIX}A"), (REGION, "one", f"{PREFIX}B")}
    assert {name for _, name in stage.alarms} == {f"{PREFIX}A", f"{PREFIX}B"}
    comes_to_rest(stage)
    stage.sets.replace_spec(SET, SPEC | {"alarms": [A | {"threshold": 3}]})
    comes_to_rest(stage)
    assert len(stage.alarms) == 1
    stage.replace_spec(TRAIL, MOVED)
    comes_to_rest(stage)
    assert set(stage.filters) == {(REGION, "two", f"{PREFIX}A")}
    stage.sets.delete(SET)
    comes_to_rest(stage)
    assert not stage.filters
    assert not stage.alarms


@dataclass(frozen=True)
class Scenario:
    """What happens to a set. `before`: its spec at first, if any."""

    before: Manifest | None
    act: Callable[[AlarmStage], None]
    writes: tuple[str, ...]
    """The calls that it takes."""


def _changed(before: Manifest, after: Manifest, *writes: str) -> Scenario:
    return Scenario(SPEC | before, lambda stage: stage.sets.replace_spec(SET, SPEC | after), writes)


def _both_deleted(stage: AlarmStage) -> None:
    stage.delete(TRAIL)
    stage.sets.delete(SET)


SCENARIOS = {
    "create": Scenario(None, lambda stage: stage.sets.create(SET, SPEC), ("PutMetricFilter", "PutMetricAlarm")),
    "alarm": _changed({}, {"alarms": [A | {"threshold": 3}, B]}, "PutMetricAlarm"),
    "pattern": _changed({}, {"alarms": [A | {"filterPattern": "{ $.x = 1 }"}, B]}, "PutMetricFilter"),
    "fewer": _changed({}, {"alarms": [B]}, "DeleteAlarms", "DeleteMetricFilter"),
    "tags": _changed({}, {"tags": [{"key": "env", "value": "b"}]}, "TagResource", "UntagResource"),
    "log group": Scenario(
        SPEC, lambda stage: stage.replace_spec(TRAIL, MOVED), ("PutMetricFilter", "DeleteMetricFilter")
    ),
    "delete": Scenario(SPEC, lambda stage: stage.sets.delete(SET), ("DeleteAlarms", "DeleteMetricFilter")),
    "retain": Scenario(SPEC | {"deletionPolicy": "Retain"}, lambda stage: stage.sets.delete(SET), ("UntagResource",)),
    "trail deleted with it": Scenario(SPEC, _both_deleted, ("DeleteAlarms", "DeleteMetricFilter")),
}
POINTS = 160
"""More than any scenario has: where something is sent, or an answer has come."""
EACH = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)


def prepared(stage: AlarmStage, scenario: Scenario) -> None:
    if scenario.before is not None:
        settled(stage, **scenario.before)


@pytest.mark.sampled
@EACH
@pytest.mark.parametrize("point", range(1, POINTS, 3))
def test_it_is_killed(stage: AlarmStage, scenario: Scenario, point: int) -> None:
    """At one of three points that follow each other: the order of calls is not always the same."""
    prepared(stage, scenario)
    stage.kill(point + random.Random(point).randrange(3))
    scenario.act(stage)
    stage.wait(10.0)
    if stage.is_dead:
        stage.restart()
    comes_to_rest(stage)


@pytest.mark.sampled
@EACH
@pytest.mark.parametrize("points", [(20, 20, 20), (35, 5, 60), (50, 45, 1), (9, 50, 50)])
def test_another_process_takes_over_and_is_killed_as_well(
    stage: AlarmStage, scenario: Scenario, points: tuple[int, ...]
) -> None:
    prepared(stage, scenario)
    stage.stale(4.0)
    scenario.act(stage)
    for point in points:
        stage.kill(point)
        stage.wait(8.0)
        if stage.is_dead:
            stage.restart()
    comes_to_rest(stage)


FAULTS: dict[str, dict[str, Any]] = {
    "lost": {"drop": True, "when": "before"},
    "answer lost": {"drop": True, "when": "after"},
    "answer late": {"delay": 30.0, "when": "after"},
    "throttled": {"error": "ThrottlingException"},
    "5xx": {"error": "InternalFailure"},
    "5xx after it took effect": {"error": "ServiceUnavailable", "when": "after"},
}
OF_WRITES = [
    pytest.param(scenario, write, fault, id=f"{name}-{write}-{how}")
    for name, scenario in SCENARIOS.items()
    for write in scenario.writes
    for how, fault in FAULTS.items()
]


@pytest.mark.sampled
@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize(("scenario", "write", "fault"), OF_WRITES)
def test_a_write_fails(stage: AlarmStage, scenario: Scenario, write: str, fault: dict[str, Any], count: int) -> None:
    prepared(stage, scenario)
    before = stage.aws.asked[write]
    stage.fault(operation=write, count=count, **fault)
    scenario.act(stage)
    stage.wait(40.0)
    assert stage.aws.asked[write] > before
    comes_to_rest(stage)


OF_READS = [
    *("DescribeMetricFilters", "DescribeAlarms", "ListTagsForResource", "GetResources", "DescribeLogGroups"),
    *("TestMetricFilter", "GetTrail", "ListTags"),
]


@pytest.mark.sampled
@EACH
@pytest.mark.parametrize("read", OF_READS)
@pytest.mark.parametrize("fault", ["lost", "throttled", "5xx"])
def test_a_read_fails(stage: AlarmStage, scenario: Scenario, read: str, fault: str) -> None:
    prepared(stage, scenario)
    stage.fault(operation=read, count=3, **FAULTS[fault])
    scenario.act(stage)
    stage.wait(20.0)
    comes_to_rest(stage)


@pytest.mark.sampled
@EACH
@pytest.mark.parametrize("seconds", [1.0, 4.0, 8.0])
def test_reads_are_stale(stage: AlarmStage, scenario: Scenario, seconds: float) -> None:
    prepared(stage, scenario)
    stage.stale(seconds)
    stage.aws.alarms.index_delay = 2 * seconds
    scenario.act(stage)
    stage.wait(60.0)
    if scenario.before is not None:
        assert stage.ready(SET)[0] != "False" if SET in stage.sets.objects else True
    comes_to_rest(stage)


@pytest.mark.sampled
@EACH
@pytest.mark.parametrize("status", [409, 500, None])
@pytest.mark.parametrize("when", ["before", "after"])
def test_kubernetes_fails(stage: AlarmStage, scenario: Scenario, status: int | None, when: str) -> None:
    prepared(stage, scenario)
    stage.kubernetes_fault(5, status, when)
    scenario.act(stage)
    stage.wait(20.0)
    comes_to_rest(stage)


@pytest.mark.sampled
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
@pytest.mark.parametrize("writes", range(1, 5))
@pytest.mark.parametrize("seconds", [0.0, 0.05, 2.0])
def test_what_was_created_just_before_a_kill_is_deleted_where_reads_are_stale(
    stage: AlarmStage, policy: str, writes: int, seconds: float
) -> None:
    stage.stale(8.0)
    stage.sets.create(SET, SPEC | {"deletionPolicy": policy})
    until(stage, lambda: len(stage.of_alarms.writes) >= writes)
    stage.wait(seconds)
    stage.kill(0)
    stage.restart()
    stage.sets.delete(SET)
    stage.wait(60.0)
    assert not stage.sets.objects
    comes_to_rest(stage)
    assert policy == "Retain" or not (stage.filters or stage.alarms)
