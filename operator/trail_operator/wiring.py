"""All parts of the operator, put together: what works on Trails and AWSAccounts while this process leads."""

import asyncio
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trail_operator.account.reconciler import AccountReconciler
from trail_operator.api.trail import AdoptionPolicy, DeletionPolicy
from trail_operator.aws.credentials import ClientPool
from trail_operator.domain.ownership import Cluster
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.kube.client import KubeClient
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.leader_election import LeaderFence
from trail_operator.kube.unreportable import Unreportable
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.concurrency import acting_for
from trail_operator.runtime.store import Store
from trail_operator.settings import Settings
from trail_operator.trail.apply import PlanExecutor
from trail_operator.trail.checks import WriteChecks
from trail_operator.trail.collector import StateCollector
from trail_operator.trail.controller import TrailController, TrailStore, trail_queue
from trail_operator.trail.delete import TrailDeleter
from trail_operator.trail.location import Locator
from trail_operator.trail.name_claims import NameClaims
from trail_operator.trail.observe import ReadOnlySync
from trail_operator.trail.read import TrailReader
from trail_operator.trail.reconciler import TrailReconciler
from trail_operator.trail.refusals import Refusals
from trail_operator.trail.resolve import SpecResolver
from trail_operator.trail.results import SyncResults
from trail_operator.trail.state import TrailState
from trail_operator.trail.status_writer import StatusWriter
from trail_operator.trail.sync import TrailSync
from trail_operator.trail.write_guard import WriteGuard


@dataclass(frozen=True)
class Manifests:
    """What there is at the start."""

    namespaces: list[dict[str, Any]]
    accounts: list[dict[str, Any]]
    trails: list[dict[str, Any]]


class Controller:
    """Works on all Trails and AWSAccounts that it is told of."""

    def __init__(
        self, kubernetes: KubeClient, leadership: LeaderFence, settings: Settings, cluster: Cluster, metrics: Metrics
    ) -> None:
        resync = settings.resync.total_seconds()
        events = EventRecorder(kubernetes, time.monotonic)
        unreportable = Unreportable(events, time.monotonic)
        default_deletion_policy = DeletionPolicy(settings.default_deletion_policy)
        self.trails: TrailStore = Store()
        queue = trail_queue(time.monotonic, metrics.task_restarted, resync)
        writer = StatusWriter(kubernetes, events, default_deletion_policy, now=_now, enqueue=queue.enqueue)
        locator = Locator(cluster, time.monotonic)
        self.accounts = AccountRegistry(
            ClientPool(settings.region, time.monotonic, leadership.check),
            default=settings.default_account,
            own_identity=settings.own_identity,
            allowed_adoption=AdoptionPolicy(settings.allowed_adoption),
            cluster=cluster.name,
            clock=time.monotonic,
            sleep=asyncio.sleep,
            called=metrics.called,
            waited=metrics.waited,
        )
        self.inventory = AccountInventory(
            self.accounts.current, resync=resync, clock=time.monotonic, sleep=asyncio.sleep
        )
        claims = NameClaims(self.accounts.trail_scope, settings.namespace, self.accounts.admits)
        resolver = SpecResolver(self.accounts, locator, tuple(settings.ignore_tags))
        write_guard = WriteGuard(locator, time.monotonic)
        clock = Clock(time.monotonic, _now, asyncio.sleep, random.random)
        refusals = Refusals(clock)
        results = SyncResults(self.inventory, events, clock, resync=resync)
        sync = TrailSync(
            TrailReader(locator, resolver, writer, clock),
            ReadOnlySync(resolver),
            WriteChecks(locator, resolver, claims, results),
            PlanExecutor(locator, write_guard, refusals, self.inventory, writer, events, clock),
            results,
            metrics,
        )
        deletion = TrailDeleter(
            self.accounts,
            locator,
            write_guard,
            self.inventory,
            events,
            default_deletion_policy,
            clock=time.monotonic,
            now=_now,
        )
        self._resync = resync
        self._reconciler = TrailReconciler(
            sync,
            results,
            refusals,
            deletion,
            locator,
            writer,
            events,
            unreportable,
            resync=resync,
            random=random.random,
            clock=time.monotonic,
            reconciled=metrics.reconciled,
        )
        self.trail_controller = TrailController(kubernetes, self.trails, claims, queue, self._reconcile, time.monotonic)
        self.account_controller = AccountReconciler(
            kubernetes,
            self.accounts,
            self.inventory,
            events,
            unreportable,
            cluster=cluster,
            labels=dict(entry.split("=", 1) for entry in settings.account_selector.split(",") if entry),
            namespaces=settings.namespace,
            users=lambda name: [
                state.key.namespace for state in self.trails.values() if self.accounts.name_for(state) == name
            ],
            changed=lambda name: self.trail_controller.enqueue(lambda state: self.accounts.name_for(state) == name),
            resync=resync,
            clock=time.monotonic,
            now=_now,
            random=random.random,
            restarted=metrics.task_restarted,
        )
        self.trails.subscribe(on_add=self.account_controller.on_trail_added, on_delete=self._forgotten)
        self.inventory.noticed = self._notice
        metrics.registry.register(
            StateCollector(self._own_states, self.accounts.all, lambda: len(self.trail_controller.stalled()))
        )

    def start(self, initial_objects: Manifests) -> None:
        """Begin with all that there is: before the first write, all claims are known."""
        for body in initial_objects.namespaces:
            self.namespace_seen(body)
        self.account_controller.start(initial_objects.accounts)
        self.trail_controller.start(initial_objects.trails)

    def namespace_seen(self, body: dict[str, Any]) -> None:
        """A namespace as the API server has it now: its labels may open or close an account to its Trails."""
        name = str(body["metadata"]["name"])
        if self.accounts.labelled(name, dict(body["metadata"].get("labels") or {})):
            self.trail_controller.enqueue(lambda state: state.key.namespace == name)

    def namespace_gone(self, name: str) -> None:
        """A namespace that the API server no longer has: what its labels opened, another of its name must open anew."""
        self.accounts.unlabelled(name)

    async def stop(self, patience: float) -> bool:
        """End all passes; those under way get some seconds. Whether no call to AWS is still under way.

        An AWS call that is cut off counts as a lost answer.
        """
        end = time.monotonic() + patience
        self.account_controller.stop()
        await self.trail_controller.stop(patience)
        self.inventory.close()
        return await self.accounts.close(max(0.0, end - time.monotonic()))

    async def _reconcile(self, state: TrailState) -> float | None:
        """A pass over a Trail, unless it is another operator's: that is left alone. Seconds until the next."""
        if await self.account_controller.managed_elsewhere(state):
            return self._resync
        with acting_for(state.key.namespace):
            return await self._reconciler.reconcile(state)

    def _own_states(self) -> list[TrailState]:
        return [state for state in self.trails.values() if not self.accounts.managed_elsewhere(state)]

    def _forgotten(self, state: TrailState) -> None:
        self.inventory.forget_trail(state)
        self.account_controller.enqueue(self.accounts.name_for(state))

    def _notice(self, account: str | None, is_news: bool) -> None:
        """An account's trails were read: whoever is told something else by that looks again."""
        if is_news:
            # Not those that wait for something to be mended: they look again soon, and not sooner for a warning.
            self.trail_controller.enqueue(lambda state: not state.failures and self.inventory.is_news(state, account))
        self.account_controller.enqueue(account)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
