"""Events of calls, in virtual time: what they cause, what they never cause, and how often."""

import asyncio
import gc
import json
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.statemachine import stage as stages
from tests.statemachine.aws import ACCOUNT, REGIONS, Aws, Call
from tests.statemachine.event_bus import EventBus, event
from tests.statemachine.operator_life import Pass, own_clock
from tests.statemachine.stage import RESYNC, VirtualStage
from tests.unit.test_metrics import of, samples

KEY = "team-a/alpha"
SPEC = {"s3BucketName": "logs-one"}
ARN = f"arn:aws:cloudtrail:{REGIONS[0]}:{ACCOUNT}:trail/alpha"
FAR = timedelta(hours=1)
# As many as a pass over a trail in sync makes.
READS = 6


class Watched:
    """A world with an event queue, and all calls of its operator to CloudTrail."""

    def __init__(self, patch: pytest.MonkeyPatch, **settings: Any) -> None:
        self.calls: list[Call] = []
        request = Aws.request

        async def watched(aws: Aws, call: Call, point: Any) -> Mapping[str, Any]:
            if call.service == "cloudtrail" and aws is self.stage.aws:
                self.calls.append(call)
            return await request(aws, call, point)

        patch.setattr(Aws, "request", watched)
        self.stage = VirtualStage(0, **{"resync": FAR, "event_queue": "events", **settings})

    @property
    def bus(self) -> EventBus:
        bus = self.stage.aws.bus
        assert bus is not None
        return bus

    def begin(self, *keys: str, spec: Mapping[str, Any] = SPEC) -> None:
        """Create Trails, and wait until they are Ready and nothing more is to be read."""
        for key in keys or (KEY,):
            self.stage.create(key, dict(spec))
        self.stage.wait(60.0)
        self.calls.clear()

    def by_hand(self, operation: str, **parameters: Any) -> float:
        """What somebody else does; when that was."""
        assert self.stage.by_hand(REGIONS[0], operation, **parameters)
        return self.stage.time

    def passes(self, key: str = KEY) -> list[float]:
        """When passes over a Trail began to read."""
        return [one.begun for one in self.calls if one.operation == "GetTrail" and of_trail(one) == key]

    def outcomes(self) -> dict[str, float]:
        """How many messages caused what."""
        name = "trail_operator_event_queue_messages_total"
        found = samples(self.stage.life.metrics)
        return {next(iter(labels)): count for (one, labels), count in found.items() if one == name and count}

    def differs(self) -> bool:
        """Whether the trail of KEY is not as its spec says."""
        trail = self.stage.aws.trails.get(ARN)
        return trail is None or not (trail.is_logging and trail.log_file_validation_enabled)


def of_trail(call: Call) -> str:
    return call.by.key if isinstance(call.by, Pass) else ""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """A world in which a Trail is Ready, and would be read in an hour."""
    result = Watched(monkeypatch)
    result.begin()
    yield result
    result.stage.close()


CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "stopped by its ARN": ("StopLogging", {"Name": ARN}),
    "stopped by its name": ("StopLogging", {"Name": "alpha"}),
    "changed": ("UpdateTrail", {"Name": ARN, "EnableLogFileValidation": False}),
    "deleted": ("DeleteTrail", {"Name": ARN}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_by_another_is_corrected_within_seconds_and_few_reads(world: Watched, change: str) -> None:
    operation, parameters = CHANGES[change]
    world.by_hand(operation, **parameters)
    world.stage.wait(2.0)
    assert not world.differs()
    first = next(index for index, one in enumerate(world.calls) if one.is_write)
    assert first <= READS
    assert of(world.stage.life.metrics, "time_to_correct_seconds_count") == 1
    world.stage.wait(60.0)
    assert world.outcomes()["woken"] == 1
    assert world.bus.is_empty


def test_selectors_that_another_changed_are_restored(world: Watched) -> None:
    narrow = [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True, "DataResources": []}]
    world.by_hand("PutEventSelectors", TrailName="alpha", EventSelectors=narrow)
    world.stage.wait(2.0)
    assert [one.operation for one in world.calls if one.is_write] == ["PutEventSelectors"]


