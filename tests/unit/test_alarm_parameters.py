"""What writes to metric filters and alarms send: valid requests by botocore's models, with every setting."""

from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from trail_operator.domain.alarms import parameters
from trail_operator.domain.alarms.alarm import AlarmSettings, FilterKey, FilterSettings

NAME = "prod/team/audit/RootUsage"
ARN = f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{NAME}"
FILTER = FilterSettings('{ $.a = "b" }', "RootUsage", "CloudTrail/audit/audit", "1")
ALARM = AlarmSettings(
    description="The root user was used.",
    metric_name="RootUsage",
    metric_namespace="CloudTrail/audit/audit",
    statistic="Sum",
    period=300,
    evaluation_periods=1,
    datapoints_to_alarm=None,
    threshold=1.0,
    comparison_operator="GreaterThanOrEqualToThreshold",
    treat_missing_data="notBreaching",
    actions_enabled=True,
    alarm_actions=("arn:aws:sns:eu-west-1:123456789012:alarms",),
    ok_actions=(),
    insufficient_data_actions=(),
)
REQUESTS = {
    "PutMetricFilter": parameters.put_filter_parameters(FilterKey("trails", NAME), FILTER),
    "DeleteMetricFilter": parameters.delete_filter_parameters(FilterKey("trails", NAME)),
    "PutMetricAlarm": parameters.put_alarm_parameters(NAME, ALARM, {"owner": "prod/team/audit", "empty": ""}),
    "DeleteAlarms": parameters.delete_alarms_parameters(["b", "a"]),
    "TagResource": parameters.tag_parameters(ARN, {"key": ""}),
    "UntagResource": parameters.untag_parameters(ARN, ["key"]),
}


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_request_is_valid(operation: str) -> None:
    service = "logs" if operation.endswith("MetricFilter") else "cloudwatch"
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    assert model.input_shape is not None
    assert ParamValidator().validate(REQUESTS[operation], model.input_shape).generate_report() == ""


def test_a_filter_is_sent_without_settings_that_the_operator_never_makes() -> None:
    changed = replace(FILTER, others={"defaultValue": "0.0"})
    assert parameters.put_filter_parameters(FilterKey("trails", NAME), changed) == REQUESTS["PutMetricFilter"]


def test_an_alarm_is_sent_with_all_settings() -> None:
    sent: dict[str, Any] = parameters.put_alarm_parameters(NAME, replace(ALARM, others={"Unit": "Count"}))
    assert sent == {
        "AlarmName": NAME,
        "AlarmDescription": "The root user was used.",
        "ActionsEnabled": True,
        "AlarmActions": ["arn:aws:sns:eu-west-1:123456789012:alarms"],
        "OKActions": [],
        "InsufficientDataActions": [],
        "MetricName": "RootUsage",
        "Namespace": "CloudTrail/audit/audit",
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }
    assert parameters.put_alarm_parameters(NAME, replace(ALARM, datapoints_to_alarm=1))["DatapointsToAlarm"] == 1


def test_a_new_alarm_is_sent_with_its_tags() -> None:
    assert REQUESTS["PutMetricAlarm"]["Tags"] == [
        {"Key": "empty", "Value": ""},
        {"Key": "owner", "Value": "prod/team/audit"},
    ]
