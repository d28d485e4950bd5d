"""Filters and alarms to test with, each valid as it stands; a test names only what it is about."""

from typing import Any

from tests.unit.builders import LOCATION
from trail_operator.api.constants import OWNER_TAG
from trail_operator.domain.alarms.alarm import (
    AlarmSettings,
    DesiredAlarm,
    DesiredAlarmSet,
    FilterSettings,
    ObservedAlarm,
)
from trail_operator.domain.arns import Arn

GROUP = "trail"
OLD_GROUP = "old"
OWNER = "cluster/default/alarms"
OTHERS = "elsewhere/default/alarms"
PREFIX = f"{OWNER}/"
NAMESPACE = "CloudTrail/audit/alarms"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:topic"


def filter_settings(**more: Any) -> FilterSettings:
    """Settings of a filter."""
    given = {
        "pattern": "{ $.eventName = StopLogging }",
        "metric_name": "A",
        "metric_namespace": NAMESPACE,
        "metric_value": "1",
    }
    return FilterSettings(**{**given, **more})


def alarm_settings(**more: Any) -> AlarmSettings:
    """Settings of an alarm, with the defaults of the operator."""
    given = {
        "description": "The trail was stopped.",
        "metric_name": "A",
        "metric_namespace": NAMESPACE,
        "statistic": "Sum",
        "period": 300,
        "evaluation_periods": 1,
        "datapoints_to_alarm": None,
        "threshold": 1.0,
        "comparison_operator": "GreaterThanOrEqualToThreshold",
        "treat_missing_data": "notBreaching",
        "actions_enabled": True,
        "alarm_actions": (TOPIC,),
        "ok_actions": (),
        "insufficient_data_actions": (),
    }
    return AlarmSettings(**{**given, **more})


def desired_alarm(
    name: str = "A", of_filter: FilterSettings | None = None, of_alarm: AlarmSettings | None = None, **more: Any
) -> DesiredAlarm:
    """A desired filter and its alarm."""
    return DesiredAlarm(name, f"{PREFIX}{name}", of_filter or filter_settings(), of_alarm or alarm_settings(), **more)


def desired_set(*alarms: DesiredAlarm, **more: Any) -> DesiredAlarmSet:
    """A set of alarms."""
    given = {"location": LOCATION, "log_group": GROUP, "name_prefix": PREFIX, "alarms": alarms, "owner": OWNER}
    return DesiredAlarmSet(**{**given, **more})


def alarm_arn(full_name: str) -> str:
    """The ARN of an alarm."""
    return str(Arn(LOCATION.partition, "cloudwatch", LOCATION.region, LOCATION.account, f"alarm:{full_name}"))


def observed_alarm(
    name: str = "A", settings: AlarmSettings | None = None, *, owner: str | None = OWNER, **tags: str
) -> ObservedAlarm:
    """An alarm in AWS that is the set's."""
    full_name = f"{PREFIX}{name}"
    return ObservedAlarm(
        full_name, alarm_arn(full_name), settings or alarm_settings(), {**tags, **({OWNER_TAG: owner} if owner else {})}
    )
