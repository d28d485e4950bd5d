"""Which CloudTrail calls can produce a difference of a TrailAlarmSet, and what they must name.

It knows names only: `domain/attribution.py` decides which of these calls it was. Several differences have a known cause
only if one call can have produced them all, such as DeleteAlarms of several alarms.
"""

from collections.abc import Iterable, Iterator

from trail_operator.api.trail_status import Difference
from trail_operator.domain.alarms.alarm import DesiredAlarmSet
from trail_operator.domain.alarms.diff import FILTER_FIELDS, field_of_path, name_of_path
from trail_operator.domain.cloudtrail_calls import Kind
from trail_operator.domain.cloudtrail_resources import ResourceRef
from trail_operator.domain.drift_causes import Causes, together

# An alarm or filter that is deleted and created again may differ in everything.
_FILTER_CHANGED = Causes.of("PutMetricFilter", "DeleteMetricFilter DeleteLogGroup")
_FILTER_DELETED = Causes.of("DeleteMetricFilter DeleteLogGroup", "PutMetricFilter")
_ALARM_CHANGED = Causes.of("PutMetricAlarm", "DeleteAlarms")
_ALARM_DELETED = Causes.of("DeleteAlarms", "PutMetricAlarm PutCompositeAlarm")
_ALARM_ADDED = Causes.of("PutMetricAlarm TagResource", "DeleteAlarms UntagResource")
_COMPOSITE = Causes.of("PutCompositeAlarm", "DeleteAlarms PutMetricAlarm")
_DISABLED = Causes.of("DisableAlarmActions PutMetricAlarm", "EnableAlarmActions DeleteAlarms")
_ENABLED = Causes.of("EnableAlarmActions PutMetricAlarm", "DisableAlarmActions DeleteAlarms")
_TAGS = Causes.of("TagResource UntagResource", "PutMetricAlarm DeleteAlarms")
# The trail delivers to another log group.
_MOVED = Causes.of("UpdateTrail CreateTrail")
_DELETED_BOTH = _FILTER_DELETED & _ALARM_DELETED


def causes_of(differences: Iterable[Difference]) -> Causes | None:
    """Return the calls that can have produced the differences together."""
    return together([_causes_of(entry) for entry in differences])


def resources_of(
    differences: Iterable[Difference], desired: DesiredAlarmSet, trail: ResourceRef
) -> frozenset[ResourceRef]:
    """Return what a call must have changed to have produced the differences. `trail`: the trail of the log group."""
    return frozenset(resource for entry in differences for resource in _resources_of(entry, desired, trail))


def _causes_of(entry: Difference) -> Causes:
    is_missing = entry.observed == "absent"
    match field_of_path(entry.path):
        case "":
            return _DELETED_BOTH
        case "filter":
            return _FILTER_DELETED if is_missing else _FILTER_CHANGED
        case "logGroup":
            return _MOVED
        case "alarm" if entry.observed == "composite alarm":
            return _COMPOSITE
        case "alarm":
            return _ALARM_DELETED if is_missing else _ALARM_ADDED
        case "tags":
            return _TAGS
        case "actionsEnabled":
            return _ENABLED if entry.observed == "true" else _DISABLED
        case field:
            return _FILTER_CHANGED if _is_of_filter(field) else _ALARM_CHANGED


def _resources_of(entry: Difference, desired: DesiredAlarmSet, trail: ResourceRef) -> Iterator[ResourceRef]:
    location, field = desired.location, field_of_path(entry.path)
    full_name = f"{desired.name_prefix}{name_of_path(entry.path)}"
    if field == "logGroup":
        yield trail
        return
    if field in ("", "filter") or _is_of_filter(field):
        yield ResourceRef.of_filter(location.account, location.region, desired.log_group, full_name)
    if field == "" or not (field == "filter" or _is_of_filter(field)):
        yield ResourceRef(Kind.ALARM, location.account, location.region, full_name)


def _is_of_filter(field: str) -> bool:
    return field in FILTER_FIELDS or field.startswith("filter.")
