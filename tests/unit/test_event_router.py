"""Which Trails an event finds, how often an account is listed for events, and what a bug costs."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.statemachine.virtual_time import VirtualLoop
from tests.unit.test_event_routing import EVENT
from tests.unit.test_metrics import of
from trail_operator.api.constants import FINALIZER
from trail_operator.aws.own_requests import OwnRequests
from trail_operator.domain.cloudtrail_calls import Kind
from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.domain.cloudtrail_resources import ResourceRef
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.inventory.refresh import InventoryRefresh
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock
from trail_operator.trail.dependency_changes import DependencyChanges
from trail_operator.trail.event_router import EventRouter
from trail_operator.trail.state import TrailState
from trail_operator.trail.trail_index import TrailIndex

MEMBER, MANAGEMENT = "111111111111", "222222222222"
HOME, DEFAULT = "eu-west-1", "us-east-1"


def state(name: str = "audit", /, *, uid: str = "1", status: dict[str, Any] | None = None, **spec: Any) -> TrailState:
    metadata = {
        "namespace": "team",
        "name": name,
        "uid": uid,
        "generation": 1,
        "resourceVersion": "1",
        "finalizers": [FINALIZER],
    }
    return TrailState({"metadata": metadata, "spec": spec, "status": status or {}}, started=0.0)


def index(*states: TrailState) -> TrailIndex:
    found = TrailIndex(lambda _: (MEMBER, DEFAULT))
    for one in states:
        found.update(one)
    return found


def event(account: str = MEMBER, region: str = DEFAULT, name: str = "audit") -> CloudTrailEvent:
    return replace(EVENT, resources=frozenset({ResourceRef(Kind.TRAIL, account, region, name)}))


def arn(account: str, region: str = HOME) -> str:
    return f"arn:aws:cloudtrail:{region}:{account}:trail/audit"


RECORDED = {"arn": arn(MANAGEMENT), "accountID": MEMBER, "homeRegion": HOME}


@pytest.mark.parametrize(
    ("trail", "found"),
    [
        (state(), event()),
        (state(region=HOME), event(region=HOME)),
        (state("other", name="audit"), event()),
        (state(status={"accountID": MEMBER, "homeRegion": HOME}), event(region=HOME)),
        (state(status=RECORDED), event(MANAGEMENT, HOME)),
        (state(status=RECORDED), event(MEMBER, HOME)),
    ],
)
def test_a_trail_is_found_where_it_is(trail: TrailState, found: CloudTrailEvent) -> None:
    assert index(trail).find(found) == [trail]


@pytest.mark.parametrize("missed", [event(MANAGEMENT), event(region=HOME), event(name="audit-2")])
def test_a_trail_is_not_found_in_another_account_region_or_name(missed: CloudTrailEvent) -> None:
    assert index(state()).find(missed) == []


def test_an_index_follows_its_trails_and_forgets_those_that_have_gone() -> None:
    one, two = state(uid="1"), state("other", uid="2", name="audit")
    trails = index(one, two)
    assert trails.find(event()) == [one, two]
    one.body["status"] = RECORDED
    one._parsed = None
    trails.update(one)
    assert trails.find(event(MEMBER, HOME)) == [one]
    assert trails.find(event()) == [two]
    for trail in (one, two):
        trails.remove(trail)
    assert (trails._by_place, trails._places) == ({}, {})


def test_an_account_is_listed_at_once_and_then_once_a_minute() -> None:
    listed: list[float] = []

    class Inventory:
        def refresh(self, name: str | None) -> None:
            assert name == "team"
            listed.append(asyncio.get_running_loop().time())

    async def scenario() -> None:
        clock = Clock(asyncio.get_running_loop().time)
        refresh = InventoryRefresh(cast(AccountInventory, Inventory()), lambda _: ["team"], clock)
        assert [refresh.request("123456789012") for _ in range(3)] == [True, True, False]
        await asyncio.sleep(300.0)
        assert refresh.request("123456789012")
        await asyncio.sleep(1.0)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario())
    assert listed == pytest.approx([0.0, 60.0, 300.0])


def test_a_bug_is_logged_and_counted_and_does_not_end_what_delivers(caplog: pytest.LogCaptureFixture) -> None:
    def names_of(_: str) -> list[str | None]:
        raise ZeroDivisionError

    metrics, clock = Metrics(), Clock()
    refresh = InventoryRefresh(cast(AccountInventory, None), names_of, clock)
    router = EventRouter([], cast(DependencyChanges, None), refresh, OwnRequests(), metrics)
    router.deliver(EVENT)
    assert "internal error on event StopLogging of account 123456789012" in caplog.text
    assert of(metrics, "event_queue_messages_total", "internal") == 1
