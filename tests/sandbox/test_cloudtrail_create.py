"""The emulator's CreateTrail: all fields at once, separate accounts, quotas, a missing bucket, a new trail's status.

Facts about AWS: tests/conformance/test_trails.py, test_names.py and test_quotas.py.
"""

import json
from typing import Any

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused, put_settings


def test_a_prefix_may_begin_like_the_folder_of_cloudtrail(aws: Account) -> None:
    prefix = "AWSLogsArchive"
    bucket = aws.bucket(f"prefix-{aws.number}", "trail", prefix=prefix)
    assert aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, S3KeyPrefix=prefix)["S3KeyPrefix"] == prefix


def test_a_missing_bucket_is_named(aws: Account, refused: Refused) -> None:
    name = f"none-{aws.number}"
    with refused("S3BucketDoesNotExistException", f"S3 bucket {name} does not exist!"):
        aws.cloudtrail.create_trail(Name="trail", S3BucketName=name)


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
    with refused("MaximumNumberOfTrailsExceededException", f"User: {aws.number} already has 5 trails in us-east-1."):
        elsewhere.update_trail(Name="west", IsMultiRegionTrail=True)


def test_quotas_can_be_switched_off(aws: Account, endpoint: str) -> None:
    bucket = five_trails(aws)
    put_settings(endpoint, quotas=False)
    try:
        aws.cloudtrail.create_trail(Name="trail-6", S3BucketName=bucket)
    finally:
        put_settings(endpoint, quotas=True)
    assert len(aws.trails()) == 6


def test_a_trail_of_the_same_name_has_a_new_status(aws: Account, bucket: str, trail: str) -> None:
    aws.cloudtrail.start_logging(Name=trail)
    aws.deliver()
    aws.cloudtrail.delete_trail(Name=trail)
    aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket)
    status = aws.cloudtrail.get_trail_status(Name=trail)
    assert status["IsLogging"] is False
    assert "StartLoggingTime" not in status
    assert "LatestDeliveryTime" not in status
