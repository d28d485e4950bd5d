"""The result of a sync, computed from what it read, wrote and failed to do."""

from dataclasses import replace

from trail_operator.alarms.advice import AlarmAdvisor
from trail_operator.alarms.apply import AlarmProgress
from trail_operator.alarms.comparison import AlarmComparison
from trail_operator.alarms.state import AlarmSetState
from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.trail_status import Difference
from trail_operator.domain.alarms.result import AlarmSetIdentity, AlarmSyncResult, count_own, filters_to_record
from trail_operator.domain.failure import Failure, FailureClass, combine
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.reconcile.consistency_window import ConsistencyWindow
from trail_operator.reconcile.reachability import Reachability
from trail_operator.runtime.clock import Clock


class AlarmResults:
    """Builds results."""

    def __init__(self, advisor: AlarmAdvisor, reachability: Reachability, clock: Clock) -> None:
        self._advisor = advisor
        self._reachability = reachability
        self._window = ConsistencyWindow(clock)

    def incomplete(
        self,
        state: AlarmSetState,
        context: ReconcileContext,
        failure: Failure,
        drift: tuple[Difference, ...] = (),
    ) -> AlarmSyncResult:
        """Return the result of a sync that could not read everything. `drift`: what is certain even so."""
        result = AlarmSyncResult.incomplete(context.generation, failure, drift)
        unreachable = self._reachability.is_unreachable(state, failure)
        if unreachable or failure.kind is not FailureClass.TRANSIENT:
            state.reads.states = {}
        return replace(result, unreachable=unreachable)

    async def complete(
        self, comparison: AlarmComparison, progress: AlarmProgress | None = None, blocked: Failure | None = None
    ) -> AlarmSyncResult:
        """Return the result of a sync that read everything, after the last write.

        `progress`: of the plan; `blocked`: why nothing may be written.
        """
        state, drift = comparison.state, comparison.drift
        failure = combine([*(progress.failures if progress else ()), *([blocked] if blocked else ())])
        conflicts = () if state.observe_only else comparison.plan.conflicts
        is_pending = bool(comparison.plan.actions)
        if not is_pending and failure is None:
            state.reads.record_synced(comparison.context.generation, comparison.desired.log_group)
        state.reads.record_states(comparison.desired, comparison.observed)
        is_settled = not self._window.may_be_open(state)
        recorded = filters_to_record(
            state.pinned_filters, comparison.desired, comparison.observed, is_settled=is_settled
        )
        return AlarmSyncResult(
            comparison.context.generation,
            known=True,
            alarm_count=count_own(comparison.observed, comparison.resolved.scope.owns),
            drift=drift,
            failure=failure,
            conflicts=conflicts,
            is_pending=is_pending,
            has_written=bool(progress and progress.done),
            unreachable=self._reachability.is_unreachable(state, failure),
            identity=self._identity(comparison),
            filters=recorded,
            refused=progress.refused if progress else {},
            observe_only=state.observe_only,
            advice=await self._advisor.advice(comparison),
        )

    def with_failures(self, state: AlarmSetState, result: AlarmSyncResult, progress: AlarmProgress) -> AlarmSyncResult:
        """Add the failures of writes to a result that has the failure of reads."""
        failure = combine([*progress.failures, *([result.failure] if result.failure else [])])
        unreachable = self._reachability.is_unreachable(state, failure)
        return replace(result, failure=failure, unreachable=unreachable, refused=progress.refused)

    def _identity(self, comparison: AlarmComparison) -> AlarmSetIdentity | None:
        """Return what to record; None if nothing is recorded: what is only observed may be anybody's.

        Alarms of a set whose status was lost are recorded, so that the deletion finds them.
        """
        state, scope = comparison.state, comparison.resolved.scope
        has_alarms = not state.observe_only and count_own(comparison.observed, scope.owns) > 0
        if not (state.is_on_record or has_alarms):
            return None
        shown = {(alarm.tags or {}).get(OWNER_TAG) for alarm in comparison.observed.alarms.values()}
        # Once it is recorded, alarms with former names of the cluster are another cluster's.
        is_present = scope.owner in shown and not comparison.former_owners
        return replace(comparison.resolved.identity, owner_tag=scope.owner if is_present else None)
