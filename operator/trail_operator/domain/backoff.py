"""When to look again. Pure: the random number, 0 <= r < 1, is given."""

from trail_operator.domain.failure import FailureClass

# first delay and longest delay, in seconds
_DELAYS = {
    FailureClass.TRANSIENT: (1.0, 60.0),
    # Mending a dependency is noticed within a minute, and a broken one costs a handful of calls a minute.
    FailureClass.DEPENDENCY: (15.0, 45.0),
    FailureClass.AUTHORITY: (5.0, 45.0),
    # Of an AWSAccount: what STS refuses to take may be the role's as well as the spec's.
    FailureClass.TERMINAL: (5.0, 45.0),
}
# Where AWS asks to wait a few minutes.
_MINUTES = (30.0, 120.0)
_JITTER = 0.2


def retry_delay(kind: FailureClass, failures: int, random: float, *, slowly: bool = False) -> float:
    """Seconds to wait after so many failures in a row (1 or more): doubling, bounded, spread by ±20 %."""
    first, longest = _MINUTES if slowly else _DELAYS[kind]
    return min(first * 2.0 ** min(failures - 1, 16), longest) * _spread(random)


def resync_delay(interval: float, random: float) -> float:
    """Seconds until the next look at a trail that is as it should be: spread, so that trails don't march in step."""
    return interval * _spread(random)


def _spread(random: float) -> float:
    return 1.0 - _JITTER + 2.0 * _JITTER * random
