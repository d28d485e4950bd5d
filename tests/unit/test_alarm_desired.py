"""The filters and alarms that a spec asks for, and what is wrong with a spec."""

from dataclasses import fields
from typing import Any

import pytest
from pydantic import BaseModel

from tests.unit.builders import LOCATION
from trail_operator.api.trail_alarm_set import AlarmFields, TrailAlarmSetSpec
from trail_operator.domain.alarms.alarm import AlarmSettings, DesiredAlarm, FilterSettings
from trail_operator.domain.alarms.desired import action_arns, alarm_problems, desired_alarms
from trail_operator.domain.alarms.presets import PRESET_ALARMS, Standard

TOPIC = "arn:aws:sns:eu-central-1:123456789012:topic"
SECOND = "arn:aws:sns:eu-central-1:123456789012:second"
THIRD = "arn:aws:sns:eu-central-1:123456789012:third"
PREFIX = "cluster/default/set/"
CUSTOM = {"name": "Stopped", "filterPattern": "{ $.eventName = StopLogging }"}
NAMES = [alarm.name for alarm in PRESET_ALARMS]


def spec(**more: Any) -> TrailAlarmSetSpec:
    return TrailAlarmSetSpec.model_validate({"trailRef": {"name": "audit"}, **more})


def desired(**more: Any) -> dict[str, DesiredAlarm]:
    found = desired_alarms(spec(**more), name_prefix=PREFIX, trail_name="main", set_name="set")
    return {alarm.name: alarm for alarm in found}


def test_security_hub_has_14_alarms_and_cis_one_more() -> None:
    assert [*desired(presets=["SecurityHub"])] == NAMES[:14]
    assert [*desired(presets=["CIS"])] == NAMES


def test_two_presets_have_each_alarm_once_in_the_order_of_the_table() -> None:
    assert [*desired(presets=["CIS", "SecurityHub"])] == NAMES


def test_a_custom_alarm_has_all_defaults() -> None:
    assert desired(alarms=[CUSTOM])["Stopped"] == DesiredAlarm(
        "Stopped",
        f"{PREFIX}Stopped",
        FilterSettings("{ $.eventName = StopLogging }", "Stopped", "CloudTrail/main/set", "1"),
        AlarmSettings(
            description="",
            metric_name="Stopped",
            metric_namespace="CloudTrail/main/set",
            statistic="Sum",
            period=300,
            evaluation_periods=1,
            datapoints_to_alarm=None,
            threshold=1.0,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            actions_enabled=True,
            alarm_actions=(),
            ok_actions=(),
            insufficient_data_actions=(),
        ),
        is_custom=True,
    )


def test_every_alarm_of_a_preset_has_its_pattern_and_names_its_controls() -> None:
    found = desired(presets=["CIS"])
    for alarm in PRESET_ALARMS:
        assert found[alarm.name].filter.pattern == alarm.pattern
        assert not found[alarm.name].is_custom
        assert f"{Standard.CIS_1_4}: {alarm.controls[Standard.CIS_1_4]}" in found[alarm.name].alarm.description
        assert len(found[alarm.name].alarm.description) <= 1024


# Values other than the defaults, and the settings that they make.
EVERYTHING: dict[str, Any] = {
    "description": "mine",
    "metricValue": "$.count",
    "statistic": "Maximum",
    "period": 3600,
    "evaluationPeriods": 3,
    "datapointsToAlarm": 2,
    "threshold": 2.5,
    "comparisonOperator": "LessThanThreshold",
    "treatMissingData": "breaching",
    "actionsEnabled": False,
    "actions": {"alarm": [TOPIC], "ok": [SECOND], "insufficientData": [THIRD]},
}
SETTINGS: dict[str, Any] = {
    "description": "mine",
    "statistic": "Maximum",
    "period": 3600,
    "evaluation_periods": 3,
    "datapoints_to_alarm": 2,
    "threshold": 2.5,
    "comparison_operator": "LessThanThreshold",
    "treat_missing_data": "breaching",
    "actions_enabled": False,
    "alarm_actions": (TOPIC,),
    "ok_actions": (SECOND,),
    "insufficient_data_actions": (THIRD,),
}


@pytest.mark.parametrize("where", ["overrides", "alarms"])
def test_every_field_can_be_set(where: str) -> None:
    assert {field.alias or name for name, field in AlarmFields.model_fields.items()} - {"name"} == set(EVERYTHING)
    given = {**EVERYTHING, "name": "RootUsage"} if where == "overrides" else {**CUSTOM, **EVERYTHING}
    (alarm,) = desired(
        presets=["SecurityHub"] if where == "overrides" else [], exclude=NAMES[1:], **{where: [given]}
    ).values()
    assert alarm.filter.metric_value == "$.count"
    assert {field.name: getattr(alarm.alarm, field.name) for field in fields(AlarmSettings)} == {
        **SETTINGS,
        "metric_name": alarm.name,
        "metric_namespace": "CloudTrail/main/set",
        "others": {},
    }
    assert not any(isinstance(value, BaseModel) for value in vars(alarm.alarm).values())
    assert type(alarm.alarm.statistic) is str


def test_an_override_keeps_what_it_leaves_out() -> None:
    found = desired(presets=["SecurityHub"], overrides=[{"name": "RootUsage", "threshold": 5}])
    assert found["RootUsage"].alarm.threshold == 5.0
    assert found["RootUsage"].alarm.description.startswith("The root user was used.")
    assert found["VPCChanges"].alarm.threshold == 1.0


