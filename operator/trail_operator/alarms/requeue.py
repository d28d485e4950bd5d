"""When a TrailAlarmSet is reconciled again: at the resync, or sooner after a failure or a write."""

from trail_operator.alarms.state import AlarmSetState
from trail_operator.domain.alarms.result import AlarmSyncResult
from trail_operator.domain.failure import FailureClass
from trail_operator.reconcile.consistency_window import ConsistencyWindow
from trail_operator.reconcile.reachability import Reachability
from trail_operator.reconcile.retry import RetryPolicy
from trail_operator.runtime.clock import Clock

# Seconds until a spec that cannot work is tried again, in case AWS has changed.
_TERMINAL_DELAY = 3600.0


class AlarmRequeue(RetryPolicy):
    """Computes delays, in seconds."""

    def __init__(self, reachability: Reachability, clock: Clock, *, resync: float) -> None:
        super().__init__(reachability, clock, resync=resync)
        self._window = ConsistencyWindow(clock)

    def after_sync(self, state: AlarmSetState, result: AlarmSyncResult) -> float:
        """Return the delay after a sync with this result."""
        failure = result.failure
        if failure is not None and failure.kind is not FailureClass.TERMINAL:
            return self.after_failure(state, failure.kind, long_backoff=failure.long_backoff)
        if result.is_settling:
            return self.after_failure(state, FailureClass.TRANSIENT)
        state.failures = 0
        delay = min(self.resync(), _TERMINAL_DELAY)
        # Reads within the consistency window may have been stale: read once more when it has closed. If that reconcile
        # writes again, something reverts what is written: then back off.
        backoff = 2.0 ** min(state.writes.consecutive - 1, 16)
        return min(delay, self._window.closes_in(state) * backoff or delay)
