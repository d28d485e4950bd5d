"""The result of a reconcile as a value, from which the status is computed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Difference
from trail_operator.domain.conditions import State
from trail_operator.domain.dependencies import DependentTrail
from trail_operator.domain.failure import Failure
from trail_operator.domain.trail import ObservedTrail, Part
from trail_operator.domain.warnings import Advice

NOT_OURS = (Reason.CONFLICT, Reason.ADOPTION_NOT_ALLOWED)
"""The trail with that name belongs to another owner, or may not be adopted."""


@dataclass(frozen=True)
class TrailIdentity:
    """What status records about a trail that is managed or observed."""

    account: str
    """The account of the credentials. An organization trail belongs to another one."""
    home_region: str
    arn: str
    owner_tag: str | None = None
    """The owner tag of a managed trail; None if it is only observed."""


@dataclass(frozen=True)
class SyncResult:
    """The result of a reconcile."""

    generation: int
    known: bool
    """Whether AWS answered every read, after the last write."""
    observed: ObservedTrail | None
    """None if there is no such trail. If not `known`: what could be read, None if nothing."""
    found: ObservedTrail | None = None
    """A trail that has the name but does not belong to the Trail."""
    drift: tuple[Difference, ...] = ()
    failure: Failure | None = None
    delivery_advice: str = ""
    has_written: bool = False
    """Whether the reconcile wrote to AWS, so that earlier reads are outdated."""
    unreachable: bool = False
    """Whether no read has succeeded for three resync periods."""
    identity: TrailIdentity | None = None
    """What to record in status; None keeps what is recorded."""
    refused: Mapping[str, Failure] = field(default_factory=dict)
    """What AWS refuses permanently, by operation; there may be a transient failure besides."""
    not_found: str = ""
    """The message about a trail that does not exist, if it is only observed."""
    observe_only: bool = False
    """Whether the trail is only observed: it may belong to anyone, and drift is not corrected."""
    advice: tuple[Advice, ...] | None = ()
    """The warnings; None if they are not known yet, which keeps the earlier ones."""

    dependent: DependentTrail | None = None
    """The trail whose dependencies are to be judged; None if they cannot be."""
    dependencies: State | None = None
    """What the dependencies of `dependent` allow; None if that is not known yet, which keeps what was known."""

    @classmethod
    def incomplete(
        cls,
        generation: int,
        failure: Failure,
        drift: tuple[Difference, ...] = (),
        observed: ObservedTrail | None = None,
    ) -> "SyncResult":
        """Return the result of a sync that could not read all of the trail.

        `drift`: differences that are certain even so; `observed`: what was read.
        """
        return cls(generation, known=False, observed=observed, drift=drift, failure=failure, advice=None)

    def has_read(self, *parts: Part) -> bool:
        """Whether these parts of the trail were read."""
        return self.known if self.observed is None else self.observed.unreadable.isdisjoint(parts)
