"""A Trail and its trail in AWS as one sync read them: the input of the checks and the plan."""

from dataclasses import dataclass
from functools import cached_property

from trail_operator.api.trail_status import Difference
from trail_operator.domain.dependencies import DependentTrail
from trail_operator.domain.diff import differences
from trail_operator.domain.sync_result import TrailIdentity
from trail_operator.domain.trail import DesiredTrail, ObservedTrail, Part
from trail_operator.inventory.account_client import AccountClient
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.trail.resolve import ResolvedSpec
from trail_operator.trail.state import TrailState


@dataclass(frozen=True)
class Comparison:
    """What a sync knows before it decides what to write."""

    state: TrailState
    context: ReconcileContext
    resolved: ResolvedSpec
    desired: DesiredTrail
    observed: ObservedTrail | None
    """None if AWS has no trail of that ARN."""
    home_elsewhere: str | None = None
    """The other region in which this resource already has a trail."""

    @property
    def client(self) -> AccountClient:
        """The client of the trail's account."""
        return self.resolved.client

    @property
    def unread(self) -> frozenset[Part]:
        """The parts of the trail that AWS did not answer."""
        return self.observed.unreadable if self.observed else frozenset()

    @cached_property
    def drift(self) -> tuple[Difference, ...]:
        """The differences between the spec and AWS."""
        return differences(self.desired, self.observed)

    @property
    def dependent(self) -> DependentTrail:
        """The trail as the spec has it, whose dependencies are to be judged."""
        client, desired = self.client.name, self.desired
        return DependentTrail(client, desired.arn, desired.location, desired.configuration, self.resolved.key_failure)

    @property
    def identity(self) -> TrailIdentity | None:
        """What status records about the trail; None unless its owner tag is this resource's."""
        if self.observed is None or not self.desired.owns(self.observed.owner):
            return None
        location, observed = self.desired.location, self.observed
        return TrailIdentity(location.account, observed.home_region, observed.arn, observed.owner)
