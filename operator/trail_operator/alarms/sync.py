"""Syncs one TrailAlarmSet with AWS: read, check, diff, plan, apply, verify. Returns the result; writes no status."""

from dataclasses import replace

from trail_operator.alarms.apply import AlarmExecutor, AlarmProgress
from trail_operator.alarms.comparison import AlarmComparison
from trail_operator.alarms.decision import AlarmDecider
from trail_operator.alarms.drift import AlarmDriftRecorder
from trail_operator.alarms.results import AlarmResults
from trail_operator.alarms.state import AlarmSetState
from trail_operator.domain.alarms.result import AlarmSyncResult
from trail_operator.domain.failure import FailureError
from trail_operator.kube.object_state import ReconcileContext


class AlarmSync:
    """Syncs TrailAlarmSets."""

    def __init__(
        self, decider: AlarmDecider, executor: AlarmExecutor, results: AlarmResults, drift: AlarmDriftRecorder
    ) -> None:
        self._decider = decider
        self._executor = executor
        self._results = results
        self._drift = drift

    async def sync(self, state: AlarmSetState, context: ReconcileContext) -> AlarmSyncResult:
        """Sync once. Raises errors of Kubernetes only; all other failures are part of the result."""
        try:
            comparison = await self._decider.read(state, context)
        except FailureError as error:
            return self._results.incomplete(state, context, error.failure)
        if state.observe_only:
            return await self._observe_only(comparison)
        try:
            decision = await self._decider.decide(comparison)
        except FailureError as error:
            return self._results.incomplete(state, context, error.failure, comparison.drift)
        if decision.blocked:
            return await self._results.complete(comparison, blocked=decision.blocked)
        if state.reads.is_drift(context.generation, comparison.desired.log_group):
            self._drift.record_detected(comparison)
        if not self._executor.due(comparison):
            return await self._results.complete(comparison)
        progress = await self._executor.execute(comparison)
        if not progress.done:
            state.writes.pending_differences = ()
            return await self._results.complete(comparison, progress)
        return await self._verify(comparison, progress)

    async def _observe_only(self, comparison: AlarmComparison) -> AlarmSyncResult:
        state = comparison.state
        if state.status.observed_generation == comparison.context.generation:
            await self._drift.report_detected(state, self._drift.record_detected(comparison))
        return await self._results.complete(comparison)

    async def _verify(self, comparison: AlarmComparison, progress: AlarmProgress) -> AlarmSyncResult:
        """Report the writes, and read filters and alarms again."""
        state, context = comparison.state, comparison.context
        await self._drift.record_applied(comparison, progress.done)
        try:
            again = await self._decider.read_again(comparison)
        except FailureError as error:
            result = self._results.incomplete(state, context, error.failure, comparison.drift)
            return replace(self._results.with_failures(state, result, progress), has_written=True)
        written = {entry for action in progress.done for entry in action.differences}
        state.writes.pending_differences = tuple(
            entry for action in again.plan.actions for entry in action.differences if entry in written
        )
        return await self._results.complete(again, progress)