def test_a_change_that_aws_does_not_show_yet_is_found_by_the_repeated_reads(world: Watched) -> None:
    world.stage.stale(4.0)
    stopped = world.by_hand("StopLogging", Name=ARN)
    world.stage.wait(13.0)
    write = next(one for one in world.calls if one.is_write)
    assert 4.0 < write.begun - stopped < 13.0


def test_an_event_without_a_difference_causes_four_passes_and_no_write(world: Watched) -> None:
    world.bus.put(event(world.stage.time, REGIONS[0], "StopLogging", {"Name": ARN}))
    begun = world.stage.time
    world.stage.wait(300.0)
    assert [round(one - begun, 1) for one in world.passes()] == pytest.approx([0.0, 1.0, 3.0, 10.0], abs=0.3)
    assert not [one for one in world.calls if one.is_write]
    assert of(world.stage.life.metrics, "time_to_correct_seconds_count") == 0


@pytest.mark.parametrize("slowest", [0.0, 0.5, 5.0])
def test_the_operators_own_calls_cause_no_read_also_if_their_events_come_before_the_answers(
    monkeypatch: pytest.MonkeyPatch, slowest: float
) -> None:
    with_events, without = Watched(monkeypatch), Watched(monkeypatch, event_queue="")
    with_events.bus.slowest = slowest
    counts = []
    for world in (with_events, without):
        world.begin()
        world.stage.replace_spec(KEY, SPEC | {"isLogging": False, "s3KeyPrefix": "new"})
        world.stage.wait(60.0)
        counts.append(Counter(one.operation for one in world.calls if one.by))
        world.stage.close()
    assert counts[0] == counts[1]
    assert with_events.outcomes().keys() == {"own"}


NOTHING: dict[str, tuple[str, dict[str, Any]]] = {
    "failed": ("StopLogging", {"error": "AccessDenied"}),
    "unknown-account": ("StopLogging", {"account": "999999999999"}),
    "dependency": ("PutBucketPolicy", {"source": "s3", "parameters": {"BucketName": "logs-one"}}),
    "irrelevant": ("RunInstances", {"source": "ec2"}),
}


@pytest.mark.parametrize("outcome", NOTHING)
def test_what_changes_no_trail_of_the_operator_causes_no_call(world: Watched, outcome: str) -> None:
    operation, more = NOTHING[outcome]
    more = {"parameters": {"Name": ARN}} | more
    world.bus.put(event(world.stage.time, REGIONS[0], operation, **more))
    world.stage.wait(120.0)
    assert world.calls == []
    assert world.outcomes()[outcome] == 1


def test_an_event_from_before_the_last_read_causes_no_call(world: Watched) -> None:
    world.bus.put(event(world.stage.time - 3000.0, REGIONS[0], "StopLogging", {"Name": ARN}))
    world.stage.wait(120.0)
    assert world.calls == []
    assert world.outcomes()["known"] == 1


def test_a_paused_trail_is_not_read(world: Watched) -> None:
    world.stage.annotate(KEY, "trail-operator.dev/paused", "true")
    world.stage.wait(5.0)
    world.by_hand("StopLogging", Name=ARN)
    world.stage.wait(60.0)
    assert world.calls == []


def test_a_trail_that_no_trail_manages_has_the_account_listed_at_most_once_a_minute(world: Watched) -> None:
    for _ in range(60):
        world.bus.put(event(world.stage.time, REGIONS[0], "StopLogging", {"Name": "of-another"}))
        world.stage.wait(1.0)
    world.stage.wait(120.0)
    lists = [one.begun for one in world.calls if one.operation == "ListTrails"]
    assert len(lists) == 2
    assert all(later - earlier > 59.0 for earlier, later in pairwise(lists))
    assert {of_trail(one) for one in world.calls} == {""}


