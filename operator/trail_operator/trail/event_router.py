"""Delivers events of CloudTrail: wakes the Trails that a call concerns, and says who called. Nothing else follows.

The decisions are in `domain/event_routing.py`, the limits in `event_wakes.py`. Which call caused a drift is decided in
`domain/attribution.py`.
"""

from functools import partial

from trail_operator.aws.own_requests import OwnRequests
from trail_operator.domain.cloudtrail_calls import Kind
from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.domain.event_routing import Outcome, refusal
from trail_operator.inventory.refresh import InventoryRefresh
from trail_operator.metrics import Metrics
from trail_operator.runtime.logs import about, logger
from trail_operator.trail.attribution import DriftAttribution
from trail_operator.trail.dependency_changes import DependencyChanges
from trail_operator.trail.event_wakes import EventWakes


class EventRouter:
    """Delivers events to the Trails, and to the inventory of accounts."""

    def __init__(
        self,
        wakes: EventWakes,
        attribution: DriftAttribution,
        dependencies: DependencyChanges,
        refresh: InventoryRefresh,
        own_requests: OwnRequests,
        metrics: Metrics,
    ) -> None:
        self._wakes = wakes
        self._attribution = attribution
        self._dependencies = dependencies
        self._refresh = refresh
        self._own_requests = own_requests
        self._metrics = metrics

    def deliver(self, event: CloudTrailEvent) -> None:
        """Handle an event, once the operator's writes in its account and region are answered. Does not wait."""
        self._own_requests.when_answered(event.account, event.region, partial(self._handle, event))

    def _handle(self, event: CloudTrailEvent) -> None:
        try:
            outcome = self._route(event)
        except Exception:  # noqa: BLE001 - a bug must stop neither the events that follow nor the write that ended
            message = f"internal error on event {event.event_name} of account {event.account}"
            logger.exception(message, extra=about("event queue"))
            outcome = Outcome.INTERNAL
        self._metrics.record_message(outcome)

    def _route(self, event: CloudTrailEvent) -> Outcome:
        is_own = event.request_id in self._own_requests
        trails = event.resources_of(Kind.TRAIL)
        if not is_own:  # also of accounts without credentials: an administrator of the organization may be in one
            for state in self._wakes.find(trails):
                self._attribution.record_event(state, event)
        if refused := refusal(event, is_own=is_own, is_known_account=self._refresh.is_known(event.account)):
            return refused
        if not trails:
            for resource in event.resources:
                self._dependencies.on_change(resource)
            return Outcome.DEPENDENCY
        if outcome := self._wakes.wake(trails, event.event_time):
            return outcome
        return Outcome.INVENTORY if self._refresh.request(event.account) else Outcome.KNOWN
