"""The state of a TrailAlarmSet between reconciles: the object as last read, and what earlier reconciles did."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.schema import problems
from trail_operator.api.trail import DeletionPolicy
from trail_operator.api.trail_alarm_set import TrailAlarmSetSpec
from trail_operator.api.trail_alarm_set_status import TrailAlarmSetStatus
from trail_operator.api.trail_status import Difference, LastDrift
from trail_operator.aws.dependency_reads import DependencyReads
from trail_operator.domain.alarms.alarm import DesiredAlarmSet, FilterKey, ObservedAlarmSet
from trail_operator.domain.alarms.ownership import Owns
from trail_operator.domain.alarms.place import AlarmPlace
from trail_operator.domain.alarms.result import AlarmSetIdentity
from trail_operator.domain.arns import Arn
from trail_operator.domain.drift_history import DriftHistory
from trail_operator.domain.event_routing import is_older
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.kube.client import Key
from trail_operator.kube.object_state import ObjectState


@dataclass
class Cached:
    """Something read from AWS that is read again only every `--dependency-resync`, and when it is read."""

    value: Any
    read_at: float


@dataclass
class AlarmCache:
    """What is not read in each reconcile.

    Written by AlarmSetResolver, AlarmReader, AlarmChecks, AlarmAdvisor and AlarmSetEvents.
    """

    tags: dict[str, Cached] = field(default_factory=dict)
    """The tags of alarms, by ARN."""
    doubtful_tags: dict[str, float] = field(default_factory=dict)
    """Until when AWS may show tags as they were before a call, by ARN."""
    trail: Cached | None = None
    """The trail of a Trail that does not read it."""
    log_group: tuple[str, Cached] | None = None
    """The name of a log group, and its class."""
    patterns: dict[str, str] = field(default_factory=dict)
    """What AWS says of custom patterns: why one is invalid, or an empty text."""
    topics: DependencyReads | None = None
    """What was read of topics, and when."""

    def doubt_tags(self, names: Collection[str], *, called_at: float, until: float) -> bool:
        """Take the tags of alarms from the cache only if they are read after `until`, because a call may change them.

        Returns whether some are cached that were read too early to show the call.
        """
        arns = [arn for arn in self.tags if Arn.parse(arn).resource_id in names]
        outdated = [arn for arn in arns if not is_older(called_at, self.tags[arn].read_at)]
        self.doubtful_tags |= dict.fromkeys(outdated, until)
        return bool(outdated)

    def forget_tags(self, arns: Collection[str], now: float, ttl: float, owns: Owns) -> None:
        """Remove the tags that are to be read again, and those of other alarms than these.

        Those of alarms of others are read each time: users may give them the owner tag.
        """
        known = {arn: cached for arn, cached in self.tags.items() if arn in arns and now - cached.read_at < ttl}
        self.tags = {arn: cached for arn, cached in known.items() if owns(cached.value or {})}
        read = {arn: until for arn, until in self.doubtful_tags.items() if arn in self.tags}
        self.doubtful_tags = {arn: until for arn, until in read.items() if self.tags[arn].read_at < until}
        for arn in self.doubtful_tags:
            del self.tags[arn]


@dataclass
class AlarmReads:
    """Results of earlier reads. Written by AlarmReader, AlarmResults, AlarmSync and AlarmDriftRecorder."""

    last_at: float | None = None
    """When AWS last answered every read."""
    synced: tuple[int, str] | None = None
    """The generation that AWS last matched, and the log group: with another one, a difference is no drift."""
    place: AlarmPlace | None = None
    """Where the last sync looked for them."""
    states: Mapping[str, str] = field(default_factory=dict)
    """The state of each alarm by its name in the spec, if it is known; for metrics only."""
    drift: DriftHistory = field(default_factory=DriftHistory)

    def record_states(self, desired: DesiredAlarmSet, observed: ObservedAlarmSet) -> None:
        """Record the states of the alarms."""
        shown = ((alarm.name, observed.alarms.get(alarm.full_name)) for alarm in desired.alarms)
        self.states = {name: alarm.state for name, alarm in shown if alarm and alarm.state}

    def record_synced(self, generation: int, log_group: str) -> None:
        """Record that AWS matches the spec."""
        self.synced = generation, log_group

    def is_drift(self, generation: int, log_group: str) -> bool:
        """Whether a difference is drift: AWS matched this spec with this log group, so the difference arose in AWS."""
        return self.synced == (generation, log_group)


@dataclass(frozen=True)
class Refusal:
    """A request that AWS refuses permanently, and when it did."""

    parameters: Mapping[str, Any]
    failure: Failure
    at: float


@dataclass
class AlarmWrites:
    """Earlier writes. Written by AlarmExecutor, AlarmSync and AlarmReconciler."""

    last_at: float | None = None
    """When the last write ended, which opened the consistency window."""
    pending_differences: tuple[Difference, ...] = ()
    """Written differences that AWS did not show yet after the last write."""
    refused: dict[tuple[str, ...], Refusal] = field(default_factory=dict)
    """The last requests that AWS refused permanently, by operation and names of alarms."""
    consecutive: int = 0
    """Reconciles in a row that have written."""

    def count_reconcile(self, *, has_written: bool) -> None:
        """Count a reconcile in `consecutive`; one that has not written resets it."""
        self.consecutive = self.consecutive + 1 if has_written else 0


@dataclass
class AlarmDeletion:
    """What was deleted since the deletion of the TrailAlarmSet was requested. Written by AlarmSetDeleter."""

    filters: set[FilterKey] = field(default_factory=set)
    alarms: set[str] = field(default_factory=set)
    """Names in AWS."""


@dataclass
class AlarmSetState(ObjectState):
    """One TrailAlarmSet. A restart loses nothing but this cache: durable state is in Kubernetes and AWS."""

    reads: AlarmReads = field(default_factory=AlarmReads)
    cache: AlarmCache = field(default_factory=AlarmCache)
    writes: AlarmWrites = field(default_factory=AlarmWrites)
    deletion: AlarmDeletion = field(default_factory=AlarmDeletion)

    def __post_init__(self) -> None:
        super().__post_init__()
        synced = self.status.condition(ConditionType.SYNCED)
        log_groups = {key.log_group for key in self.pinned_filters}
        if synced is not None and synced.status == "True" and len(log_groups) == 1:
            self.reads.record_synced(self.status.observed_generation, log_groups.pop())

    @property
    def spec(self) -> TrailAlarmSetSpec:
        """The spec. Raises FailureError if the stored object is one that the models refuse."""
        try:
            return TrailAlarmSetSpec.model_validate(self.body.get("spec"))
        except ValidationError as error:
            raise FailureError(_invalid(problems(error))) from None

    @property
    def trail_name(self) -> str:
        """The name of the Trail. Read without the model: valid even if other fields are not."""
        reference = self.manifest.get("trailRef")
        name = reference.get("name") if isinstance(reference, dict) else None
        return name if isinstance(name, str) else ""

    @property
    def trail_key(self) -> Key:
        """Namespace and name of the Trail."""
        return Key(self.key.namespace, self.trail_name)

    @property
    def status(self) -> TrailAlarmSetStatus:
        """The status as last seen."""
        return self.parsed_status(TrailAlarmSetStatus.parse)

    @property
    def last_read_at(self) -> float | None:
        """When AWS last answered every read of filters and alarms."""
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

    @property
    def is_on_record(self) -> bool:
        """Whether status records where filters and alarms are, or were about to be created."""
        status = self.status
        return bool(status.account_id and status.region and self.name_prefix)

    def holds_account(self, name: str) -> bool:
        """Whether an AWSAccount of this name is needed to delete what was created with its credentials."""
        return self.is_on_record and self.has_finalizer and self.status.account_name == name

    @property
    def name_prefix(self) -> str | None:
        """The recorded prefix of names in AWS; None if another client recorded one that does not name this resource."""
        prefix = self.status.name_prefix
        return prefix if prefix and prefix.endswith(f"/{self.key}/") else None

    @property
    def pinned_filters(self) -> frozenset[FilterKey]:
        """The filters that belong to this resource: those recorded in status."""
        prefix = self.name_prefix
        if prefix is None:
            return frozenset()
        recorded = self.status.filters
        return frozenset(FilterKey(entry.log_group, entry.name) for entry in recorded if entry.name.startswith(prefix))

    @property
    def place(self) -> AlarmPlace | None:
        """Where filters and alarms are, or will be; None if that is not known yet."""
        place, status = self.reads.place, self.status
        if place is None and self.is_on_record:
            place = AlarmPlace(str(status.account_id), str(status.region), str(self.name_prefix), frozenset())
        return place and place.with_log_groups(frozenset(key.log_group for key in self.pinned_filters))

    def is_pinned(self, identity: AlarmSetIdentity, filters: Collection[FilterKey]) -> bool:
        """Whether status records where everything is, and these filters."""
        status = self.status
        recorded = (status.account_id, status.account_name, status.region, self.name_prefix)
        wanted = (identity.account, identity.account_name, identity.region, identity.name_prefix)
        return recorded == wanted and self.pinned_filters.issuperset(filters)

    @property
    def needs_finalizer(self) -> bool:
        """Whether the object must have the operator's finalizer. One that only observes needs none until it wrote."""
        return not self.observe_only or (self.has_finalizer and self.is_on_record)

    def deletion_policy(self, default: DeletionPolicy) -> DeletionPolicy:
        """Return the policy. Not read through the model: no other invalid field may block the deletion.

        `default`: the operator's. Raises FailureError.
        """
        value = self.manifest.get("deletionPolicy") or default
        if value not in [*DeletionPolicy]:
            raise FailureError(_invalid("deletionPolicy must be Delete or Retain"))
        return DeletionPolicy(value)


def _invalid(problem: str) -> Failure:
    return Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, f"spec: {problem}")
