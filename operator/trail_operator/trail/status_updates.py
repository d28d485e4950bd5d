"""Updates the status of Trails when something else than the trail changes.

The warnings follow from the other trails of the account.
"""

import asyncio
from collections.abc import Callable

from trail_operator.inventory.inventory import AccountInventory
from trail_operator.reconcile.status_updates import StatusUpdates
from trail_operator.runtime.work_queue import WorkQueue
from trail_operator.trail.controller import TrailStore
from trail_operator.trail.state import TrailState
from trail_operator.trail.status_writer import StatusWriter

# Seconds between two updates. Each costs some milliseconds of CPU, and a new Trail should not wait for all of them.
_INTERVAL = 0.02


class TrailStatusUpdates(StatusUpdates[TrailState]):
    """Writes the Advisory condition and the last drift, as the next reconcile would."""

    def __init__(
        self,
        trails: TrailStore,
        queue: WorkQueue,
        inventory: AccountInventory,
        writer: StatusWriter,
        managed_elsewhere: Callable[[TrailState], bool],
    ) -> None:
        super().__init__(queue, self._write_update, managed_elsewhere)
        self._trails = trails
        self._inventory = inventory
        self._writer = writer

    def enqueue_account(self, account: str | None) -> None:
        """Update the Trails of an account, spread over time, each between two of its reconciles."""
        loop = asyncio.get_running_loop()
        bases = ((state, state.reads.advice_basis) for state in self._trails.values())
        states = [state for state, basis in bases if basis and basis.account == account]
        for index, state in enumerate(states):
            loop.call_later(index * _INTERVAL, self.enqueue, state)

    async def _write_update(self, state: TrailState) -> bool:
        basis = state.reads.advice_basis
        advice = self._inventory.advice(state, basis) if basis else None
        return await self._writer.write_update(state, advice)
