"""Finds the TrailAlarmSets whose filters, alarms or log group an event names."""

from trail_operator.alarms.state import AlarmSetState
from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.reconcile.object_index import ObjectIndex

_Place = tuple[str, str]


class AlarmSetIndex(ObjectIndex[AlarmSetState, _Place]):
    """The TrailAlarmSets, by account and region: a region has few."""

    def find(self, event: CloudTrailEvent) -> list[AlarmSetState]:
        """Return the sets that an event concerns."""
        places = {(resource.account, resource.region) for resource in event.resources}
        found = {state.uid: state for place in places for state in self.at(place)}
        return [state for state in found.values() if state.place and state.place.concerns(event)]

    def region_of(self, state: AlarmSetState) -> tuple[str, str]:
        """Return the account and region of a set's filters and alarms."""
        return (state.place.account, state.place.region) if state.place else ("", "")

    def places_of(self, state: AlarmSetState) -> frozenset[_Place]:
        """Return the places of the set and of its trail, which may be another account's."""
        place = state.place
        if place is None:
            return frozenset()
        of_trail = {(place.trail.account, place.trail.region)} if place.trail else set()
        return frozenset({(place.account, place.region)} | of_trail)
