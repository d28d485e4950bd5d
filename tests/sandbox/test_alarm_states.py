"""From an event that a trail delivers to a message in the queue that an alarm's topic tells."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.aws import REGION, Account
from tests.patience import eventually
from tests.sandbox.conftest import put_settings

ALARM: dict[str, Any] = {
    "AlarmName": "alarm",
    "MetricName": "stops",
    "Namespace": "test",
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "TreatMissingData": "notBreaching",
}


@pytest.fixture
def fast(endpoint: str) -> Iterator[None]:
    """Periods last 2 seconds."""
    put_settings(endpoint, alarm_period_seconds=2)
    yield
    put_settings(endpoint, alarm_period_seconds=None)


@pytest.fixture
def queue(aws: Account) -> str:
    """A queue that the topic `topic` tells; its URL."""
    sqs, sns = aws.client("sqs"), aws.client("sns")
    url: str = sqs.create_queue(QueueName="queue")["QueueUrl"]
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{aws.number}:queue")
    return url


def topic(aws: Account) -> str:
    return f"arn:aws:sns:{REGION}:{aws.number}:topic"


def put(aws: Account, **members: Any) -> None:
    aws.client("cloudwatch").put_metric_alarm(**ALARM | members)


def count(aws: Account, value: float = 1.0) -> None:
    data = [{"MetricName": "stops", "Value": value}]
    aws.client("cloudwatch").put_metric_data(Namespace="test", MetricData=data)


def state(aws: Account) -> str:
    aws.deliver()
    [found] = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return str(found["StateValue"])


def messages(aws: Account, queue: str) -> list[dict[str, Any]]:
    received = aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(json.loads(one["Body"])["Message"]) for one in received]


def test_an_event_of_a_trail_is_told(aws: Account, queue: str) -> None:
    group = aws.log_group("group")
    aws.bucket("logs-of-alarms", "trail")
    aws.client("logs").put_metric_filter(
        logGroupName="group",
        filterName="stops",
        filterPattern="{($.eventName=UpdateTrail)}",
        metricTransformations=[{"metricName": "stops", "metricNamespace": "test", "metricValue": "1"}],
    )
    put(aws, AlarmActions=[topic(aws)])
    assert state(aws) == "OK"
    given: dict[str, Any] = {
        "CloudWatchLogsLogGroupArn": f"{group}:*",
        "CloudWatchLogsRoleArn": aws.role("role", group),
    }
    aws.cloudtrail.create_trail(Name="trail", S3BucketName="logs-of-alarms", **given)
    aws.cloudtrail.start_logging(Name="trail")
    assert (state(aws), messages(aws, queue)) == ("OK", [])
    aws.cloudtrail.update_trail(Name="trail", IncludeGlobalServiceEvents=True)
    assert state(aws) == "ALARM"
    [told] = messages(aws, queue)
    assert (told["AlarmName"], told["OldStateValue"], told["NewStateValue"]) == ("alarm", "OK", "ALARM")
    assert (told["AWSAccountId"], told["Trigger"]["MetricName"]) == (aws.number, "stops")


@pytest.mark.usefixtures("fast")
def test_an_alarm_ends_after_its_period(aws: Account, queue: str) -> None:
    put(aws, OKActions=[topic(aws)])
    count(aws)
    assert state(aws) == "ALARM"
    eventually("the alarm is not over", lambda: state(aws) == "OK")
    [told] = messages(aws, queue)
    assert (told["OldStateValue"], told["NewStateValue"]) == ("ALARM", "OK")


@pytest.mark.parametrize(
    ("treat", "expected"),
    [
        ("notBreaching", "OK"),
        ("breaching", "ALARM"),
        ("missing", "INSUFFICIENT_DATA"),
        ("ignore", "INSUFFICIENT_DATA"),
    ],
)
def test_a_metric_without_data(aws: Account, treat: str, expected: str) -> None:
    put(aws, TreatMissingData=treat)
    assert state(aws) == expected


@pytest.mark.parametrize(
    ("members", "values", "expected"),
    [
        ({"Threshold": 3.0}, [1, 1], "OK"),
        ({"Threshold": 2.0}, [1, 1], "ALARM"),
        ({"Threshold": 2.0, "ComparisonOperator": "GreaterThanThreshold"}, [1, 1], "OK"),
        ({"Threshold": 2.0, "Statistic": "Maximum"}, [1, 2], "ALARM"),
        ({"Threshold": 2.0, "Statistic": "Average"}, [1, 2], "OK"),
        ({"Threshold": 2.0, "Statistic": "SampleCount"}, [0, 0], "ALARM"),
        ({"EvaluationPeriods": 2}, [1], "OK"),
        ({"EvaluationPeriods": 2, "DatapointsToAlarm": 1}, [1], "ALARM"),
        ({"MetricName": "others"}, [1], "OK"),
        ({"Unit": "Count"}, [1], "OK"),
        ({"Dimensions": [{"Name": "a", "Value": "b"}]}, [1], "OK"),
    ],
)
def test_a_metric_with_data(aws: Account, members: dict[str, Any], values: list[float], expected: str) -> None:
    put(aws, **members)
    for value in values:
        count(aws, value)
    assert state(aws) == expected


def test_an_alarm_without_actions_tells_nobody(aws: Account, queue: str) -> None:
    put(aws, AlarmActions=[topic(aws)], ActionsEnabled=False)
    count(aws)
    assert (state(aws), messages(aws, queue)) == ("ALARM", [])


def test_a_topic_that_does_not_let_cloudwatch_in_tells_nobody(aws: Account, queue: str) -> None:
    others = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "SNS:Publish"}
    policy = {"Version": "2012-10-17", "Statement": [others | {"Resource": topic(aws)}]}
    aws.client("sns").set_topic_attributes(
        TopicArn=topic(aws), AttributeName="Policy", AttributeValue=json.dumps(policy)
    )
    put(aws, AlarmActions=[topic(aws)])
    count(aws)
    assert (state(aws), messages(aws, queue)) == ("ALARM", [])


def test_a_state_is_told_once(aws: Account, queue: str) -> None:
    put(aws, AlarmActions=[topic(aws)])
    count(aws)
    assert [state(aws), state(aws)] == ["ALARM", "ALARM"]
    assert len(messages(aws, queue)) == 1


def test_an_alarm_on_a_percentile_keeps_its_state_and_stops_no_other(aws: Account) -> None:
    cloudwatch = aws.client("cloudwatch")
    percentile = {key: value for key, value in ALARM.items() if key != "Statistic"}
    cloudwatch.put_metric_alarm(**percentile | {"AlarmName": "a", "ExtendedStatistic": "p90"})
    put(aws)
    count(aws)
    aws.deliver()
    states = {one["AlarmName"]: one["StateValue"] for one in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert states == {"a": "INSUFFICIENT_DATA", "alarm": "ALARM"}


def test_filters_count_what_is_put_into_their_group(aws: Account) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(logGroupName="group", logStreamName="stream")
    metric: dict[str, Any] = {"metricName": "stops", "metricNamespace": "test", "metricValue": "$.size"}
    logs.put_metric_filter(
        logGroupName="group", filterName="sizes", filterPattern="{$.size>1}", metricTransformations=[metric]
    )
    put(aws, Threshold=5.0)
    now = int(time.time() * 1000)
    for sizes in ([1, 2], [3]):
        events = [{"timestamp": now, "message": json.dumps({"size": size})} for size in sizes]
        logs.put_log_events(logGroupName="group", logStreamName="stream", logEvents=events)
    assert state(aws) == "ALARM"
    put(aws, Threshold=6.0)
    assert state(aws) == "OK"
