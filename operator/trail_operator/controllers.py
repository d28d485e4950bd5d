"""The controllers that run while this process leads, as one: they start and stop together."""

from dataclasses import dataclass
from typing import Any

from trail_operator.account.controller import AccountController
from trail_operator.inventory.account_client import AccountClients
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.inventory.namespaces import NamespaceController
from trail_operator.runtime.clock import Clock
from trail_operator.trail.controller import TrailController


@dataclass(frozen=True)
class InitialObjects:
    """The objects that exist at the start."""

    namespaces: list[dict[str, Any]]
    accounts: list[dict[str, Any]]
    trails: list[dict[str, Any]]


@dataclass(frozen=True)
class Controllers:
    """All controllers, and what they share."""

    trails: TrailController
    accounts: AccountController
    namespaces: NamespaceController
    inventory: AccountInventory
    clients: AccountClients
    clock: Clock

    def start(self, initial: InitialObjects) -> None:
        """Begin with the objects that exist: before the first write, all claims are known."""
        self.namespaces.start(initial.namespaces)
        self.accounts.start(initial.accounts)
        self.trails.start(initial.trails)

    async def stop(self, patience: float) -> bool:
        """End all runs; those of Trails get so many seconds. Return whether no call to AWS is still under way.

        An AWS call that is cut off counts as a lost answer.
        """
        end = self.clock.monotonic() + patience
        await self.accounts.stop()
        await self.trails.stop(patience)
        self.inventory.close()
        return await self.clients.close(max(0.0, end - self.clock.monotonic()))
