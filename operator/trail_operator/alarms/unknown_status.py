"""Reports on a TrailAlarmSet while AWS cannot be read: after a failure, and while AWS does not answer."""

from functools import partial

from trail_operator.alarms.results import AlarmResults
from trail_operator.alarms.state import AlarmSetState
from trail_operator.alarms.status_writer import AlarmSetStatusWriter
from trail_operator.api.reasons import ConditionType
from trail_operator.domain.failure import Failure
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.reconcile.reachability import Reachability
from trail_operator.reconcile.silence import report_silence


class AlarmUnknownStatus:
    """Writes the status of a TrailAlarmSet whose filters and alarms could not be read."""

    def __init__(self, results: AlarmResults, reachability: Reachability, writer: AlarmSetStatusWriter) -> None:
        self._results = results
        self._reachability = reachability
        self._writer = writer

    async def report(self, state: AlarmSetState, context: ReconcileContext, failure: Failure) -> None:
        """Report why AWS could not be read."""
        await self._writer.write_result(state, self._results.incomplete(state, context, failure))

    async def watch(self, state: AlarmSetState, context: ReconcileContext) -> None:
        """Report, while a reconcile runs, that AWS has not answered for three resyncs: Ready may not stay True."""
        await report_silence(
            state,
            partial(self._reachability.unreachable_in, state),
            lambda: state.status.condition(ConditionType.READY),
            partial(self.report, state, context),
        )
