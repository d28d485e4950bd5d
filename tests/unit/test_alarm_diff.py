"""Differences of filters and alarms, by the paths of the spec."""

from dataclasses import fields, replace
from typing import Any

import pytest

from tests.unit.alarm_builders import (
    GROUP,
    NAMESPACE,
    OLD_GROUP,
    OTHERS,
    PREFIX,
    TOPIC,
    alarm_settings,
    desired_alarm,
    desired_set,
    filter_settings,
    observed_alarm,
)
from trail_operator.api.constants import OWNER_TAG
from trail_operator.domain.alarms.alarm import AlarmSettings, FilterKey, FilterSettings, ObservedAlarmSet
from trail_operator.domain.alarms.diff import (
    ALARM_FIELDS,
    FILTER_FIELDS,
    differences,
    field_of_path,
    name_of_path,
)

KEY = FilterKey(GROUP, f"{PREFIX}A")
OLD_KEY = FilterKey(OLD_GROUP, f"{PREFIX}A")
WANTED = desired_set(desired_alarm(), tags={"team": "x"}, ignored_tags=("kept-*",))
FOUND = {KEY: filter_settings()}
ALARM = observed_alarm(team="x")


def found(filters: Any = None, *alarms: Any, pinned: Any = (KEY,), wanted: Any = WANTED) -> list[tuple[str, str, str]]:
    observed = ObservedAlarmSet(FOUND if filters is None else filters, {one.name: one for one in alarms or (ALARM,)})
    return [(one.path, one.desired, one.observed) for one in differences(wanted, observed, pinned)]


def test_what_is_as_the_spec_says_differs_in_nothing() -> None:
    assert found() == []


def test_every_setting_is_compared() -> None:
    for table, settings in ((FILTER_FIELDS, FilterSettings), (ALARM_FIELDS, AlarmSettings)):
        assert {*table.values(), "others"} == {field.name for field in fields(settings)}


@pytest.mark.parametrize(
    ("change", "path", "desired", "observed"),
    [
        ({"description": "x"}, "description", "The trail was stopped.", "x"),
        ({"metric_name": "x"}, "alarm.metricName", "A", "x"),
        ({"metric_namespace": "x"}, "alarm.metricNamespace", NAMESPACE, "x"),
        ({"statistic": "Average"}, "statistic", "Sum", "Average"),
        ({"statistic": None, "others": {"ExtendedStatistic": "p99"}}, "statistic", "Sum", "absent"),
        ({"period": 60}, "period", "300", "60"),
        ({"evaluation_periods": 2}, "evaluationPeriods", "1", "2"),
        ({"threshold": 2.5}, "threshold", "1", "2.5"),
        ({"threshold": None}, "threshold", "1", "absent"),
        (
            {"comparison_operator": "LessThanThreshold"},
            "comparisonOperator",
            "GreaterThanOrEqualToThreshold",
            "LessThanThreshold",
        ),
        ({"treat_missing_data": "missing"}, "treatMissingData", "notBreaching", "missing"),
        ({"actions_enabled": False}, "actionsEnabled", "true", "false"),
        ({"alarm_actions": ()}, "actions.alarm", f"[{TOPIC}]", "absent"),
        ({"ok_actions": (TOPIC,)}, "actions.ok", "absent", f"[{TOPIC}]"),
        ({"insufficient_data_actions": (TOPIC,)}, "actions.insufficientData", "absent", f"[{TOPIC}]"),
        ({"others": {"Dimensions": "a=b"}}, "alarm.dimensions", "absent", "a=b"),
    ],
)
def test_a_changed_alarm_differs_in_that_field(change: dict[str, Any], path: str, desired: str, observed: str) -> None:
    alarm = replace(ALARM, settings=alarm_settings(**change))
    assert (f"alarms[A].{path}", desired, observed) in found(None, alarm)


