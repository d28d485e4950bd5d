"""How many calls the alarms of both presets cost: created, unchanged, and once per dependency resync."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.statemachine.alarm_scene import SET, TOPIC, staged
from tests.statemachine.alarm_stage import AlarmStage, until
from tests.statemachine.aws import Call
from tests.statemachine.kubernetes import Manifest
from tests.statemachine.operator_life import Pass
from tests.statemachine.stage import RESYNC

SPEC: Manifest = {
    "trailRef": {"name": "alpha"},
    "presets": ["SecurityHub", "CIS"],
    "actions": {"alarm": [TOPIC]},
    "tags": [{"key": "team", "value": "a"}],
}
ALARMS = 15
DEPENDENCY_RESYNC = 600.0


class Costs:
    """The calls to AWS by passes over the set."""

    def __init__(self, stage: AlarmStage) -> None:
        self.stage = stage
        self.calls: list[Call] = []
        request = stage.aws.request

        async def noted(call: Call, point: Callable[[], None]) -> Any:
            if isinstance(call.by, Pass) and call.by.key == SET:
                self.calls.append(call)
            return await request(call, point)

        stage.aws.request = noted  # type: ignore[method-assign]

    def of(self, seconds: float) -> Counter[str]:
        """The calls within so many seconds, by operation. STS is asked now and then, whatever there is."""
        self.calls.clear()
        self.stage.wait(seconds)
        return Counter(call.operation for call in self.calls if call.service != "sts")


@pytest.fixture
def costs(caplog: pytest.LogCaptureFixture) -> Iterator[Costs]:
    """A world with a Trail that has a log group, and no set."""
    caplog.set_level(logging.CRITICAL, "trail_operator")
    stage = staged(dependency_resync=timedelta(seconds=DEPENDENCY_RESYNC))
    yield Costs(stage)
    stage.close()


def created(costs: Costs) -> None:
    stage = costs.stage
    stage.sets.create(SET, SPEC)
    until(stage, lambda: stage.ready(SET) == ("True", "InSync"))


def test_creating_fifteen_alarms_takes_thirty_writes_two_a_second(costs: Costs) -> None:
    created(costs)
    assert len(costs.stage.alarms) == len(costs.stage.filters) == ALARMS
    writes = [call for call in costs.calls if call.is_write]
    assert Counter(call.operation for call in writes) == {"PutMetricFilter": ALARMS, "PutMetricAlarm": ALARMS}
    put = [call.begun for call in writes if call.operation == "PutMetricAlarm"]
    assert all(later - earlier >= 1.0 for earlier, later in zip(put, put[2:], strict=False))
    assert costs.stage.time < 20.0 + 2 * ALARMS, "it does not take longer than the rate asks for"


def test_an_unchanged_set_costs_two_reads_a_resync(costs: Costs) -> None:
    created(costs)
    costs.stage.wait(15.0)
    spent = costs.of(5 * RESYNC)
    passes = spent["DescribeAlarms"]
    assert 4 <= passes <= 7
    assert spent == {"DescribeAlarms": passes, "DescribeMetricFilters": passes}


def test_what_does_not_fit_a_page_is_read_page_by_page(costs: Costs) -> None:
    alarms = [{"name": f"A{number:02}", "filterPattern": "{ $.x = 1 }"} for number in range(50)]
    costs.stage.sets.create(SET, SPEC | {"alarms": alarms})
    until(costs.stage, lambda: costs.stage.ready(SET) == ("True", "InSync"))
    assert len(costs.stage.alarms) == len(costs.stage.filters) == ALARMS + 50
    costs.stage.wait(15.0)
    spent = costs.of(5 * RESYNC)
    passes = spent["DescribeAlarms"]
    assert spent == {"DescribeAlarms": passes, "DescribeMetricFilters": 2 * passes}


@pytest.mark.parametrize("allowed", [True, False])
def test_tags_and_topics_are_read_once_per_dependency_resync(costs: Costs, allowed: bool) -> None:
    created(costs)
    if not allowed:
        costs.stage.fault(operation="GetResources", error="AccessDeniedException")
    costs.stage.wait(DEPENDENCY_RESYNC)
    spent = costs.of(4 * DEPENDENCY_RESYNC)
    assert 3 <= spent["GetResources"] <= 4
    assert 3 <= spent["GetTopicAttributes"] <= 4
    assert 3 <= spent["DescribeLogGroups"] <= 4
    assert spent["ListTagsForResource"] == (0 if allowed else ALARMS * spent["GetResources"])
    assert not any(call.is_write for call in costs.calls)
    assert costs.stage.ready(SET) == ("True", "InSync")


def test_deleting_fifteen_alarms_takes_sixteen_writes(costs: Costs) -> None:
    created(costs)
    costs.stage.wait(15.0)
    costs.calls.clear()
    costs.stage.sets.delete(SET)
    until(costs.stage, lambda: not costs.stage.sets.objects)
    writes = Counter(call.operation for call in costs.calls if call.is_write)
    assert writes == {"DeleteAlarms": 1, "DeleteMetricFilter": ALARMS}
    assert not costs.stage.alarms
