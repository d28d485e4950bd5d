"""What the operator would do about a TrailAlarmSet, as a value. `trail-operator plan` shows it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Refusal
from trail_operator.domain.alarms.actions import AlarmAction
from trail_operator.domain.alarms.alarm import DesiredAlarmSet, FilterKey, ObservedAlarmSet
from trail_operator.domain.alarms.result import count_own
from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.domain.object_plan import ObjectPlan, Outcome
from trail_operator.domain.texts import listed


@dataclass(frozen=True)
class AlarmSetPlan(ObjectPlan):
    """What the operator would do about a TrailAlarmSet."""

    trail: str = ""
    """The Trail."""
    log_group: str = ""
    """Empty if it is unknown, like the names."""
    name_prefix: str = ""
    """What the names of filters and alarms in AWS begin with."""
    alarm_count: int | None = None
    """Number of alarms that the spec asks for; None if it is unknown."""
    actions: Sequence[AlarmAction] = ()
    notes: tuple[str, ...] = ()
    """What the plan rests on."""

    def with_rejected_trail(self) -> "AlarmSetPlan":
        """Return the plan if the API server rejects the manifest of the Trail: it was made with that one."""
        message = f"It depends on Trail {self.trail}, whose manifest the API server rejects"
        return replace(self, outcome=Outcome.UNKNOWN, reason="", message=message, differences=(), actions=(), notes=())


def exists(desired: DesiredAlarmSet, observed: ObservedAlarmSet, pinned: Collection[FilterKey]) -> bool:
    """Whether AWS has a filter or an alarm of the set."""
    return count_own(observed, desired.owns) > 0 or not observed.filters.keys().isdisjoint(pinned)


def refused_before(actions: Iterable[AlarmAction], refusals: Iterable[Refusal]) -> list[Failure]:
    """Return what AWS has refused of these operations, for the same spec."""
    operations = {action.operation for action in actions}
    return [
        Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, f"AWS has refused {entry.operation}: {entry.message}")
        for entry in refusals
        if entry.operation in operations
    ]


def calls_text(actions: Iterable[AlarmAction]) -> str:
    """Return the writes in order, those that are the same for several alarms in a row as one entry."""
    of_alarms = [
        (alarms, ", ".join(action.operation for action in group))
        for alarms, group in groupby(actions, key=lambda action: action.alarms)
    ]
    entries = []
    for operations, group in groupby(of_alarms, key=lambda entry: entry[1]):
        names = list(dict.fromkeys(name for alarms, _ in group for name in alarms))
        entries.append(f"{operations} for {listed(names, len(names))}")
    return "; ".join(entries)