def test_without_its_queue_everything_else_works(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Watched(monkeypatch, resync=timedelta(seconds=RESYNC))
    world.stage.fault(service="sqs", operation="*", error="QueueDoesNotExist")
    world.begin()
    assert of(world.stage.life.metrics, "event_queue_up") == 0
    world.by_hand("StopLogging", Name=ARN)
    world.stage.wait(1.2 * RESYNC + 5.0)
    assert not world.differs()
    world.stage.heal()
    world.stage.wait(60.0)
    assert of(world.stage.life.metrics, "event_queue_up") == 1
    world.stage.close()


def test_events_of_one_trail_cause_one_pass_a_second_and_after_ten_one_in_ten_seconds(world: Watched) -> None:
    begun = world.stage.time
    for _ in range(600):
        world.bus.put(event(world.stage.time, REGIONS[0], "StopLogging", {"Name": ARN}))
        world.stage.wait(0.1)
    passes = [one - begun for one in world.passes()]
    assert all(later - earlier > 0.9 for earlier, later in pairwise(passes))
    assert len(passes) == 15


def test_events_of_many_trails_use_at_most_half_of_a_regions_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Watched(monkeypatch)
    world.stage.aws.settings.quotas = False
    keys = [f"team-a/trail-{number}" for number in range(30)]
    world.begin(*keys)
    world.stage.wait(60.0)
    world.calls.clear()
    for key in keys:
        world.bus.put(event(world.stage.time, REGIONS[0], "StopLogging", {"Name": key.partition("/")[2]}))
    world.stage.wait(30.0)
    begun = sorted(one.begun for one in world.calls if one.operation == "GetTrail")
    assert len(begun) >= 60
    assert max(sum(start <= one < start + 1.0 for one in begun) for start in begun) <= 6
    world.stage.close()


# Floods.

OTHERS = tuple(f"team-b/other-{number}" for number in range(4))


def flood(world: Watched) -> None:
    """Ten thousand messages in ten seconds: garbage, calls on unknown trails and accounts, and calls on one trail."""
    place = REGIONS[0], "StopLogging"

    def put(number: int) -> None:
        now = world.stage.time
        kinds = (
            "garbage" * 50,
            json.dumps({"detail-type": "AWS API Call via CloudTrail", "detail": [number] * 200}),
            event(now, *place, {"Name": f"unknown-{number}"}, number=number),
            event(now, *place, {"Name": ARN}, number=number, account=f"{number:012d}"),
            event(now, *place, {"Name": ARN}, number=number),
        )
        world.bus.put(kinds[number % len(kinds)])

    for number in range(10_000):
        world.stage.loop.call_later(number / 1000, put, number)


def measured(patch: pytest.MonkeyPatch, *, flooded: bool) -> Watched:
    """The calls from shortly before the second resync until after the fifth; jitter is left out."""
    patch.setattr(stages, "own_clock", lambda loop, _: own_clock(loop, lambda: 0.5))
    world = Watched(patch, resync=timedelta(seconds=RESYNC))
    for key in (KEY, *OTHERS):
        world.stage.create(key, SPEC | {"region": REGIONS[0]})
    world.stage.wait(1.5 * RESYNC)
    world.calls.clear()
    if flooded:
        flood(world)
    world.stage.wait(4 * RESYNC)
    return world


def test_a_flood_does_not_change_what_is_called_for_other_trails_nor_delay_it_by_a_resync(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quiet, loud = measured(monkeypatch, flooded=False), measured(monkeypatch, flooded=True)
    assert loud.outcomes()["woken"] == 2_000
    assert loud.outcomes()["unknown-account"] == 2_000
    for key in OTHERS:
        with_flood, without = ([one for one in world.calls if of_trail(one) == key] for world in (loud, quiet))
        assert Counter(one.operation for one in with_flood) == Counter(one.operation for one in without)
        late = [one.begun - other.begun for one, other in zip(with_flood, without, strict=True)]
        assert max(late) < RESYNC
    assert len(loud.passes()) <= len(quiet.passes()) + 10 + 4 * RESYNC / 10
    assert not [one for one in loud.calls if one.is_write]
    for world in (quiet, loud):
        world.stage.close()


def test_a_flood_leaves_nothing_behind(world: Watched) -> None:
    world.by_hand("StopLogging", Name=ARN)
    world.stage.wait(60.0)
    world.calls.clear()
    gc.collect()
    tracemalloc.start()
    try:
        flood(world)
        before, most = tracemalloc.get_traced_memory()[0], 0
        for _ in range(10):
            world.stage.wait(1.0)
            most = max(most, len(asyncio.all_tasks(world.stage.loop)))
        world.stage.wait(60.0)
        world.calls.clear()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 500_000
    finally:
        tracemalloc.stop()
    assert world.bus.is_empty
    assert most < 50
    assert world.outcomes()["woken"] >= 2_000
