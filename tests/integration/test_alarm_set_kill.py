"""kill -9 and a change of the leader while filters and alarms are created or deleted: none is lost, none is left."""

from collections.abc import Callable, Iterator

import pytest
from kubernetes import client

from tests.integration.alarm_world import SET, TRAIL, AlarmWorld
from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import AlarmSets, alarm_set
from tests.integration.process import Operator
from tests.integration.service_account import ServiceAccount
from tests.integration.test_leadership import Contenders
from tests.patience import eventually
from trail_operator.domain.alarms.presets import PRESET_ALARMS

HELD_SECONDS = 120.0
COUNT = len(PRESET_ALARMS)

# service, operation, how many such calls go through before the one that is held
CREATE = [
    ("logs", "DescribeMetricFilters", 0),
    ("logs", "PutMetricFilter", 0),
    ("logs", "PutMetricFilter", 9),
    ("monitoring", "PutMetricAlarm", 0),
    ("monitoring", "PutMetricAlarm", COUNT - 1),
    ("monitoring", "DescribeAlarms", 1),
]
DELETE = [
    ("monitoring", "DeleteAlarms", 0),
    ("logs", "DeleteMetricFilter", 0),
    ("logs", "DeleteMetricFilter", 7),
]
_WRITES = ("PutMetricFilter", "PutMetricAlarm", "DeleteAlarms", "DeleteMetricFilter")


def cases(calls: list[tuple[str, str, int]]) -> list[object]:
    return [
        pytest.param(service, operation, skip, when, id=f"{operation}-{skip + 1}-{when}")
        for service, operation, skip in calls
        for when in ("before", "after")
        if when == "before" or operation in _WRITES
    ]


def hold(world: AlarmWorld, begin: Callable[[], object], service: str, operation: str, skip: int, when: str) -> None:
    """Begin something, and wait until a call is held. With the `when` "after" it has taken effect."""
    account = world.account

    def count() -> int:
        return sum((call["service"], call["operation"]) == (service, operation) for call in account.calls())

    before, due = world.counts(), count() + skip + 1
    account.fault(service=service, operation=operation, delay=HELD_SECONDS, drop=True, when=when, skip=skip, count=1)
    begin()
    eventually(f"{service}:{operation} held", lambda: count() >= due, 60)
    if when == "after":
        changed = COUNT if operation == "DeleteAlarms" else skip + 1
        at = 0 if "MetricFilter" in operation else 1
        eventually(f"{operation} took effect", lambda: abs(world.counts()[at] - before[at]) >= changed)


def all_is_there(world: AlarmWorld, alarm_sets: AlarmSets) -> None:
    """Check that each filter and alarm is there, is the set's, and was written once, or twice around the kill."""
    body = alarm_sets.wait_ready(SET, 90)
    names = {world.full(one.name) for one in PRESET_ALARMS}
    shown = world.snapshot()
    assert {name for _, name in shown.filters} == set(shown.alarms) == names
    assert {alarm["Tags"]["trail-operator.dev/owner"] for alarm in shown.alarms.values()} == {world.owner}
    assert {entry["name"] for entry in body["status"]["filters"]} == names
    assert body["status"]["alarmCount"] == COUNT
    made = [call["operation"] for call in world.account.calls()]
    assert made.count("PutMetricFilter") <= COUNT + 1
    assert made.count("PutMetricAlarm") <= COUNT + 1


@pytest.mark.sampled
@pytest.mark.parametrize(("service", "operation", "skip", "when"), cases(CREATE))
def test_killed_while_creating(
    operator_process: OperatorFactory,
    alarm_sets: AlarmSets,
    alarm_world: AlarmWorld,
    service: str,
    operation: str,
    skip: int,
    when: str,
) -> None:
    operator = operator_process()
    alarm_world.begin()
    manifest = alarm_set(SET, TRAIL, presets=["CIS"])
    hold(alarm_world, lambda: alarm_sets.create(manifest), service, operation, skip, when)
    operator.kill()
    alarm_world.account.no_faults()
    operator.start()
    all_is_there(alarm_world, alarm_sets)


@pytest.mark.sampled
@pytest.mark.parametrize(("service", "operation", "skip", "when"), cases(DELETE))
def test_killed_while_deleting(
    operator_process: OperatorFactory,
    alarm_sets: AlarmSets,
    alarm_world: AlarmWorld,
    service: str,
    operation: str,
    skip: int,
    when: str,
) -> None:
    operator = operator_process("--resync", "1h")
    alarm_world.begin()
    alarm_sets.create(alarm_set(SET, TRAIL, presets=["CIS"]))
    alarm_sets.wait_ready(SET, 90)
    hold(alarm_world, lambda: alarm_sets.delete(SET), service, operation, skip, when)
    operator.kill()
    alarm_world.account.no_faults()
    operator.start()
    alarm_sets.wait_gone(SET, 60)
    assert alarm_world.counts() == (0, 0)


@pytest.mark.parametrize(("service", "operation"), [("logs", "PutMetricFilter"), ("monitoring", "PutMetricAlarm")])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer(
    operator_process: OperatorFactory,
    alarm_sets: AlarmSets,
    alarm_world: AlarmWorld,
    service: str,
    operation: str,
    when: str,
) -> None:
    """What was created is no conflict with oneself."""
    operator_process()
    alarm_world.begin()
    alarm_world.account.fault(service=service, operation=operation, drop=True, when=when, skip=2, count=1)
    alarm_sets.create(alarm_set(SET, TRAIL, presets=["CIS"]))
    all_is_there(alarm_world, alarm_sets)
    conditions = [event.reason for event in alarm_sets.events(SET)]
    assert "Conflict" not in conditions


@pytest.fixture
def contenders(
    operator_process: OperatorFactory, account: Account, api: client.ApiClient, service_account: ServiceAccount
) -> Iterator[Contenders]:
    leases = client.CoordinationV1Api(api)
    result = Contenders(operator_process, account, leases, service_account.name)
    yield result
    for operator in result.made[:-1]:  # the last one lets the Trails go
        operator.kill()
    leases.delete_namespaced_lease(service_account.name, service_account.name)


def writers(account: Account) -> list[str]:
    """Who wrote to filters and alarms, in the order of the calls, once for each change of the writer."""
    callers = [call["caller"].rpartition("/")[2] for call in account.calls() if call["operation"] in _WRITES]
    return [one for at, one in enumerate(callers) if at == 0 or callers[at - 1] != one]


def test_a_standby_goes_on_where_the_leader_was_killed(
    contenders: Contenders, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    first = contenders.start("first")
    contenders.start("second")
    alarm_world.begin()
    manifest = alarm_set(SET, TRAIL, presets=["CIS"])
    hold(alarm_world, lambda: alarm_sets.create(manifest), "monitoring", "PutMetricAlarm", 5, "after")
    _kill(first, alarm_world)
    all_is_there(alarm_world, alarm_sets)
    assert writers(alarm_world.account) == ["first", "second"]
    second = contenders.made[1]
    third = contenders.start("third")
    hold(alarm_world, lambda: alarm_sets.delete(SET), "logs", "DeleteMetricFilter", 3, "before")
    _kill(second, alarm_world)
    alarm_sets.wait_gone(SET, 90)
    assert alarm_world.counts() == (0, 0)
    assert writers(alarm_world.account) == ["first", "second", "third"]
    assert third.running


def _kill(operator: Operator, world: AlarmWorld) -> None:
    operator.kill()
    world.account.no_faults()
