"""The trails of an account as a value, with the attributes that warnings and the status of an AWSAccount need."""

from dataclasses import dataclass, replace

from trail_operator.domain.arns import Arn
from trail_operator.domain.selectors import management_events
from trail_operator.domain.trail import ObservedTrail


@dataclass(frozen=True)
class PeerTrail:
    """Another trail of the account, with the attributes that warnings need."""

    arn: str
    home_region: str
    is_multi_region_trail: bool
    include_global_service_events: bool
    is_organization_trail: bool
    management_events: frozenset[str] | None
    """Management events that it records: Read, Write, both or none; None if unknown."""
    is_logging: bool | None = False
    """None if unknown."""
    owner: str | None = None
    """The owner tag."""
    is_owner_known: bool = True
    """Whether AWS shows its tags, which it does not for another account's trail."""

    @classmethod
    def of(cls, trail: ObservedTrail) -> "PeerTrail":
        """Return a trail of which all parts were read."""
        configuration = trail.configuration
        return cls(
            arn=trail.arn,
            home_region=trail.home_region,
            is_multi_region_trail=configuration.is_multi_region_trail,
            include_global_service_events=configuration.include_global_service_events,
            is_organization_trail=configuration.is_organization_trail,
            management_events=management_events(trail.event_selectors) if trail.is_logging else frozenset(),
            is_logging=trail.is_logging,
            owner=trail.owner,
        )

    @property
    def name(self) -> str:
        """The trail's name."""
        return Arn.parse(self.arn).name


@dataclass(frozen=True)
class InventorySnapshot:
    """The trails of an account, as far as AWS shows them."""

    trails: tuple[PeerTrail, ...] | None = None
    """None if none could be read."""
    count: int | None = None
    """Number of trails, including those that can only be counted; None if unknown."""
    access_errors: tuple[str, ...] = ()
    """Why the snapshot is incomplete: the calls that AWS keeps denying, as text for users."""

    def with_trail(self, arn: str, trail: PeerTrail | None) -> "InventorySnapshot | None":
        """Return the snapshot with a trail added or replaced, or removed (None).

        Returns None if the snapshot is too incomplete: the trail may be one of those that can only be counted.
        """
        if self.trails is None:
            return None
        others = [other for other in self.trails if other.arn != arn]
        is_known = len(others) < len(self.trails)
        if not is_known and self.count != len(self.trails):
            return None
        trails = tuple(sorted([*others, *([trail] if trail else [])], key=lambda one: one.arn))
        count = None if self.count is None else self.count + len(trails) - len(self.trails)
        return replace(self, trails=trails, count=count)