@pytest.mark.parametrize(
    ("change", "path", "desired", "observed"),
    [
        ({"pattern": ""}, "filterPattern", "{ $.eventName = StopLogging }", ""),
        ({"pattern": "{$.eventName=StopLogging}"}, "filterPattern", "{ $.eventName = StopLogging }", None),
        ({"metric_value": "$.n"}, "metricValue", "1", "$.n"),
        ({"metric_name": "x"}, "filter.metricName", "A", "x"),
        ({"metric_namespace": "x"}, "filter.metricNamespace", NAMESPACE, "x"),
        ({"others": {"defaultValue": "0"}}, "filter.defaultValue", "absent", "0"),
    ],
)
def test_a_changed_filter_differs_in_that_field(
    change: dict[str, Any], path: str, desired: str, observed: str | None
) -> None:
    (entry,) = found({KEY: filter_settings(**change)})
    assert entry == (f"alarms[A].{path}", desired, change["pattern"] if observed is None else observed)


@pytest.mark.parametrize(
    ("periods", "wanted", "shown", "differs"),
    [(3, None, 3, False), (3, 3, None, False), (3, 2, None, True), (3, None, 2, True), (3, 2, 2, False)],
)
def test_all_periods_count_where_no_number_of_datapoints_is_set(
    periods: int, wanted: int | None, shown: int | None, differs: bool
) -> None:
    settings = alarm_settings(evaluation_periods=periods, datapoints_to_alarm=wanted)
    alarm = replace(ALARM, settings=alarm_settings(evaluation_periods=periods, datapoints_to_alarm=shown))
    desired = desired_set(desired_alarm(of_alarm=settings), tags={"team": "x"})
    assert bool(found(None, alarm, wanted=desired)) is differs


def test_what_is_missing_is_one_difference() -> None:
    assert found({}, observed_alarm("Z", owner=OTHERS)) == [("alarms[A]", "present", "absent")]
    assert found({}) == [("alarms[A].filter", "present", "absent")]
    assert found(FOUND, observed_alarm("Z", owner=OTHERS)) == [("alarms[A].alarm", "present", "absent")]


def test_a_composite_alarm_is_a_difference_of_its_own() -> None:
    assert found(None, replace(ALARM, settings=None)) == [("alarms[A].alarm", "metric alarm", "composite alarm")]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, [("alarms[A].tags[team]", "x", "absent")]),
        ({"team": "y"}, [("alarms[A].tags[team]", "x", "y")]),
        ({"team": "x", "other": ""}, [("alarms[A].tags[other]", "absent", "")]),
        ({"team": "x", "kept-1": "y", "aws:x": "y", "trail-operator.dev/x": "y"}, []),
        ({"team": "x", OWNER_TAG: "former/default/alarms"}, []),
    ],
)
def test_tags_that_the_spec_governs_are_compared(tags: dict[str, str], expected: list[tuple[str, str, str]]) -> None:
    assert found(None, replace(ALARM, tags=tags)) == expected


def test_tags_that_were_not_read_are_no_difference() -> None:
    assert found(None, replace(ALARM, tags=None)) == []


def test_what_the_spec_no_longer_has_is_a_difference_if_it_is_the_sets() -> None:
    extra = FilterKey(GROUP, f"{PREFIX}Old")
    filters = {**FOUND, extra: filter_settings()}
    assert found(filters, pinned=(KEY, extra)) == [("alarms[Old].filter", "absent", "present")]
    assert found(filters, pinned=(KEY,)) == []
    assert found(None, ALARM, observed_alarm("Old")) == [("alarms[Old].alarm", "absent", "present")]
    assert found(None, ALARM, observed_alarm("Old", owner=OTHERS)) == []
    assert found(None, ALARM, observed_alarm("Old", owner=None)) == []


def test_a_filter_in_a_former_log_group_is_a_difference_of_the_log_group() -> None:
    filters = {**FOUND, OLD_KEY: filter_settings()}
    assert found(filters, pinned=(KEY, OLD_KEY)) == [("alarms[A].logGroup", GROUP, OLD_GROUP)]
    assert found(filters, pinned=(KEY,)) == []


@pytest.mark.parametrize(
    ("path", "name", "field"),
    [
        ("alarms[A]", "A", ""),
        ("alarms[A].threshold", "A", "threshold"),
        ("alarms[a.b-c_d].actions.alarm", "a.b-c_d", "actions.alarm"),
        ("alarms[A].filter", "A", "filter"),
        ("alarms[A].tags[cost.center]", "A", "tags"),
        ("trail", "", "trail"),
    ],
)
def test_a_path_names_an_alarm_and_its_field(path: str, name: str, field: str) -> None:
    assert (name_of_path(path), field_of_path(path)) == (name, field)
