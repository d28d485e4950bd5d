"""What callers need in order to make metric filters and alarms, and how the calls are recorded.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
"""

import json
from typing import Any

import pytest

from tests.integration.aws import REGION, Account
from tests.outcomes import outcome
from tests.sandbox.identities import allow, client, user

ALARM = {
    "MetricName": "stops",
    "Namespace": "test",
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}
FILTER = {
    "filterName": "filter",
    "filterPattern": "{$.eventName=StopLogging}",
    "metricTransformations": [{"metricName": "stops", "metricNamespace": "test", "metricValue": "1"}],
}
REFUSED = "AccessDeniedException"


def allowed(aws: Account, service: str, *actions: str, resource: str = "*") -> Any:
    return client(aws, service, user(aws, allow(*actions, resource=resource)))


def alarm_arn(aws: Account, name: str) -> str:
    return f"arn:aws:cloudwatch:{REGION}:{aws.number}:alarm:{name}"


def test_alarms_are_told_apart(aws: Account) -> None:
    cloudwatch = allowed(aws, "cloudwatch", "cloudwatch:*", resource=alarm_arn(aws, "ours/*"))
    assert outcome(cloudwatch.put_metric_alarm, AlarmName="ours/a", **ALARM) == "ok"
    assert outcome(cloudwatch.put_metric_alarm, AlarmName="theirs", **ALARM) == REFUSED
    aws.client("cloudwatch").put_metric_alarm(AlarmName="theirs", **ALARM)
    assert outcome(cloudwatch.delete_alarms, AlarmNames=["ours/a", "theirs"]) == REFUSED
    assert outcome(cloudwatch.list_tags_for_resource, ResourceARN=alarm_arn(aws, "theirs")) == REFUSED
    assert outcome(cloudwatch.delete_alarms, AlarmNames=["ours/a"]) == "ok"
    [left] = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert left["AlarmName"] == "theirs"


def test_an_alarm_with_tags_needs_leave_to_tag(aws: Account) -> None:
    cloudwatch = allowed(aws, "cloudwatch", "cloudwatch:PutMetricAlarm")
    tags = [{"Key": "owner", "Value": "me"}]
    assert outcome(cloudwatch.put_metric_alarm, AlarmName="alarm", Tags=tags, **ALARM) == REFUSED
    assert aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert outcome(cloudwatch.put_metric_alarm, AlarmName="alarm", **ALARM) == "ok"


def test_the_tags_of_an_alarm_and_its_actions_can_be_conditions(aws: Account) -> None:
    topic, mine = f"arn:aws:sns:{REGION}:{aws.number}:ours", [{"Key": "owner", "Value": "me"}]
    on_tags = {"StringEquals": {"aws:ResourceTag/owner": "me"}}
    on_actions = {"ForAllValues:StringEquals": {"cloudwatch:AlarmActions": [topic]}}
    statements = [
        allow("cloudwatch:PutMetricAlarm", Condition=on_actions),
        allow("cloudwatch:DeleteAlarms", Condition=on_tags),
    ]
    cloudwatch = client(aws, "cloudwatch", user(aws, *statements))
    assert outcome(cloudwatch.put_metric_alarm, AlarmName="a", AlarmActions=[topic], **ALARM) == "ok"
    assert outcome(cloudwatch.put_metric_alarm, AlarmName="a", **ALARM) == "ok"
    assert outcome(cloudwatch.put_metric_alarm, AlarmName="a", OKActions=[topic, f"{topic}2"], **ALARM) == REFUSED
    assert outcome(cloudwatch.delete_alarms, AlarmNames=["a"]) == REFUSED
    aws.client("cloudwatch").tag_resource(ResourceARN=alarm_arn(aws, "a"), Tags=mine)
    assert outcome(cloudwatch.delete_alarms, AlarmNames=["a"]) == "ok"


