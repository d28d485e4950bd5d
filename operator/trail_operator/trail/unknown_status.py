"""Reports on a Trail while its trail cannot be read: after a failure, and while AWS does not answer."""

import asyncio
from contextlib import suppress

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.api.reasons import ConditionType
from trail_operator.api.trail_status import Difference
from trail_operator.domain.failure import Failure, transient
from trail_operator.kube.answers import NO_ANSWER
from trail_operator.trail.results import SyncResults
from trail_operator.trail.state import ReconcileContext, TrailState
from trail_operator.trail.status_writer import StatusWriter

# Seconds that a reconcile may take before its Trail reports that AWS does not answer.
_SILENCE_TIMEOUT = 5.0


class UnknownStatus:
    """Writes the status of a Trail whose trail could not be read."""

    def __init__(self, results: SyncResults, writer: StatusWriter) -> None:
        self._results = results
        self._writer = writer

    async def report(
        self, state: TrailState, context: ReconcileContext, failure: Failure, drift: tuple[Difference, ...] = ()
    ) -> None:
        """Report why the trail could not be read. `drift`: differences that are certain even so."""
        await self._writer.write_result(state, self._results.incomplete(state, context, failure, drift))

    async def watch(self, state: TrailState, context: ReconcileContext) -> None:
        """Report, while a reconcile runs, that AWS has not answered for three resyncs: Ready may not stay True."""
        seconds = max(self._results.unreachable_in(state), _SILENCE_TIMEOUT)
        while seconds > 0.0:
            await asyncio.sleep(seconds)
            seconds = self._results.unreachable_in(state)
        ready = state.status.condition(ConditionType.READY)
        if state.paused or (ready is not None and ready.status == "Unknown"):
            return
        with suppress(ApiException, *NO_ANSWER):  # the reconcile meets the same error
            await self.report(state, context, transient("AWS has not answered yet"))
