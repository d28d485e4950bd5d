"""Errors that the state of the world provokes, beside those of names, dependencies, selectors and organizations.

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
from trail_sandbox.aws.cloudtrail.limits import RateLimits
from trail_sandbox.aws.cloudtrail.operations import OPERATIONS
from trail_sandbox.aws.cloudtrail.shapes import operation_model
from trail_sandbox.aws.errors import AwsError

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


# Limits.


def test_the_quota_counts_shadows_of_trails_homed_elsewhere(aws: Account, refused: Refused) -> None:
    """Two single-region and two multi-region trails of us-west-1 and a multi-region one of ap-southeast-2 are five.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
    """
    bucket = aws.bucket(f"five-{aws.number}", "*")
    policy = aws.bucket_document(bucket, "*")
    for statement in policy["Statement"]:
        del statement["Condition"]["StringEquals"]["aws:SourceArn"]
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    west, south = aws.client("cloudtrail", "us-west-1"), aws.client("cloudtrail", "ap-southeast-2")
    for at, multi_region in enumerate((False, False, True, True)):
        west.create_trail(Name=f"west-{at}", S3BucketName=bucket, IsMultiRegionTrail=multi_region)
    south.create_trail(Name="south", S3BucketName=bucket, IsMultiRegionTrail=True)
    assert len(west.describe_trails()["trailList"]) == 5
    full = f"User: {aws.number} already has 5 trails in us-west-1."
    for multi_region in (False, True):
        with refused("MaximumNumberOfTrailsExceededException", full):
            west.create_trail(Name="sixth", S3BucketName=bucket, IsMultiRegionTrail=multi_region)
    with refused("MaximumNumberOfTrailsExceededException", full):
        south.create_trail(Name="sixth", S3BucketName=bucket, IsMultiRegionTrail=True)
    south.create_trail(Name="sixth", S3BucketName=bucket)


RATES = [
    *[
        (operation, 10)
        for operation in ("GetInsightSelectors", "GetEventConfiguration", "DescribeTrails", "ListTrails")
    ],
    ("LookupEvents", 2),
    *[(operation, 1) for operation in ("PutInsightSelectors", "PutEventConfiguration", "PutEventSelectors")],
]


@pytest.mark.parametrize(("operation", "rate"), RATES)
def test_calls_a_second(operation: str, rate: int) -> None:
    """https://docs.aws.amazon.com/general/latest/gr/ct.html#limits_cloudtrail."""
    limits = RateLimits(lambda: 0.0)
    for _ in range(rate):
        limits.take(operation, "123456789012", "us-east-1")
    with pytest.raises(AwsError, match="ThrottlingException: Rate exceeded"):
        limits.take(operation, "123456789012", "us-east-1")


# The documentation.


def test_the_documentation_tells_of_every_operation_and_every_error_of_the_model() -> None:
    _, _, section = DOCUMENTATION.read_text().partition("### CloudTrail: operations and errors")
    names = set(re.findall(r"[A-Z][A-Za-z0-9]+", section.partition("\n### ")[0]))
    errors = {error.name for operation in OPERATIONS for error in operation_model(operation).error_shapes}
    assert OPERATIONS.keys() - names == set()
    assert errors - names == set()