def test_all_alarms_are_described_with_leave_for_all(aws: Account) -> None:
    cloudwatch = allowed(aws, "cloudwatch", "cloudwatch:DescribeAlarms", resource=alarm_arn(aws, "ours/*"))
    assert outcome(cloudwatch.describe_alarms) == REFUSED
    assert outcome(cloudwatch.describe_alarms, AlarmNames=["ours/a"]) == "ok"


def test_the_tags_of_all_alarms_are_read_with_leave_to_get_resources(aws: Account) -> None:
    tags, filters = [{"Key": "owner", "Value": "me"}], [{"Key": "owner", "Values": ["me"]}]
    aws.client("cloudwatch").put_metric_alarm(AlarmName="ours/a", Tags=tags, **ALARM)
    aws.client("cloudwatch").put_metric_alarm(AlarmName="theirs", **ALARM)
    assert outcome(client(aws, "resourcegroupstaggingapi", user(aws, name="nobody")).get_resources) == REFUSED
    tagging = allowed(aws, "resourcegroupstaggingapi", "tag:GetResources")
    found = tagging.get_resources(ResourceTypeFilters=["cloudwatch:alarm"], TagFilters=filters)
    assert found["ResourceTagMappingList"] == [{"ResourceARN": alarm_arn(aws, "ours/a"), "Tags": tags}]


def test_filters_are_told_apart_by_their_log_groups(aws: Account) -> None:
    for name in ("ours", "theirs"):
        aws.client("logs").create_log_group(logGroupName=name)
    logs = allowed(aws, "logs", "logs:*", resource=f"arn:aws:logs:{REGION}:{aws.number}:log-group:ours:*")
    assert outcome(logs.put_metric_filter, logGroupName="ours", **FILTER) == "ok"
    assert outcome(logs.put_metric_filter, logGroupName="theirs", **FILTER) == REFUSED
    assert outcome(logs.test_metric_filter, filterPattern="", logEventMessages=["{}"]) == REFUSED
    assert aws.client("logs").describe_metric_filters(logGroupName="theirs")["metricFilters"] == []


@pytest.mark.parametrize("partition", [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_alarms_have_their_partition(aws: Account, partition: tuple[str, str]) -> None:
    region, name = partition
    cloudwatch = aws.client("cloudwatch", region)
    topic = f"arn:{name}:sns:{region}:{aws.number}:topic"
    cloudwatch.put_metric_alarm(AlarmName="alarm", AlarmActions=[topic], **ALARM)
    [found] = cloudwatch.describe_alarms()["MetricAlarms"]
    assert found["AlarmArn"] == f"arn:{name}:cloudwatch:{region}:{aws.number}:alarm:alarm"


def test_the_calls_are_recorded_under_their_services(aws: Account) -> None:
    aws.client("logs").create_log_group(logGroupName="group")
    aws.client("logs").put_metric_filter(logGroupName="group", **FILTER)
    aws.client("cloudwatch").put_metric_alarm(AlarmName="alarm", **ALARM)
    records = {}
    for name in ("PutMetricFilter", "PutMetricAlarm"):
        asked = [{"AttributeKey": "EventName", "AttributeValue": name}]
        [event] = aws.client("cloudtrail").lookup_events(LookupAttributes=asked)["Events"]
        records[name] = json.loads(event["CloudTrailEvent"])
    assert records["PutMetricFilter"]["eventSource"] == "logs.amazonaws.com"
    assert records["PutMetricFilter"]["requestParameters"]["filterName"] == "filter"
    assert records["PutMetricAlarm"]["eventSource"] == "monitoring.amazonaws.com"
    assert records["PutMetricAlarm"]["requestParameters"]["alarmName"] == "alarm"


def test_a_token_that_no_answer_had_is_refused(aws: Account) -> None:
    aws.client("logs").create_log_group(logGroupName="group")
    assert outcome(aws.client("cloudwatch").describe_alarms, NextToken="%") == "InvalidNextToken"
    refused = outcome(aws.client("logs").describe_metric_filters, logGroupName="group", nextToken="%")
    assert refused == "InvalidParameterException"
