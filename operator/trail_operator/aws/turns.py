"""So many at once, first come, first served, but nobody waits for those that take long."""

import asyncio
from collections.abc import Callable


class Turns:
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
