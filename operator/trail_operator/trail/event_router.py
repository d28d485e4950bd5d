"""Delivers events of CloudTrail: wakes the objects that a call concerns, and says who called. Nothing else follows.

The decisions are in `domain/event_routing.py`, the limits in `reconcile/event_wakes.py`. Which call caused a drift is
decided in `domain/attribution.py`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from trail_operator.aws.own_requests import OwnRequests
from trail_operator.domain.cloudtrail_calls import Kind
from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.domain.event_routing import Outcome, refusal
from trail_operator.inventory.refresh import InventoryRefresh
from trail_operator.metrics import Metrics
from trail_operator.runtime.logs import about, logger
from trail_operator.trail.dependency_changes import DependencyChanges

_OF_ALARM_SETS = frozenset({Kind.METRIC_FILTER, Kind.ALARM})


class Target(Protocol):
    """The objects of one kind."""

    def record(self, event: CloudTrailEvent) -> None:
        """Consider a call of somebody else as the cause of drift."""

    def wake(self, event: CloudTrailEvent) -> Outcome | None:
        """Read the objects that a call concerns; return None if there are none."""


class EventRouter:
    """Delivers events to the objects of all kinds, and to the inventory of accounts."""

    def __init__(
        self,
        targets: Sequence[Target],
        dependencies: DependencyChanges,
        refresh: InventoryRefresh,
        own_requests: OwnRequests,
        metrics: Metrics,
    ) -> None:
        self._targets = targets
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
        if not is_own:  # also of accounts without credentials: an administrator of the organization may be in one
            for target in self._targets:
                target.record(event)
        if refused := refusal(event, is_own=is_own, is_known_account=self._refresh.is_known(event.account)):
            return refused
        kinds = {resource.kind for resource in event.resources}
        is_of_dependency = Kind.TRAIL not in kinds and kinds.isdisjoint(_OF_ALARM_SETS)
        if is_of_dependency:
            for resource in event.resources:
                self._dependencies.on_change(resource)
        woken = [outcome for target in self._targets if (outcome := target.wake(event))]
        if woken:
            return Outcome.WOKEN if Outcome.WOKEN in woken else Outcome.KNOWN
        if is_of_dependency:
            return Outcome.DEPENDENCY
        if Kind.TRAIL not in kinds:
            return Outcome.UNMANAGED
        return Outcome.INVENTORY if self._refresh.request(event.account) else Outcome.KNOWN
