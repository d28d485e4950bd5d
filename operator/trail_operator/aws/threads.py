"""The threads in which all accounts' calls to AWS are made. boto3 knows no other way to wait for an answer."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

# More at once would only contend for the interpreter.
_CALLS_AT_ONCE = 32
# A call that has taken so many seconds no longer counts: accounts that don't answer hold up nobody.
_SECONDS_THAT_COUNT = 2.0
# Threads are made when none is free. Each account has a few calls under way at most, so many hang at worst.
_THREADS = 2048

T = TypeVar("T")


class Threads:
    """Runs functions in threads, so many at once; first come, first served."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="aws")
        self._turns = asyncio.Semaphore(_CALLS_AT_ONCE)

    async def run(self, function: Callable[[], T]) -> T:
        """The function's result, or what it raises."""
        await self._turns.acquire()
        loop = asyncio.get_running_loop()
        turn = _Turn(self._turns)
        timer = loop.call_later(_SECONDS_THAT_COUNT, turn.end)
        try:
            return await loop.run_in_executor(self._executor, function)
        finally:
            timer.cancel()
            turn.end()

    def close(self) -> None:
        """Let no further call begin. Calls under way go on."""
        self._executor.shutdown(wait=False, cancel_futures=True)


class _Turn:
    """One of the calls that may be under way at once; ends once."""

    def __init__(self, turns: asyncio.Semaphore) -> None:
        self._turns = turns
        self._ended = False

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._turns.release()
