"""CreateTrail and DeleteTrail: what may be asked for, and what comes of it.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html
"""

import json
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused, put_settings

TOO_SHORT = "Trail name too short. Minimum allowed length: 3 characters. Specified name length: 2 characters."
TOO_LONG = "Trail name too long. Maximum allowed length: 128 characters. Specified name length: 129 characters."
CHARACTERS = (
    "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), "
    "hyphens (-), and underscores (_)."
)
ADJACENT = "Trail name or ARN cannot have adjacent periods (.), hyphens (-), or underscores (_)."
BAD_NAMES = [
    ("", "Trail name cannot be blank!"),
    ("ab", TOO_SHORT),
    ("a" * 129, TOO_LONG),
    ("my trail", CHARACTERS),
    ("träil", CHARACTERS),
    ("my/trail", CHARACTERS),
    ("-trail", "Trail name must starts with a letter or number."),
    (".trail", "Trail name must starts with a letter or number."),
    ("trail_", "Trail name must ends with a letter or number."),
    ("a--b", ADJACENT),
    ("a..b", ADJACENT),
    ("my-_namespace", ADJACENT),
    ("192.168.5.4", "Trail name must not be formatted as an IP address."),
]


@pytest.mark.parametrize(("name", "message"), BAD_NAMES)
def test_bad_names(aws: Account, bucket: str, refused: Refused, name: str, message: str) -> None:
    with refused("InvalidTrailNameException", message):
        aws.cloudtrail.create_trail(Name=name, S3BucketName=bucket)


BAD_BUCKETS = [
    ("ab", "Bucket name should be between 3 and 63 characters long"),
    ("a" * 64, "Bucket name should be between 3 and 63 characters long"),
    ("My-logs", "Bucket name should not contain uppercase characters"),
    ("my_logs", "Bucket name should not contain '_'"),
    ("my..logs", "Bucket name should not contain two adjacent periods"),
    ("my-.logs", "Bucket name should not contain dashes next to periods"),
    ("-logs", "Bucket name should not begin with a '-'"),
    ("logs-", "Bucket name should not end with '-' or '.'"),
    ("192.168.5.4", "Bucket name must not be formatted as an IP Address"),
    ("", "Bucket name cannot be blank!"),
]


@pytest.mark.parametrize(("name", "message"), BAD_BUCKETS)
def test_bad_bucket_names(aws: Account, refused: Refused, name: str, message: str) -> None:
    with refused("InvalidS3BucketNameException", message):
        aws.cloudtrail.create_trail(Name="trail", S3BucketName=name)


@pytest.mark.parametrize("prefix", ["AWSLogsArchive", "audit/logs"])
def test_good_prefixes(aws: Account, prefix: str) -> None:
    bucket = aws.bucket(f"prefix-{aws.number}", "trail", prefix=prefix)
    assert aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, S3KeyPrefix=prefix)["S3KeyPrefix"] == prefix


def test_every_field_comes_back(aws: Account) -> None:
    bucket = aws.bucket(f"all-{aws.number}", "trail", prefix="audit/logs")
    group = aws.log_group("trail-events")
    given: dict[str, Any] = {
        "S3BucketName": bucket,
        "S3KeyPrefix": "audit/logs",
        "SnsTopicName": aws.topic("notify", "trail"),
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": True,
        "CloudWatchLogsLogGroupArn": f"{group}:*",
        "CloudWatchLogsRoleArn": aws.role("deliver", group),
        "KmsKeyId": aws.key("trail"),
        "RecursiveLogging": False,
    }
    aws.cloudtrail.create_trail(Name="trail", EnableLogFileValidation=True, **given)
    expected = given | {
        "Name": "trail",
        "SnsTopicARN": given["SnsTopicName"],
        "TrailARN": aws.trail_arn("trail"),
        "LogFileValidationEnabled": True,
        "IsOrganizationTrail": False,
        "HomeRegion": "us-east-1",
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
    }
    assert aws.cloudtrail.get_trail(Name="trail")["Trail"] == expected


def test_a_name_is_free_in_another_account(another: Account, trail: str) -> None:
    bucket = another.bucket(f"logs-{another.number}", "trail")
    another.cloudtrail.create_trail(Name="trail", S3BucketName=bucket)
    assert another.trails() == [another.trail_arn("trail")]


def five_trails(aws: Account) -> str:
    bucket = f"five-{aws.number}"
    aws.client("s3").create_bucket(Bucket=bucket)
    policy = aws.bucket_document(bucket, "*")
    for statement in policy["Statement"]:
        conditions = statement["Condition"]["StringEquals"]
        del conditions["aws:SourceArn"]
        conditions["aws:SourceAccount"] = aws.number
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    for number in range(5):
        aws.cloudtrail.create_trail(Name=f"trail-{number}", S3BucketName=bucket)
    return bucket


def test_becoming_multi_region_needs_room(aws: Account, refused: Refused) -> None:
    bucket = five_trails(aws)
    elsewhere = aws.client("cloudtrail", "eu-west-1")
    elsewhere.create_trail(Name="west", S3BucketName=bucket)
    with refused("MaximumNumberOfTrailsExceededException"):
        elsewhere.update_trail(Name="west", IsMultiRegionTrail=True)


def test_quotas_can_be_switched_off(aws: Account, endpoint: str) -> None:
    bucket = five_trails(aws)
    put_settings(endpoint, quotas=False)
    try:
        aws.cloudtrail.create_trail(Name="trail-6", S3BucketName=bucket)
    finally:
        put_settings(endpoint, quotas=True)
    assert len(aws.trails()) == 6


def test_a_trail_made_anew_has_nothing_of_the_old_one(aws: Account, bucket: str, trail: str) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "old"}])
    aws.cloudtrail.start_logging(Name=trail)
    aws.deliver()
    aws.cloudtrail.delete_trail(Name=trail)
    aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket)
    status = aws.cloudtrail.get_trail_status(Name=trail)
    assert status["IsLogging"] is False
    assert "StartLoggingTime" not in status
    assert "LatestDeliveryTime" not in status
    assert aws.cloudtrail.list_tags(ResourceIdList=[trail])["ResourceTagList"][0]["TagsList"] == []
