"""A changed spec of a TrailAlarmSet: what is no longer in it is deleted, alarms before their filters."""

from typing import Any

import pytest

from tests.integration.alarm_world import SET, TRAIL, AlarmWorld
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import AlarmSets, alarm_set
from tests.patience import eventually
from trail_operator.domain.alarms.presets import PRESET_ALARMS

A, B, C = ({"name": name, "filterPattern": f"{{$.eventName={name}}}"} for name in "ABC")


@pytest.fixture
def started(operator_process: OperatorFactory, alarm_world: AlarmWorld) -> AlarmWorld:
    """The world, with an operator and a Trail."""
    operator_process(**alarm_world.environment)
    alarm_world.begin()
    return alarm_world


def create(alarm_sets: AlarmSets, **spec: Any) -> None:
    alarm_sets.create(alarm_set(SET, TRAIL, **spec))
    alarm_sets.wait_ready(SET, 60)


def recorded(world: AlarmWorld, alarm_sets: AlarmSets) -> set[str]:
    """The names in status.filters, as the spec has them."""
    status = (alarm_sets.get(SET) or {})["status"]
    return {entry["name"].removeprefix(world.prefix) for entry in status["filters"]}


def has_exactly(world: AlarmWorld, alarm_sets: AlarmSets, *names: str) -> None:
    """Check filters, alarms and status."""
    shown = world.snapshot()
    assert {name for _, name in shown.filters} == set(shown.alarms) == {world.full(name) for name in names}
    assert (alarm_sets.get(SET) or {})["status"]["alarmCount"] == len(names)
    assert recorded(world, alarm_sets) == set(names)


def test_a_renamed_alarm(started: AlarmWorld, alarm_sets: AlarmSets) -> None:
    create(alarm_sets, alarms=[A, B])
    kept, mark = started.snapshot("A"), started.mark()
    alarm_sets.change(SET, alarms=[A, C])
    alarm_sets.wait_ready(SET)
    assert started.writes(mark) == ["PutMetricFilter", "PutMetricAlarm", "DeleteAlarms", "DeleteMetricFilter"]
    assert started.snapshot("A") == kept
    # It is recorded until AWS certainly shows that it is gone.
    assert {"A", "C"} <= recorded(started, alarm_sets)
    eventually("it is no longer recorded", lambda: recorded(started, alarm_sets) == {"A", "C"})
    has_exactly(started, alarm_sets, "A", "C")


def test_removed_alarms(started: AlarmWorld, alarm_sets: AlarmSets) -> None:
    """One call deletes all alarms, then one each the filters; filters of others stay."""
    create(alarm_sets, alarms=[A, B, C])
    started.put_filter(started.full("Theirs"))
    mark = started.mark()
    alarm_sets.change(SET, alarms=[B])
    alarm_sets.wait_ready(SET)
    assert started.writes(mark) == ["DeleteAlarms", "DeleteMetricFilter", "DeleteMetricFilter"]
    assert set(started.account.filters("events")) == {started.full("B"), started.full("Theirs")}
    assert set(started.snapshot().alarms) == {started.full("B")}


def test_changed_overrides(started: AlarmWorld, alarm_sets: AlarmSets) -> None:
    """Only the alarm is written where only the alarm differs; without the override it is as before."""
    names = ("RootUsage", "VPCChanges")
    exclude = _all_but(*names)
    create(alarm_sets, presets=["CIS"], exclude=exclude)
    before, mark = started.snapshot(), started.mark()
    override = {"name": "RootUsage", "threshold": 3, "description": "ours"}
    alarm_sets.change(SET, overrides=[override])
    alarm_sets.wait_ready(SET)
    assert started.writes(mark) == ["PutMetricAlarm"]
    alarm = started.alarm("RootUsage")
    assert (alarm["Threshold"], alarm["AlarmDescription"]) == (3.0, "ours")
    assert started.snapshot("VPCChanges") == before_of(before, started, "VPCChanges")
    mark = started.mark()
    alarm_sets.change(SET, overrides=[{**override, "metricValue": "2"}])
    alarm_sets.wait_ready(SET)
    assert started.writes(mark) == ["PutMetricFilter"]
    alarm_sets.change(SET, overrides=None)
    alarm_sets.wait_ready(SET)
    assert started.snapshot() == before
    assert alarm_sets.events(SET, "DriftCorrected") == []


def test_an_excluded_alarm(started: AlarmWorld, alarm_sets: AlarmSets) -> None:
    names = ("RootUsage", "VPCChanges")
    create(alarm_sets, presets=["CIS"], exclude=_all_but(*names))
    before, mark = started.snapshot(), started.mark()
    alarm_sets.change(SET, exclude=_all_but("VPCChanges"))
    alarm_sets.wait_ready(SET)
    assert started.writes(mark) == ["DeleteAlarms", "DeleteMetricFilter"]
    assert set(started.snapshot().alarms) == {started.full("VPCChanges")}
    mark = started.mark()
    alarm_sets.change(SET, exclude=_all_but(*names))
    alarm_sets.wait_ready(SET)
    assert started.writes(mark) == ["PutMetricFilter", "PutMetricAlarm"]
    assert started.snapshot() == before


def test_alarms_that_lost_their_filter_are_deleted(started: AlarmWorld, alarm_sets: AlarmSets) -> None:
    """And filters that lost their alarm."""
    create(alarm_sets, alarms=[A, B, C])
    alarm_sets.annotate(SET, {"trail-operator.dev/paused": "true"})
    alarm_sets.wait_reason(SET, "Paused")
    started.logs.delete_metric_filter(logGroupName="events", filterName=started.full("A"))
    started.delete_alarm("B")
    alarm_sets.delete(SET)
    alarm_sets.annotate(SET, {"trail-operator.dev/paused": None})
    alarm_sets.wait_gone(SET)
    assert started.counts() == (0, 0)


def before_of(snapshot: Any, world: AlarmWorld, name: str) -> Any:
    """The part of a snapshot that is about one alarm."""
    full_name = world.full(name)
    return type(snapshot)(
        {key: one for key, one in snapshot.filters.items() if key[1] == full_name},
        {key: one for key, one in snapshot.alarms.items() if key == full_name},
    )


def _all_but(*names: str) -> list[str]:
    return [one.name for one in PRESET_ALARMS if one.name not in names]
