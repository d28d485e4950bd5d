"""The state of a Trail between reconciles: the object as last read, and what earlier reconciles did."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from trail_operator.api.reasons import ConditionType
from trail_operator.api.trail_status import Destination, Difference, LastDrift
from trail_operator.aws.dependency_reads import DependencyReads
from trail_operator.domain.actions import Action
from trail_operator.domain.attributes import Configuration
from trail_operator.domain.conditions import State
from trail_operator.domain.dependencies import DependentTrail
from trail_operator.domain.diff import not_read_again
from trail_operator.domain.drift_history import DriftHistory
from trail_operator.domain.failure import Failure
from trail_operator.domain.trail import DesiredTrail, ObservedTrail, Part
from trail_operator.domain.warnings import AdviceBasis
from trail_operator.kube.object_state import ObjectState
from trail_operator.kube.trail_object import TrailObject


@dataclass(frozen=True)
class RefusalDiagnosis:
    """The diagnosed cause of a refusal by AWS."""

    refusal: tuple[str, str, Configuration]
    """Error code, message, and the configuration that was refused."""
    failure: Failure
    found: float


@dataclass(frozen=True)
class SentDeletion:
    """A DeleteTrail that may have taken effect. `first`: when it was first sent; `last`: when AWS last answered."""

    first: float
    last: float


@dataclass
class PendingEvaluation:
    """What leads to the next result of an evaluation."""

    task: asyncio.Task[None] | None = None
    """The evaluation in progress."""
    timer: asyncio.TimerHandle | None = None
    """Starts the next one."""

    def cancel(self) -> None:
        """Cancel both."""
        if self.timer:
            self.timer.cancel()
        if self.task:
            self.task.cancel()
        self.task = self.timer = None


@dataclass
class DependencyHistory:
    """The evaluation of what the trail depends on. Written by DependencyUpdates."""

    trail: DependentTrail | None = None
    """The trail that is, or was, evaluated last."""
    generation: int | None = None
    """The newest generation of the spec that is known to mean `trail`."""
    reads: DependencyReads | None = None
    """What was read for it, and when."""
    state: State | None = None
    """What DependenciesReady says of `trail`; None until that is known."""
    known_at: float = 0.0
    """When the oldest of the reads began on which `state` is based."""
    failures: int = 0
    """Evaluations in a row that AWS did not answer."""
    pending: PendingEvaluation = field(default_factory=PendingEvaluation)


@dataclass
class ReadHistory:
    """Results of earlier reads of the trail. Written by TrailReader, TrailCandidates, SyncResults and TrailSync."""

    last_at: float | None = None
    """When AWS last answered every read."""
    observed: ObservedTrail | None = None
    """The trail as AWS last showed it, with settings and tags at least; None if it was not read, or does not exist."""
    synced_generation: int | None = None
    """The generation that the trail last matched."""
    checked_absent_arn: str | None = None
    """The ARN of a trail that was searched for in all regions, before CreateTrail was refused."""
    advice_basis: AdviceBasis | None = None
    """What the present warnings follow from; None unless the last sync read all of the trail."""
    drift: DriftHistory = field(default_factory=DriftHistory)
    dependencies: DependencyHistory = field(default_factory=DependencyHistory)

    def is_drift(self, generation: int) -> bool:
        """Whether a difference from this generation is drift: the trail matched it, so the difference arose in AWS."""
        return self.synced_generation == generation

    def record_answer(self, now: float) -> None:
        """Record that AWS has just answered every read of the trail."""
        self.last_at = now


@dataclass
class WriteHistory:
    """Earlier writes to the trail. Written by PlanExecutor, Refusals, SyncResults, TrailSync and TrailReconciler."""

    last_at: float | None = None
    """When the last write ended, which opened the consistency window."""
    unconfirmed: tuple[tuple[Action, DesiredTrail], ...] = ()
    """Writes without an answer, which may have taken effect, and the desired trail of each."""
    pending_differences: tuple[Difference, ...] = ()
    """Written differences that AWS did not show yet after the last write."""
    state_before: ObservedTrail | None = None
    """The trail before the first write whose effect AWS does not show yet."""
    diagnosis: RefusalDiagnosis | None = None
    refused_at: dict[str, float] = field(default_factory=dict)
    """When AWS last answered each write that it refused, by operation."""
    consecutive: int = 0
    """Reconciles in a row that have written."""

    def record_unconfirmed(self, action: Action, desired: DesiredTrail, now: float) -> None:
        """Record a write that may have taken effect. It opens the consistency window."""
        self.last_at = now
        self.unconfirmed = (*self.unconfirmed, (action, desired))

    def count_reconcile(self, *, has_written: bool) -> None:
        """Count a reconcile in `consecutive`; one that has not written resets it."""
        self.consecutive = self.consecutive + 1 if has_written else 0


@dataclass
class DeletionHistory:
    """What happened since the deletion of the Trail was requested, by ARN. Written by TrailDeleter."""

    sent: dict[str, SentDeletion] = field(default_factory=dict)
    untagged_since: dict[str, float] = field(default_factory=dict)
    """When AWS first showed the trail without an owner tag."""


@dataclass
class TrailFacts:
    """Facts that only metrics report."""

    delivered: Mapping[Destination, float] = field(default_factory=dict)
    """When AWS last delivered, in seconds since 1970."""
    other_trail_is_logging: bool | None = None
    """Whether another owner's trail of this name is logging."""


@dataclass
class TrailState(ObjectState, TrailObject):
    """One Trail."""

    reads: ReadHistory = field(default_factory=ReadHistory)
    writes: WriteHistory = field(default_factory=WriteHistory)
    deletion: DeletionHistory = field(default_factory=DeletionHistory)
    facts: TrailFacts = field(default_factory=TrailFacts)

    def __post_init__(self) -> None:
        super().__post_init__()
        synced = self.status.condition(ConditionType.SYNCED)
        if synced is not None and synced.status == "True":
            self.reads = ReadHistory(synced_generation=self.status.observed_generation)

    @property
    def last_read_at(self) -> float | None:
        """When AWS last answered every read of the trail."""
        return self.reads.last_at

    @property
    def last_write_at(self) -> float | None:
        """When the last write to AWS ended."""
        return self.writes.last_at

    @property
    def drift_history(self) -> DriftHistory:
        """What is known of the last drift."""
        return self.reads.drift

    @property
    def last_drift(self) -> LastDrift | None:
        """The last drift that this or an earlier process has found."""
        return self.reads.drift.last or self.status.last_drift

    def unread_drift(self, unread: frozenset[Part], generation: int) -> tuple[Difference, ...]:
        """Return the drift in status of parts of the trail that AWS did not answer this time."""
        if self.status.observed_generation != generation:
            return ()
        return not_read_again(self.status.drift, unread)
