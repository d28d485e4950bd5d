"""One asyncio task for each key: reconcile, wait until the next run is due or requested, reconcile again.

Level-triggered: a run does not know why it runs, and any number of requests during a run cause one more. A part of a
run can be requested alone, as an update, which takes place between two runs. Independent of Trails and AWS: a key is a
string, such as an object's UID, and is added together with the function to run.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from trail_operator.runtime.logs import logger
from trail_operator.runtime.rate_waits import Waits, recorded_in
from trail_operator.runtime.tasks import supervise

# How long a restart waits for the cancelled task to end, in seconds.
_CANCEL_TIMEOUT = 30.0

Reconcile = Callable[[], Awaitable[float | None]]
"""One run. Returns the seconds until the next one, or None to remove the key."""
Update = Callable[[], Awaitable[None]]
"""A part of a run. Does not change when the next run is due."""


async def _nothing() -> None:
    """Do nothing before a run that is due."""


@dataclass(frozen=True)
class Work:
    """How a key is reconciled."""

    reconcile: Reconcile
    log_fields: dict[str, Any]
    """The `extra` of log lines about it."""
    refresh: Callable[[], Awaitable[None]] = _nothing
    """Called before each run that is due but was not requested."""


@dataclass(eq=False)
class _Requests:
    """What is requested of a key."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    run: bool = False
    updates: dict[str, Update] = field(default_factory=dict)
    """By the part of a run that they make. Superseded by a run, which includes them."""


@dataclass(eq=False)
class _Item:
    """What the queue knows of a key."""

    key: str
    work: Work
    requests: _Requests = field(default_factory=_Requests)
    task: asyncio.Task[None] | None = None
    follow_up: asyncio.Task[None] | None = None
    """Work that goes beside the runs."""
    running: bool = False
    due: float = 0.0
    """When the current run started, or when the next one is due."""
    waits: Waits = field(default_factory=Waits)
    """The waits of its runs for client-side rate limits."""


class WorkQueue:
    """Reconciles every key until it is removed. Restarts a task that fails or, on request, is stuck."""

    def __init__(
        self,
        clock: Callable[[], float],
        on_restart: Callable[[], None],
        *,
        longest_run: float = math.inf,
        longest_delay: float = math.inf,
    ) -> None:
        """`on_restart`: called for every restarted task.

        `longest_run`: seconds that a run may take without waits for rate limits; `longest_delay`: seconds of delay.
        """
        self._clock = clock
        self._on_restart = on_restart
        self._longest_run = longest_run
        self._longest_delay = longest_delay
        self._items: dict[str, _Item] = {}
        self._draining = False

    def __contains__(self, key: str) -> bool:
        return key in self._items

    def add(self, key: str, work: Work, *, after: float = 0.0) -> None:
        """Start reconciling a key, `after` some seconds, unless it is in the queue."""
        if self._draining or key in self._items:
            return
        item = self._items[key] = _Item(key, work)
        self._start(item, after)

    def enqueue(self, key: str) -> None:
        """Request a run: now, or after the one in progress."""
        if item := self._items.get(key):
            item.requests.run = True
            item.requests.arrived.set()

    def enqueue_update(self, key: str, part: str, update: Update) -> None:
        """Request an update: now, or after the run in progress. A run that is requested as well replaces it.

        `part`: the part of a run that it makes. A later update of the same part replaces it.
        """
        if item := self._items.get(key):
            item.requests.updates[part] = update
            item.requests.arrived.set()

    def follow_up(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """Start work beside the runs of a key, in place of the earlier. It is cancelled when the key is removed."""
        item = self._items.get(key)
        if item is not None and not self._draining:
            _cancel(item.follow_up)
            item.follow_up = asyncio.create_task(_apart(work, item.work.log_fields), name=f"follow up {key}")

    def remove(self, key: str, *, cancel_run: bool = False) -> None:
        """Stop reconciling a key. A run in progress may finish, unless it is cancelled."""
        item = self._items.pop(key, None)
        _cancel(item.follow_up if item else None)
        if item is None or item.task is None or item.task is asyncio.current_task():
            return
        if cancel_run or not item.running:
            item.task.cancel()

    def has_ended(self, key: str) -> bool:
        """Whether the key's task has ended, which should never happen."""
        item = self._items.get(key)
        return item is not None and item.task is not None and item.task.done()

    def is_overdue(self, key: str) -> bool:
        """Whether a run takes too long or is too late. Waiting for a rate limit counts as progress."""
        item = self._items.get(key)
        if item is None or item.waits.in_progress:
            return False
        limit = self._longest_run if item.running else self._longest_delay
        return self._clock() - max(item.due, item.waits.last_ended) > limit

    def restart(self, key: str) -> None:
        """Replace the key's task by a new one, and log that."""
        item = self._items.get(key)
        if item is None or self._draining:
            return
        logger.error(
            "unattended: the task has ended or makes no progress, and is restarted", extra=item.work.log_fields
        )
        self._on_restart()
        former = item.task
        if former:
            former.cancel()
        self._start(item, 0.0, former)

    async def drain(self, seconds: float) -> None:
        """Start no further runs. Let those in progress finish within some seconds, then cancel them."""
        self._draining = True
        running = []
        for item in self._items.values():
            _cancel(item.follow_up)
            if item.task and item.running and seconds > 0.0:
                running.append(item.task)
            elif item.task:
                item.task.cancel()
        if running:
            _, late = await asyncio.wait(running, timeout=seconds)
            for task in late:
                task.cancel()

    def _start(self, item: _Item, after: float, former: asyncio.Task[None] | None = None) -> None:
        item.due = self._clock() + after
        item.task = asyncio.create_task(self._run_supervised(item, after, former), name=f"reconcile {item.key}")

    async def _run_supervised(self, item: _Item, after: float, former: asyncio.Task[None] | None) -> None:
        if former:
            await asyncio.wait([former], timeout=_CANCEL_TIMEOUT)
        item.waits = Waits()
        with recorded_in(item.waits):
            await supervise(lambda: self._run(item, after), self._on_restart, item.work.log_fields)

    async def _run(self, item: _Item, after: float) -> None:
        if after > 0.0:
            await self._is_run_requested(item)
        while self._is_current(item):
            item.requests = _Requests()
            item.running, item.due = True, self._clock()
            try:
                delay = await item.work.reconcile()
            finally:
                item.running = False
            if delay is None:
                self.remove(item.key)
            if delay is None or not self._is_current(item):
                return
            item.due = self._clock() + delay
            if not await self._is_run_requested(item):
                await item.work.refresh()

    async def _is_run_requested(self, item: _Item) -> bool:
        """Wait until a run is requested or due, making updates while waiting. Return whether it was requested."""
        requests = item.requests
        while not requests.run and self._is_current(item):
            requests.arrived.clear()
            if requests.updates:
                await requests.updates.pop(next(iter(requests.updates)))()
            elif not await _is_set_within(requests.arrived, item.due - self._clock()):
                return False
        return True

    def _is_current(self, item: _Item) -> bool:
        """Whether the calling task is still the one that reconciles the key."""
        is_queued = self._items.get(item.key) is item
        return is_queued and not self._draining and item.task is asyncio.current_task()


def _cancel(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()


async def _apart(work: Callable[[], Awaitable[None]], log_fields: dict[str, Any]) -> None:
    """Do work that is no part of a run: its waits for rate limits say nothing about one."""
    with recorded_in(Waits()):
        try:
            await work()
        except Exception:  # noqa: BLE001 - nothing depends on it
            logger.exception("internal error", extra=log_fields)


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
