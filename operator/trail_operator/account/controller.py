"""The AWSAccount controller: which AWSAccounts exist and are this operator's, and when each is reconciled."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.api.constants import NAMESPACE_FINALIZERS
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.inventory.registry import Account, AccountRegistry, finalizers_of, requested_state
from trail_operator.kube.answers import NO_ANSWER
from trail_operator.kube.client import AWS_ACCOUNTS, Key, KubeClient
from trail_operator.kube.trail_object import TrailObject
from trail_operator.runtime.logs import about, logger
from trail_operator.runtime.work_queue import Work, WorkQueue

# How far apart AWSAccounts begin at the start, in seconds.
_BETWEEN_STARTS = 0.05

Reconcile = Callable[[Account], Awaitable[float]]


@dataclass(frozen=True)
class AccountScope:
    """Which AWSAccounts and Trails are this operator's, where several share a cluster."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """The labels that its AWSAccounts have."""
    namespaces: Collection[str] = ()
    """The namespaces whose Trails it watches, none for all."""


class AccountController:
    """Keeps registry, inventory and work queue in step with the AWSAccounts that the API server has."""

    def __init__(
        self,
        kubernetes: KubeClient,
        registry: AccountRegistry,
        inventory: AccountInventory,
        queue: WorkQueue,
        reconcile: Reconcile,
        scope: AccountScope,
    ) -> None:
        self._kubernetes = kubernetes
        self.registry = registry
        self._inventory = inventory
        self._queue = queue
        self._reconcile = reconcile
        self._scope = scope
        self._on_change: list[Callable[[str], None]] = []

    def subscribe(self, on_change: Callable[[str], None]) -> None:
        """Have this called with the name of each AWSAccount that comes, changes or goes."""
        self._on_change.append(on_change)

    def start(self, bodies: list[dict[str, Any]]) -> None:
        """Add all AWSAccounts that exist at the start. They begin one after the other: Trails come first."""
        for index, body in enumerate(bodies):
            try:
                self.on_update(body, after=index * _BETWEEN_STARTS)
            except Exception:  # noqa: BLE001 - one that cannot be parsed must not block others
                logger.exception(
                    "failed to parse the AWSAccount", extra=about(f"AWSAccount {body['metadata']['name']}")
                )

    def on_update(self, body: dict[str, Any], *, after: float = 0.0) -> None:
        """Handle an AWSAccount that was listed, added or modified: its Trails follow at once.

        `after`: seconds until its first run.
        """
        name = body["metadata"]["name"]
        if not self._scope.labels.items() <= (body["metadata"].get("labels") or {}).items():
            account = self.registry.get(name)
            if self.registry.exclude(name):
                self._remove(name, account)
            return
        known = self.registry.get(name)
        if known and known.uid != body["metadata"]["uid"]:  # the watch has missed its deletion
            self.on_delete(known.body)
            known = None
        before = known.body if known else None
        account = self.registry.upsert(body)
        self._start(account, after)
        if before is None or requested_state(before) != requested_state(body):
            self._inventory.mark_stale(account.client)
            self._notify(name)
            if before:
                self._queue.enqueue(account.uid)
        elif account.deleting and finalizers_of(before) != finalizers_of(body):
            self._queue.enqueue(account.uid)  # to report who still uses it

    def on_delete(self, body: dict[str, Any]) -> None:
        """Handle an AWSAccount that the API server no longer has."""
        name = body["metadata"]["name"]
        account = self.registry.get(name)
        if account is None or account.uid == body["metadata"]["uid"]:  # else the event is late and about a former one
            self._remove(name, self.registry.delete(name))

    async def managed_elsewhere(self, trail: TrailObject) -> bool:
        """Whether a Trail is another operator's: its AWSAccount is."""
        return await self.is_elsewhere(self.registry.name_for(trail))

    async def is_elsewhere(self, name: str | None) -> bool:
        """Whether an AWSAccount is another operator's."""
        if self._scope.labels and name and not self.registry.knows(name):
            # The watches may report an object and its AWSAccount that are created together in any order.
            with suppress(ApiException, *NO_ANSWER):
                if body := await self._kubernetes.find(AWS_ACCOUNTS, Key("", name)):
                    self.on_update(body)
        return self.registry.is_excluded(name)

    def on_trail_added(self, trail: TrailObject) -> None:
        """Add the finalizer of the Trail's namespace to its AWSAccount, where namespaces have their own."""
        account = self.registry.get(self.registry.name_for(trail) or "")
        if self._scope.namespaces and account and NAMESPACE_FINALIZERS + trail.key.namespace not in account.finalizers:
            self._queue.enqueue(account.uid)

    def enqueue(self, name: str | None) -> None:
        """Reconcile an AWSAccount: its trails have changed, or who uses it."""
        if account := self.registry.get(name or ""):
            self._queue.enqueue(account.uid)

    def restart_stalled(self) -> None:
        """Restart the tasks that have ended, which none should."""
        for account in self.registry.all():
            if account.uid not in self._queue or self._queue.has_ended(account.uid):
                self._start(account, 0.0)
                self._queue.restart(account.uid)

    async def stop(self) -> None:
        """Cancel all runs: an AWSAccount's may end anywhere."""
        await self._queue.drain(0.0)

    def _start(self, account: Account, after: float) -> None:
        self._queue.add(account.uid, Work(partial(self._reconcile, account), account.about()), after=after)

    def _remove(self, name: str, account: Account | None) -> None:
        if account:
            self._queue.remove(account.uid, cancel_run=True)
        self._inventory.forget(name)
        self._notify(name)

    def _notify(self, name: str) -> None:
        for on_change in self._on_change:
            on_change(name)
