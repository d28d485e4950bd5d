"""Evaluates the dependencies of Trails after a reconcile, and once per interval.

An evaluation reads in the background, so that no reconcile waits for it. Its result is written between two reconciles,
only if it is new. Paused Trails are not evaluated. What a dependency must allow is not decided here, nor which Trails a
change concerns: `dependency_changes.py` does that.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.aws.dependency_reads import SHORTEST_AGE
from trail_operator.aws.diagnosis.dependencies import Judgements, judge_dependencies
from trail_operator.domain.backoff import retry_delay
from trail_operator.domain.conditions import State
from trail_operator.domain.dependencies import (
    DEPENDENCY_REASONS,
    DependentTrail,
    dependencies_state,
    not_evaluated,
)
from trail_operator.domain.failure import FailureClass, FailureError, internal
from trail_operator.domain.sync_result import SyncResult
from trail_operator.domain.texts import MESSAGE, clean, sentences
from trail_operator.domain.trail_conditions import keeps_dependencies
from trail_operator.inventory.account_client import AccountClient
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.concurrency import acting_for
from trail_operator.runtime.logs import logger
from trail_operator.runtime.work_queue import WorkQueue
from trail_operator.trail.controller import TrailStore
from trail_operator.trail.state import DependencyHistory, TrailState
from trail_operator.trail.status_writer import StatusWriter

# Of the interval: an evaluation accepts what others have read since. Less than one, so that it renews what is due soon.
_ACCEPTED_AGE = 0.9
_JITTER = 0.2
# Seconds from a result to the reconcile that it causes: the results of all Trails with the same dependency come first.
_RECONCILE_AFTER = 1.0
# Intervals after which a result no longer counts if AWS does not answer.
_INTERVALS_VALID = 3

Wake = Callable[[TrailState], None]
"""Has a Trail reconciled, within the limits of what events may cause."""


class DependencyUpdates:
    """Evaluates dependencies and writes the condition DependenciesReady."""

    def __init__(
        self,
        trails: TrailStore,
        queue: WorkQueue,
        client_for: Callable[[TrailState], AccountClient],
        writer: StatusWriter,
        clock: Clock,
        *,
        resync: float,
    ) -> None:
        """`client_for`: returns the client that a Trail may use, or raises FailureError. `resync`: in seconds."""
        self._trails = trails
        self._queue = queue
        self._client_for = client_for
        self._writer = writer
        self._clock = clock
        self._resync = resync

    def state_of(self, state: TrailState, dependent: DependentTrail | None) -> State | None:
        """Return what is known of the dependencies of this trail."""
        history = state.reads.dependencies
        return history.state if dependent is not None and history.trail == dependent else None

    def on_sync(self, state: TrailState, result: SyncResult, *, force: bool) -> None:
        """Evaluate after a reconcile whose status was written, if its result gives cause.

        `force`: whether a user requested the reconcile by annotation.
        """
        history, dependent = state.reads.dependencies, result.dependent
        if dependent is None:
            if not keeps_dependencies(result):
                self.stop(state)
        elif not dependent.is_resolved:  # a retry may resolve the key: what the condition says stays until then
            if history.generation != result.generation:
                self.stop(state)
        elif history.trail != dependent or self._has_other_client(state):
            self.stop(state)
            state.reads.dependencies = DependencyHistory(dependent, result.generation)
            self._start(state)
        else:
            history.generation = result.generation
            self._renew(state, force=force)

    def _renew(self, state: TrailState, *, force: bool) -> None:
        """Evaluate the same trail again if there is cause, or write what is known of it."""
        found = state.reads.dependencies.state
        if force or _is_suspect(state):
            self._start(state, 0.0 if force else SHORTEST_AGE)  # 0: the user may have just repaired something
        elif found is not None and not _is_written(state, found):
            self._enqueue_write(state, found)

    def on_change(self, state: TrailState, wake: Wake) -> None:
        """Evaluate because a dependency has changed.

        `wake`: has the Trail reconciled; called only if the result is new, or if Ready has a dependency's reason.
        """
        self._start(state, wake=wake)

    def stop(self, state: TrailState) -> None:
        """Stop evaluating a Trail, and forget the results."""
        state.reads.dependencies.pending.cancel()
        state.reads.dependencies = DependencyHistory()

    def close(self) -> None:
        """Stop all evaluations."""
        for state in self._trails.values():
            state.reads.dependencies.pending.cancel()

    def _has_other_client(self, state: TrailState) -> bool:
        """Whether the evaluations so far were made with a client that has been replaced."""
        reads, client = state.reads.dependencies.reads, self._client(state)
        return reads is not None and client is not None and reads.cache is not client.dependencies

    def _client(self, state: TrailState) -> AccountClient | None:
        """Return the client that a Trail may use. If it may use none, a reconcile reports that."""
        try:
            return self._client_for(state)
        except FailureError:
            return None

    def _start(self, state: TrailState, max_age: float | None = None, *, wake: Wake | None = None) -> None:
        """Start an evaluation, which replaces one in progress. `max_age`: of the reads, in seconds.

        `wake`: given if a dependency has changed, so that the result may concern the next reconcile.
        """
        history = state.reads.dependencies
        history.pending.cancel()
        if history.trail is None or state.paused or state.deleting or self._trails.get(state.key) is not state:
            return
        age = self._resync * _ACCEPTED_AGE
        age = age if max_age is None else min(age, max_age)
        evaluation = self._evaluate(state, history.trail, age, wake)
        with acting_for(""):  # the reads are for all, not for the Trail that happens to cause them
            history.pending.task = asyncio.create_task(evaluation)

    async def _evaluate(self, state: TrailState, trail: DependentTrail, max_age: float, wake: Wake | None) -> None:
        client = self._client(state)
        if client is None:
            return
        reads = state.reads.dependencies.reads = client.dependencies.reads(max_age)
        try:
            judgements = await judge_dependencies(reads, trail)
        except Exception as error:  # noqa: BLE001 - a bug must not end the evaluations of this Trail
            logger.exception("internal error in the evaluation of dependencies", extra=state.about())
            judgements = Judgements((), (internal(error),))
        found = self._record(state, trail, judgements)
        is_new = not _is_written(state, found)
        if is_new:
            self._enqueue_write(state, found)
        if wake is not None and (is_new or ready_reason(state) in DEPENDENCY_REASONS):
            state.failures = 0  # the change may resolve the failure
            asyncio.get_running_loop().call_later(_RECONCILE_AFTER, wake, state)

    def _record(self, state: TrailState, trail: DependentTrail, judgements: Judgements) -> State:
        """Record the result, and schedule the next evaluation. Return what the condition is to say."""
        history, now = state.reads.dependencies, self._clock.monotonic()
        oldest = min(history.reads.oldest, now) if history.reads else now
        found = dependencies_state(trail, judgements.found, judgements.unanswered)
        if found is not None:
            history.state, history.known_at, history.failures = found, oldest, 0
            due = oldest + self._resync * (1.0 + _JITTER * self._clock.random())
            self._schedule(state, due - now)
            return found
        history.failures += 1
        self._schedule(state, retry_delay(FailureClass.DEPENDENCY, history.failures, self._clock.random()))
        if history.state is None or now - history.known_at > _INTERVALS_VALID * self._resync:
            causes = dict.fromkeys(failure.message for failure in judgements.unanswered)
            history.state = not_evaluated(f"{sentences(causes)}. The operator retries automatically")
            history.known_at = now
        return history.state

    def _schedule(self, state: TrailState, delay: float) -> None:
        state.reads.dependencies.pending.timer = asyncio.get_running_loop().call_later(
            max(delay, 0.0), self._start, state
        )

    def _enqueue_write(self, state: TrailState, found: State) -> None:
        self._queue.enqueue_update(state.uid, "dependencies", partial(self._write, state, found))

    async def _write(self, state: TrailState, found: State) -> None:
        is_outdated = state.reads.dependencies.state is not found
        if is_outdated or state.paused or state.deleting or state.refused is not None:
            return
        try:
            await self._writer.write_dependencies(state, found)
        except Exception:  # noqa: BLE001 - a reconcile meets the same error, reports it and retries
            self._queue.enqueue(state.uid)


def _is_written(state: TrailState, found: State) -> bool:
    """Whether the status says this of the present generation."""
    written = state.status.condition(ConditionType.DEPENDENCIES_READY)
    expected = replace(found, message=clean(found.message, MESSAGE))
    is_current = written is not None and written.observed_generation == state.status.observed_generation
    return written is not None and is_current and State.of(written) == expected


def _is_suspect(state: TrailState) -> bool:
    """Whether a dependency refuses, or Ready reports that one does: its repair should be noticed soon."""
    found = state.reads.dependencies.state
    is_refused = found is not None and found.status is False
    return is_refused or ready_reason(state) in (*DEPENDENCY_REASONS, Reason.DELIVERY_FAILING)


def ready_reason(state: TrailState) -> str:
    """Return the reason of Ready; "" if there is none yet."""
    ready = state.status.condition(ConditionType.READY)
    return ready.reason if ready else ""
