"""One asyncio task a Trail: a pass when the Trail changes, when a retry is due, and at every resync.

Level-triggered: a pass never knows why it runs. Changes of a Trail that arrive during a pass cause one more pass.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiohttp import ClientError
from kubernetes.aio.client.exceptions import ApiException

from trail_operator.kube.answers import OddAnswerError
from trail_operator.kube.client import Key, KubeClient, resource_version
from trail_operator.runtime.concurrency import ConcurrencyLimiter
from trail_operator.runtime.logs import about, logger
from trail_operator.runtime.rate_waits import Waits, counted
from trail_operator.runtime.tasks import restarting
from trail_operator.trail.name_claims import NameClaims
from trail_operator.trail.state import TrailState

# At the start so many Trails are looked at together that need no more than that: enough to wait for AWS's answers side
# by side, few enough that what is new is not held up by all the others.
_LOOKS_AT_ONCE = 24
# A look that has taken so long no longer counts: AWS does not answer.
_SECONDS_A_LOOK = 2.0
_SECONDS_UNREADABLE = 60.0
# A pass that has taken so long, without waiting for a rate, goes on no more: each of its calls has a deadline.
_LONGEST_PASS = 600.0
# As long may a pass come too late: it begins with a read.
_LONGEST_READ = 60.0
# What is left of a task that was ended is waited for no longer.
_SECONDS_TO_END = 30.0

Reconcile = Callable[[TrailState], Awaitable[float | None]]


class TrailController:
    """Runs the passes of all Trails."""

    def __init__(
        self,
        kubernetes: KubeClient,
        claims: NameClaims,
        reconcile: Reconcile,
        clock: Callable[[], float],
        *,
        resync: float,
        restarted: Callable[[], None],
    ) -> None:
        """`restarted`: called for each task that is restarted."""
        self._kubernetes = kubernetes
        self._claims = claims
        self._reconcile = reconcile
        self._clock = clock
        self._resync = resync
        self._restarted = restarted
        self._heard = -math.inf  # when the watch last told of something
        self._states: dict[Key, TrailState] = {}
        self._taking_up: asyncio.Task[None] | None = None
        self._stopping = False
        self.entered: Callable[[TrailState], None] = lambda _: None
        """Called with each Trail that has come."""
        self.forgotten: Callable[[TrailState], None] = lambda _: None
        """Called with each Trail that has gone."""

    def start(self, bodies: list[dict[str, Any]]) -> None:
        """All Trails that there are at the start: what was changed last comes first, what needs only a look last.

        A look costs some 10 ms of CPU. Those that need no more begin one after the other, so that nothing that is new
        waits behind them, and so that they stay apart ever after.
        """
        settled = sorted((body for body in bodies if _is_settled(body)), key=_created, reverse=True)
        # All claims are known before the first write.
        states = [state for body in settled if (state := self._enter(body))]
        for body in bodies:
            if not _is_settled(body):
                self._take(body)
        self._taking_up = asyncio.create_task(self._begin_in_turn(states))

    def on_update(self, body: dict[str, Any]) -> None:
        """A Trail as the watch tells of it."""
        self._heard = self._clock()
        self._take(body)
        if state := self._states.get(_key(body)):
            state.is_told = True

    def _take(self, body: dict[str, Any]) -> None:
        """A Trail as the API server has it now."""
        if self._stopping:
            return
        key = _key(body)
        state = self._states.get(key)
        if state is not None and state.uid == body["metadata"]["uid"]:
            if state.replace(body):
                state.failures = 0  # another spec may well succeed: it does not inherit the wait
                self._wake_heirs(self._claims.update(state))
                state.wake.set()
                self._begin(state)
            return
        if state is not None:
            if resource_version(body) < resource_version(state.body):
                return  # a former one of that name
            self._forget(state)
        if entered := self._enter(body):
            self._begin(entered)

    def on_list(self, bodies: list[dict[str, Any]], asked: float) -> TrailState | None:
        """All Trails, by a list that was asked for at that moment: one that it lacks is gone.

        Returns one that an earlier list has shown as well, where the watch has told of nothing since: it does not run.
        """
        there = {body["metadata"]["uid"] for body in bodies}
        for state in self.states():
            if state.uid not in there and state.started < asked:
                self._forget(state)
        for body in bodies:
            self._take(body)
        unheard = None
        for state in self.states():
            if not state.is_told and state.listings and self._heard < state.started:
                unheard = state
            state.listings += state.uid in there
        return unheard

    def on_delete(self, body: dict[str, Any]) -> None:
        """A Trail that the watch tells to be gone."""
        self._heard = self._clock()
        state = self._states.get(_key(body))
        if state is not None and state.uid == body["metadata"]["uid"]:
            self._forget(state)

    def states(self) -> list[TrailState]:
        """All Trails that are known."""
        return list(self._states.values())

    def stalled(self) -> list[TrailState]:
        """The Trails without a task, or without a pass for two resyncs."""
        # Of a copy: metrics are rendered in a thread, while Trails come and go.
        return [state for state in self.states() if self._is_stalled(state)]

    def restart_stalled(self) -> None:
        """Restart the tasks of unattended Trails."""
        for state in [] if self._stopping else self.stalled():
            logger.error("unattended: no task, or no pass for two resyncs; its task is restarted", extra=state.about())
            self._restarted()
            former = state.task
            if former:
                former.cancel()
            self._start(state, after=former)

    def enqueue(self, concerns: Callable[[TrailState], bool]) -> None:
        """Look again at the Trails that something outside them concerns."""
        for state in self._states.values():
            if concerns(state):
                state.failures = 0  # what has changed may well be what stood in the way
                state.wake.set()

    async def stop(self, seconds: float) -> None:
        """End all tasks; those in a pass get some seconds to finish it."""
        self._stopping = True
        if self._taking_up:
            self._taking_up.cancel()
        busy = []
        for state in self._states.values():
            if state.busy and state.task:
                busy.append(state.task)
            elif state.task:
                state.task.cancel()
        if busy:
            _, late = await asyncio.wait(busy, timeout=seconds)
            for task in late:
                task.cancel()

    def _enter(self, body: dict[str, Any]) -> TrailState | None:
        """None for an object that can't be read, which the API server should not have let in: it stops no other."""
        try:
            state = TrailState(body, started=self._clock())
            self._claims.enter(state)
        except Exception:  # noqa: BLE001 - whatever is wrong with it
            logger.exception("can't be read", extra=about(str(_key(body))))
            return None
        self._states[state.key] = state
        self.entered(state)
        return state

    def _begin(self, state: TrailState, looked: Callable[[], None] = lambda: None) -> None:
        """Begin with its passes, unless that was done. `looked`: called after the first."""
        if state.task is None and self._is_known(state):
            self._start(state, looked)
        else:
            looked()

    def _start(
        self, state: TrailState, looked: Callable[[], None] = lambda: None, after: asyncio.Task[None] | None = None
    ) -> None:
        state.due = self._clock()
        state.task = asyncio.create_task(self._run(state, looked, after), name=f"trail {state.key}")

    async def _begin_in_turn(self, states: list[TrailState]) -> None:
        turns = ConcurrencyLimiter(_LOOKS_AT_ONCE, _SECONDS_A_LOOK)
        for state in states:
            self._begin(state, await turns.begin())

    async def _run(self, state: TrailState, looked: Callable[[], None], after: asyncio.Task[None] | None) -> None:
        """Run the passes of a Trail as long as it is known. `after`: a former task, which was cancelled."""
        if after:
            await asyncio.wait([after], timeout=_SECONDS_TO_END)
        state.waits = Waits()
        with counted(state.waits):
            await restarting(lambda: self._passes(state, looked), self._restarted, state.about())
        if not self._is_known(state):  # the last pass may have entered its claim again
            self._wake_heirs(self._claims.withdraw(state.uid))

    async def _passes(self, state: TrailState, looked: Callable[[], None]) -> None:
        while self._goes_on(state):
            state.wake.clear()
            state.busy, state.due = True, self._clock()
            try:
                delay = await self._pass(state)
            finally:
                state.busy = False
                looked()
            if delay is None:
                self._forget(state)
            elif self._goes_on(state):
                state.due = self._clock() + delay
                if not await _woken(state.wake, delay):
                    await self._refresh(state)

    def _goes_on(self, state: TrailState) -> bool:
        """Whether the task that asks is still the Trail's, and is to go on."""
        return not self._stopping and self._is_known(state) and state.task is asyncio.current_task()

    def _is_stalled(self, state: TrailState) -> bool:
        if state.task is None:  # those that need no more than a look wait for their turn
            return self._taking_up is None or self._taking_up.done()
        if state.task.done():
            return True
        if state.paused or state.waits.under_way:
            return False
        patience = max(2 * self._resync, _LONGEST_PASS if state.busy else _LONGEST_READ)
        return self._clock() - max(state.due, state.waits.ended) > patience

    async def _pass(self, state: TrailState) -> float | None:
        try:
            self._wake_heirs(self._claims.update(state))  # the watch may have missed what a read has shown
        except Exception:  # noqa: BLE001 - as when it is entered; another state of it may be readable
            logger.exception("can't be read", extra=about(str(state.key)))
            return _SECONDS_UNREADABLE
        return await self._reconcile(state)

    async def _refresh(self, state: TrailState) -> None:
        """What a watch missed, a timer finds: a pass that no event asked for begins with a fresh read."""
        try:
            body = await self._kubernetes.trail(state.key)
        except ApiException as error:
            logger.warning(f"not read anew: {error.status} {error.reason}", extra=about(str(state.key)))
            return  # the pass goes on with what is known
        except (ClientError, TimeoutError, OSError) as error:
            if isinstance(error, OddAnswerError):
                logger.warning(f"not read anew: {error}", extra=about(str(state.key)))
            return  # its own writes meet the same fault
        if body is None:
            self._forget(state)
        else:
            self._take(body)  # it may have been made anew under the same name

    def _is_known(self, state: TrailState) -> bool:
        return self._states.get(state.key) is state

    def _forget(self, state: TrailState) -> None:
        if self._is_known(state):
            del self._states[state.key]
            self.forgotten(state)
        if state.task and not state.busy and state.task is not asyncio.current_task():
            state.task.cancel()  # one in a pass ends by itself after it
        self._wake_heirs(self._claims.withdraw(state.uid))

    def _wake_heirs(self, heirs: Collection[str]) -> None:
        """Look again at the Trails that waited for another to let go of what they claim."""
        for other in self._states.values() if heirs else ():
            if other.uid in heirs:
                other.wake.set()


def _is_settled(body: dict[str, Any]) -> bool:
    """Whether a Trail's spec was seen to, so that it needs no more than a look."""
    metadata, status = body["metadata"], body.get("status")
    is_observed = isinstance(status, dict) and status.get("observedGeneration") == metadata["generation"]
    return is_observed and "deletionTimestamp" not in metadata


def _created(body: dict[str, Any]) -> str:
    return str(body["metadata"]["creationTimestamp"])


def _key(body: dict[str, Any]) -> Key:
    return Key(body["metadata"]["namespace"], body["metadata"]["name"])


async def _woken(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
