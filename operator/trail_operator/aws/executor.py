"""The threads in which all accounts' calls to AWS are made. boto3 knows no other way to wait for an answer."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from trail_operator.aws.http_deadline import Exchange
from trail_operator.runtime.concurrency import ConcurrencyLimiter

# More at once would only contend for the interpreter.
_CALLS_AT_ONCE = 32
# A call that has taken so many seconds no longer counts: accounts that don't answer hold up nobody.
_SECONDS_THAT_COUNT = 2.0
# No call takes longer, whatever comes of its answer meanwhile: 5 seconds to connect, and 20 for a first byte.
DEADLINE = 30.0
# Threads are made when none is free. Each account has a few calls under way at most, so many hang at worst.
_THREADS = 2048

T = TypeVar("T")


class DeadlineError(TimeoutError):
    """A call has not ended within its time: it may have taken effect."""


class CallExecutor:
    """Runs functions in threads, so many at once; first come, first served, and each for so long at most."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="aws")
        self._slots = ConcurrencyLimiter(_CALLS_AT_ONCE, _SECONDS_THAT_COUNT)
        self._under_way: set[Future[Any]] = set()

    async def run(self, function: Callable[[], T], begun: Callable[[], None] = lambda: None) -> T:
        """The function's result, or what it raises. `begun`: called when its turn has come, right before it begins."""
        release = await self._slots.acquire()
        try:
            begun()
            async with asyncio.timeout(DEADLINE) as deadline:
                return await self._result(function)
        except TimeoutError:
            if deadline.expired():
                raise DeadlineError from None
            raise
        finally:
            release()

    async def close(self, seconds: float) -> bool:
        """Let no further call begin; those under way get some seconds, also if nobody waits for them any more.

        Whether all have ended. Those that have not go on.
        """
        self._executor.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(wait, list(self._under_way), seconds)
        return not self._under_way

    async def _result(self, function: Callable[[], T]) -> T:
        exchange = Exchange()
        future = self._submitted(lambda: exchange.carry(function))
        timer = asyncio.get_running_loop().call_later(DEADLINE, exchange.end)
        try:
            return await asyncio.wrap_future(future)
        finally:
            if future.done():  # else it goes on, also if nobody waits for it any more
                timer.cancel()

    def _submitted(self, function: Callable[[], T]) -> "Future[T]":
        future = self._executor.submit(function)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        return future
