"""Syncs one trail with its spec: read, check, diff, plan, apply, verify. Returns the result; writes no status."""

import asyncio
from dataclasses import replace

from trail_operator.api.trail_status import Difference
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.domain.plan import plan
from trail_operator.domain.sync_result import SyncResult
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.trail.apply import PlanExecutor
from trail_operator.trail.comparison import Comparison
from trail_operator.trail.decision import Decision, WriteDecider
from trail_operator.trail.drift import DriftRecorder
from trail_operator.trail.observe import ReadOnlySync
from trail_operator.trail.read import ReadFailure, TrailReader
from trail_operator.trail.results import Progress, SyncResults
from trail_operator.trail.state import TrailState


class TrailSync:
    """Syncs trails."""

    def __init__(
        self,
        reader: TrailReader,
        read_only_sync: ReadOnlySync,
        decider: WriteDecider,
        executor: PlanExecutor,
        results: SyncResults,
        drift: DriftRecorder,
    ) -> None:
        self._reader = reader
        self._read_only_sync = read_only_sync
        self._decider = decider
        self._executor = executor
        self._results = results
        self._drift = drift

    async def sync(self, state: TrailState, context: ReconcileContext) -> SyncResult:
        """Sync once. Raises errors of Kubernetes only; all other failures are part of the result."""
        state.reads.advice_basis = None
        if state.observe_only:
            return await self._observe_only(state, context)
        reading = await self._reader.read(state, context)
        if isinstance(reading, ReadFailure):
            return self._results.incomplete(state, context, reading.failure, reading.drift)
        decision = self._decider.decide(reading)
        if decision.blocked:
            if decision.ends_reads:
                self._reader.record_answer(state)
            return self._results.judged(state, decision.blocked)
        if decision.unread:
            return await self._sync_partial(decision, decision.unread)
        comparison = decision.comparison
        if state.reads.is_drift(context.generation):
            self._drift.record_detected(state, comparison.desired.arn, comparison.drift)
        await self._executor.record_confirmed(comparison)
        actions = self._executor.due(comparison, decision.actions)
        if not actions:
            return await self._results.complete(comparison)
        progress = await self._executor.execute(comparison, actions)
        # A refused creation is retried soon, without another search of all regions.
        is_refused = bool(progress.failures) and progress.failures[0].kind is FailureClass.DEPENDENCY
        is_absent = comparison.observed is None and not progress.done and is_refused
        state.reads.checked_absent_arn = comparison.resolved.arn if is_absent else None
        if progress.done:
            return await self._verify(comparison, progress, comparison.drift)
        state.writes.pending_differences = ()
        return await self._results.complete(comparison, progress)

    async def _observe_only(self, state: TrailState, context: ReconcileContext) -> SyncResult:
        try:
            result = await self._read_only_sync.sync(state, context)
        except FailureError as error:
            reading = await self._reader.read_failure(state, error)
            return self._results.incomplete(state, context, reading.failure, reading.drift)
        if result.known:
            self._reader.record_answer(state)
        if result.observed and state.status.observed_generation == context.generation:
            found = self._drift.record_detected(state, result.observed.arn, result.drift)
            await self._drift.report_detected(state, found)
        return self._results.judged(state, result)

    async def _sync_partial(self, decision: Decision, failure: Failure) -> SyncResult:
        """Report what AWS answered, and start the trail if it is stopped. `failure`: why it was read only in part."""
        comparison, state = decision.comparison, decision.comparison.state
        result = self._results.partial(comparison, failure)
        if state.reads.is_drift(comparison.context.generation):
            self._drift.record_detected(state, comparison.desired.arn, result.drift)
        await self._executor.record_confirmed(comparison)
        actions = self._executor.due(comparison, decision.actions)
        if not actions:
            return result
        progress = await self._executor.execute(comparison, actions)
        if progress.done:
            return await self._verify(comparison, progress, result.drift)
        return self._results.with_failures(state, result, progress)

    async def _verify(self, comparison: Comparison, progress: Progress, drift: tuple[Difference, ...]) -> SyncResult:
        """Report the writes, and read the trail again. `drift`: the differences before the writes."""
        state = comparison.state
        reading, _ = await asyncio.gather(
            self._reader.read_again(comparison),
            self._executor.record_applied(comparison, progress.done),
        )
        if isinstance(reading, ReadFailure):
            result = self._results.incomplete(state, comparison.context, reading.failure, drift)
        elif reading.failure:
            result = self._results.partial(reading.comparison, reading.failure)
        else:
            return await self._verified(reading.comparison, progress)
        return replace(self._results.with_failures(state, result, progress), has_written=True)

    async def _verified(self, comparison: Comparison, progress: Progress) -> SyncResult:
        written = {action.operation for action in progress.done}
        comparison.state.writes.pending_differences = tuple(
            entry
            for action in plan(comparison.desired, comparison.observed)
            if action.operation in written
            for entry in action.differences
        )
        return await self._results.complete(comparison, progress)
