"""Updates the status of Trails between two reconciles, without AWS calls, when something else than the trail changes.

The warnings follow from the other trails of the account, `lastDrift.changedBy` from what is learned about a drift after
it was corrected.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from trail_operator.inventory.inventory import AccountInventory
from trail_operator.runtime.work_queue import WorkQueue
from trail_operator.trail.controller import TrailStore
from trail_operator.trail.state import TrailState
from trail_operator.trail.status_writer import StatusWriter

# Seconds between two updates. Each costs some milliseconds of CPU, and a new Trail should not wait for all of them.
_INTERVAL = 0.02


class StatusUpdates:
    """Writes the Advisory condition, with log line and Event, and the last drift, as the next reconcile would."""

    def __init__(
        self,
        trails: TrailStore,
        queue: WorkQueue,
        inventory: AccountInventory,
        writer: StatusWriter,
        managed_elsewhere: Callable[[TrailState], bool],
    ) -> None:
        self._trails = trails
        self._queue = queue
        self._inventory = inventory
        self._writer = writer
        self._managed_elsewhere = managed_elsewhere

    def enqueue_account(self, account: str | None) -> None:
        """Update the Trails of an account, spread over time, each between two of its reconciles."""
        loop = asyncio.get_running_loop()
        bases = ((state, state.reads.advice_basis) for state in self._trails.values())
        states = [state for state, basis in bases if basis and basis.account == account]
        for index, state in enumerate(states):
            loop.call_later(index * _INTERVAL, self.enqueue, state)

    def enqueue(self, state: TrailState) -> None:
        """Update a Trail between two of its reconciles."""
        self._queue.enqueue_update(state.uid, "status", partial(self._update, state))

    async def _update(self, state: TrailState) -> None:
        if not self._may_write(state):
            return
        basis = state.reads.advice_basis
        advice = self._inventory.advice(state, basis) if basis else None
        try:
            await self._writer.write_update(state, advice)
        except Exception:  # noqa: BLE001 - a reconcile meets the same error, reports it and retries
            self._queue.enqueue(state.uid)

    def _may_write(self, state: TrailState) -> bool:
        """Whether a reconcile would write the update now. After a failure, the retry does: it is due soon."""
        is_blocked = state.failures > 0 or state.refused is not None
        return not (is_blocked or state.paused or state.deleting or self._managed_elsewhere(state))
