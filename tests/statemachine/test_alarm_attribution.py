"""Who is named for a drift of filters and alarms, whatever people do, and whatever event history and the queue show."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from tests.statemachine.alarm_scene import REGION, SET
from tests.statemachine.alarm_stage import until
from tests.statemachine.aws import ACCOUNT, ALICE, OPERATOR
from tests.statemachine.rest import FORCE
from tests.statemachine.stage import RESYNC
from tests.statemachine.test_alarm_events import CHANGES, NAME, Watched, made, make
from tests.statemachine.test_attribution import BOB, ELSEWHERE, FIRST, LAST, LONGEST_RESYNC

__all__ = ["make"]

RESYNCED = {"resync": timedelta(seconds=RESYNC), "dependency_resync": timedelta(seconds=RESYNC)}
MALLORY = f"arn:aws:iam::{ACCOUNT}:user/mallory"


def at_random(world: Watched, seed: int) -> Iterator[None]:
    """Let people change an alarm at random, with event history late or silent."""
    chance = random.Random(seed)
    for _ in range(8):
        world.stage.aws.settings.lookup_lag = chance.choice([0.0, 0.0, 30.0, 90.0, 700.0])
        if chance.random() < 0.2:
            world.stage.fault(operation="LookupEvents", error="ThrottlingException", count=chance.randint(1, 3))
        for _ in range(chance.randint(1, 3)):
            if (REGION, NAME) in world.stage.alarms and (REGION, "one", NAME) in world.stage.filters:
                made(world, CHANGES[chance.choice(sorted(CHANGES))], chance.choice([ALICE, BOB, ELSEWHERE]))
            world.stage.wait(chance.choice([0.0, 1.0, 5.0, 30.0, 100.0]))
        world.stage.wait(chance.choice([10.0, 70.0, 130.0, 1000.0]))
        yield


@pytest.mark.parametrize("seed", range(6))
def test_whoever_is_named_made_the_only_call(make: Callable[..., Watched], seed: int) -> None:
    world = make(event_queue="", **RESYNCED)
    for _ in at_random(world, seed):
        drift = world.last_drift()
        if not (shown := drift.get("changedBy")):
            continue
        entries = world.stage.aws.history.newest_first(ACCOUNT, REGION)
        (entry,) = [entry for entry in entries if entry.id == shown["eventID"]]
        assert entry.event.caller.arn == shown["principal"]
        assert entry.event.caller is not OPERATOR
        assert entry.name == shown["eventName"]
        assert shown["eventTime"] == entry.record["eventTime"] <= drift["detectionTime"]
        corrected = [one.record["eventTime"] for one in entries if one.event.caller is OPERATOR]
        before = max((time for time in corrected if time < shown["eventTime"]), default="")
        same = [
            one
            for one in entries
            if one.name == entry.name and not one.event.error_code and one.event.caller is not OPERATOR
            if before < one.record["eventTime"] <= drift["detectionTime"]
        ]
        assert same == [entry], "others did the same since the operator's last correction"


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_queue_delivers_nobody_is_named_wrongly(make: Callable[..., Watched], seed: int) -> None:
    """Messages are lost, doubled, late, in any order, and forged."""
    world = make(drift_attribution="Full", **RESYNCED)
    world.bus.lost, world.bus.doubled, world.bus.slowest = 0.3, 0.3, 60.0
    sent: set[tuple[str, str]] = set()
    put = world.bus.put

    def note(body: str) -> None:
        record = json.loads(body)["detail"]
        sent.add((record["eventID"], record["userIdentity"].get("arn", "")))
        put(body)

    world.bus.put = note  # type: ignore[method-assign]
    for number, _ in enumerate(at_random(world, seed)):
        if number % 3 == 0:
            world.put("PutMetricAlarm", {"alarmName": NAME}, age=5.0, number=1000 * seed + number)
            world.stage.wait(5.0)
        if not (shown := world.last_drift().get("changedBy")):
            continue
        entries = world.stage.aws.history.newest_first(ACCOUNT, REGION)
        people = {(entry.id, entry.event.caller.arn) for entry in entries if entry.event.caller is not OPERATOR}
        who = (shown["eventID"], shown["principal"])
        assert who in (people if shown["source"] == "EventHistory" else sent)
        assert shown["eventID"] not in {entry.id for entry in entries if entry.event.caller is OPERATOR}
    world.stage.wait(2 * LONGEST_RESYNC + 60.0)
    assert world.is_restored() or world.stage.ready(SET) == ("False", "Conflict")


def test_a_forged_event_is_never_reported_as_event_history(make: Callable[..., Watched]) -> None:
    world = make()
    world.bus.lost = 1.0
    made(world, CHANGES["threshold"])
    world.put("PutMetricAlarm", {"alarmName": NAME}, age=1.0)
    world.stage.wait(5.0)
    assert world.named() == (MALLORY, "PutMetricAlarm", "Queue"), "as delivered, not verified"
    world.stage.wait(FIRST)
    assert world.named() is None, "event history has another caller"
    world.stage.wait(LAST)
    assert world.named() is None


def test_an_event_that_is_late_is_reported_when_it_arrives(make: Callable[..., Watched]) -> None:
    world = make(**RESYNCED)
    world.stage.fault(operation="LookupEvents", error="AccessDeniedException")
    world.bus.slowest, world.bus.soonest = 200.0, 190.0
    made(world, CHANGES["filter deleted"])
    until(world.stage, lambda: "correctionTime" in world.last_drift())
    assert world.named() is None
    world.stage.wait(200.0)
    assert world.named() == (ALICE.arn, "DeleteMetricFilter", "Queue")
    assert world.stage.notes("DriftAttributed") == [
        f"Attributed drift: alarms[A].filter. DeleteMetricFilter was called by {ALICE.arn} (event queue, not verified)."
    ]


@pytest.mark.parametrize("what", ["of the future", "of another account", "of before", "failed", "of another alarm"])
def test_an_event_that_cannot_have_caused_it_names_nobody(make: Callable[..., Watched], what: str) -> None:
    world = make()
    world.bus.lost = 1.0
    world.stage.fault(operation="LookupEvents", error="AccessDeniedException")
    call, alarm = "PutMetricAlarm", {"alarmName": NAME}
    match what:
        case "of the future":
            world.put(call, alarm, age=-30.0)
            world.stage.wait(35.0)
        case "of another account":
            world.put(call, alarm, age=1.0, account="210987654321")
        case "of before":
            world.put(call, alarm, age=600.0)
        case "of another alarm":
            world.put(call, {"alarmName": f"{NAME}2"}, age=1.0)
        case _:
            world.put(call, alarm, age=1.0, error="AccessDenied")
    made(world, CHANGES["threshold"])
    world.stage.sets.annotate(SET, FORCE, "now")
    world.stage.wait(5.0)
    assert world.last_drift()["paths"] == ["alarms[A].threshold"]
    assert world.named() is None


@pytest.mark.parametrize("mode", ["Principal", "Full"])
def test_address_and_user_agent_are_kept_only_in_full(make: Callable[..., Watched], mode: str) -> None:
    world = make(drift_attribution=mode)
    made(world, CHANGES["threshold"])
    world.stage.wait(5.0)
    shown = world.last_drift()["changedBy"]
    assert ("sourceIPAddress" in shown, "userAgent" in shown) == (mode == "Full", mode == "Full")
    assert ALICE.access_key_id not in str(world.stage.sets.objects) + str(world.stage.server.events)
