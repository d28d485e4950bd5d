"""Client-side rates, so that AWS never has to throttle us: per account, region and operation.

CloudTrail allows 10 reads and 1 write of each operation a second in an account and region:
https://docs.aws.amazon.com/general/latest/gr/ct.html#limits_cloudtrail
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

READS_PER_SECOND = 10
READS_AT_ONCE = 5
SECONDS_BETWEEN_WRITES = 1.0

Key = tuple[str, ...]
Ask = Callable[[], Awaitable[None]]
"""Asked when a write's turn has come; raises where it is not to be made."""


async def always_due() -> None:
    """Whatever has changed meanwhile."""


class RateLimiter:
    """Holds callers back, in the order of their coming: nobody overtakes, so writes of different Trails are fair."""

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
        self._writing: dict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._next_write: dict[Key, float] = {}

    async def read(self, key: Key) -> None:
        """Wait for this key's turn to read."""
        now = self._clock()
        interval = 1.0 / READS_PER_SECOND
        due = max(self._paid_off.get(key, now), now) + interval
        self._paid_off[key] = due
        await self._wait(due - READS_AT_ONCE * interval)
        self._waited("read", self._clock() - now)

    @asynccontextmanager
    async def write(self, key: Key, still_due: Ask = always_due) -> AsyncIterator[None]:
        """Wait for this key's turn to write, and write; not if `still_due`, asked when the turn has come, raises.

        The next write begins a second after this one has ended. A second after it began would not do: it may take
        a while to arrive, and AWS counts arrivals.
        """
        asked = self._clock()
        async with self._writing[key]:
            await self._wait(self._next_write.get(key, 0.0))
            self._waited("write", self._clock() - asked)
            await still_due()
            try:
                yield
            finally:
                self._next_write[key] = self._clock() + SECONDS_BETWEEN_WRITES

    async def _wait(self, until: float) -> None:
        if (delay := until - self._clock()) > 0:
            await self._sleep(delay)
