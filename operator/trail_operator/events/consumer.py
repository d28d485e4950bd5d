"""Consumes the event queue: receives messages, delivers their events, and deletes them.

A message is deleted once its event was delivered, whatever that caused: events are only reasons to read AWS, which the
operator does at each resync anyway. So nothing depends on this loop, and its errors end in a metric and a log line.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress

from trail_operator.domain.backoff import retry_delay
from trail_operator.domain.cloudtrail_event import CloudTrailEvent, Rejection, parse_message
from trail_operator.domain.failure import FailureError
from trail_operator.events.queue import VISIBILITY_SECONDS, EventQueue, Message
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.logs import about, logger
from trail_operator.runtime.tasks import supervise

# A longer body is parsed in a thread: a megabyte of JSON takes as long as several reconciles.
_LONG_BODY = 1024
# A poll waits for messages, so that one without any is over sooner only if something between here and SQS answers.
_SHORTEST_EMPTY_POLL = 1.0

Deliver = Callable[[CloudTrailEvent], None]
"""Handles an event, and counts its message. Neither waits nor raises."""


class EventConsumer:
    """Runs from `start` to `stop`, while this process leads."""

    def __init__(self, queue: EventQueue, deliver: Deliver, metrics: Metrics, clock: Clock) -> None:
        self._queue = queue
        self._deliver = deliver
        self._metrics = metrics
        self._clock = clock
        self._is_up = metrics.event_queue_up()
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._problem = ""
        # Messages that were not deleted are received again from then on; 0 if all were.
        self._visible_again = 0.0

    def start(self) -> None:
        """Start to receive."""
        self._task = asyncio.create_task(
            supervise(self._run, self._metrics.record_restart, about("event queue")), name="event queue"
        )

    async def stop(self, seconds: float) -> None:
        """Receive nothing more. Messages that were received are still delivered and deleted, within some seconds."""
        self._stopped.set()
        self._queue.stop_receiving()
        if self._task:
            await asyncio.wait([self._task], timeout=seconds)
            self._task.cancel()
        self._queue.close()

    async def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                await self._receive()
            except FailureError as error:
                if not self._stopped.is_set():
                    self._report_problem(error.failure.message)
                    self._failures += 1
                    await self._pause(retry_delay(error.failure.kind, self._failures, self._clock.random()))
            except RuntimeError:
                if not self._stopped.is_set():  # after that, the threads start no call
                    raise
            else:
                if not self._visible_again:  # otherwise a poll does not show that messages can be deleted again
                    self._failures = 0
                    self._report_problem("")

    async def _receive(self) -> None:
        """Handle the messages of one poll. Raises FailureError."""
        begun = self._clock.monotonic()
        messages = await self._queue.receive()
        if not messages and self._clock.monotonic() - begun < _SHORTEST_EMPTY_POLL:
            await self._pause(_SHORTEST_EMPTY_POLL)
        for message, event in zip(messages, await self._parse(messages), strict=True):
            if message.sent_at is not None:
                self._metrics.record_message_age(max(0.0, self._clock.now().timestamp() - message.sent_at))
            if isinstance(event, Rejection):
                self._metrics.record_message(event)
            else:
                self._deliver(event)
        if messages:
            self._visible_again = self._clock.monotonic() + VISIBILITY_SECONDS
            await self._queue.delete(messages)
        if messages or begun >= self._visible_again:
            self._visible_again = 0.0

    async def _parse(self, messages: Collection[Message]) -> list[CloudTrailEvent | Rejection]:
        def parse() -> list[CloudTrailEvent | Rejection]:
            return [parse_message(one.body) for one in messages]

        is_long = any(len(one.body) > _LONG_BODY for one in messages)
        return await self._queue.in_thread(parse) if is_long else parse()

    def _report_problem(self, problem: str) -> None:
        """Report whether the queue works, and log each problem once, when it begins and when it ends."""
        self._is_up.set(not problem)
        if problem == self._problem:
            return
        self._problem = problem
        if problem:
            message = f"the event queue does not work, so changes in AWS are found at the resync: {problem}"
            logger.warning(message, extra=about("event queue"))
        else:
            logger.info("the event queue works again", extra=about("event queue"))

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
