"""Records whether a run waits for a client-side rate limit: such a run makes progress, however long it takes."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Waits:
    """The waits for rate limits in one context."""

    def __init__(self) -> None:
        self._count = 0
        self.last_ended = -math.inf
        """When the last wait ended, on the monotonic clock."""

    @property
    def in_progress(self) -> bool:
        """Whether anything waits."""
        return self._count > 0

    def begin(self) -> None:
        """Note the start of a wait."""
        self._count += 1

    def end(self, now: float) -> None:
        """Note the end of a wait."""
        self._count -= 1
        self.last_ended = now


_current: ContextVar[Waits | None] = ContextVar("waits", default=None)


class Wait:
    """One wait, which begins when this is constructed. It ends once."""

    def __init__(self) -> None:
        self._waits = _current.get()
        if self._waits:
            self._waits.begin()

    def end(self, now: float) -> None:
        """End the wait, unless it has ended."""
        waits, self._waits = self._waits, None
        if waits:
            waits.end(now)


@contextmanager
def recorded_in(waits: Waits) -> Iterator[None]:
    """Record all waits within this context, and within tasks that are created in it."""
    token = _current.set(waits)
    try:
        yield
    finally:
        _current.reset(token)
