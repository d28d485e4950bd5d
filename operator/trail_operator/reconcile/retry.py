"""When an object is reconciled again: at the resync, or sooner after a failure."""

from trail_operator.domain.backoff import resync_delay, retry_delay
from trail_operator.domain.failure import FailureClass
from trail_operator.kube.object_state import ObjectState
from trail_operator.reconcile.reachability import Reachability
from trail_operator.runtime.clock import Clock


class RetryPolicy:
    """Computes delays, in seconds. Counts the failures of an object."""

    def __init__(self, reachability: Reachability, clock: Clock, *, resync: float) -> None:
        self._reachability = reachability
        self._clock = clock
        self._resync = resync

    def resync(self) -> float:
        """Return the delay until the next resync, with jitter."""
        return resync_delay(self._resync, self._clock.random())

    def after_failure(self, state: ObjectState, kind: FailureClass, *, long_backoff: bool = False) -> float:
        """Return the delay until the retry, which grows with each failure in a row."""
        state.failures += 1
        delay = retry_delay(kind, state.failures, self._clock.random(), long_backoff=long_backoff)
        unreachable_in = self._reachability.unreachable_in(state)
        # Not after the time at which Ready must report that AWS does not answer.
        return min(delay, unreachable_in) if kind is FailureClass.TRANSIENT and unreachable_in > 0.0 else delay
