"""The consistency window: for some seconds after a write, AWS may still return the state before it."""

from trail_operator.kube.object_state import ObjectState
from trail_operator.runtime.clock import Clock

CONSISTENCY_WINDOW = 10.0
"""Seconds."""


class ConsistencyWindow:
    """Whether reads about an object can be stale."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def closes_in(self, state: ObjectState) -> float:
        """Return the seconds until the window closes; 0 if it is not open."""
        last = state.last_write_at
        return 0.0 if last is None else max(0.0, last + CONSISTENCY_WINDOW - self._clock.monotonic())

    def is_open(self, state: ObjectState) -> bool:
        """Whether AWS may still return the state before the last write of this process."""
        return self.closes_in(state) > 0.0

    def may_be_open(self, state: ObjectState) -> bool:
        """Whether the window is open, or may be: a former process may have written just before this one started."""
        return self.is_open(state) or self._clock.monotonic() - state.started < CONSISTENCY_WINDOW
