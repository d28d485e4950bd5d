"""Who may go on when not all can: so many at once, and by turns that go round from one namespace to the next.

A turn that takes long may stop counting (`ConcurrencyLimiter`): nobody waits for whoever waits for an answer. Turns
that go round (`Rounds`) let a tenant with hundreds of Trails delay another's by one round, not by its whole queue.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

_acting_for: ContextVar[str] = ContextVar("acting_for", default="")


@contextmanager
def acting_for(namespace: str) -> Iterator[None]:
    """Whose turns all in it take, also in tasks that are begun there; outside, the operator's own."""
    before = _acting_for.set(namespace)
    try:
        yield
    finally:
        _acting_for.reset(before)


class Rounds:
    """Gives out so many turns at once. They go round by namespace; within one: first come, first served."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        # Those that wait, by namespace; the namespaces in the order in which their turns come.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it."""
        await self._begin(_acting_for.get())
        try:
            yield
        finally:
            self._end()

    async def _begin(self, namespace: str) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(namespace, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had come already
                self._end()
            raise

    def _end(self) -> None:
        """Hand the turn on to the next that still waits."""
        while self._waiting:
            namespace = next(iter(self._waiting))
            queue = self._waiting.pop(namespace)
            turn = queue.popleft()
            if queue:
                self._waiting[namespace] = queue  # behind the others
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class ConcurrencyLimiter:
    """Gives out turns. One that has taken long no longer counts: whoever waits for an answer holds up nobody."""

    def __init__(self, at_once: int, seconds_that_count: float) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._seconds = seconds_that_count

    async def begin(self) -> Callable[[], None]:
        """Wait for a turn. What is returned ends it, and must be called."""
        await self._free.acquire()
        turn = _Turn(self._free)
        timer = asyncio.get_running_loop().call_later(self._seconds, turn.end)

        def end() -> None:
            timer.cancel()
            turn.end()

        return end


class _Turn:
    """One of those that there may be at once; ends once."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free = free
        self._ended = False

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._free.release()
