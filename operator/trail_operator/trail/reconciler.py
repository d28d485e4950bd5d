"""Reconciles one Trail, the same way for every cause: pause, finalize, or sync and report.

Errors of Kubernetes and faults of the operator are raised: runner.py handles them.
"""

from dataclasses import replace

from trail_operator.domain.failure import FailureClass
from trail_operator.domain.sync_result import SyncResult
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.metrics import Result
from trail_operator.reconcile.outcome import GONE, RESULT_OF, Outcome
from trail_operator.trail.dependency_updates import DependencyUpdates
from trail_operator.trail.drift import DriftRecorder
from trail_operator.trail.finalize import TrailFinalizer
from trail_operator.trail.requeue import RequeuePolicy, is_settling
from trail_operator.trail.state import TrailState
from trail_operator.trail.status_writer import StatusWriter
from trail_operator.trail.sync import TrailSync


class TrailReconciler:
    """Brings trails to their spec and reports their state in the status of their Trails."""

    def __init__(
        self,
        sync: TrailSync,
        drift: DriftRecorder,
        finalizer: TrailFinalizer,
        requeue: RequeuePolicy,
        writer: StatusWriter,
        dependencies: DependencyUpdates,
    ) -> None:
        self._sync = sync
        self._drift = drift
        self._finalizer = finalizer
        self._requeue = requeue
        self._writer = writer
        self._dependencies = dependencies

    async def reconcile(self, state: TrailState, context: ReconcileContext) -> Outcome:
        """Reconcile once. Raises errors of Kubernetes."""
        if state.deleting and not state.has_finalizer:
            return GONE
        if state.paused or state.deleting:
            self._dependencies.stop(state)
        if state.paused:
            return await self._pause(state)
        if state.deleting:
            return await self._finalizer.finalize(state, context)
        if not await self._ensure_finalizer(state):
            return GONE
        # The answer to the write of the finalizer may have brought a newer spec: the sync reads that one.
        context = replace(context, generation=state.generation, force=state.force_requested)
        state.force_requested = False
        return await self._sync_and_report(state, context)

    async def _pause(self, state: TrailState) -> Outcome:
        state.facts.other_trail_is_logging = None
        exists = await self._writer.write_paused(state)
        return Outcome(Result.PAUSED, self._requeue.resync()) if exists else GONE

    async def _ensure_finalizer(self, state: TrailState) -> bool:
        """Add the finalizer before anything can exist in AWS; return False if the Trail is gone."""
        if state.needs_finalizer == state.has_finalizer:
            return True
        if not state.needs_finalizer:
            return await self._writer.remove_finalizer(state)
        if state.status.arn is not None and not await self._writer.clear_identity(state):
            return False
        return await self._writer.add_finalizer(state)

    async def _sync_and_report(self, state: TrailState, context: ReconcileContext) -> Outcome:
        last_write = state.writes.last_at
        self._drift.record_begin(state)
        result = await self._sync.sync(state, context)
        state.writes.count_reconcile(has_written=state.writes.last_at != last_write)
        if result.known or (result.observed and result.has_read("trail", "tags")):
            state.reads.observed = result.observed
        if result.known:
            state.facts.delivered = result.observed.delivered if result.observed else {}
            state.facts.other_trail_is_logging = result.found.is_logging if result.found else None
        self._drift.record_result(state, result)
        if result.failure is not None and result.failure.kind is FailureClass.TERMINAL:
            result = replace(result, dependent=None)  # a Conflict, or a spec that cannot work: nothing to judge
        result = replace(result, dependencies=self._dependencies.state_of(state, result.dependent))
        if not await self._writer.write_result(state, result):
            return GONE
        self._dependencies.on_sync(state, result, force=context.force)
        return Outcome(_metric_of(result), self._requeue.after_sync(state, result))


def _metric_of(result: SyncResult) -> Result:
    if result.failure is not None:
        return RESULT_OF[result.failure.kind]
    return Result.SETTLING if is_settling(result) else Result.OK
