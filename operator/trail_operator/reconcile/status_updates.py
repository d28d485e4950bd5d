"""Updates the status of objects between two reconciles, without AWS calls.

`lastDrift.changedBy` follows from what is learned about a drift after it was corrected.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from trail_operator.kube.object_state import ObjectState
from trail_operator.runtime.work_queue import WorkQueue

S = TypeVar("S", bound=ObjectState)


class StatusUpdates(Generic[S]):
    """Writes what the next reconcile would write, with log line and Event."""

    def __init__(
        self, queue: WorkQueue, write: Callable[[S], Awaitable[bool]], managed_elsewhere: Callable[[S], bool]
    ) -> None:
        """`write`: writes the status of an object as far as it can be known without a reconcile."""
        self._queue = queue
        self._write = write
        self._managed_elsewhere = managed_elsewhere

    def enqueue(self, state: S) -> None:
        """Update an object between two of its reconciles."""
        self._queue.enqueue_update(state.uid, "status", partial(self._update, state))

    async def _update(self, state: S) -> None:
        if not self._may_write(state):
            return
        try:
            await self._write(state)
        except Exception:  # noqa: BLE001 - a reconcile meets the same error, reports it and retries
            self._queue.enqueue(state.uid)

    def _may_write(self, state: S) -> bool:
        """Whether a reconcile would write the update now. After a failure, the retry does: it is due soon."""
        is_blocked = state.failures > 0 or state.refused is not None
        return not (is_blocked or state.paused or state.deleting or self._managed_elsewhere(state))
