"""The threads in which all accounts' calls to AWS are made. boto3 knows no other way to wait for an answer."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from trail_operator.aws.turns import Turns

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
        self._turns = Turns(_CALLS_AT_ONCE, _SECONDS_THAT_COUNT)
        self._under_way: set[Future[Any]] = set()

    async def run(self, function: Callable[[], T], begun: Callable[[], None] = lambda: None) -> T:
        """The function's result, or what it raises. `begun`: called when its turn has come, right before it begins."""
        end = await self._turns.begin()
        try:
            begun()
            return await asyncio.wrap_future(self._submitted(function))
        finally:
            end()

    async def close(self, seconds: float) -> bool:
        """Let no further call begin; those under way get some seconds, also if nobody waits for them any more.

        Whether all have ended. Those that have not go on.
        """
        self._executor.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(wait, list(self._under_way), seconds)
        return not self._under_way

    def _submitted(self, function: Callable[[], T]) -> "Future[T]":
        future = self._executor.submit(function)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        return future
