"""Reports on a Trail while its trail cannot be read: after a failure, and while AWS does not answer."""

from functools import partial

from trail_operator.api.reasons import ConditionType
from trail_operator.api.trail_status import Difference
from trail_operator.domain.failure import Failure
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.reconcile.reachability import Reachability
from trail_operator.reconcile.silence import report_silence
from trail_operator.trail.results import SyncResults
from trail_operator.trail.state import TrailState
from trail_operator.trail.status_writer import StatusWriter


class UnknownStatus:
    """Writes the status of a Trail whose trail could not be read."""

    def __init__(self, results: SyncResults, reachability: Reachability, writer: StatusWriter) -> None:
        self._results = results
        self._reachability = reachability
        self._writer = writer

    async def report(
        self, state: TrailState, context: ReconcileContext, failure: Failure, drift: tuple[Difference, ...] = ()
    ) -> None:
        """Report why the trail could not be read. `drift`: differences that are certain even so."""
        await self._writer.write_result(state, self._results.incomplete(state, context, failure, drift))

    async def watch(self, state: TrailState, context: ReconcileContext) -> None:
        """Report, while a reconcile runs, that AWS has not answered for three resyncs: Ready may not stay True."""
        await report_silence(
            state,
            partial(self._reachability.unreachable_in, state),
            lambda: state.status.condition(ConditionType.READY),
            partial(self.report, state, context),
        )
