"""Builds all parts of the operator and connects them. Each part knows only the interfaces below its own layer."""

from collections.abc import Callable
from functools import partial

from trail_operator.account.controller import AccountController, AccountScope
from trail_operator.account.reconciler import AccountReconciler
from trail_operator.account.status_writer import AccountStatusWriter, AccountUsers
from trail_operator.alarm_wiring import alarm_set_controller, collect_alarm_states, subscribe_alarm_sets
from trail_operator.alarms.topic_changes import TopicChanges
from trail_operator.alarms.trail_changes import TrailChanges
from trail_operator.api.constants import ACCOUNT_KIND, ALARM_SET_KIND, KIND
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.aws.client_pool import ClientPool
from trail_operator.controllers import Controllers
from trail_operator.domain.ownership import Cluster
from trail_operator.event_wiring import deliver_to, event_consumer, trail_events, watch_arrivals
from trail_operator.inventory.account_client import AccountClients
from trail_operator.inventory.event_arrivals import EventArrivals
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.inventory.namespaces import NamespaceController
from trail_operator.inventory.refresh import InventoryRefresh
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.kube.client import KubeClient
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.leader_election import LeaderFence
from trail_operator.kube.object_controller import object_queue
from trail_operator.kube.unreportable import Unreportable
from trail_operator.manager import Manager
from trail_operator.metrics import Metrics
from trail_operator.reconcile.event_target import EventTarget
from trail_operator.reconcile.reachability import Reachability
from trail_operator.reconcile.runner import ReconcileRunner
from trail_operator.reconcile.state_metrics import UnreportableCollector
from trail_operator.reconcile.unwritable import UnwritableObjects
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.concurrency import acting_for
from trail_operator.runtime.store import Store
from trail_operator.runtime.work_queue import WorkQueue
from trail_operator.settings import Settings
from trail_operator.shared_parts import Shared
from trail_operator.trail.apply import PlanExecutor
from trail_operator.trail.candidates import TrailCandidates
from trail_operator.trail.checks import WriteChecks
from trail_operator.trail.collector import StateCollector
from trail_operator.trail.controller import TrailController
from trail_operator.trail.decision import WriteDecider
from trail_operator.trail.delete import TrailDeleter
from trail_operator.trail.dependency_changes import DependencyChanges
from trail_operator.trail.dependency_updates import DependencyUpdates
from trail_operator.trail.drift import DriftRecorder
from trail_operator.trail.event_router import EventRouter
from trail_operator.trail.finalize import TrailFinalizer
from trail_operator.trail.location import Locator
from trail_operator.trail.name_claims import NameClaims
from trail_operator.trail.observe import ReadOnlySync
from trail_operator.trail.read import TrailReader
from trail_operator.trail.reconciler import TrailReconciler
from trail_operator.trail.refusals import Refusals
from trail_operator.trail.requeue import RequeuePolicy
from trail_operator.trail.resolve import SpecResolver
from trail_operator.trail.results import SyncResults
from trail_operator.trail.state import TrailState
from trail_operator.trail.status_writer import StatusWriter
from trail_operator.trail.sync import TrailSync
from trail_operator.trail.unknown_status import UnknownStatus
from trail_operator.trail.write_guard import WriteGuard


def build_manager(settings: Settings, end: Callable[[str], None]) -> Manager:
    """Build the manager, which builds the controllers once it leads. `end`: called with the reason to end."""
    metrics, clock = Metrics(), Clock()
    return Manager(settings, partial(build_controllers, settings, metrics, clock), metrics, clock, end)


def build_controllers(
    settings: Settings, metrics: Metrics, clock: Clock, kubernetes: KubeClient, fence: LeaderFence, cluster: Cluster
) -> Controllers:
    """Build the controllers, and have each learn of the others' changes that concern it."""
    pool = ClientPool(settings.region, clock.monotonic, fence.check)
    clients = AccountClients(pool, cluster.name, AdoptionPolicy(settings.allowed_adoption), clock, metrics)
    shared = _shared(settings, metrics, clock, kubernetes, clients, cluster)
    registry = shared.registry
    accounts = _account_controller(shared)
    queue = object_queue(clock.monotonic, metrics.record_restart, shared.resync)
    writer = StatusWriter(kubernetes, shared.events, shared.deletion_policy, queue.enqueue, clock)
    trail_target = trail_events(shared, queue, writer)
    updates = _dependency_updates(shared, writer, queue)
    alarm_sets, alarm_set_target = alarm_set_controller(shared, accounts, queue.enqueue)
    trail_changes = TrailChanges(lambda trail: alarm_sets.enqueue(lambda state: state.trail_key == trail))
    trails = _trail_controller(shared, accounts, queue, trail_target, writer, updates, trail_changes)
    dependencies = DependencyChanges(shared.trails, trail_target.wakes.wake_once, updates, clock)
    dependencies.subscribe(TopicChanges(shared.alarm_sets, alarm_set_target.wakes.wake_once).on_change)
    namespaces = NamespaceController(registry, lambda name: trails.enqueue(lambda state: state.key.namespace == name))
    _subscribe(shared, accounts, trails)
    subscribe_alarm_sets(shared, accounts, alarm_sets)
    _collect_state(shared, trails)
    collect_alarm_states(shared, alarm_sets)
    refresh = InventoryRefresh(shared.inventory, registry.names_of, clock)
    router = EventRouter([trail_target, alarm_set_target], dependencies, refresh, clients.own_requests, metrics)
    consumer = event_consumer(settings, pool, clients, deliver_to(router, shared.arrivals), metrics, clock)
    if consumer:
        watch_arrivals(shared.arrivals, shared.inventory, clients.own_requests, registry, accounts)
    return Controllers(trails, accounts, namespaces, shared.inventory, dependencies, clients, consumer, alarm_sets)


