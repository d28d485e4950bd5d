"""Reconciles one TrailAlarmSet, the same way for every cause: pause, finalize, or sync and report."""

from dataclasses import replace

from trail_operator.alarms.drift import AlarmDriftRecorder
from trail_operator.alarms.finalize import AlarmSetFinalizer
from trail_operator.alarms.requeue import AlarmRequeue
from trail_operator.alarms.state import AlarmSetState
from trail_operator.alarms.status_writer import AlarmSetStatusWriter
from trail_operator.alarms.sync import AlarmSync
from trail_operator.domain.alarms.result import AlarmSyncResult
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.metrics import Result
from trail_operator.reconcile.outcome import GONE, RESULT_OF, Outcome


class AlarmSetReconciler:
    """Brings filters and alarms to their spec and reports their state in the status of their TrailAlarmSets."""

    def __init__(
        self,
        sync: AlarmSync,
        drift: AlarmDriftRecorder,
        finalizer: AlarmSetFinalizer,
        requeue: AlarmRequeue,
        writer: AlarmSetStatusWriter,
    ) -> None:
        self._sync = sync
        self._drift = drift
        self._finalizer = finalizer
        self._requeue = requeue
        self._writer = writer

    async def reconcile(self, state: AlarmSetState, context: ReconcileContext) -> Outcome:
        """Reconcile once. Raises errors of Kubernetes."""
        if state.deleting and not state.has_finalizer:
            return GONE
        if state.paused:
            exists = await self._writer.write_paused(state)
            return Outcome(Result.PAUSED, self._requeue.resync()) if exists else GONE
        if state.deleting:
            return await self._finalizer.finalize(state, context)
        if not await self._ensure_finalizer(state):
            return GONE
        # The answer to the write of the finalizer may have brought a newer spec: the sync reads that one.
        context = replace(context, generation=state.generation, force=state.force_requested)
        state.force_requested = False
        return await self._sync_and_report(state, context)

    async def _ensure_finalizer(self, state: AlarmSetState) -> bool:
        """Add the finalizer before anything can exist in AWS; return False if the object is gone."""
        if state.needs_finalizer == state.has_finalizer:
            return True
        write = self._writer.add_finalizer if state.needs_finalizer else self._writer.remove_finalizer
        return await write(state)

    async def _sync_and_report(self, state: AlarmSetState, context: ReconcileContext) -> Outcome:
        last_write = state.writes.last_at
        self._drift.record_begin(state)
        result = await self._sync.sync(state, context)
        state.writes.count_reconcile(has_written=state.writes.last_at != last_write)
        self._drift.record_result(state, result)
        if not await self._writer.write_result(state, result):
            return GONE
        return Outcome(_metric_of(result), self._requeue.after_sync(state, result))


def _metric_of(result: AlarmSyncResult) -> Result:
    if (problem := result.problem) is not None:  # a conflict is a terminal result, although others are in sync
        return RESULT_OF[problem.kind]
    return Result.SETTLING if result.is_settling else Result.OK
