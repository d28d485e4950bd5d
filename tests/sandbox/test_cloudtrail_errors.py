"""The emulator's errors that its settings cause, and that its documentation lists all. Not facts about AWS.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/CommonErrors.html and the errors of each operation there.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused, put_settings
from trail_sandbox.aws.cloudtrail.operations import OPERATIONS
from trail_sandbox.aws.cloudtrail.shapes import operation_model

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "sandbox.md"


# A trail that is not loaded yet.


@pytest.fixture
def loading(endpoint: str) -> Iterator[None]:
    """Trails take a while to be loaded."""
    put_settings(endpoint, trail_loading=600)
    yield
    put_settings(endpoint, trail_loading=0)


CHANGES: dict[str, dict[str, Any]] = {
    "UpdateTrail": {"Name": "trail"},
    "DeleteTrail": {"Name": "trail"},
    "StartLogging": {"Name": "trail"},
    "StopLogging": {"Name": "trail"},
    "PutEventSelectors": {"TrailName": "trail", "EventSelectors": [{}]},
    "PutInsightSelectors": {"TrailName": "trail", "InsightSelectors": []},
    "PutEventConfiguration": {"TrailName": "trail", "AggregationConfigurations": []},
    "AddTags": {"TagsList": [{"Key": "team"}]},
    "RemoveTags": {"TagsList": [{"Key": "team"}]},
}


def call(aws: Account, operation: str, arn: str) -> Any:
    given = CHANGES[operation]
    method = getattr(aws.client("cloudtrail"), boto3_name(aws, operation))
    return method(**given, **({} if "Name" in given or "TrailName" in given else {"ResourceId": arn}))


def boto3_name(aws: Account, operation: str) -> str:
    names = {name: method for method, name in aws.client("cloudtrail").meta.method_to_api_mapping.items()}
    return str(names[operation])


@pytest.mark.parametrize("operation", CHANGES)
def test_a_trail_that_is_not_loaded_yet(
    aws: Account, endpoint: str, trail: str, loading: None, refused: Refused, operation: str
) -> None:
    with refused(
        "ConflictException",
        "The specified resource is not ready for an operation. Wait a few minutes, and then try the operation again.",
    ):
        call(aws, operation, trail)
    assert aws.trails() == [trail]
    put_settings(endpoint, trail_loading=0)
    call(aws, operation, trail)


def test_an_unloaded_trail_can_be_read(aws: Account, trail: str, loading: None, refused: Refused) -> None:
    assert aws.trail("trail") is not None
    with refused("TrailNotFoundException"):
        aws.cloudtrail.delete_trail(Name="other")


# What a trail depends on.


def test_a_topic_in_a_suspended_account(aws: Account, bucket: str, refused: Refused) -> None:
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    created = organizations.create_account(AccountName="member", Email="member@example.com")["CreateAccountStatus"]
    member = Account(aws.endpoint, created["AccountId"])
    topic = member.topic("news", "trail")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "SNS:Publish",
        "Resource": topic,
        "Condition": {"StringEquals": {"aws:SourceArn": aws.trail_arn("trail")}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    member.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, SnsTopicName=topic)
    organizations.close_account(AccountId=member.number)
    with refused("CloudTrailInvalidClientTokenIdException"):
        aws.cloudtrail.update_trail(Name="trail", SnsTopicName=topic)
    aws.cloudtrail.update_trail(Name="trail", SnsTopicName="")


@pytest.fixture
def without_log_delivery(endpoint: str) -> Iterator[None]:
    put_settings(endpoint, regions_without_log_delivery=["us-east-1"])
    yield
    put_settings(endpoint, regions_without_log_delivery=[])


def test_a_region_without_delivery_to_log_groups(
    aws: Account, bucket: str, without_log_delivery: None, endpoint: str, refused: Refused
) -> None:
    group = aws.log_group("events")
    logs = {"CloudWatchLogsLogGroupArn": f"{group}:*", "CloudWatchLogsRoleArn": aws.role("deliver", group)}
    with refused(
        "CloudWatchLogsDeliveryUnavailableException", "Cannot set a CloudWatch Logs delivery for this Region."
    ):
        aws.client("cloudtrail").create_trail(Name="trail", S3BucketName=bucket, **logs)
    aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket)
    put_settings(endpoint, regions_without_log_delivery=["eu-west-1"])
    aws.client("cloudtrail").update_trail(Name="trail", **logs)


# The documentation.


def test_the_documentation_tells_of_every_operation_and_every_error_of_the_model() -> None:
    _, _, section = DOCUMENTATION.read_text().partition("### CloudTrail: operations and errors")
    names = set(re.findall(r"[A-Z][A-Za-z0-9]+", section.partition("\n### ")[0]))
    errors = {error.name for operation in OPERATIONS for error in operation_model(operation).error_shapes}
    assert OPERATIONS.keys() - names == set()
    assert errors - names == set()
