"""Delays of retries and resyncs. Pure: callers pass the random number, 0 <= r < 1."""

from trail_operator.domain.failure import FailureClass

# First and longest delay, in seconds.
_DELAYS = {
    FailureClass.TRANSIENT: (1.0, 60.0),
    # A fixed dependency is noticed within a minute, and a broken one costs a few calls a minute.
    FailureClass.DEPENDENCY: (15.0, 45.0),
    FailureClass.AUTHORITY: (5.0, 45.0),
    # For an AWSAccount: the cause of a rejection by STS may be the role or the spec.
    FailureClass.TERMINAL: (5.0, 45.0),
}
# The same if AWS asks to wait a few minutes.
_LONG_DELAYS = (30.0, 120.0)
_JITTER = 0.2


def retry_delay(kind: FailureClass, failures: int, random: float, *, long_backoff: bool = False) -> float:
    """Return the seconds to wait after so many consecutive failures (1 or more).

    Exponential, capped, with ±20 % jitter.
    """
    first, longest = _LONG_DELAYS if long_backoff else _DELAYS[kind]
    return min(first * 2.0 ** min(failures - 1, 16), longest) * _spread(random)


def resync_delay(interval: float, random: float) -> float:
    """Return the seconds until the next resync, with jitter to spread the load."""
    return interval * _spread(random)


def _spread(random: float) -> float:
    return 1.0 - _JITTER + 2.0 * _JITTER * random
