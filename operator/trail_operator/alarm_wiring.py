"""Builds the TrailAlarmSet controller, and connects it with the others."""

from collections.abc import Callable
from functools import partial

from trail_operator.account.controller import AccountController
from trail_operator.alarms.account import PinnedAccount
from trail_operator.alarms.advice import AlarmAdvisor
from trail_operator.alarms.alarm_set_index import AlarmSetIndex
from trail_operator.alarms.apply import AlarmExecutor
from trail_operator.alarms.checks import AlarmChecks
from trail_operator.alarms.collector import AlarmStateCollector
from trail_operator.alarms.controller import AlarmSetController
from trail_operator.alarms.decision import AlarmDecider
from trail_operator.alarms.delete import AlarmSetDeleter
from trail_operator.alarms.drift import AlarmDriftRecorder
from trail_operator.alarms.events import AlarmSetEvents
from trail_operator.alarms.finalize import AlarmSetFinalizer
from trail_operator.alarms.managed_trail import ManagedTrails
from trail_operator.alarms.read import AlarmReader
from trail_operator.alarms.reconciler import AlarmSetReconciler
from trail_operator.alarms.requeue import AlarmRequeue
from trail_operator.alarms.resolve import AlarmSetResolver
from trail_operator.alarms.results import AlarmResults
from trail_operator.alarms.state import AlarmSetState
from trail_operator.alarms.status_writer import AlarmSetStatusWriter
from trail_operator.alarms.sync import AlarmSync
from trail_operator.alarms.unknown_status import AlarmUnknownStatus
from trail_operator.alarms.write import AlarmWriter
from trail_operator.api.constants import ALARM_SET_KIND
from trail_operator.aws.event_history import EventHistory
from trail_operator.kube.object_controller import object_queue
from trail_operator.reconcile.attribution import DriftAttribution
from trail_operator.reconcile.event_wakes import EventWakes
from trail_operator.reconcile.history_lookups import HistoryLookups
from trail_operator.reconcile.reachability import Reachability
from trail_operator.reconcile.runner import ReconcileRunner
from trail_operator.reconcile.status_updates import StatusUpdates
from trail_operator.reconcile.unwritable import UnwritableObjects
from trail_operator.runtime.concurrency import acting_for
from trail_operator.runtime.work_queue import WorkQueue
from trail_operator.shared_parts import Shared
from trail_operator.trail.location import Locator

# The lowest rate of the reads that each reconcile makes: of DescribeMetricFilters.
_READS_PER_SECOND = 4


def alarm_set_controller(
    shared: Shared, accounts: AccountController, reconcile_trail: Callable[[str], None]
) -> tuple[AlarmSetController, AlarmSetEvents]:
    """Build the controller, which starts once the cluster has the kind, and what events cause.

    `reconcile_trail`: has the Trail with a UID reconciled.
    """
    queue = object_queue(shared.clock.monotonic, shared.metrics.record_restart, shared.resync)
    writer = AlarmSetStatusWriter(shared.kubernetes, shared.events, queue.enqueue, shared.clock)
    target = _events(shared, queue, writer)
    runner = _runner(shared, writer, target.attribution, reconcile_trail)

    async def reconcile(state: AlarmSetState) -> float | None:
        if await accounts.is_elsewhere(shared.account_of(state)):
            return shared.resync
        with acting_for(state.key.namespace):
            return await target.wakes.observed(state, runner.run(state))

    controller = AlarmSetController(shared.kubernetes, shared.alarm_sets, queue, reconcile, shared.clock.monotonic)
    return controller, target


def collect_alarm_states(shared: Shared, alarm_sets: AlarmSetController) -> None:
    """Have metrics show the state of sets, except those of other operators."""
    collector = AlarmStateCollector(shared.own_alarm_sets, lambda: len(alarm_sets.stalled()))
    shared.metrics.registry.register(collector)


