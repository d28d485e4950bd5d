"""A TrailAlarmSet that counts the same as the metric filters that a log group has, as far as it can.

Its filters and alarms have names of the operator, so they are created beside those that exist: nothing is taken over.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from trail_operator.api.schema import problems
from trail_operator.api.trail_alarm_set import Preset, TrailAlarmSetSpec
from trail_operator.domain.alarms.alarm import AlarmSettings, FilterKey, FilterSettings, ObservedAlarm
from trail_operator.domain.alarms.desired import alarm_problems
from trail_operator.domain.alarms.presets import PRESET_ALARMS, alarms_of
from trail_operator.domain.texts import listed

_FIELDS: Mapping[str, tuple[str, object]] = {
    "statistic": ("statistic", "Sum"),
    "period": ("period", 300),
    "evaluationPeriods": ("evaluation_periods", 1),
    "threshold": ("threshold", 1.0),
    "comparisonOperator": ("comparison_operator", "GreaterThanOrEqualToThreshold"),
    "treatMissingData": ("treat_missing_data", "notBreaching"),
    "actionsEnabled": ("actions_enabled", True),
}
"""Fields of an alarm by their names in the spec, with the defaults of the operator."""
_ACTIONS = {"alarm": "alarm_actions", "ok": "ok_actions", "insufficientData": "insufficient_data_actions"}
_TOPIC = re.compile(r"arn:[a-z-]+:sns:[^:]+:[0-9]{12}:[^:]+")
_MISSING = "missing"
_LONGEST_NAME = 64
_PARTS_OF_OWN_NAME = 4


@dataclass(frozen=True)
class Proposal:
    """A TrailAlarmSet for what exists."""

    spec: dict[str, Any] | None
    """None if there is nothing that it would have."""
    doubled: tuple[str, ...] = ()
    """The names of filters that it counts beside."""
    remarks: tuple[str, ...] = ()
    """What it lacks or has otherwise, and why."""


def propose(trail: str, filters: Mapping[FilterKey, FilterSettings], alarms: Iterable[ObservedAlarm]) -> Proposal:
    """Return a TrailAlarmSet for the filters of a trail's log group and the alarms on their metrics.

    `trail`: the name of the Trail.
    """
    proposing = _Proposing(list(alarms))
    for key, settings in sorted(filters.items()):
        proposing.add(key.name, settings)
    if not proposing.doubled:
        return Proposal(None, remarks=tuple(proposing.remarks))
    spec = {"trailRef": {"name": trail}, **proposing.spec()}
    try:
        problem = alarm_problems(TrailAlarmSetSpec.model_validate(spec))
    except ValidationError as error:
        problem = problems(error)
    if problem:
        proposing.remarks.append(f"Correct this before you apply it: {problem}")
    return Proposal(spec, tuple(proposing.doubled), tuple(proposing.remarks))


@dataclass
class _Proposing:
    """A proposal in the making."""

    alarms: list[ObservedAlarm]
    presets: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The fields of preset alarms."""
    custom: dict[str, dict[str, Any]] = field(default_factory=dict)
    doubled: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, name: str, settings: FilterSettings) -> None:
        """Add a filter, or say why not."""
        metric = (settings.metric_name, settings.metric_namespace)
        watching = [
            (alarm.name, alarm.settings)
            for alarm in self.alarms
            if alarm.settings and (alarm.settings.metric_name, alarm.settings.metric_namespace) == metric
        ]
        if _is_own(name, settings, [alarm for alarm, _ in watching]):
            return
        if not settings.pattern or not watching:
            why = "has no alarm" if settings.pattern else "matches everything"
            self.remarks.append(f"Left out: metric filter {name}, which {why}")
            return
        (alarm, watched), *others = watching
        if others:
            self.remarks.append(f"Of the alarms on metric {metric[0]} it has only {alarm}")
        fields = self._fields(name, settings, alarm, watched)
        preset = _BY_PATTERN.get(_compact(settings.pattern))
        if preset and preset not in self.presets:
            self.presets[preset] = fields
        else:
            self.custom[_free_name(name, self.custom)] = {"filterPattern": settings.pattern, **fields}
        self.doubled.append(name)

    def _fields(self, name: str, settings: FilterSettings, alarm: str, watched: AlarmSettings) -> dict[str, Any]:
        """Return the fields of an alarm that are not the defaults."""
        found = {
            path: int(value) if isinstance(value, float) and value.is_integer() else value
            for path, (attribute, default) in _FIELDS.items()
            if (value := getattr(watched, attribute)) not in (None, default, _MISSING)
        }
        if watched.datapoints_to_alarm not in (None, watched.evaluation_periods):
            found["datapointsToAlarm"] = watched.datapoints_to_alarm
        if settings.metric_value != "1":
            found["metricValue"] = settings.metric_value
        if watched.treat_missing_data == _MISSING:
            self.remarks.append(f"Alarm {alarm} treats missing data as missing; here it is notBreaching, the default")
        if ignored := sorted({*settings.others, *watched.others}):
            self.remarks.append(f"Without settings that a TrailAlarmSet does not have, of {name}: {', '.join(ignored)}")
        actions = {path: list(filter(_TOPIC.fullmatch, getattr(watched, one))) for path, one in _ACTIONS.items()}
        if others := [arn for arn in watched.actions if not _TOPIC.fullmatch(arn)]:
            self.remarks.append(f"Without actions of {alarm} that are no SNS topics: {listed(others)}")
        return found | {"actions": {path: arns for path, arns in actions.items() if arns}}

    def spec(self) -> dict[str, Any]:
        """Return the spec without its trailRef."""
        entries = [*self.presets.values(), *self.custom.values()]
        actions = entries[0]["actions"]
        if all(entry["actions"] == actions for entry in entries):
            for entry in entries:
                del entry["actions"]
        else:
            actions = {}
        found: dict[str, Any] = {"actions": actions} if actions else {}
        if self.presets:
            found |= _preset_fields(self.presets)
        alarms = [{"name": name, **fields} for name, fields in self.custom.items()]
        return found | ({"alarms": alarms} if alarms else {})


