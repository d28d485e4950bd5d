"""Specs of TrailAlarmSets that the API server accepts, and what people do to filters and alarms by hand."""

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from tests.statemachine.alarm_expectation import OTHER_PRESETS
from tests.statemachine.aws import REGIONS, topic_arn
from tests.statemachine.kubernetes import Manifest

SETS = {
    "team-a/alarms": ("alpha", REGIONS[0]),
    "team-a/more": ("alpha", REGIONS[0]),
    "team-a/beta": ("beta", REGIONS[1]),
    "team-b/alarms": ("rival", REGIONS[0]),
}
"""All sets that there may be, with their Trails, which never change, and the regions of those."""
NEVER = "Nope"
"""The name of an alarm that no spec can have: an override of no preset alarm."""
REFUSED = "Bad"
"""The name of an alarm whose pattern AWS refuses."""
NAMES = ("A", "A", "B", "RootUsage")

_A = {"name": "A", "filterPattern": "{ $.eventName = Delete* }"}
_B = {"name": "B", "filterPattern": "{ $.eventName = Create* }", "threshold": 5, "description": "b"}
_SHORT = _A | {"period": 60, "evaluationPeriods": 3, "datapointsToAlarm": 2, "treatMissingData": "breaching"}
_PRESETS = {"presets": ["SecurityHub"], "exclude": [*OTHER_PRESETS, "ConsoleSignInFailures"]}
_CHANGED = [{"name": "RootUsage", "threshold": 2.5, "statistic": "Maximum", "description": "changed"}]


def choices(region: str) -> dict[str, list[Manifest]]:
    """What is free in a spec: groups of fields that are set together, with all that they may be."""
    one, two, three = (topic_arn(name, region) for name in ("one", "two", "three"))
    return {
        "alarms": [
            {"alarms": [_A]},
            {"alarms": [_A, _B]},
            {"alarms": [_B]},
            {"alarms": [_SHORT]},
            {"alarms": [_A | {"filterPattern": "{ $.eventName = Put* }", "metricValue": "$.count"}]},
            {"alarms": [_A | {"actions": {"alarm": [two]}, "actionsEnabled": False}, _B]},
            _PRESETS,
            _PRESETS | {"overrides": _CHANGED, "alarms": [_B]},
            _PRESETS | {"overrides": [{"name": NEVER, "threshold": 2}]},
            {"alarms": [_A, {"name": REFUSED, "filterPattern": "{ $.x = "}]},
        ],
        "actions": [
            {},
            {"actions": {"alarm": [one]}},
            {"actions": {"alarm": [two, one], "ok": [one], "insufficientData": [two]}},
            {"actions": {"insufficientData": [one]}},
            {"actions": {"alarm": [one, two]}},
            {"actions": {"alarm": [three]}},
        ],
        "tags": [{}, {"tags": [{"key": "env", "value": "a"}]}, {"tags": [{"key": "env", "value": "b"}, {"key": "x"}]}],
        "deletionPolicy": [{}, {"deletionPolicy": "Delete"}, {"deletionPolicy": "Retain"}],
        "managementPolicy": [{}, {}, {"managementPolicy": "Manage"}, {"managementPolicy": "Observe"}],
    }


CHOICES = {key: choices(region) for key, (_, region) in SETS.items()}


def spec_of(key: str, chosen: Iterable[tuple[str, int]]) -> Manifest:
    """The spec in which some groups are chosen by number, the later ones counting."""
    spec: Manifest = {"trailRef": {"name": SETS[key][0]}}
    for name, number in ({"alarms": 0} | dict(chosen)).items():
        spec |= CHOICES[key][name][number % len(CHOICES[key][name])]
    return spec


CHANGES = st.lists(st.tuples(st.sampled_from(sorted(CHOICES["team-a/alarms"])), st.integers(0, 99)), max_size=5)
"""Groups and numbers: small is simple."""

THEIR_FILTER: dict[str, Any] = {
    "filterPattern": "{ $.theirs = 1 }",
    "metricTransformations": [{"metricName": "theirs", "metricNamespace": "theirs", "metricValue": "1"}],
}
THEIR_ALARM: dict[str, Any] = {
    "MetricName": "theirs",
    "Namespace": "theirs",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}
