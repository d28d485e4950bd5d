"""Client-side rate limits per account, region and operation, so that AWS need not throttle the operator.

`operations.py` has the rates.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from trail_operator.runtime.clock import Clock
from trail_operator.runtime.concurrency import FairSemaphore
from trail_operator.runtime.rate_waits import Wait

READS_PER_SECOND = 10
"""Of what trails depend on, in one account. CloudTrail allows as many of each operation in each region."""

Key = tuple[str, ...]
Precondition = Callable[[], Awaitable[None]]
"""Checked right before a write; raises if the write must not be made."""


async def no_precondition() -> None:
    """Allow the write."""


class RateLimiter:
    """Delays calls. Namespaces take turns, so that the queue of one tenant does not delay another."""

    def __init__(self, clock: Clock, on_wait: Callable[[str, float], None]) -> None:
        """`on_wait`: called after each wait with "read" or "write", and its seconds."""
        self._clock = clock
        self._on_wait = on_wait
        # When the reads so far no longer count against the burst (generic cell rate algorithm).
        self._reads_paid: dict[Key, float] = {}
        self._reading: dict[Key, FairSemaphore] = defaultdict(lambda: FairSemaphore(1))
        self._writing: dict[Key, FairSemaphore] = defaultdict(lambda: FairSemaphore(1))
        self._next_write: dict[Key, float] = {}

    async def read(self, key: Key, per_second: int) -> None:
        """Wait until a read of this key is allowed: so many a second, of which half may be sent at once."""
        asked = self._clock.monotonic()
        interval, at_once = 1.0 / per_second, per_second // 2
        wait = Wait()
        try:
            async with self._reading[key]:
                await self._sleep_until(self._reads_paid.get(key, asked) - (at_once - 1) * interval)
                now = self._clock.monotonic()
                self._reads_paid[key] = max(self._reads_paid.get(key, now), now) + interval
            self._on_wait("read", now - asked)
        finally:
            wait.end(self._clock.monotonic())

    @asynccontextmanager
    async def write(
        self, key: Key, per_second: int, precondition: Precondition = no_precondition
    ) -> AsyncIterator[None]:
        """Wait until a write of this key is allowed, check the precondition, then run the block, which writes.

        With one write a second, the next starts a second after this one has ended. A second after its start would be
        too early: AWS counts requests when they arrive, and this one may have been delayed on its way.
        """
        asked = self._clock.monotonic()
        wait = Wait()
        try:
            async with self._writing[key]:
                await self._sleep_until(self._next_write.get(key, 0.0))
                wait.end(self._clock.monotonic())
                self._on_wait("write", self._clock.monotonic() - asked)
                await precondition()
                try:
                    yield
                finally:
                    self._next_write[key] = self._clock.monotonic() + 1.0 / per_second
        finally:
            wait.end(self._clock.monotonic())

    async def _sleep_until(self, time: float) -> None:
        if (delay := time - self._clock.monotonic()) > 0:
            await self._clock.sleep(delay)
