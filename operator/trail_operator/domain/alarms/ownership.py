"""Whose a filter or an alarm is. Nothing that is not the set's own is ever written.

An alarm is the set's if it carries its owner tag. Filters have no tags: one is the set's if status records it, which
happens before it is created.
"""

from collections.abc import Callable, Collection, Mapping
from enum import Enum, auto

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.domain.alarms.alarm import FilterKey, ObservedAlarm
from trail_operator.domain.failure import Failure, FailureClass

Owns = Callable[[Mapping[str, str]], bool]
"""Whether an alarm with these tags is the set's."""


class Standing(Enum):
    """Whose something in AWS is."""

    ABSENT = auto()
    OWN = auto()
    OTHERS = auto()
    UNKNOWN = auto()
    """The tags of the alarm have not been read."""


def alarm_standing(found: ObservedAlarm | None, owns: Owns) -> Standing:
    """Return whose an alarm is. The operator creates no composite alarms, whatever their tags say."""
    if found is None:
        return Standing.ABSENT
    if found.settings is None:
        return Standing.OTHERS
    if found.tags is None:
        return Standing.UNKNOWN
    return Standing.OWN if owns(found.tags) else Standing.OTHERS


def has_other_owner(found: ObservedAlarm, owns: Owns) -> bool:
    """Return whether an alarm has the owner tag of another resource."""
    tags = found.tags or {}
    return OWNER_TAG in tags and not owns(tags)


def filter_standing(key: FilterKey, *, exists: bool, pinned: Collection[FilterKey]) -> Standing:
    """Return whose a filter is."""
    if not exists:
        return Standing.ABSENT
    return Standing.OWN if key in pinned else Standing.OTHERS


def alarm_conflict(full_name: str, *, owner: str = "", is_composite: bool = False) -> Failure:
    """Return the conflict about an alarm in AWS that has the name of one of the set's. `owner`: the set's owner tag."""
    if is_composite:
        what = f"Composite alarm {full_name} exists, and the operator creates a metric alarm of that name"
        return _conflict(what, "Delete that alarm, or leave it out of this resource")
    restored = (
        f"If it belongs to this resource, restore its tag {OWNER_TAG}={owner}. Otherwise delete" if owner else "Delete"
    )
    return _conflict(
        f"Alarm {full_name} exists and does not have the owner tag of this resource",
        f"{restored} that alarm, or leave it out of this resource",
    )


def filter_conflict(key: FilterKey) -> Failure:
    """Return the conflict about a filter that has the name of one of the set's."""
    command = f"aws logs delete-metric-filter --log-group-name {key.log_group} --filter-name {key.name}"
    return _conflict(
        f"Metric filter {key.name} exists in log group {key.log_group} and is not recorded in status.filters",
        f"Delete that filter ({command}), or leave its alarm out of this resource",
    )


def _conflict(what: str, remedy: str) -> Failure:
    return Failure(FailureClass.TERMINAL, Reason.CONFLICT, f"{what}; nothing was written to it. {remedy}")
