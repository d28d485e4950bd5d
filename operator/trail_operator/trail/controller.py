"""The Trail controller: which Trails exist, which of them claims which trail, and when each is reconciled.

A Trail is reconciled when it changes, when a retry is due, and at every resync.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Any

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.kube.answers import NO_ANSWER, OddAnswerError
from trail_operator.kube.client import TRAILS, Key, KubeClient, resource_version
from trail_operator.runtime.concurrency import ConcurrencyLimiter
from trail_operator.runtime.logs import about, logger
from trail_operator.runtime.store import Store
from trail_operator.runtime.work_queue import Work, WorkQueue
from trail_operator.trail.name_claims import NameClaims
from trail_operator.trail.state import TrailState
from trail_operator.trail.watch_monitor import WatchMonitor

# How many settled Trails start at once: enough to wait for AWS in parallel, and few enough not to delay new Trails.
_STARTS_AT_ONCE = 24
# Seconds after which a first run no longer counts: AWS does not answer.
_SLOW_START = 2.0
_SECONDS_UNREADABLE = 60.0
# Seconds that a run may take, apart from waits for a rate limit: each of its calls has a deadline.
_LONGEST_RUN = 600.0
# Seconds by which a run may be late: it begins with a read from the API server.
_LONGEST_DELAY = 60.0

Reconcile = Callable[[TrailState], Awaitable[float | None]]
TrailStore = Store[Key, TrailState]


def trail_queue(clock: Callable[[], float], on_restart: Callable[[], None], resync: float) -> WorkQueue:
    """The queue of Trails: one without a run for two resyncs makes no progress."""
    return WorkQueue(
        clock,
        on_restart,
        longest_run=max(2 * resync, _LONGEST_RUN),
        longest_delay=max(2 * resync, _LONGEST_DELAY),
    )


class TrailController:
    """Keeps store, claims and work queue in step with the Trails that the API server has."""

    def __init__(
        self,
        kubernetes: KubeClient,
        trails: TrailStore,
        claims: NameClaims,
        queue: WorkQueue,
        reconcile: Reconcile,
        clock: Callable[[], float],
    ) -> None:
        self._kubernetes = kubernetes
        self.trails = trails
        self._claims = claims
        self._queue = queue
        self._reconcile = reconcile
        self._clock = clock
        self._watch = WatchMonitor(clock)
        self._starting: asyncio.Task[None] | None = None

    def start(self, bodies: list[dict[str, Any]]) -> None:
        """Add all Trails that exist at the start: new and changed ones run first, then the settled ones, newest first.

        A run costs about 10 ms of CPU. Settled Trails start in turn, so that no new Trail waits for them, and so that
        their resyncs stay spread over time.
        """
        settled = sorted((body for body in bodies if _is_settled(body)), key=_created, reverse=True)
        # All claims are known before the first write.
        states = [state for body in settled if (state := self._add(body))]
        for body in bodies:
            if not _is_settled(body):
                self._apply(body)
        self._starting = asyncio.create_task(self._start_in_turn(states))

    def on_update(self, body: dict[str, Any]) -> None:
        """Handle a Trail that the watch reports as listed, added or modified."""
        self._apply(body)
        self._watch.on_event(body["metadata"]["uid"])

    def on_delete(self, body: dict[str, Any]) -> None:
        """Handle a Trail that the watch reports as deleted."""
        self._watch.on_event(body["metadata"]["uid"])
        state = self.trails.get(_key(body))
        if state is not None and state.uid == body["metadata"]["uid"]:
            self._delete(state)

    def on_list(self, bodies: list[dict[str, Any]], requested: float) -> TrailState | None:
        """Handle a list of all Trails that was requested at that time: a Trail that it lacks is gone.

        Returns a Trail that the watch should have reported and has not: then the watch has stopped.
        """
        listed = {body["metadata"]["uid"] for body in bodies}
        for state in self.trails.values():
            if state.uid not in listed and state.started < requested:
                self._delete(state)
        for body in bodies:
            self._apply(body)
        return self._watch.find_missed(self.trails.values(), listed)

    def enqueue(self, is_affected: Callable[[TrailState], bool]) -> None:
        """Reconcile the Trails that are affected by a change of something else."""
        for state in self.trails.values():
            if is_affected(state):
                state.failures = 0  # the change may resolve the failure
                self._queue.enqueue(state.uid)

    def stalled(self) -> list[TrailState]:
        """The Trails without a task, or without a run for two resyncs. May be called in any thread."""
        return [state for state in self.trails.values() if self._is_stalled(state)]

    def restart_stalled(self) -> None:
        """Restart the tasks of stalled Trails."""
        for state in self.stalled():
            self._start(state)
            self._queue.restart(state.uid)

    async def stop(self, seconds: float) -> None:
        """Start no further runs; those under way get some seconds to finish."""
        if self._starting:
            self._starting.cancel()
        await self._queue.drain(seconds)

    def _apply(self, body: dict[str, Any]) -> None:
        """Add or update a Trail as the API server has it now."""
        key = _key(body)
        state = self.trails.get(key)
        if state is not None and state.uid == body["metadata"]["uid"]:
            if state.replace(body):
                state.failures = 0  # a new spec starts without backoff
                self._enqueue_all(self._claims.update(state))
                self._queue.enqueue(state.uid)
                self._start(state)
            return
        if state is not None:
            if resource_version(body) < resource_version(state.body):
                return  # an older object of that name
            self._delete(state)
        if added := self._add(body):
            self._start(added)

    def _add(self, body: dict[str, Any]) -> TrailState | None:
        """Return None for an object that cannot be parsed, which the API server should have rejected."""
        try:
            state = TrailState(body, started=self._clock())
            self._claims.upsert(state)
        except Exception:  # noqa: BLE001 - one odd object must not block others
            logger.exception("failed to parse the Trail", extra=about(str(_key(body))))
            return None
        self.trails.add(state.key, state)
        return state

    def _start(self, state: TrailState, release: Callable[[], None] = lambda: None) -> None:
        """Start reconciling, unless it has started. `release`: called after each run."""
        work = Work(partial(self._run, state, release), state.about(), partial(self._refresh, state))
        self._queue.add(state.uid, work)

    async def _start_in_turn(self, states: list[TrailState]) -> None:
        slots = ConcurrencyLimiter(_STARTS_AT_ONCE, _SLOW_START)
        for state in states:
            release = await slots.acquire()
            if self._is_known(state) and state.uid not in self._queue:
                self._start(state, release)
            else:
                release()

    def _is_stalled(self, state: TrailState) -> bool:
        if state.uid not in self._queue:  # settled Trails wait to be started
            return self._starting is None or self._starting.done()
        return self._queue.has_ended(state.uid) or (not state.paused and self._queue.is_overdue(state.uid))

    async def _run(self, state: TrailState, release: Callable[[], None]) -> float | None:
        try:
            delay = await self._reconcile_readable(state)
        finally:
            release()
            if not self._is_known(state):  # deleted during the run, which may have recorded its claim again
                self._enqueue_all(self._claims.withdraw(state.uid))
        if delay is None:
            self._delete(state)
        return delay

    async def _reconcile_readable(self, state: TrailState) -> float | None:
        try:
            self._enqueue_all(self._claims.update(state))  # the Trail may have changed without an event
        except Exception:  # noqa: BLE001 - as in _add; a later version may be valid
            logger.exception("failed to parse the Trail", extra=about(str(state.key)))
            return _SECONDS_UNREADABLE
        return await self._reconcile(state)

    async def _refresh(self, state: TrailState) -> None:
        """Read the Trail again before a run that no event requested: the watch may have missed a change."""
        try:
            body = await self._kubernetes.get(TRAILS, state.key)
        except ApiException as error:
            logger.warning(f"failed to refresh the Trail: {error.status} {error.reason}", extra=about(str(state.key)))
            return  # the run uses the last known state
        except NO_ANSWER as error:
            if isinstance(error, OddAnswerError):
                logger.warning(f"failed to refresh the Trail: {error}", extra=about(str(state.key)))
            return  # the writes of the run meet the same error
        if body is None:
            self._delete(state)
        else:
            self._apply(body)  # it may be a new object of the same name

    def _is_known(self, state: TrailState) -> bool:
        return self.trails.get(state.key) is state

    def _delete(self, state: TrailState) -> None:
        self.trails.delete(state.key, state)
        self._queue.remove(state.uid)
        self._enqueue_all(self._claims.withdraw(state.uid))

    def _enqueue_all(self, uids: Collection[str]) -> None:
        """Reconcile Trails that waited because another Trail claimed the same trail."""
        for uid in uids:
            self._queue.enqueue(uid)


def _is_settled(body: dict[str, Any]) -> bool:
    """Whether the present spec was reconciled, so that a run probably only reads."""
    metadata, status = body["metadata"], body.get("status")
    is_observed = isinstance(status, dict) and status.get("observedGeneration") == metadata["generation"]
    return is_observed and "deletionTimestamp" not in metadata


def _created(body: dict[str, Any]) -> str:
    return str(body["metadata"]["creationTimestamp"])


def _key(body: dict[str, Any]) -> Key:
    return Key(body["metadata"]["namespace"], body["metadata"]["name"])
