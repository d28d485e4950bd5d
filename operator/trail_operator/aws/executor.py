"""The threads in which calls to AWS run, for all accounts: boto3 has no asynchronous API."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from trail_operator.aws.http_deadline import Exchange
from trail_operator.runtime.concurrency import ConcurrencyLimiter

# More concurrent calls would only compete for the interpreter.
_CALLS_AT_ONCE = 32
# After so many seconds, a call no longer counts against the limit: an account that does not answer delays no other.
_SECONDS_THAT_COUNT = 2.0
# Longer than botocore's timeouts together: 5 seconds to connect and at most 24 for the first byte of the response.
DEADLINE = 30.0
# Created when no thread is free. Each account has only a few calls in progress, which bounds how many can hang.
_THREADS = 2048

T = TypeVar("T")


class DeadlineError(TimeoutError):
    """Raised for a call that exceeded its deadline; it may have taken effect."""


class CallExecutor:
    """Runs functions in threads: a limited number at once, first come, first served, each with a deadline."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="aws")
        self._slots = ConcurrencyLimiter(_CALLS_AT_ONCE, _SECONDS_THAT_COUNT)
        self._under_way: dict[Future[Any], Exchange] = {}

    async def run(self, function: Callable[[], T], on_start: Callable[[], None] = lambda: None) -> T:
        """Return the function's result, or raise its exception. `on_start`: called right before the function starts."""
        release = await self._slots.acquire()
        try:
            on_start()
            async with asyncio.timeout(DEADLINE) as deadline:
                return await self._result(function)
        except TimeoutError:
            if deadline.expired():
                raise DeadlineError from None
            raise
        finally:
            release()

    async def close(self, seconds: float) -> bool:
        """Start no further call, and give those in progress some seconds, even if nothing awaits them.

        Returns whether all have ended. The others keep running.
        """
        self._executor.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(wait, list(self._under_way), seconds)
        return not self._under_way

    def abort(self) -> None:
        """Start no further call, and break the connections that those in progress wait for.

        A call whose response has been read still returns it.
        """
        self._executor.shutdown(wait=False, cancel_futures=True)
        for exchange in list(self._under_way.values()):
            exchange.end()

    async def _result(self, function: Callable[[], T]) -> T:
        exchange = Exchange()
        future = self._submit(exchange, function)
        timer = asyncio.get_running_loop().call_later(DEADLINE, exchange.end)
        try:
            return await asyncio.wrap_future(future)
        finally:
            if future.done():  # otherwise it keeps running, even if nothing awaits it
                timer.cancel()

    def _submit(self, exchange: Exchange, function: Callable[[], T]) -> "Future[T]":
        future = self._executor.submit(exchange.run, function)
        self._under_way[future] = exchange
        future.add_done_callback(self._under_way.pop)
        return future