def subscribe_alarm_sets(shared: Shared, accounts: AccountController, alarm_sets: AlarmSetController) -> None:
    """Have sets reconciled when their Trail or AWSAccount comes, changes or goes, and AWSAccounts when sets go."""
    registry = shared.registry
    shared.trails.subscribe(
        on_add=lambda trail: alarm_sets.enqueue(lambda state: state.trail_key == trail.key),
        on_delete=lambda trail: alarm_sets.enqueue(lambda state: state.trail_key == trail.key),
    )
    shared.alarm_sets.subscribe(on_delete=lambda state: accounts.enqueue(state.status.account_name))

    def reconcile_accounts() -> None:
        for account in registry.all():
            accounts.enqueue(account.name)

    shared.alarm_sets.subscribe_complete(reconcile_accounts)

    def uses(state: AlarmSetState, account: str) -> bool:
        trail = shared.trails.get(state.trail_key)
        return state.holds_account(account) or (trail is not None and registry.name_for(trail) == account)

    accounts.subscribe(lambda name: alarm_sets.enqueue(lambda state: uses(state, name)))


def _events(shared: Shared, queue: WorkQueue, writer: AlarmSetStatusWriter) -> AlarmSetEvents:
    wakes = EventWakes(AlarmSetIndex(), queue.enqueue, _READS_PER_SECOND, shared.metrics, shared.clock)

    def history_for(state: AlarmSetState) -> EventHistory:
        trail = shared.trails.get(state.trail_key)
        if trail is None:
            return shared.registry.client_named(state.status.account_name, state.key.namespace).history
        return shared.registry.client_for(trail).history

    def managed_elsewhere(state: AlarmSetState) -> bool:
        return shared.registry.is_excluded(shared.account_of(state))

    updates = StatusUpdates(queue, writer.write_last_drift, managed_elsewhere)
    lookups = HistoryLookups(history_for, shared.attributor.is_own, shared.metrics, shared.clock)
    attribution = DriftAttribution(shared.attributor, lookups, updates, queue, shared.clock)
    shared.alarm_sets.subscribe(on_add=wakes.add, on_delete=wakes.remove)
    return AlarmSetEvents(wakes, attribution, shared.clock)


def _runner(
    shared: Shared,
    status: AlarmSetStatusWriter,
    attribution: DriftAttribution[AlarmSetState],
    reconcile_trail: Callable[[str], None],
) -> ReconcileRunner[AlarmSetState]:
    clock, settings, events = shared.clock, shared.settings, shared.events
    dependency_resync = settings.dependency_resync.total_seconds()
    reachability = Reachability(clock, resync=shared.resync)
    locator = Locator(shared.cluster)
    managed = ManagedTrails(locator, clock, resync=shared.resync)
    resolver = AlarmSetResolver(shared.trails, shared.registry, locator, managed, settings)
    reader = AlarmReader(clock, dependency_resync=dependency_resync)
    results = AlarmResults(AlarmAdvisor(dependency_resync=dependency_resync), reachability, clock)
    requeue = AlarmRequeue(reachability, clock, resync=shared.resync)
    writer = AlarmWriter(clock)
    drift = AlarmDriftRecorder(events, shared.metrics, attribution, clock)
    decider = AlarmDecider(resolver, reader, AlarmChecks(clock, dependency_resync=dependency_resync))
    sync = AlarmSync(decider, AlarmExecutor(resolver, writer, status, reconcile_trail, clock), results, drift)
    account = PinnedAccount(shared.registry, shared.cluster)
    deleter = AlarmSetDeleter(account, reader, writer, shared.deletion_policy, clock)
    finalizer = AlarmSetFinalizer(deleter, requeue, results, status, events)
    reconciler = AlarmSetReconciler(sync, drift, finalizer, requeue, status)
    unwritable = UnwritableObjects(shared.unreportable, status.refresh)
    unknown = AlarmUnknownStatus(results, reachability, status)
    record = partial(shared.metrics.record_reconcile, ALARM_SET_KIND)
    return ReconcileRunner(reconciler, requeue, unknown, unwritable, record, clock)
