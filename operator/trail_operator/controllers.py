"""All controllers as one. They start and stop together, and run while this process leads."""

import asyncio
from dataclasses import dataclass
from typing import Any

from trail_operator.account.controller import AccountController
from trail_operator.events.consumer import EventConsumer
from trail_operator.inventory.account_client import AccountClients
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.inventory.namespaces import NamespaceController
from trail_operator.kube.object_controller import ObjectController
from trail_operator.trail.controller import TrailController
from trail_operator.trail.dependency_changes import DependencyChanges


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
    dependencies: DependencyChanges
    clients: AccountClients
    events: EventConsumer | None
    """None without --event-queue."""
    alarm_sets: ObjectController[Any] | None = None
    """Started by the informer, once the cluster has the kind."""

    def start(self, initial: InitialObjects) -> None:
        """Start with the objects that exist, so that all claims are known before the first write."""
        self.namespaces.start(initial.namespaces)
        self.accounts.start(initial.accounts)
        self.trails.start(initial.trails)
        if self.events:
            self.events.start()

    def restart_stalled(self) -> None:
        """Restart the tasks that have ended or make no progress."""
        for part in (self.trails, self.accounts, self.alarm_sets):
            if part:
                part.restart_stalled()

    async def stop(self, seconds: float) -> bool:
        """Let runs and AWS calls finish within this time. Return whether no AWS call is in progress.

        An interrupted call counts as one without an answer.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        await self.accounts.stop()
        parts = (self.trails, self.alarm_sets, self.events)
        await asyncio.gather(*(part.stop(seconds) for part in parts if part))
        self.inventory.close()
        self.dependencies.close()
        return await self.clients.close(max(0.0, deadline - clock()))
