"""The threads in which all accounts' calls to AWS are made. boto3 knows no other way to wait for an answer."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

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
        self._under_way: set[Future[Any]] = set()

    async def run(self, function: Callable[[], T]) -> T:
        """The function's result, or what it raises."""
        await self._turns.acquire()
        turn = _Turn(self._turns)
        timer = asyncio.get_running_loop().call_later(_SECONDS_THAT_COUNT, turn.end)
        try:
            return await asyncio.wrap_future(self._submitted(function))
        finally:
            timer.cancel()
            turn.end()

    @property
    def is_idle(self) -> bool:
        """Whether no call is under way, not even one that nobody waits for any more."""
        return not self._under_way

    def close(self) -> None:
        """Let no further call begin. Calls under way go on."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _submitted(self, function: Callable[[], T]) -> "Future[T]":
        future = self._executor.submit(function)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        return future


class _Turn:
    """One of the calls that may be under way at once; ends once."""

    def __init__(self, turns: asyncio.Semaphore) -> None:
        self._turns = turns
        self._ended = False

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._turns.release()