def _shared(
    settings: Settings,
    metrics: Metrics,
    clock: Clock,
    kubernetes: KubeClient,
    clients: AccountClients,
    cluster: Cluster,
) -> Shared:
    registry = AccountRegistry(
        clients, default=settings.default_account, own_identity=settings.own_identity, clock=clock
    )
    events = EventRecorder(kubernetes, clock.monotonic)
    return Shared(
        settings,
        cluster,
        kubernetes,
        metrics,
        clock,
        events,
        Unreportable(events, clock.monotonic),
        registry,
        AccountInventory(registry.current, settings.resync.total_seconds(), clock, shared=bool(settings.namespace)),
        clients.own_requests,
        EventArrivals(cluster, clock),
        Store(),
        Store(),
    )


def _collect_state(shared: Shared, trails: TrailController) -> None:
    registry, register = shared.registry, shared.metrics.registry.register
    register(
        StateCollector(
            shared.own_trails,
            registry.all,
            lambda: len(trails.stalled()),
            lambda: shared.arrivals.state(registry.own.aws.account).status,
        )
    )
    register(
        UnreportableCollector(
            {KIND: shared.own_trails, ALARM_SET_KIND: shared.own_alarm_sets, ACCOUNT_KIND: registry.all}
        )
    )


def _subscribe(shared: Shared, accounts: AccountController, trails: TrailController) -> None:
    registry = shared.registry
    shared.inventory.subscribe(lambda account, _: accounts.enqueue(account))
    accounts.subscribe(lambda name: trails.enqueue(lambda state: registry.name_for(state) == name))
    shared.trails.subscribe(
        on_add=accounts.on_trail_added, on_delete=lambda state: accounts.enqueue(registry.name_for(state))
    )


def _account_controller(shared: Shared) -> AccountController:
    settings, clock = shared.settings, shared.clock
    writer = AccountStatusWriter(
        shared.kubernetes,
        shared.events,
        shared.cluster,
        AccountUsers(settings.namespace, shared.users_of, lambda: shared.alarm_sets.is_complete),
        shared.arrivals if settings.event_queue else None,
        clock,
    )
    reconciler = AccountReconciler(shared.registry, shared.inventory, writer, shared.unreportable, shared.resync, clock)
    return AccountController(
        shared.kubernetes,
        shared.registry,
        shared.inventory,
        WorkQueue(clock.monotonic, shared.metrics.record_restart),
        reconciler.reconcile,
        AccountScope(
            labels=dict(entry.split("=", 1) for entry in settings.account_selector.split(",") if entry),
            namespaces=settings.namespace,
        ),
    )


def _dependency_updates(shared: Shared, writer: StatusWriter, queue: WorkQueue) -> DependencyUpdates:
    resync = shared.settings.dependency_resync.total_seconds()
    client_for = shared.registry.client_for
    updates = DependencyUpdates(shared.trails, queue, client_for, writer, shared.clock, resync=resync)
    shared.trails.subscribe(on_delete=updates.stop)
    return updates


def _trail_controller(
    shared: Shared,
    accounts: AccountController,
    queue: WorkQueue,
    target: EventTarget[TrailState],
    writer: StatusWriter,
    dependencies: DependencyUpdates,
    changes: TrailChanges,
) -> TrailController:
    clock, registry = shared.clock, shared.registry
    claims = NameClaims(registry.trail_scope, shared.settings.namespace, registry.admits)
    drift = DriftRecorder(shared.events, shared.metrics, target.attribution, clock)
    runner = _trail_runner(shared, claims, writer, drift, dependencies)

    async def reconcile(state: TrailState) -> float | None:
        if await accounts.managed_elsewhere(state):
            return shared.resync
        with acting_for(state.key.namespace):
            return await changes.observed(state, target.wakes.observed(state, runner.run(state)))

    return TrailController(shared.kubernetes, shared.trails, claims, queue, reconcile, clock.monotonic)


def _trail_runner(
    shared: Shared,
    claims: NameClaims,
    writer: StatusWriter,
    drift: DriftRecorder,
    dependencies: DependencyUpdates,
) -> ReconcileRunner[TrailState]:
    registry, events, inventory, clock = shared.registry, shared.events, shared.inventory, shared.clock
    locator = Locator(shared.cluster)
    resolver = SpecResolver(registry, locator, tuple(shared.settings.ignore_tags))
    guard = WriteGuard(clock)
    refusals = Refusals(clock)
    reachability = Reachability(clock, resync=shared.resync)
    results = SyncResults(inventory, events, reachability)
    sync = TrailSync(
        TrailReader(locator, resolver, inventory.on_list, writer.clear_identity, clock),
        ReadOnlySync(resolver),
        WriteDecider(WriteChecks(locator, resolver, claims, clock)),
        PlanExecutor(guard, refusals, inventory, writer, events, clock),
        results,
        drift,
    )
    requeue = RequeuePolicy(reachability, refusals, clock, resync=shared.resync)
    status = UnknownStatus(results, reachability, writer)
    candidates = TrailCandidates(registry, locator, clock)
    deleter = TrailDeleter(candidates, guard, inventory, events, shared.deletion_policy, clock)
    finalizer = TrailFinalizer(deleter, requeue, status, writer, events)
    reconciler = TrailReconciler(sync, drift, finalizer, requeue, writer, dependencies)
    unwritable = UnwritableObjects(shared.unreportable, writer.refresh)
    return ReconcileRunner(
        reconciler, requeue, status, unwritable, partial(shared.metrics.record_reconcile, KIND), clock
    )
