"""Client-side rates, so that AWS never has to throttle us: per account, region and operation.

CloudTrail allows 10 reads and 1 write of each operation a second in an account and region:
https://docs.aws.amazon.com/general/latest/gr/ct.html#limits_cloudtrail
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """So many calls a second, and how many may come at once after a pause."""

    per_second: float
    burst: int


READ = Rate(per_second=10, burst=5)
# A little below 1 a second: two calls sent a second apart may arrive a little closer than that.
WRITE = Rate(per_second=0.95, burst=1)


class RateLimiter:
    """Holds callers back, in the order of their coming."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._clock = clock
        self._sleep = sleep
        # Per key: when all that was let through so far is paid off (the generic cell rate algorithm).
        self._paid_off: dict[tuple[str, ...], float] = {}

    async def wait(self, key: tuple[str, ...], rate: Rate) -> float:
        """Wait for this key's turn; return the seconds waited."""
        now = self._clock()
        interval = 1.0 / rate.per_second
        due = max(self._paid_off.get(key, now), now) + interval
        self._paid_off[key] = due
        delay = due - now - rate.burst * interval
        if delay > 0:
            await self._sleep(delay)
            return delay
        return 0.0
