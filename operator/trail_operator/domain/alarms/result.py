"""The result of a reconcile of a TrailAlarmSet as a value, from which its status is computed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from trail_operator.api.trail_status import Difference
from trail_operator.domain.alarms.alarm import DesiredAlarmSet, FilterKey, ObservedAlarmSet
from trail_operator.domain.alarms.ownership import Owns, Standing, alarm_standing
from trail_operator.domain.failure import Failure, FailureClass, combine
from trail_operator.domain.warnings import Advice


@dataclass(frozen=True)
class AlarmSetIdentity:
    """What status records about the filters and alarms of a set before the first write."""

    account: str
    account_name: str | None
    """The AWSAccount whose credentials are used; None for the operator's own identity."""
    region: str
    name_prefix: str
    owner_tag: str | None = None
    """The owner tag of the alarms once AWS has shown it; None keeps what is recorded, "" removes it."""


@dataclass(frozen=True)
class AlarmSyncResult:
    """The result of a reconcile."""

    generation: int
    known: bool
    """Whether AWS answered every read, after the last write."""
    alarm_count: int | None = None
    """Number of alarms in AWS that are the set's; None keeps what is known."""
    drift: tuple[Difference, ...] = ()
    failure: Failure | None = None
    conflicts: tuple[Failure, ...] = ()
    """Filters and alarms with names of the set that belong to others: only those are not written."""
    is_pending: bool = False
    """Whether AWS shows differences that writes remove, unlike those of conflicts."""
    has_written: bool = False
    """Whether the reconcile wrote to AWS, so that earlier reads are outdated."""
    unreachable: bool = False
    """Whether no read has succeeded for three resync periods."""
    identity: AlarmSetIdentity | None = None
    """What to record in status; None keeps what is recorded."""
    filters: frozenset[FilterKey] | None = None
    """The filters to record in status; None keeps those that are recorded."""
    refused: Mapping[str, Failure] = field(default_factory=dict)
    """What AWS refuses permanently, by operation; there may be a transient failure besides."""
    observe_only: bool = False
    """Whether filters and alarms are only observed: drift is not corrected."""
    advice: tuple[Advice, ...] | None = ()
    """The warnings; None if they are not known yet, which keeps the earlier ones."""

    @classmethod
    def incomplete(cls, generation: int, failure: Failure, drift: tuple[Difference, ...] = ()) -> "AlarmSyncResult":
        """Return the result of a sync that could not read everything. `drift`: what is certain even so."""
        return cls(generation, known=False, drift=drift, failure=failure, advice=None)

    @property
    def problem(self) -> Failure | None:
        """All that prevents the set from being in sync, as one failure."""
        return combine([*([self.failure] if self.failure else []), *self.conflicts])

    @property
    def terminal(self) -> Failure | None:
        """What does not change until users change something, as one failure."""
        if self.failure is not None and self.failure.kind is FailureClass.TERMINAL:
            return self.problem
        return combine([*self.refused.values(), *self.conflicts])

    @property
    def is_settling(self) -> bool:
        """Whether AWS does not show everything yet that was written."""
        return self.is_pending and self.failure is None and not self.observe_only


def count_own(observed: ObservedAlarmSet, owns: Owns) -> int:
    """Return the number of alarms in AWS that are the set's."""
    return sum(alarm_standing(alarm, owns) is Standing.OWN for alarm in observed.alarms.values())


def filters_to_record(
    pinned: Collection[FilterKey], desired: DesiredAlarmSet, observed: ObservedAlarmSet, *, is_settled: bool
) -> frozenset[FilterKey]:
    """Return the recorded filters without those that are known to be gone and that the spec does not have.

    `is_settled`: whether AWS shows the effect of every write, so that a filter that it does not show is gone.
    """
    if not is_settled:
        return frozenset(pinned)
    wanted = {FilterKey(desired.log_group, alarm.full_name) for alarm in desired.alarms}
    return frozenset(key for key in pinned if key in wanted or key in observed.filters)
