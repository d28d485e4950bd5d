"""Limits how many things happen at once, without letting the slow or the many delay the others.

A slot of a `ConcurrencyLimiter` is free again after some seconds, even if its holder still waits for an answer. The
slots of a `FairSemaphore` are assigned round-robin by namespace: a tenant with hundreds of Trails delays another by one
slot, not by its whole queue.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_acting_for: ContextVar[str] = ContextVar("acting_for", default="")


@contextmanager
def acting_for(namespace: str) -> Iterator[None]:
    """Take slots as this namespace, also in tasks that are created within. Outside, they are the operator's own."""
    token = _acting_for.set(namespace)
    try:
        yield
    finally:
        _acting_for.reset(token)


class FairSemaphore:
    """A semaphore that serves namespaces round-robin, and waiters of one namespace first come, first served."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        # The waiters of each namespace; the namespaces in the order in which they are served.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def __aenter__(self) -> None:
        await self._acquire(_acting_for.get())

    async def __aexit__(self, *_: object) -> None:
        self._release()

    async def _acquire(self, namespace: str) -> None:
        if self._free:
            self._free -= 1
            return
        slot: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(namespace, deque()).append(slot)
        try:
            await slot
        except asyncio.CancelledError:
            if not slot.cancelled():  # it was assigned already
                self._release()
            raise

    def _release(self) -> None:
        """Assign the slot to the next waiter that was not cancelled."""
        while self._waiting:
            namespace = next(iter(self._waiting))
            queue = self._waiting.pop(namespace)
            slot = queue.popleft()
            if queue:
                self._waiting[namespace] = queue  # last among the namespaces
            if not slot.done():
                slot.set_result(None)
                return
        self._free += 1


class ConcurrencyLimiter:
    """A semaphore whose slots are free again after some seconds: a holder that waits for an answer blocks no other."""

    def __init__(self, slots: int, slow_after: float) -> None:
        """`slow_after`: seconds after which a holder no longer counts."""
        self._free = asyncio.Semaphore(slots)
        self._slow_after = slow_after

    async def acquire(self) -> Callable[[], None]:
        """Wait for a slot. Return the function that releases it; call that in any case."""
        await self._free.acquire()
        slot = _Slot(self._free)
        timer = asyncio.get_running_loop().call_later(self._slow_after, slot.release)

        def release() -> None:
            timer.cancel()
            slot.release()

        return release


class _Slot:
    """A slot of a semaphore, released once."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free = free
        self._is_released = False

    def release(self) -> None:
        if not self._is_released:
            self._is_released = True
            self._free.release()
