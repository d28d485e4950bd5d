"""The objects of one kind, as events concern them."""

from typing import Generic, TypeVar

from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.domain.event_routing import Outcome
from trail_operator.kube.object_state import ObjectState
from trail_operator.reconcile.attribution import DriftAttribution
from trail_operator.reconcile.event_wakes import EventWakes

S = TypeVar("S", bound=ObjectState)


class EventTarget(Generic[S]):
    """Wakes the objects that a call concerns, and records who called."""

    def __init__(self, wakes: EventWakes[S], attribution: DriftAttribution[S]) -> None:
        self.wakes = wakes
        self.attribution = attribution

    def record(self, event: CloudTrailEvent) -> None:
        """Consider a call of somebody else as the cause of drift."""
        for state in self.wakes.find(event):
            self.attribution.record_event(state, event)

    def wake(self, event: CloudTrailEvent) -> Outcome | None:
        """Read the objects that a call concerns; return None if there are none."""
        return self.wakes.wake(event)
