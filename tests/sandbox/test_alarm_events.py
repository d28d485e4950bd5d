"""The events of calls about metric filters and alarms, those that AWS refuses included, and how calls are throttled.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/logging_cw_api_calls.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/logging_cw_logs_api_calls.html
"""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.aws import REGION, Account
from tests.outcomes import outcome
from tests.sandbox.buses import Bus, logging_trail
from tests.sandbox.conftest import put_settings
from tests.sandbox.test_alarm_access import ALARM, FILTER, alarm_arn

RULE = {"source": ["aws.monitoring", "aws.logs"], "detail-type": ["AWS API Call via CloudTrail"]}
TAGS = [{"Key": "owner", "Value": "me"}]


@pytest.fixture
def bus(aws: Account) -> Bus:
    """A bus whose events of both services come into one queue."""
    aws.client("logs").create_log_group(logGroupName="group")
    logging_trail(aws)
    bus = Bus(aws)
    bus.rule("events", RULE)
    return bus


def test_every_write_has_an_event(aws: Account, bus: Bus) -> None:
    logs, cloudwatch, arn = aws.client("logs"), aws.client("cloudwatch"), alarm_arn(aws, "alarm")
    logs.put_metric_filter(logGroupName="group", **FILTER)
    cloudwatch.put_metric_alarm(AlarmName="alarm", Tags=TAGS, **ALARM)
    cloudwatch.tag_resource(ResourceARN=arn, Tags=TAGS)
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["owner"])
    cloudwatch.delete_alarms(AlarmNames=["alarm"])
    logs.delete_metric_filter(logGroupName="group", filterName="filter")
    expected: list[tuple[str, str, dict[str, Any]]] = [
        ("logs", "PutMetricFilter", {"logGroupName": "group", "filterName": "filter"}),
        ("monitoring", "PutMetricAlarm", {"alarmName": "alarm", "threshold": 1.0}),
        ("monitoring", "TagResource", {"resourceARN": arn, "tags": [{"key": "owner", "value": "me"}]}),
        ("monitoring", "UntagResource", {"resourceARN": arn, "tagKeys": ["owner"]}),
        ("monitoring", "DeleteAlarms", {"alarmNames": ["alarm"]}),
        ("logs", "DeleteMetricFilter", {"logGroupName": "group", "filterName": "filter"}),
    ]
    for service, name, parameters in expected:
        event = bus.next("events")
        detail = event["detail"]
        assert (event["source"], detail["eventSource"]) == (f"aws.{service}", f"{service}.amazonaws.com")
        assert detail["eventName"] == name
        assert detail["requestParameters"].items() >= parameters.items()
        assert (detail["readOnly"], detail["managementEvent"]) == (False, True)
        assert "errorCode" not in detail


def test_a_refused_call_has_an_event_that_says_so(aws: Account, bus: Bus) -> None:
    missing = alarm_arn(aws, "missing")
    assert outcome(aws.client("cloudwatch").tag_resource, ResourceARN=missing, Tags=TAGS) == "ResourceNotFoundException"
    detail = bus.next("events")["detail"]
    assert (detail["eventName"], detail["errorCode"]) == ("TagResource", "ResourceNotFoundException")
    assert detail["requestParameters"]["resourceARN"] == missing
    wrong = ALARM | {"Period": 7}
    assert outcome(aws.client("cloudwatch").put_metric_alarm, AlarmName="alarm", **wrong) == "ValidationError"
    detail = bus.next("events")["detail"]
    assert (detail["eventName"], detail["errorCode"]) == ("PutMetricAlarm", "ValidationError")
    refused = outcome(aws.client("logs").delete_metric_filter, logGroupName="group", filterName="missing")
    assert refused == "ResourceNotFoundException"
    detail = bus.next("events")["detail"]
    assert (detail["eventName"], detail["errorCode"]) == ("DeleteMetricFilter", "ResourceNotFoundException")


@pytest.fixture
def impatient(aws: Account, endpoint: str) -> Iterator[Any]:
    """CloudWatch with rates on, and a client that does not try again."""
    put_settings(endpoint, rates=True)
    yield boto3.client(
        "cloudwatch",
        region_name=REGION,
        endpoint_url=aws.endpoint,
        aws_access_key_id=aws.number,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )
    put_settings(endpoint, rates=False)


def test_alarms_are_put_at_the_rate_of_aws(impatient: Any) -> None:
    """How many calls exactly is in test_cloudtrail_state, where the clock stands still."""
    with pytest.raises(ClientError, match="ThrottlingException"):  # noqa: PT012 - the first calls go through
        for number in range(500):
            impatient.put_metric_alarm(AlarmName=f"alarm-{number}", **ALARM)
