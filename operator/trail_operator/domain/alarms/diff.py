"""Differences between a TrailAlarmSet and AWS, alarm by alarm, by the paths of the spec.

An alarm of a preset is in the spec by its name, so its fields have paths such as `alarms[RootUsage].threshold`. What no
spec can set is below `filter` or `alarm`: `alarms[RootUsage].filter.defaultValue`.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.trail_status import Difference
from trail_operator.domain.alarms.alarm import (
    AlarmSettings,
    DesiredAlarm,
    DesiredAlarmSet,
    FilterKey,
    FilterSettings,
    ObservedAlarm,
    ObservedAlarmSet,
)
from trail_operator.domain.alarms.ownership import Standing, alarm_standing
from trail_operator.domain.difference_texts import difference, path_text
from trail_operator.domain.tags import is_governed

FILTER_FIELDS: Mapping[str, str] = {
    "filterPattern": "pattern",
    "metricValue": "metric_value",
    "filter.metricName": "metric_name",
    "filter.metricNamespace": "metric_namespace",
}
"""The fields of a filter, by their paths."""
ALARM_FIELDS: Mapping[str, str] = {
    "description": "description",
    "statistic": "statistic",
    "period": "period",
    "evaluationPeriods": "evaluation_periods",
    "datapointsToAlarm": "datapoints_to_alarm",
    "threshold": "threshold",
    "comparisonOperator": "comparison_operator",
    "treatMissingData": "treat_missing_data",
    "actionsEnabled": "actions_enabled",
    "actions.alarm": "alarm_actions",
    "actions.ok": "ok_actions",
    "actions.insufficientData": "insufficient_data_actions",
    "alarm.metricName": "metric_name",
    "alarm.metricNamespace": "metric_namespace",
}
"""The fields of an alarm, by their paths."""
DRIFT_FIELDS = tuple(dict.fromkeys((*FILTER_FIELDS, *ALARM_FIELDS, "tags", "logGroup", "filter", "alarm")))
"""What metrics call the differences: `filter` and `alarm` stand for all of it, and for what no spec can set."""
_NAME = re.compile(r"alarms\[(.*?)\](?:\.|\Z)")
_FIELD = re.compile(r"alarms\[.*?\]\.?([A-Za-z.]*)")


def differences(
    desired: DesiredAlarmSet, observed: ObservedAlarmSet, pinned: Collection[FilterKey]
) -> tuple[Difference, ...]:
    """Return every field in which AWS differs from the spec, regardless of who owns what it has.

    An owner tag is no difference: an alarm with another one belongs to others, and a former one is rewritten.
    """
    found: list[Difference] = []
    for wanted in desired.alarms:
        settings = observed.filters.get(FilterKey(desired.log_group, wanted.full_name))
        alarm = observed.alarms.get(wanted.full_name)
        found += dict.fromkeys(
            (*filter_differences(wanted, settings, alarm), *alarm_differences(wanted, alarm, settings))
        )
        found += tag_differences(desired, wanted, alarm)
    for key in superfluous_filters(desired, observed, pinned):
        found.append(superfluous_filter_difference(desired, key))
    for extra in superfluous_alarms(desired, observed):
        if alarm_standing(extra, desired.owns) is Standing.OWN:
            found.append(superfluous_alarm_difference(desired, extra))
    return tuple(found)


def name_of_path(path: str) -> str:
    """Return the alarm in the path of a difference, by its name in the spec; "" if it is about none."""
    found = _NAME.match(path)
    return found[1] if found else ""


def field_of_path(path: str) -> str:
    """Return the field of an alarm in the path of a difference, such as `threshold` or `tags`; "" for all of it."""
    found = _FIELD.match(path)
    return found[1] if found else path


def drift_field(path: str) -> str:
    """Return which of DRIFT_FIELDS a difference is about."""
    field = field_of_path(path)
    if field in DRIFT_FIELDS:
        return field
    return "filter" if field.startswith("filter.") else "alarm"


def filter_differences(
    wanted: DesiredAlarm, found: FilterSettings | None, alarm: ObservedAlarm | None
) -> tuple[Difference, ...]:
    """Return what PutMetricFilter would change. `alarm`: if it is missing as well, both are one difference."""
    if found is None:
        return (_missing(wanted, "filter" if alarm else ""),)
    return (
        *_field_differences(wanted.name, FILTER_FIELDS, wanted.filter, found),
        *_other_differences(f"alarms[{wanted.name}].filter", found.others),
    )


def alarm_differences(
    wanted: DesiredAlarm, found: ObservedAlarm | None, settings: FilterSettings | None
) -> tuple[Difference, ...]:
    """Return what PutMetricAlarm would change, but tags. `settings`: of the filter, None if it is missing as well."""
    if found is None:
        return (_missing(wanted, "alarm" if settings else ""),)
    if found.settings is None:
        return (difference(f"alarms[{wanted.name}].alarm", "metric alarm", "composite alarm"),)
    return (
        *_field_differences(wanted.name, ALARM_FIELDS, wanted.alarm, found.settings),
        *_other_differences(f"alarms[{wanted.name}].alarm", found.settings.others),
    )


def tag_differences(
    desired: DesiredAlarmSet, wanted: DesiredAlarm, found: ObservedAlarm | None
) -> tuple[Difference, ...]:
    """Return what TagResource and UntagResource would change, but the owner tag. Tags that were not read are none."""
    if found is None or found.tags is None:
        return ()
    keys = sorted(desired.tags.keys() | {key for key in found.tags if is_governed(key, desired.ignored_tags)})
    return tuple(
        difference(f"alarms[{wanted.name}].tags[{key}]", desired.tags.get(key), found.tags.get(key))
        for key in keys
        if key != OWNER_TAG and desired.tags.get(key) != found.tags.get(key)
    )


def about_tags(changed: Iterable[Difference], name: str, keys: Iterable[str]) -> tuple[Difference, ...]:
    """Return the differences in tags of an alarm with these keys."""
    paths = {path_text(f"alarms[{name}].tags[{key}]") for key in keys}
    return tuple(entry for entry in changed if entry.path in paths)


def superfluous_filters(
    desired: DesiredAlarmSet, observed: ObservedAlarmSet, pinned: Collection[FilterKey]
) -> list[FilterKey]:
    """Return the filters that status records and the spec does not have, or has in another log group."""
    wanted = {FilterKey(desired.log_group, one.full_name) for one in desired.alarms}
    return sorted(key for key in pinned if key in observed.filters and key not in wanted)


def superfluous_alarms(desired: DesiredAlarmSet, observed: ObservedAlarmSet) -> list[ObservedAlarm]:
    """Return the alarms with names of the set that the spec does not have, of any owner."""
    wanted = {one.full_name for one in desired.alarms}
    return [
        one
        for name, one in sorted(observed.alarms.items())
        if name not in wanted and name.startswith(desired.name_prefix)
    ]


def superfluous_filter_difference(desired: DesiredAlarmSet, key: FilterKey) -> Difference:
    """Return the difference that deleting a filter removes."""
    name = spec_name(desired, key.name)
    if key.log_group == desired.log_group:
        return difference(f"alarms[{name}].filter", None, "present")
    is_wanted = any(one.full_name == key.name for one in desired.alarms)
    return difference(f"alarms[{name}].logGroup", desired.log_group if is_wanted else None, key.log_group)


def superfluous_alarm_difference(desired: DesiredAlarmSet, found: ObservedAlarm) -> Difference:
    """Return the difference that deleting an alarm removes."""
    return difference(f"alarms[{spec_name(desired, found.name)}].alarm", None, "present")


def spec_name(desired: DesiredAlarmSet, full_name: str) -> str:
    """Return the name that an alarm in AWS has, or would have, in the spec."""
    return full_name.removeprefix(desired.name_prefix)


def _missing(wanted: DesiredAlarm, part: str) -> Difference:
    return difference(f"alarms[{wanted.name}]{'.' if part else ''}{part}", "present", None)


def _field_differences(
    name: str,
    fields: Mapping[str, str],
    wanted: FilterSettings | AlarmSettings,
    found: FilterSettings | AlarmSettings,
) -> list[Difference]:
    return [
        difference(f"alarms[{name}].{path}", _shown(getattr(wanted, field)), _shown(getattr(found, field)))
        for path, field in fields.items()
        if _compared(wanted, field) != _compared(found, field)
    ]


def _compared(settings: FilterSettings | AlarmSettings, field: str) -> Any:
    """Return a field in normal form: without datapointsToAlarm, all periods count."""
    if isinstance(settings, AlarmSettings) and field == "datapoints_to_alarm":
        return settings.datapoints_to_alarm or settings.evaluation_periods
    return getattr(settings, field)


def _shown(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value) or None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _other_differences(path: str, others: Mapping[str, str]) -> list[Difference]:
    return [difference(f"{path}.{name[:1].lower()}{name[1:]}", None, value) for name, value in sorted(others.items())]
