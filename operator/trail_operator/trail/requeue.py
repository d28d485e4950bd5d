"""When a Trail is reconciled again: at the resync, or sooner after a failure or a write."""

from trail_operator.domain.backoff import resync_delay, retry_delay
from trail_operator.domain.failure import FailureClass
from trail_operator.domain.sync_result import SyncResult
from trail_operator.runtime.clock import Clock
from trail_operator.trail.consistency_window import ConsistencyWindow
from trail_operator.trail.refusals import Refusals
from trail_operator.trail.results import SyncResults
from trail_operator.trail.state import TrailState


class RequeuePolicy:
    """Computes delays, in seconds. Counts the failures of a Trail."""

    def __init__(self, results: SyncResults, refusals: Refusals, clock: Clock, *, resync: float) -> None:
        self._results = results
        self._refusals = refusals
        self._clock = clock
        self._window = ConsistencyWindow(clock)
        self._resync = resync

    def resync(self) -> float:
        """Return the delay until the next resync, with jitter."""
        return resync_delay(self._resync, self._clock.random())

    def after_failure(self, state: TrailState, kind: FailureClass, *, long_backoff: bool = False) -> float:
        """Return the delay until the retry, which grows with each failure in a row."""
        state.failures += 1
        delay = retry_delay(kind, state.failures, self._clock.random(), long_backoff=long_backoff)
        unreachable_in = self._results.unreachable_in(state)
        # Not after the time at which Ready must report that AWS does not answer.
        return min(delay, unreachable_in) if kind is FailureClass.TRANSIENT and unreachable_in > 0.0 else delay

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
