"""The controller of one kind: which objects exist, and when each is reconciled.

An object is reconciled when it changes, when a retry is due, and at every resync.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.kube.answers import NO_ANSWER, OddAnswerError
from trail_operator.kube.client import Key, KubeClient, Resource, resource_version
from trail_operator.kube.managed_object import key_of
from trail_operator.kube.object_state import ObjectState
from trail_operator.kube.watch_monitor import WatchMonitor
from trail_operator.runtime.concurrency import ConcurrencyLimiter
from trail_operator.runtime.logs import about, logger
from trail_operator.runtime.store import Store
from trail_operator.runtime.work_queue import Work, WorkQueue

# How many settled objects start at once: enough to wait for AWS in parallel, and few enough not to delay new ones.
_STARTS_AT_ONCE = 24
# Seconds after which a first run no longer counts: AWS does not answer.
_SLOW_START = 2.0
_SECONDS_UNREADABLE = 60.0
# Seconds that a run may take, apart from waits for a rate limit: each of its calls has a deadline.
_LONGEST_RUN = 600.0
# Seconds by which a run may be late: it begins with a read from the API server.
_LONGEST_DELAY = 60.0

S = TypeVar("S", bound=ObjectState)


@dataclass(frozen=True)
class ObjectKind(Generic[S]):
    """A kind of objects."""

    name: str
    resource: Resource
    new_state: Callable[[dict[str, Any], float], S]
    """Builds the state of an object, which this process first saw at that time."""


def object_queue(clock: Callable[[], float], on_restart: Callable[[], None], resync: float) -> WorkQueue:
    """The queue of the objects of one kind: one without a run for two resyncs makes no progress."""
    return WorkQueue(
        clock,
        on_restart,
        longest_run=max(2 * resync, _LONGEST_RUN),
        longest_delay=max(2 * resync, _LONGEST_DELAY),
    )


class ObjectController(Generic[S]):
    """Keeps store and work queue in step with the objects that the API server has.

    A subclass may keep more in step: it overrides `track` and `untrack`.
    """

    def __init__(
        self,
        kind: ObjectKind[S],
        kubernetes: KubeClient,
        objects: Store[Key, S],
        queue: WorkQueue,
        reconcile: Callable[[S], Awaitable[float | None]],
        clock: Callable[[], float],
    ) -> None:
        """`reconcile`: returns the seconds until the next run, or None if the object is gone."""
        self._kind = kind
        self._kubernetes = kubernetes
        self.objects = objects
        self._queue = queue
        self._reconcile = reconcile
        self._clock = clock
        self._watch = WatchMonitor(clock)
        self._starting: asyncio.Task[None] | None = None

    def track(self, state: S) -> Collection[str]:  # noqa: ARG002 - for subclasses
        """Record what an object is now; return the UIDs of other objects that must be reconciled because of it.

        Called for each new version and before each run. May raise for an object that cannot be parsed.
        """
        return ()

    def untrack(self, uid: str) -> Collection[str]:  # noqa: ARG002 - for subclasses
        """Forget an object; return the UIDs of other objects that must be reconciled because of it."""
        return ()

    def start(self, bodies: list[dict[str, Any]]) -> None:
        """Add all objects that exist at the start: new and changed ones run first, then the settled ones, newest first.

        A run costs about 10 ms of CPU. Settled objects start in turn, so that no new one waits for them, and so that
        their resyncs stay spread over time.
        """
        settled = sorted((body for body in bodies if _is_settled(body)), key=_created, reverse=True)
        # All are tracked before the first write.
        states = [state for body in settled if (state := self._add(body))]
        for body in bodies:
            if not _is_settled(body):
                self._apply(body)
        self._starting = asyncio.create_task(self._start_in_turn(states))

    def on_update(self, body: dict[str, Any]) -> None:
        """Handle an object that the watch reports as listed, added or modified."""
        self._apply(body)
        self._watch.on_event(body["metadata"]["uid"])

    def on_delete(self, body: dict[str, Any]) -> None:
        """Handle an object that the watch reports as deleted."""
        self._watch.on_event(body["metadata"]["uid"])
        state = self.objects.get(key_of(body))
        if state is not None and state.uid == body["metadata"]["uid"]:
            self._delete(state)

    def on_list(self, bodies: list[dict[str, Any]], requested: float) -> S | None:
        """Handle a list of all objects that was requested at that time: an object that it lacks is gone.

        Returns an object that the watch should have reported and has not: then the watch has stopped.
        """
        listed = {body["metadata"]["uid"] for body in bodies}
        for state in self.objects.values():
            if state.uid not in listed and state.started < requested:
                self._delete(state)
        for body in bodies:
            self._apply(body)
        return self._watch.find_missed(self.objects.values(), listed)

    def enqueue(self, is_affected: Callable[[S], bool]) -> None:
        """Reconcile the objects that are affected by a change of something else."""
        for state in self.objects.values():
            if is_affected(state):
                state.failures = 0  # the change may resolve the failure
                self._queue.enqueue(state.uid)

    def stalled(self) -> list[S]:
        """The objects without a task, or without a run for two resyncs. May be called in any thread."""
        return [state for state in self.objects.values() if self._is_stalled(state)]

    def restart_stalled(self) -> None:
        """Restart the tasks of stalled objects."""
        for state in self.stalled():
            self._start(state)
            self._queue.restart(state.uid)

    async def stop(self, seconds: float) -> None:
        """Start no further runs; those under way get some seconds to finish."""
        if self._starting:
            self._starting.cancel()
        await self._queue.drain(seconds)

    def _apply(self, body: dict[str, Any]) -> None:
        """Add or update an object as the API server has it now."""
        key = key_of(body)
        state = self.objects.get(key)
        if state is not None and state.uid == body["metadata"]["uid"]:
            if state.replace(body):
                state.failures = 0  # a new spec starts without backoff
                self._enqueue_all(self.track(state))
                self._queue.enqueue(state.uid)
                self._start(state)
            return
        if state is not None:
            if resource_version(body) < resource_version(state.body):
                return  # an older object of that name
            self._delete(state)
        if added := self._add(body):
            self._start(added)

    def _add(self, body: dict[str, Any]) -> S | None:
        """Return None for an object that cannot be parsed, which the API server should have rejected."""
        try:
            state = self._kind.new_state(body, self._clock())
            self._enqueue_all(self.track(state))
        except Exception:  # noqa: BLE001 - one odd object must not block others
            logger.exception(f"failed to parse the {self._kind.name}", extra=about(str(key_of(body))))
            return None
        self.objects.add(state.key, state)
        return state

    def _start(self, state: S, release: Callable[[], None] = lambda: None) -> None:
        """Start reconciling, unless it has started. `release`: called after each run."""
        work = Work(partial(self._run, state, release), state.about(), partial(self._refresh, state))
        self._queue.add(state.uid, work)

    async def _start_in_turn(self, states: list[S]) -> None:
        slots = ConcurrencyLimiter(_STARTS_AT_ONCE, _SLOW_START)
        for state in states:
            release = await slots.acquire()
            if self._is_known(state) and state.uid not in self._queue:
                self._start(state, release)
            else:
                release()

    def _is_stalled(self, state: S) -> bool:
        if state.uid not in self._queue:  # settled objects wait to be started
            return self._starting is None or self._starting.done()
        return self._queue.has_ended(state.uid) or (not state.paused and self._queue.is_overdue(state.uid))

    async def _run(self, state: S, release: Callable[[], None]) -> float | None:
        try:
            delay = await self._reconcile_readable(state)
        finally:
            release()
            if not self._is_known(state):  # deleted during the run, which may have tracked it again
                self._enqueue_all(self.untrack(state.uid))
        if delay is None:
            self._delete(state)
        return delay

    async def _reconcile_readable(self, state: S) -> float | None:
        try:
            self._enqueue_all(self.track(state))  # the object may have changed without an event
        except Exception:  # noqa: BLE001 - as in _add; a later version may be valid
            logger.exception(f"failed to parse the {self._kind.name}", extra=about(str(state.key)))
            return _SECONDS_UNREADABLE
        return await self._reconcile(state)

    async def _refresh(self, state: S) -> None:
        """Read the object again before a run that no event requested: the watch may have missed a change."""
        failed = f"failed to refresh the {self._kind.name}"
        try:
            body = await self._kubernetes.get(self._kind.resource, state.key)
        except ApiException as error:
            logger.warning(f"{failed}: {error.status} {error.reason}", extra=about(str(state.key)))
            return  # the run uses the last known state
        except NO_ANSWER as error:
            if isinstance(error, OddAnswerError):
                logger.warning(f"{failed}: {error}", extra=about(str(state.key)))
            return  # the writes of the run meet the same error
        if body is None:
            self._delete(state)
        else:
            self._apply(body)  # it may be a new object of the same name

    def _is_known(self, state: S) -> bool:
        return self.objects.get(state.key) is state

    def _delete(self, state: S) -> None:
        self.objects.delete(state.key, state)
        self._queue.remove(state.uid)
        self._enqueue_all(self.untrack(state.uid))

    def _enqueue_all(self, uids: Collection[str]) -> None:
        """Reconcile objects that waited because of another."""
        for uid in uids:
            self._queue.enqueue(uid)


def _is_settled(body: dict[str, Any]) -> bool:
    """Whether the present spec was reconciled, so that a run probably only reads."""
    metadata, status = body["metadata"], body.get("status")
    is_observed = isinstance(status, dict) and status.get("observedGeneration") == metadata["generation"]
    return is_observed and "deletionTimestamp" not in metadata


def _created(body: dict[str, Any]) -> str:
    return str(body["metadata"]["creationTimestamp"])
