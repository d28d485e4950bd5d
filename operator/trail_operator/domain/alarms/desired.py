"""The filters and alarms that the spec of a TrailAlarmSet asks for, with all defaults, and what is wrong with a spec.

The API server checks fields; what depends on the presets or on several fields is checked here.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from trail_operator.api.trail_alarm_set import ActionARNs, AlarmFields, AlarmOverride, TrailAlarmSetSpec
from trail_operator.domain.alarms.alarm import AlarmSettings, DesiredAlarm, FilterSettings
from trail_operator.domain.alarms.presets import PRESET_ALARMS, PresetAlarm, alarms_of
from trail_operator.domain.arns import Arn, Location

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
_DAY = 24 * 3600
_LONG_PERIOD = 3600
"""With periods of at least an hour, an alarm may evaluate seven days."""
_NO_ACTIONS = ActionARNs()
_DEFAULTS: dict[str, Any] = {
    "description": "",
    "metric_value": "1",
    "statistic": "Sum",
    "period": 300,
    "evaluation_periods": 1,
    "datapoints_to_alarm": None,
    "threshold": 1.0,
    "comparison_operator": "GreaterThanOrEqualToThreshold",
    "treat_missing_data": "notBreaching",
    "actions_enabled": True,
}


@dataclass(frozen=True)
class _Alarm:
    """An alarm of the spec, before names in AWS are known."""

    name: str
    pattern: str
    is_custom: bool
    fields: dict[str, Any]
    actions: ActionARNs


def alarm_problems(spec: TrailAlarmSetSpec, location: Location | None = None) -> str:
    """Return why a spec cannot work; "" if it can. `location`: that of the log group, None if it is not known."""
    found = [*_name_problems(spec)]
    alarms = _alarms(spec)
    found += [problem for alarm in alarms for problem in _window_problems(alarm)]
    if location is not None:
        found += _action_problems(spec, location)
    if not alarms:
        found.append("it has no alarms: choose presets, exclude fewer of their alarms, or add alarms of your own")
    return "; ".join(found)


def desired_alarms(
    spec: TrailAlarmSetSpec, *, name_prefix: str, trail_name: str, set_name: str
) -> tuple[DesiredAlarm, ...]:
    """Return the filters and alarms of a valid spec: those of presets in the order of their table, then custom ones.

    `name_prefix`: what the names in AWS begin with. `trail_name`: of the trail in AWS.
    """
    namespace = f"CloudTrail/{trail_name}/{set_name}"
    return tuple(_desired(alarm, f"{name_prefix}{alarm.name}", namespace) for alarm in _alarms(spec))


def action_arns(spec: TrailAlarmSetSpec) -> tuple[str, ...]:
    """Return the ARNs of all actions in a spec, also of those that no alarm uses."""
    groups = [spec.actions, *(entry.actions for entry in (*spec.overrides, *spec.alarms))]
    arns = [arn for actions in groups if actions for arn in (*actions.alarm, *actions.ok, *actions.insufficient_data)]
    return tuple(dict.fromkeys(arns))


def _preset_alarms(spec: TrailAlarmSetSpec) -> list[PresetAlarm]:
    """Return the alarms of the presets that a spec has chosen and not excluded."""
    return [alarm for alarm in alarms_of(spec.presets) if alarm.name not in spec.exclude]


def _alarms(spec: TrailAlarmSetSpec) -> list[_Alarm]:
    overrides = {entry.name: entry for entry in spec.overrides}
    return [
        *(_of_preset(alarm, overrides.get(alarm.name), spec.actions) for alarm in _preset_alarms(spec)),
        *(_Alarm(one.name, one.filter_pattern, True, _fields(one), _actions(one, spec.actions)) for one in spec.alarms),
    ]


def _of_preset(alarm: PresetAlarm, override: AlarmOverride | None, actions: ActionARNs | None) -> _Alarm:
    controls = "; ".join(f"{standard}: {number}" for standard, number in alarm.controls.items())
    fields = {**_fields(override), "description": f"{alarm.description} ({controls})"}
    if override and override.description is not None:
        fields["description"] = override.description
    return _Alarm(alarm.name, alarm.pattern, False, fields, _actions(override, actions))


def _fields(given: AlarmFields | None) -> dict[str, Any]:
    """Return the fields of an alarm with the defaults for those that are not given."""
    values = {name: getattr(given, name, None) for name in _DEFAULTS}
    return {name: default if values[name] is None else values[name] for name, default in _DEFAULTS.items()}


def _actions(given: AlarmFields | None, of_all: ActionARNs | None) -> ActionARNs:
    """Return the actions of an alarm: its own replace those of all alarms as a whole."""
    own = given.actions if given else None
    return own if own is not None else of_all or _NO_ACTIONS


def _desired(alarm: _Alarm, full_name: str, namespace: str) -> DesiredAlarm:
    fields, actions = alarm.fields, alarm.actions
    return DesiredAlarm(
        name=alarm.name,
        full_name=full_name,
        filter=FilterSettings(alarm.pattern, alarm.name, namespace, fields["metric_value"]),
        alarm=AlarmSettings(
            description=fields["description"],
            metric_name=alarm.name,
            metric_namespace=namespace,
            statistic=str(fields["statistic"]),
            period=fields["period"],
            evaluation_periods=fields["evaluation_periods"],
            datapoints_to_alarm=fields["datapoints_to_alarm"],
            threshold=float(fields["threshold"]),
            comparison_operator=str(fields["comparison_operator"]),
            treat_missing_data=str(fields["treat_missing_data"]),
            actions_enabled=fields["actions_enabled"],
            alarm_actions=_sorted(actions.alarm),
            ok_actions=_sorted(actions.ok),
            insufficient_data_actions=_sorted(actions.insufficient_data),
        ),
        is_custom=alarm.is_custom,
    )


def _sorted(arns: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(arns)))


def _name_problems(spec: TrailAlarmSetSpec) -> Iterator[str]:
    known = {alarm.name for alarm in PRESET_ALARMS}
    chosen = {alarm.name for alarm in alarms_of(spec.presets)}
    for name in spec.exclude:
        if name not in known:
            yield f"exclude: no preset alarm has the name {name}"
    for name in (entry.name for entry in spec.overrides):
        if name not in chosen:
            yield f"overrides[{name}]: no alarm of the chosen presets has this name"
        elif name in spec.exclude:
            yield f"overrides[{name}]: this alarm is excluded"
    for name in (entry.name for entry in spec.alarms):
        if name in known:
            yield f"alarms[{name}]: this is the name of a preset alarm; choose another name, or use overrides"
    yield from _repeated("overrides", [entry.name for entry in spec.overrides])
    yield from _repeated("alarms", [entry.name for entry in spec.alarms])


def _repeated(field: str, names: Collection[str]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if list(names).count(name) > 1:
            yield f"{field}[{name}]: this name occurs more than once"


def _window_problems(alarm: _Alarm) -> Iterator[str]:
    period, periods = alarm.fields["period"], alarm.fields["evaluation_periods"]
    datapoints = alarm.fields["datapoints_to_alarm"]
    days = 7 if period >= _LONG_PERIOD else 1
    if period * periods > days * _DAY:
        limit = "seven days for periods of an hour or more" if days > 1 else "a day for periods of less than an hour"
        seconds = period * periods
        yield f"alarms[{alarm.name}]: period times evaluationPeriods is {seconds} seconds, but AWS allows {limit}"
    if datapoints is not None and datapoints > periods:
        yield f"alarms[{alarm.name}]: datapointsToAlarm is {datapoints}, more than evaluationPeriods, {periods}"


def _action_problems(spec: TrailAlarmSetSpec, location: Location) -> Iterator[str]:
    for text in action_arns(spec):
        arn = Arn.try_parse(text)
        if arn is None or (arn.partition, arn.region) != (location.partition, location.region):
            where = f"region {location.region} of partition {location.partition}"
            yield f"actions: topic {text} must be in {where}, like the log group"
