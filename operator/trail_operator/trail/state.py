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
class RefusalDiagnosis:
    """The cause that was found of a refusal of AWS."""

    refusal: tuple[str, str, Configuration]
    """Error code, message, and the configuration that was refused."""
    failure: Failure
    found: float


@dataclass(frozen=True)
class SentDeletion:
    """A DeleteTrail that may have taken effect: when the first was sent, and when AWS last answered one."""

    first: float
    last: float


@dataclass
class ReadHistory:
    """What earlier reads of the trail have shown. Written by TrailReader, SyncResults and TrailSync."""

    last_at: float | None = None
    """When AWS last answered every read."""
    synced_generation: int | None = None
    """The generation that the trail was last seen to equal: a difference from it arose in AWS, and is drift."""
    checked_absent_arn: str | None = None
    """The ARN of a trail that no other region has, as was looked up before CreateTrail was refused."""


@dataclass
class WriteHistory:
    """Earlier writes to the trail, as far as later reconciles depend on them. Written by apply.py and TrailSync."""

    last_at: float | None = None
    """When the last write ended: it begins the consistency window."""
    unconfirmed: tuple[tuple[Action, DesiredTrail], ...] = ()
    """Writes without an answer, which may have taken effect, and the state that they were sent for."""
    pending_differences: tuple[Difference, ...] = ()
    """What AWS did not show yet after the last write."""
    state_before: ObservedTrail | None = None
    """The trail before writes whose effect AWS has not shown yet."""
    diagnosis: RefusalDiagnosis | None = None
    refused_at: dict[str, float] = field(default_factory=dict)
    """When AWS last answered each write that it refused, by operation."""
    consecutive: int = 0
    """Reconciles in a row that have written."""


@dataclass
class DeletionHistory:
    """What was done and seen since the Trail is being deleted, by ARN. Written by TrailDeleter."""

    sent: dict[str, SentDeletion] = field(default_factory=dict)
    untagged_since: dict[str, float] = field(default_factory=dict)
    """Since when AWS has shown a trail without an owner tag."""


@dataclass
class TrailFacts:
    """What only metrics report."""

    delivered: Mapping[Destination, float] = field(default_factory=dict)
    """When AWS last delivered, in seconds since 1970."""
    other_trail_is_logging: bool | None = None
    """Whether the trail that has the name is logging, where it is not this resource's."""
    drift_count: int = 0
    """How often the trail was found changed in AWS."""


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
    failures: int = 0
    """Passes in a row that have failed."""
    refused: Refused | None = None
    """That the API server refuses to write the object."""
    reads: ReadHistory = field(default_factory=ReadHistory)
    writes: WriteHistory = field(default_factory=WriteHistory)
    deletion: DeletionHistory = field(default_factory=DeletionHistory)
    facts: TrailFacts = field(default_factory=TrailFacts)

    def __post_init__(self) -> None:
        super().__post_init__()
        # It may have been wished while no operator ran: heeding a wish twice costs a few calls.
        self.force_requested = RECONCILE_AT in self.annotations
        synced = self.status.condition(ConditionType.SYNCED)
        if synced is not None and synced.status == "True":
            self.reads = ReadHistory(synced_generation=self.status.observed_generation)

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
