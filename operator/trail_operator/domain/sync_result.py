"""The result of a reconcile as a value, from which the status is computed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Difference
from trail_operator.domain.failure import Failure
from trail_operator.domain.trail import ObservedTrail, Part
from trail_operator.domain.warnings import Advice

NOT_OURS = (Reason.CONFLICT, Reason.ADOPTION_NOT_ALLOWED)
"""The trail of that name is another's, or may not be taken over."""


@dataclass(frozen=True)
class TrailIdentity:
    """Where a trail is that is this resource's, or that is only looked at."""

    account: str
    """Whose credentials were used; an organization's trail is of another account's."""
    home_region: str
    arn: str
    owner_tag: str | None = None
    """The owner tag by which it is this resource's; None where it is only looked at."""


@dataclass(frozen=True)
class SyncResult:
    """What a pass found."""

    generation: int
    known: bool
    """Whether AWS answered every read, after the last write."""
    observed: ObservedTrail | None
    """None where there is no such trail. If not `known`: what was read, None if nothing."""
    found: ObservedTrail | None = None
    """The trail that has the name and is not this resource's."""
    drift: tuple[Difference, ...] = ()
    failure: Failure | None = None
    delivery_advice: str = ""
    has_written: bool = False
    """Whether the pass wrote to AWS, and so ended what was known before."""
    silent_too_long: bool = False
    """Whether no observation has succeeded for three resyncs."""
    place: TrailIdentity | None = None
    """What is to go on record; None leaves the record as it is."""
    refused: Mapping[str, Failure] = field(default_factory=dict)
    """What AWS refuses for good, by operation, be it beside a failure that may pass."""
    sought: str = ""
    """Which trail was looked for, in words, where it is only looked at and is not there."""
    observing: bool = False
    """Whether the trail is only looked at: it may be anybody's, and what differs stays."""
    advice: tuple[Advice, ...] | None = ()
    """What to warn of; None where nothing is known yet: then earlier warnings stay."""

    def tells(self, *parts: Part) -> bool:
        """Whether AWS answered for these parts of the trail."""
        return self.known if self.observed is None else self.observed.unreadable.isdisjoint(parts)
