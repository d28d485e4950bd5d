"""Cancels the calls of a client that is closed, except for a write that was sent: its outcome must be known."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from trail_operator.api.reasons import Reason
from trail_operator.domain.failure import Failure, FailureClass, NotSentError


class ClosedError(NotSentError):
    """Raised by calls of a closed client: how the account is reached, or who may use it, has just changed."""

    def __init__(self) -> None:
        message = "The AWSAccount has changed during the reconcile, which starts again"
        super().__init__(Failure(FailureClass.TRANSIENT, Reason.PROGRESSING, message))


class CancelScope:
    """Runs the calls of one client until the client is closed."""

    def __init__(self) -> None:
        self._is_closed = False
        self._timeouts: set[asyncio.Timeout] = set()

    def close(self) -> None:
        """Cancel everything that can be cancelled, and let no further call begin."""
        if not self._is_closed:
            self._is_closed = True
            for timeout in self._timeouts:
                timeout.reschedule(0.0)

    def check(self) -> None:
        """Raise ClosedError once the scope is closed."""
        if self._is_closed:
            raise ClosedError

    @asynccontextmanager
    async def cancellable(self) -> AsyncIterator[Callable[[], None]]:
        """Run the block, but raise ClosedError in it when the scope is closed.

        Yields a function that shields the block: after that call, it runs to its end.
        """
        self.check()
        try:
            async with asyncio.timeout(None) as timeout:
                self._timeouts.add(timeout)
                shield = partial(self._timeouts.discard, timeout)
                try:
                    yield shield
                finally:
                    shield()
        except TimeoutError:
            if not timeout.expired():
                raise
            raise ClosedError from None
