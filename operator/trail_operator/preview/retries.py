"""Repeats reads that fail for a moment."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from trail_operator.domain.failure import FailureClass, FailureError
from trail_operator.runtime.clock import Clock

# Seconds before AWS is asked again after a transient failure.
_RETRIES = (1.0, 3.0)
T = TypeVar("T")


async def with_retries(clock: Clock, read: Callable[[], Awaitable[T]]) -> T:
    """Return the result of reads. Raises the FailureError of the last attempt."""
    for delay in _RETRIES:
        try:
            return await read()
        except FailureError as error:
            if error.failure.kind is not FailureClass.TRANSIENT:
                raise
        await clock.sleep(delay)
    return await read()
