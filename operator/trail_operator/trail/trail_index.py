"""Finds the Trails of the trails that an event names: by account, region and name."""

from collections.abc import Callable

from trail_operator.domain.arns import Arn
from trail_operator.domain.cloudtrail_calls import Kind
from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.reconcile.object_index import ObjectIndex
from trail_operator.trail.state import TrailState

_Place = tuple[str, str, str]


class TrailIndex(ObjectIndex[TrailState, _Place]):
    """The Trails, by the trails that they are about."""

    def __init__(self, trail_scope: Callable[[TrailState], tuple[str, str]]) -> None:
        """`trail_scope`: returns the account ID and the default region of a Trail's account."""
        super().__init__()
        self._trail_scope = trail_scope

    def find(self, event: CloudTrailEvent) -> list[TrailState]:
        """Return the Trails of a trail: several if they compete for it, or some only observe it."""
        trails = event.resources_of(Kind.TRAIL)
        return [state for ref in trails for state in self.at((ref.account, ref.region, ref.name))]

    def region_of(self, state: TrailState) -> tuple[str, str]:
        """Return the account whose credentials read a Trail's trail, and the region of the trail."""
        account, default_region = self._trail_scope(state)
        return account, state.text("region") or state.status.home_region or default_region

    def places_of(self, state: TrailState) -> frozenset[_Place]:
        """Return the places by which events name a trail.

        A caller names the trail in its own account and region; the ARN of an organization trail that a delegated
        administrator manages is in the management account.
        """
        account, region = self.region_of(state)
        places = {(account, region, state.trail_name)}
        if arn := state.recorded_arn:
            recorded = Arn.parse(arn)
            places |= {
                (recorded.account, recorded.region, recorded.name),
                (account, recorded.region, recorded.name),
            }
        return frozenset(places)
