"""The consumer: what becomes of each message, of failures of the queue, and of what is in progress at the end."""

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from tests.statemachine.virtual_time import VirtualLoop
from tests.unit.test_metrics import of, samples
from trail_operator.api.reasons import Reason
from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.domain.failure import FailureError, authority, transient
from trail_operator.events.consumer import EventConsumer
from trail_operator.events.queue import VISIBILITY_SECONDS, EventQueue, Message
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DENIED = FailureError(authority(Reason.ACCESS_DENIED, "not allowed"))
NO_ANSWER = FailureError(transient("no answer"))


def body(name: str = "audit", **more: Any) -> str:
    record = {
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": "StopLogging",
        "eventTime": "2026-01-01T00:00:00Z",
        "eventID": "1",
        "awsRegion": "us-east-1",
        "recipientAccountId": "123456789012",
        "requestParameters": {"name": name},
    }
    envelope = {
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.cloudtrail",
        "account": "123456789012",
        "region": "us-east-1",
        "detail": record | more,
    }
    return json.dumps(envelope)


@dataclass
class Queue:
    """A queue in memory: each poll takes the next entry, and waits for one."""

    polls: asyncio.Queue[list[Message] | Exception] = field(default_factory=asyncio.Queue)
    deleted: list[str] = field(default_factory=list)
    problem: FailureError | None = None
    """Why nothing can be deleted."""
    threads: set[str] = field(default_factory=set)
    deleting: asyncio.Event = field(default_factory=asyncio.Event)
    may_delete: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_delete.set()

    async def receive(self) -> list[Message]:
        found = await self.polls.get()
        if isinstance(found, Exception):
            raise found
        return found

    async def delete(self, messages: Collection[Message]) -> None:
        self.deleting.set()
        await self.may_delete.wait()
        if self.problem:
            raise self.problem
        self.deleted += [one.receipt for one in messages]

    async def in_thread(self, function: Callable[[], Any]) -> Any:
        def run() -> Any:
            self.threads.add(threading.current_thread().name)
            return function()

        return await asyncio.to_thread(run)

    def stop_receiving(self) -> None:
        self.polls.put_nowait(NO_ANSWER)

    def close(self) -> None:
        pass

    def put(self, *bodies: str, age: float | None = 5.0) -> None:
        sent = None if age is None else NOW.timestamp() - age
        self.polls.put_nowait([Message(one, f"r{index}", sent) for index, one in enumerate(bodies)])


class World:
    """A consumer of such a queue, and what it did."""

    def __init__(self) -> None:
        self.queue, self.metrics, self.delivered = Queue(), Metrics(), list[CloudTrailEvent]()
        clock = Clock(monotonic=asyncio.get_running_loop().time, now=lambda: NOW, random=lambda: 0.0)
        self.consumer = EventConsumer(cast(EventQueue, self.queue), self.delivered.append, self.metrics, clock)

    def counts(self) -> dict[str, float]:
        name = "trail_operator_event_queue_messages_total"
        return {
            next(iter(labels)): value for (one, labels), value in samples(self.metrics).items() if one == name and value
        }

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not holds():  # noqa: ASYNC110 - conditions of several kinds
                await asyncio.sleep(0.001)


def run(
    scenario: Callable[[World], Awaitable[None]],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = VirtualLoop,
) -> None:
    async def main() -> None:
        world = World()
        world.consumer.start()
        await scenario(world)
        await world.consumer.stop(10.0)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


def test_a_message_is_deleted_once_its_event_is_delivered() -> None:
    async def scenario(world: World) -> None:
        world.queue.put(body("one"), body("two"))
        await world.until(lambda: world.queue.deleted)
        assert [next(iter(event.resources)).name for event in world.delivered] == ["one", "two"]
        assert world.queue.deleted == ["r0", "r1"]
        assert of(world.metrics, "event_queue_up") == 1
        assert of(world.metrics, "event_queue_message_age_seconds_sum") == 10

    run(scenario)


