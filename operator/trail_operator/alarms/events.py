"""What events cause of TrailAlarmSets, beside what they cause of every kind: what is cached is read again."""

from trail_operator.alarms.state import AlarmSetState
from trail_operator.domain.cloudtrail_calls import Kind
from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.domain.event_routing import Outcome
from trail_operator.domain.wake_series import REPEATS
from trail_operator.reconcile.attribution import DriftAttribution
from trail_operator.reconcile.event_target import EventTarget
from trail_operator.reconcile.event_wakes import EventWakes
from trail_operator.runtime.clock import Clock


class AlarmSetEvents(EventTarget[AlarmSetState]):
    """Wakes the sets that a call concerns, and records who called."""

    def __init__(
        self, wakes: EventWakes[AlarmSetState], attribution: DriftAttribution[AlarmSetState], clock: Clock
    ) -> None:
        super().__init__(wakes, attribution)
        self._clock = clock

    def wake(self, event: CloudTrailEvent) -> Outcome | None:
        """Read the sets that a call concerns; return None if there are none."""
        outcome = super().wake(event)
        if outcome is None:
            return None
        # A reconcile since the call shows no tag that it took from the cache.
        outdated = [state for state in self.wakes.find(event) if self._doubt(state, event)]
        for state in outdated:
            self.wakes.wake_once(state)
        return Outcome.WOKEN if outdated else outcome

    def _doubt(self, state: AlarmSetState, event: CloudTrailEvent) -> bool:
        """Have tags read as often as the alarms, until AWS shows the call; return whether there are cached ones."""
        now, called = self._clock.monotonic(), self._clock.now() - event.event_time
        if event.resources_of(Kind.LOG_GROUP) and not event.resources_of(Kind.METRIC_FILTER):
            state.cache.log_group = None
        names = {resource.name for resource in event.resources_of(Kind.ALARM)}
        return state.cache.doubt_tags(names, called_at=now - called.total_seconds(), until=now + REPEATS[-1])
