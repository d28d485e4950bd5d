"""Has topics in the actions of alarms read again when they change."""

from collections.abc import Callable

from trail_operator.alarms.controller import AlarmSetStore
from trail_operator.alarms.state import AlarmSetState
from trail_operator.domain.cloudtrail_resources import ResourceRef


class TopicChanges:
    """Reconciles the TrailAlarmSets whose alarms notify a topic, so that their Advisory says what it is like now."""

    def __init__(self, alarm_sets: AlarmSetStore, wake: Callable[[AlarmSetState], None]) -> None:
        """`wake`: has a set reconciled, within the limits of what events may cause."""
        self._alarm_sets = alarm_sets
        self._wake = wake

    def on_change(self, changed: frozenset[ResourceRef]) -> frozenset[ResourceRef]:
        """Have sets reconciled; return the resources that are read again."""
        read: set[ResourceRef] = set()
        for state in self._alarm_sets.values():
            topics = state.cache.topics
            if topics is not None and (found := topics.resources & changed):
                topics.cache.invalidate(found)
                read |= found
                self._wake(state)
        return frozenset(read)
