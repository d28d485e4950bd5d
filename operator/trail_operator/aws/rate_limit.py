"""Client-side rates, so that AWS never has to throttle us: per account, region and operation.

CloudTrail allows 10 reads and 1 write of each operation a second in an account and region:
https://docs.aws.amazon.com/general/latest/gr/ct.html#limits_cloudtrail
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from trail_operator.runtime.concurrency import Rounds

READS_PER_SECOND = 10
READS_AT_ONCE = 5
SECONDS_BETWEEN_WRITES = 1.0

Key = tuple[str, ...]
Precondition = Callable[[], Awaitable[None]]
"""Asked when a write's turn has come; raises where it is not to be made."""


async def always_due() -> None:
    """Whatever has changed meanwhile."""


class RateLimiter:
    """Holds callers back. Their turns go round by namespace, so that no tenant's queue is another's delay."""

    def __init__(
        self,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        waited: Callable[[str, float], None],
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        # Told of each turn that was waited for: "read" or "write", and the seconds.
        self._waited = waited
        # When all reads that were let through so far are paid off (the generic cell rate algorithm).
        self._paid_off: dict[Key, float] = {}
        self._reading: dict[Key, Rounds] = defaultdict(lambda: Rounds(1))
        self._writing: dict[Key, Rounds] = defaultdict(lambda: Rounds(1))
        self._next_write: dict[Key, float] = {}

    async def read(self, key: Key) -> None:
        """Wait for this key's turn to read."""
        asked = self._clock()
        interval = 1.0 / READS_PER_SECOND
        async with self._reading[key].turn():
            await self._wait(self._paid_off.get(key, asked) - (READS_AT_ONCE - 1) * interval)
            now = self._clock()
            self._paid_off[key] = max(self._paid_off.get(key, now), now) + interval
        self._waited("read", now - asked)

    @asynccontextmanager
    async def write(self, key: Key, precondition: Precondition = always_due) -> AsyncIterator[None]:
        """Wait for this key's turn to write, and write; not if `still_due`, asked when the turn has come, raises.

        The next write begins a second after this one has ended. A second after it began would not do: it may take
        a while to arrive, and AWS counts arrivals.
        """
        asked = self._clock()
        async with self._writing[key].turn():
            await self._wait(self._next_write.get(key, 0.0))
            self._waited("write", self._clock() - asked)
            await precondition()
            try:
                yield
            finally:
                self._next_write[key] = self._clock() + SECONDS_BETWEEN_WRITES

    async def _wait(self, until: float) -> None:
        if (delay := until - self._clock()) > 0:
            await self._sleep(delay)
