"""Finds the Trail of a trail that an event names: by account, region and name."""

from collections import defaultdict
from collections.abc import Callable

from trail_operator.domain.arns import Arn
from trail_operator.domain.cloudtrail_resources import ResourceRef
from trail_operator.trail.state import TrailState

_Place = tuple[str, str, str]


class TrailIndex:
    """The Trails, by the trails that they are about. An entry is as of the last reconcile of its Trail."""

    def __init__(self, trail_scope: Callable[[TrailState], tuple[str, str]]) -> None:
        """`trail_scope`: returns the account ID and the default region of a Trail's account."""
        self._trail_scope = trail_scope
        self._by_place: dict[_Place, dict[str, TrailState]] = defaultdict(dict)
        self._places: dict[str, set[_Place]] = {}

    def update(self, state: TrailState) -> None:
        """Record where a Trail's trail is now."""
        places = self._places_of(state)
        if places == self._places.get(state.uid):
            return
        self.remove(state)
        self._places[state.uid] = places
        for place in places:
            self._by_place[place][state.uid] = state

    def remove(self, state: TrailState) -> None:
        """Remove a Trail that no longer exists."""
        for place in self._places.pop(state.uid, ()):
            found = self._by_place[place]
            del found[state.uid]
            if not found:
                del self._by_place[place]

    def find(self, ref: ResourceRef) -> list[TrailState]:
        """Return the Trails of a trail: several if they compete for it, or some only observe it."""
        return [*self._by_place.get((ref.account, ref.region, ref.name), {}).values()]

    def place_of(self, state: TrailState) -> tuple[str, str]:
        """Return the account whose credentials read a Trail's trail, and the region of the trail."""
        account, default_region = self._trail_scope(state)
        return account, state.text("region") or state.status.home_region or default_region

    def _places_of(self, state: TrailState) -> set[_Place]:
        """Return the places by which events name a trail.

        A caller names the trail in its own account and region; the ARN of an organization trail that a delegated
        administrator manages is in the management account.
        """
        account, region = self.place_of(state)
        places = {(account, region, state.trail_name)}
        if arn := state.recorded_arn:
            recorded = Arn.parse(arn)
            places |= {
                (recorded.account, recorded.region, recorded.name),
                (account, recorded.region, recorded.name),
            }
        return places