def _preset_fields(chosen: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the smallest preset with these alarms, without its others."""
    containing = (preset for preset, names in _PRESETS.items() if chosen.keys() <= set(names))
    preset = min(containing, key=lambda one: len(_PRESETS[one]))
    excluded = [name for name in _PRESETS[preset] if name not in chosen]
    overrides = [{"name": name, **fields} for name, fields in chosen.items() if fields]
    return {
        "presets": [str(preset)],
        **({"exclude": excluded} if excluded else {}),
        **({"overrides": overrides} if overrides else {}),
    }


def _is_own(name: str, settings: FilterSettings, watching: Collection[str]) -> bool:
    """Whether the names are those that the operator gives: the same for filter and alarm, ending with the metric's."""
    parts = name.split("/")
    is_named = len(parts) == _PARTS_OF_OWN_NAME and parts[-1] == settings.metric_name
    return is_named and name in watching and settings.metric_namespace.startswith("CloudTrail/")


def _compact(pattern: str) -> str:
    return re.sub(r"\s", "", pattern)


def _free_name(name: str, taken: Collection[str]) -> str:
    """Return a name for an alarm of the spec, which may not be that of a preset alarm."""
    found = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")[: _LONGEST_NAME - 4] or "alarm"
    return next(one for one in _numbered(found) if one not in taken and one not in _NAMES)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in range(2, 1000))


_PRESETS = {preset: [alarm.name for alarm in alarms_of([preset])] for preset in Preset}
_BY_PATTERN = {_compact(alarm.pattern): alarm.name for alarm in PRESET_ALARMS}
_NAMES = frozenset(_BY_PATTERN.values())
