"""Whether whoever makes calls is waiting for a rate: who does so is not stuck, however long it takes."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Waits:
    """The waits of all calls that are made in one context."""

    def __init__(self) -> None:
        self.under_way = 0
        self.ended = -math.inf
        """When the last of them ended."""


CURRENT: ContextVar[Waits | None] = ContextVar("waits", default=None)


class Wait:
    """One of them; ends once."""

    def __init__(self) -> None:
        self._waits = CURRENT.get()
        if self._waits:
            self._waits.under_way += 1

    def end(self, now: float) -> None:
        """Its turn has come, or it is waited for no more."""
        waits, self._waits = self._waits, None
        if waits:
            waits.under_way -= 1
            waits.ended = now


@contextmanager
def counted(waits: Waits) -> Iterator[None]:
    """Within this, waits are counted there."""
    token = CURRENT.set(waits)
    try:
        yield
    finally:
        CURRENT.reset(token)
