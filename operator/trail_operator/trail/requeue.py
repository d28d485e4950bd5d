"""When a Trail is reconciled again: at the resync, or sooner after a failure or a write."""

from trail_operator.domain.failure import FailureClass
from trail_operator.domain.sync_result import SyncResult
from trail_operator.reconcile.consistency_window import ConsistencyWindow
from trail_operator.reconcile.reachability import Reachability
from trail_operator.reconcile.retry import RetryPolicy
from trail_operator.runtime.clock import Clock
from trail_operator.trail.refusals import Refusals
from trail_operator.trail.state import TrailState


class RequeuePolicy(RetryPolicy):
    """Computes delays, in seconds. Counts the failures of a Trail."""

    def __init__(self, reachability: Reachability, refusals: Refusals, clock: Clock, *, resync: float) -> None:
        super().__init__(reachability, clock, resync=resync)
        self._refusals = refusals
        self._window = ConsistencyWindow(clock)

    def after_sync(self, state: TrailState, result: SyncResult) -> float:
        """Return the delay after a sync with this result."""
        failure, observed = result.failure, result.observed
        if failure is not None and failure.kind is not FailureClass.TERMINAL:
            return self.after_failure(state, failure.kind, long_backoff=failure.long_backoff)
        if is_settling(result):
            return self.after_failure(state, FailureClass.TRANSIENT)
        if failure is None and observed is not None and observed.failing_destinations:
            return self.after_failure(state, FailureClass.DEPENDENCY)
        state.failures = 0
        delay = min(self.resync(), self._refusals.seconds_to_retry(state))
        # Reads within the consistency window may have been stale: read once more when it has closed. If that reconcile
        # writes again, something reverts what is written: then back off.
        backoff = 2.0 ** min(state.writes.consecutive - 1, 16)
        return min(delay, self._window.closes_in(state) * backoff or delay)


def is_settling(result: SyncResult) -> bool:
    """Whether AWS does not show the effect of the writes yet."""
    return result.failure is None and not result.observe_only and (result.observed is None or bool(result.drift))
