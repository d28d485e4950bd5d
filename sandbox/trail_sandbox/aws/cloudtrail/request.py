"""A call that may go ahead, as the operations see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from trail_sandbox.aws.delivery import Delivery
from trail_sandbox.aws.organizations import trails_in
from trail_sandbox.aws.settings import Settings
from trail_sandbox.aws.trails import Trail, TrailStore
from trail_sandbox.aws.world import World

Output = Mapping[str, Any]
Allowed = Callable[[str, str, Mapping[str, str]], bool]
"""Whether the caller may do an action on a resource, with condition keys beside the global ones."""


@dataclass(frozen=True)
class Request:
    """A call that may go ahead, and all that its answer depends on."""

    account: str
    region: str
    input: Mapping[str, Any]
    now: datetime
    trails: TrailStore
    world: World
    settings: Settings
    delivery: Delivery
    allowed: Allowed
    """For what an operation needs besides its own action, which is already allowed."""

    def trails_of(self, account: str, as_of: datetime | None = None) -> list[Trail]:
        """The trails of an account, its organization's among them, in the partition of the call."""
        trails = trails_in(self.trails, account, as_of)
        return [trail for trail in trails if trail.is_in_partition_of(self.region)]

    @property
    def as_of(self) -> datetime | None:
        """The moment that reads answer from; None is now."""
        stale = self.settings.stale_reads
        return self.now - timedelta(seconds=stale) if stale else None
