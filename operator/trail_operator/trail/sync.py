"""Syncs one trail with its spec: read, check, diff, plan, apply, verify. Returns the result; writes no status."""

import asyncio
from dataclasses import replace

from trail_operator.api.trail_status import Difference
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.domain.plan import plan, restart
from trail_operator.domain.sync_result import SyncResult
from trail_operator.trail.apply import PlanExecutor
from trail_operator.trail.checks import WriteChecks
from trail_operator.trail.comparison import Comparison
from trail_operator.trail.drift import DriftRecorder
from trail_operator.trail.observe import ReadOnlySync
from trail_operator.trail.read import ReadFailure, TrailReader
from trail_operator.trail.results import Progress, SyncResults
from trail_operator.trail.state import ReconcileContext, TrailState


class TrailSync:
    """Syncs trails."""

    def __init__(
        self,
        reader: TrailReader,
        read_only_sync: ReadOnlySync,
        checks: WriteChecks,
        executor: PlanExecutor,
        results: SyncResults,
        drift: DriftRecorder,
    ) -> None:
        self._reader = reader
        self._read_only_sync = read_only_sync
        self._checks = checks
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
        comparison = reading.comparison
        if reading.failure:
            return await self._sync_partial(comparison, reading.failure)
        if blocked := self._checks.evaluate(comparison):
            return blocked
        if state.reads.is_drift(context.generation):
            self._drift.record_detected(state, comparison.desired.arn, comparison.drift)
        await self._executor.record_confirmed(comparison)
        actions = self._executor.due(comparison, plan(comparison.desired, comparison.observed))
        if not actions or (comparison.observed is None and comparison.resolved.key_failure):
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
        return replace(result, unreachable=self._results.is_unreachable(state, result.failure))

    async def _sync_partial(self, comparison: Comparison, failure: Failure) -> SyncResult:
        """Report what AWS answered, and start the trail if it is stopped: a stopped trail records nothing.

        Nothing else is written: it could overwrite what was not read. `failure`: why the trail was read only in part.
        """
        state, observed = comparison.state, comparison.observed
        if "tags" not in comparison.unread and (blocked := self._checks.belongs_to_other_owner(comparison)):
            self._reader.record_answer(state)  # the other reads of another owner's trail do not matter
            return blocked
        if observed is None or not self._checks.is_own_as_far_as_read(comparison):
            return self._results.incomplete(state, comparison.context, failure)
        result = self._results.partial(comparison, failure)
        if state.reads.is_drift(comparison.context.generation):
            self._drift.record_detected(state, comparison.desired.arn, result.drift)
        await self._executor.record_confirmed(comparison)
        actions = self._executor.due(comparison, restart(comparison.desired, observed))
        if not actions or self._checks.owner_may_be_stale(comparison):
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