def test_an_override_can_empty_the_description() -> None:
    found = desired(presets=["SecurityHub"], overrides=[{"name": "RootUsage", "description": ""}])
    assert found["RootUsage"].alarm.description == ""


def test_actions_of_all_are_those_of_alarms_without_their_own() -> None:
    found = desired(
        presets=["SecurityHub"],
        actions={"alarm": [TOPIC, SECOND], "ok": [TOPIC]},
        overrides=[
            {"name": "RootUsage", "actions": {"alarm": [THIRD]}},
            {"name": "VPCChanges", "actions": {}},
            {"name": "ConfigChanges", "threshold": 2},
        ],
        alarms=[CUSTOM],
    )
    assert found["RootUsage"].alarm.alarm_actions == (THIRD,)
    assert found["RootUsage"].alarm.ok_actions == (), "an alarm's own actions replace those of all as a whole"
    assert found["VPCChanges"].alarm.alarm_actions == ()
    for name in ("ConfigChanges", "Stopped", "IAMPolicyChanges"):
        assert found[name].alarm.alarm_actions == (SECOND, TOPIC), "in the order of the ARNs"
        assert found[name].alarm.ok_actions == (TOPIC,)


def test_all_actions_are_checked_also_those_that_no_alarm_uses() -> None:
    found = spec(
        actions={"alarm": [TOPIC]},
        overrides=[{"name": "RootUsage", "actions": {"ok": [SECOND, TOPIC]}}],
        alarms=[{**CUSTOM, "actions": {"insufficientData": [THIRD]}}],
    )
    assert action_arns(found) == (TOPIC, SECOND, THIRD)
    assert action_arns(spec()) == ()


ALL = {"presets": ["SecurityHub"]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "it has no alarms"),
        ({**ALL, "exclude": NAMES}, "it has no alarms"),
        ({**ALL, "exclude": ["Root"]}, "exclude: no preset alarm has the name Root"),
        ({**ALL, "overrides": [{"name": "Root"}]}, "overrides[Root]: no alarm of the chosen presets has this name"),
        ({**ALL, "overrides": [{"name": "OrganizationsChanges"}]}, "overrides[OrganizationsChanges]: no alarm"),
        (
            {**ALL, "exclude": ["RootUsage"], "overrides": [{"name": "RootUsage"}]},
            "overrides[RootUsage]: this alarm is excluded",
        ),
        ({"alarms": [{**CUSTOM, "name": "RootUsage"}]}, "alarms[RootUsage]: this is the name of a preset alarm"),
        ({"alarms": [CUSTOM, CUSTOM]}, "alarms[Stopped]: this name occurs more than once"),
        (
            {**ALL, "overrides": [{"name": "RootUsage"}, {"name": "RootUsage"}]},
            "overrides[RootUsage]: this name occurs more than once",
        ),
        ({"alarms": [{**CUSTOM, "period": 60, "evaluationPeriods": 1441}]}, "is 86460 seconds, but AWS allows a day"),
        ({"alarms": [{**CUSTOM, "period": 3600, "evaluationPeriods": 169}]}, "but AWS allows seven days"),
        ({**ALL, "overrides": [{"name": "RootUsage", "evaluationPeriods": 289}]}, "alarms[RootUsage]: period times"),
        (
            {"alarms": [{**CUSTOM, "evaluationPeriods": 2, "datapointsToAlarm": 3}]},
            "alarms[Stopped]: datapointsToAlarm is 3, more than evaluationPeriods, 2",
        ),
        ({**ALL, "overrides": [{"name": "RootUsage", "datapointsToAlarm": 2}]}, "more than evaluationPeriods, 1"),
        (
            {**ALL, "actions": {"alarm": [TOPIC.replace("eu-central-1", "us-east-1")]}},
            "must be in region eu-central-1 of partition aws",
        ),
        (
            {"alarms": [{**CUSTOM, "actions": {"ok": [TOPIC.replace("arn:aws:", "arn:aws-cn:")]}}]},
            "must be in region eu-central-1 of partition aws",
        ),
    ],
)
def test_a_spec_that_cannot_work_is_explained(given: dict[str, Any], expected: str) -> None:
    assert expected in alarm_problems(spec(**given), LOCATION)


@pytest.mark.parametrize(
    "given",
    [
        ALL,
        {"presets": ["CIS", "SecurityHub"], "exclude": NAMES[1:]},
        {**ALL, "exclude": ["OrganizationsChanges"]},
        {"alarms": [{**CUSTOM, "period": 60, "evaluationPeriods": 1440}]},
        {"alarms": [{**CUSTOM, "period": 3600, "evaluationPeriods": 168}]},
        {"alarms": [{**CUSTOM, "evaluationPeriods": 3, "datapointsToAlarm": 3}]},
        {**ALL, "actions": {"alarm": [TOPIC.replace("123456789012", "210987654321")]}},
    ],
)
def test_a_spec_that_can_work_has_no_problem(given: dict[str, Any]) -> None:
    assert alarm_problems(spec(**given), LOCATION) == ""


def test_several_problems_are_reported_together() -> None:
    found = alarm_problems(spec(exclude=["Root"]))
    assert found.startswith("exclude: no preset alarm has the name Root; it has no alarms")


def test_the_region_of_actions_is_not_checked_without_a_location() -> None:
    assert alarm_problems(spec(**ALL, actions={"alarm": [TOPIC.replace("eu-central-1", "us-east-1")]})) == ""
