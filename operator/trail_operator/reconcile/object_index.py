"""Finds the objects that an event concerns."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Hashable
from typing import Generic, TypeVar

from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.kube.object_state import ObjectState

S = TypeVar("S", bound=ObjectState)
P = TypeVar("P", bound=Hashable)


class ObjectIndex(ABC, Generic[S, P]):
    """The objects of one kind by places in AWS. An entry is as of the last reconcile of its object."""

    def __init__(self) -> None:
        self._by_place: dict[P, dict[str, S]] = defaultdict(dict)
        self._places: dict[str, frozenset[P]] = {}

    @abstractmethod
    def find(self, event: CloudTrailEvent) -> list[S]:
        """Return the objects that an event concerns."""

    @abstractmethod
    def region_of(self, state: S) -> tuple[str, str]:
        """Return the account whose credentials read AWS for an object, and the region."""

    @abstractmethod
    def places_of(self, state: S) -> frozenset[P]:
        """Return the places by which `find` looks for an object."""

    def at(self, place: P) -> list[S]:
        """Return the objects of a place."""
        return [*self._by_place.get(place, {}).values()]

    def update(self, state: S) -> None:
        """Record where an object is now."""
        places = self.places_of(state)
        if places == self._places.get(state.uid):
            return
        self.remove(state)
        self._places[state.uid] = places
        for place in places:
            self._by_place[place][state.uid] = state

    def remove(self, state: S) -> None:
        """Remove an object that no longer exists."""
        for place in self._places.pop(state.uid, ()):
            found = self._by_place[place]
            del found[state.uid]
            if not found:
                del self._by_place[place]
