"""Builds what receives events, and reports what proves that they arrive. Used by `wiring.py` alone."""

from trail_operator.account.controller import AccountController
from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.connection import Connection
from trail_operator.aws.event_history import EventHistory
from trail_operator.aws.executor import CallExecutor
from trail_operator.aws.own_requests import OwnRequests
from trail_operator.aws.rate_limit import READS_PER_SECOND
from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.domain.queue_address import QueueAddress
from trail_operator.events.consumer import Deliver, EventConsumer
from trail_operator.events.queue import EventQueue
from trail_operator.inventory.account_client import AccountClients
from trail_operator.inventory.event_arrivals import EventArrivals
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.metrics import Metrics
from trail_operator.reconcile.attribution import DriftAttribution
from trail_operator.reconcile.event_target import EventTarget
from trail_operator.reconcile.event_wakes import EventWakes
from trail_operator.reconcile.history_lookups import HistoryLookups
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.work_queue import WorkQueue
from trail_operator.settings import Settings
from trail_operator.shared_parts import Shared
from trail_operator.trail.event_router import EventRouter
from trail_operator.trail.state import TrailState
from trail_operator.trail.status_updates import TrailStatusUpdates
from trail_operator.trail.status_writer import StatusWriter
from trail_operator.trail.trail_index import TrailIndex


def event_consumer(
    settings: Settings, pool: ClientPool, clients: AccountClients, deliver: Deliver, metrics: Metrics, clock: Clock
) -> EventConsumer | None:
    """Return the consumer of the event queue, which uses the operator's own identity; None without --event-queue."""
    if not settings.event_queue:
        return None
    address = QueueAddress.parse(settings.event_queue)
    connection = Connection(
        pool,
        pool.own,
        CallExecutor(),
        clients.limiter_for,
        clients.own_requests,
        clock,
        metrics.record_call,
        default_region=pool.default_region,
        named_regions=frozenset(filter(None, [address.region])),
    )
    return EventConsumer(EventQueue(address, connection), deliver, metrics, clock)


def trail_events(shared: Shared, queue: WorkQueue, writer: StatusWriter) -> EventTarget[TrailState]:
    """Build what events cause of Trails."""
    registry, clock = shared.registry, shared.clock
    wakes = EventWakes(TrailIndex(registry.trail_scope), queue.enqueue, READS_PER_SECOND, shared.metrics, clock)
    updates = TrailStatusUpdates(shared.trails, queue, shared.inventory, writer, registry.managed_elsewhere)
    shared.inventory.subscribe(lambda account, has_changed: updates.enqueue_account(account) if has_changed else None)

    def history_for(state: TrailState) -> EventHistory:
        return registry.client_for(state).history

    lookups = HistoryLookups(history_for, shared.attributor.is_own, shared.metrics, clock)
    shared.trails.subscribe(on_add=wakes.add, on_delete=wakes.remove)
    return EventTarget(wakes, DriftAttribution(shared.attributor, lookups, updates, queue, clock))


def deliver_to(router: EventRouter, arrivals: EventArrivals) -> Deliver:
    """Return what handles an event: it proves that events of its account and region arrive, whatever it says."""

    def deliver(event: CloudTrailEvent) -> None:
        arrivals.on_message(event.account, event.region)
        router.deliver(event)

    return deliver


def watch_arrivals(
    arrivals: EventArrivals,
    inventory: AccountInventory,
    own_requests: OwnRequests,
    registry: AccountRegistry,
    accounts: AccountController,
) -> None:
    """Report the trails that are read and the writes, and reconcile AWSAccounts whose events begin to arrive."""

    def on_inventory(name: str | None, _: bool) -> None:
        if known := inventory.known_trails(name):
            arrivals.on_inventory(*known)

    def on_change(account: str) -> None:
        for name in registry.names_of(account):
            accounts.enqueue(name)

    inventory.subscribe(on_inventory)
    own_requests.subscribe(arrivals.on_write)
    arrivals.subscribe(on_change)
