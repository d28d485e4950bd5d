"""Builds what receives events, and reports what proves that they arrive. Used by `wiring.py` alone."""

from trail_operator.account.controller import AccountController
from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.connection import Connection
from trail_operator.aws.executor import CallExecutor
from trail_operator.aws.own_requests import OwnRequests
from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.domain.queue_address import QueueAddress
from trail_operator.events.consumer import Deliver, EventConsumer
from trail_operator.events.queue import EventQueue
from trail_operator.inventory.account_client import AccountClients
from trail_operator.inventory.event_arrivals import EventArrivals
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock
from trail_operator.settings import Settings
from trail_operator.trail.event_router import EventRouter


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