def test_a_message_that_is_no_event_of_interest_is_counted_and_deleted() -> None:
    async def scenario(world: World) -> None:
        world.queue.put("garbage", body(eventName="RunInstances"), body(awsRegion="eu-west-1"), age=None)
        await world.until(lambda: world.queue.deleted)
        assert len(world.queue.deleted) == 3
        assert world.delivered == []
        assert world.counts() == {"unparsable": 1, "irrelevant": 1, "contradictory": 1}

    run(scenario)


def test_long_bodies_are_parsed_in_another_thread_and_short_ones_are_not() -> None:
    async def scenario(world: World) -> None:
        world.queue.put(body())
        await world.until(lambda: world.queue.deleted)
        assert world.queue.threads == set()
        world.queue.put(body(userAgent="a" * 1024))
        await world.until(lambda: len(world.delivered) == 2)
        assert world.queue.threads
        assert threading.current_thread().name not in world.queue.threads

    run(scenario, asyncio.new_event_loop)


def test_a_queue_that_fails_is_reported_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario(world: World) -> None:
        for _ in range(2):
            world.queue.polls.put_nowait(NO_ANSWER)
        await world.until(lambda: of(world.metrics, "event_queue_up") == 0 and world.queue.polls.empty())
        world.queue.put(body())
        await world.until(lambda: world.queue.deleted)
        assert of(world.metrics, "event_queue_up") == 1

    run(scenario)
    logged = [record.getMessage() for record in caplog.records]
    assert logged == [
        "the event queue does not work, so changes in AWS are found at the resync: no answer",
        "the event queue works again",
    ]


def test_messages_that_cannot_be_deleted_are_a_failure_of_the_queue(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(world: World) -> None:
        world.queue.problem = DENIED
        world.queue.put(body())
        await world.until(lambda: world.delivered and of(world.metrics, "event_queue_up") == 0)
        world.queue.put()
        await world.until(world.queue.polls.empty)
        await asyncio.sleep(10.0)
        assert of(world.metrics, "event_queue_up") == 0, "a poll without messages shows nothing"
        world.queue.problem = None
        world.queue.put(body())
        await world.until(lambda: of(world.metrics, "event_queue_up") == 1)

    run(scenario)
    assert "not allowed" in caplog.text


def test_messages_that_do_not_come_again_have_been_deleted() -> None:
    """A deletion may take effect without an answer, and there may be no further message for hours."""

    async def scenario(world: World) -> None:
        world.queue.problem = NO_ANSWER
        world.queue.put(body())
        await world.until(lambda: world.delivered and of(world.metrics, "event_queue_up") == 0)
        await asyncio.sleep(VISIBILITY_SECONDS + 1.0)
        world.queue.put()  # of a poll that has begun before
        await world.until(world.queue.polls.empty)
        await asyncio.sleep(2.0)
        assert of(world.metrics, "event_queue_up") == 0
        world.queue.put()
        await world.until(lambda: of(world.metrics, "event_queue_up") == 1)

    run(scenario)


def test_empty_answers_that_come_at_once_are_not_asked_for_without_a_pause() -> None:
    async def scenario(world: World) -> None:
        for _ in range(1000):
            world.queue.put()
        await asyncio.sleep(60.0)
        assert 1000 - world.queue.polls.qsize() in range(50, 62)
        assert of(world.metrics, "event_queue_up") == 1

    run(scenario)


def test_what_was_received_is_deleted_before_the_end() -> None:
    async def scenario(world: World) -> None:
        world.queue.may_delete.clear()
        world.queue.put(body())
        await world.queue.deleting.wait()
        stopping = asyncio.create_task(world.consumer.stop(60.0))
        await asyncio.sleep(0)
        world.queue.may_delete.set()
        await stopping
        assert world.queue.deleted == ["r0"]

    run(scenario)


@pytest.mark.parametrize("problem", [None, DENIED])
def test_the_end_waits_for_neither_a_poll_nor_a_pause(problem: FailureError | None) -> None:
    async def scenario(world: World) -> None:
        if problem:
            world.queue.polls.put_nowait(problem)
            await world.until(world.queue.polls.empty)
        before = asyncio.get_running_loop().time()
        await world.consumer.stop(60.0)
        assert asyncio.get_running_loop().time() == before

    run(scenario)
