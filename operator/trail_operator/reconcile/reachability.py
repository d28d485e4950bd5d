"""For how long AWS has not answered the reads of an object."""

from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.kube.object_state import ObjectState
from trail_operator.runtime.clock import Clock


class Reachability:
    """Decides when Ready must report that AWS does not answer: after three resyncs."""

    def __init__(self, clock: Clock, *, resync: float) -> None:
        self._clock = clock
        self._resync = resync

    def unreachable_in(self, state: ObjectState) -> float:
        """Return the seconds until no read has succeeded for three resyncs."""
        since = state.last_read_at if state.last_read_at is not None else state.started
        return since + 3 * self._resync - self._clock.monotonic()

    def is_unreachable(self, state: ObjectState, failure: Failure | None) -> bool:
        """Whether AWS has not answered every read for three resyncs."""
        return failure is not None and failure.kind is FailureClass.TRANSIENT and self.unreachable_in(state) <= 0.0
