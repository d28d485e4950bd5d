"""A Trail as the controller holds it: the object as last seen, and what is remembered of it between passes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trail_operator.api.constants import RECONCILE_AT
from trail_operator.api.reasons import ConditionType
from trail_operator.api.trail_status import Destination, Difference
from trail_operator.domain.actions import Action
from trail_operator.domain.attributes import Configuration
from trail_operator.domain.diff import not_read_again
from trail_operator.domain.failure import Failure
from trail_operator.domain.trail import DesiredTrail, ObservedTrail, Part
from trail_operator.kube.trail_object import TrailObject
from trail_operator.kube.unreportable import Refused


@dataclass(frozen=True)
class Explanation:
    """What was found to be behind a refusal, and when."""

    refusal: tuple[str, str, Configuration]
    failure: Failure
    found: float


@dataclass(frozen=True)
class SentDeletion:
    """A DeleteTrail that may have taken effect: when the first was sent, and when AWS last answered one."""

    first: float
    last: float


@dataclass(frozen=True)
class ReconcileContext:
    """What one reconcile acts on: the Trail may change while it runs, the context does not."""

    generation: int
    """The generation of the spec that the reconcile works towards."""
    requested_state: tuple[object, ...]
    """What users wanted when it began: a write that they no longer want is not sent."""
    force: bool = False
    """Whether a user asked for it: nothing that is remembered is then taken for granted."""


@dataclass
class TrailState(TrailObject):
    """One Trail. Losing this memory costs nothing but a read: what matters is in Kubernetes and AWS."""

    started: float = 0.0
    """When the operator first saw it; on the monotonic clock, like all times here."""
    force_requested: bool = False
    """Whether a user asks for a reconcile that takes nothing for granted."""
    rewrites: int = 0
    """Passes in a row that have written to AWS."""
    failures: int = 0
    """Passes in a row that have failed."""
    last_seen: float | None = None
    """When AWS last answered what the trail is."""
    unsettled: tuple[Difference, ...] = ()
    """What AWS did not show yet after the last write."""
    before: ObservedTrail | None = None
    """What the trail was before writes whose effect was not seen yet."""
    written: float | None = None
    """When the last write to AWS ended."""
    explained: Explanation | None = None
    """The last refusal of AWS and what was found to be behind it."""
    delivered: Mapping[Destination, float] = field(default_factory=dict)
    """When AWS last delivered, as it last said."""
    found_logging: bool | None = None
    """Whether the trail that has the name is logging, where it is not this resource's."""
    drifts: int = 0
    """How often the trail was found changed in AWS."""
    checked_absent_arn: str | None = None
    """The ARN of the trail that is nowhere else, as was looked up before it was made."""
    unanswered: tuple[tuple[Action, DesiredTrail], ...] = ()
    """Writes that may have taken effect though AWS did not say so, and what they were to bring about."""
    attempts: dict[str, float] = field(default_factory=dict)
    """When AWS last answered each write that it refused, by operation."""
    refused: Refused | None = None
    """That the API server refuses to write the object."""
    deletions: dict[str, SentDeletion] = field(default_factory=dict)
    untagged: dict[str, float] = field(default_factory=dict)
    """Since when AWS has shown a trail without any owner tag, by ARN, while it is to be deleted."""
    """What was sent to delete trails, by ARN."""
    synced_generation: int | None = None
    """The generation that AWS was last seen to be equal to: a difference from it arose in AWS."""

    def __post_init__(self) -> None:
        super().__post_init__()
        # It may have been wished while no operator ran: heeding a wish twice costs a few calls.
        self.force_requested = RECONCILE_AT in self.annotations
        synced = self.status.condition(ConditionType.SYNCED)
        if synced is not None and synced.status == "True":
            self.synced_generation = self.status.observed_generation

    def drift_not_read_again(self, unread: frozenset[Part], generation: int) -> tuple[Difference, ...]:
        """The drift on record in parts of the trail that AWS did not answer this time."""
        if self.status.observed_generation != generation:
            return ()
        return not_read_again(self.status.drift, unread)

    def replace(self, body: dict[str, Any]) -> bool:
        """Take a newer state of the object; return whether it asks for a pass at once."""
        before, wish = self.requested_state, self.annotations.get(RECONCILE_AT)
        if not self.update(body):
            return False
        self.force_requested = self.force_requested or self.annotations.get(RECONCILE_AT) not in (None, wish)
        return before != self.requested_state
