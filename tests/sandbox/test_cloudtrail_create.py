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


@pytest.mark.parametrize("name", ["abc", "a" * 128, "my-trail_1.x", "0trail", "1.2.3", "256.1.1.1.1"])
def test_good_names(aws: Account, refused: Refused, name: str) -> None:
    with refused("S3BucketDoesNotExistException"):
        aws.cloudtrail.create_trail(Name=name, S3BucketName=f"none-{aws.number}")


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


BAD_PARAMETERS: list[tuple[dict[str, Any], str]] = [
    ({"S3KeyPrefix": "p" * 201}, "InvalidS3PrefixException"),
    ({"S3KeyPrefix": "a/AWSLogs/b"}, "InvalidS3PrefixException"),
    ({"S3KeyPrefix": "AWSLogs/"}, "InvalidS3PrefixException"),
    ({"SnsTopicName": "t" * 257}, "InvalidSnsTopicNameException"),
    ({"SnsTopicName": "my topic"}, "InvalidSnsTopicNameException"),
    ({"SnsTopicName": "arn:aws:sqs:us-east-1:123456789012:queue"}, "InvalidSnsTopicNameException"),
    ({"KmsKeyId": "my-key"}, "InvalidKmsKeyIdException"),
    ({"KmsKeyId": "arn:aws:s3:::logs"}, "InvalidKmsKeyIdException"),
    ({"IsMultiRegionTrail": True, "IncludeGlobalServiceEvents": False}, "InvalidParameterCombinationException"),
    ({"IsOrganizationTrail": True}, "OrganizationsNotInUseException"),
    ({"TagsList": [{"Key": "aws:x", "Value": "y"}]}, "InvalidTagParameterException"),
    ({"TagsList": [{"Key": "x"}, {"Key": "x"}]}, "InvalidTagParameterException"),
    ({"TagsList": [{"Key": f"k{number}"} for number in range(51)]}, "TagsLimitExceededException"),
]


@pytest.mark.parametrize(("parameters", "code"), BAD_PARAMETERS)
def test_bad_parameters(aws: Account, bucket: str, refused: Refused, parameters: dict[str, Any], code: str) -> None:
    with refused(code):
        aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, **parameters)
    assert aws.trails() == []


@pytest.mark.parametrize("prefix", ["p" * 200, "AWSLogsArchive", "audit/logs"])
def test_good_prefixes(aws: Account, prefix: str) -> None:
    bucket = aws.bucket(f"prefix-{aws.number}", "trail", prefix=prefix)
    assert aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, S3KeyPrefix=prefix)["S3KeyPrefix"] == prefix


def test_multi_region_without_global_events_in_aws_words(aws: Account, bucket: str, refused: Refused) -> None:
    with refused("InvalidParameterCombinationException", "Multi-Region trail must include global service events."):
        aws.cloudtrail.create_trail(
            Name="trail", S3BucketName=bucket, IsMultiRegionTrail=True, IncludeGlobalServiceEvents=False
        )


def test_what_create_trail_answers_by_default(aws: Account, bucket: str) -> None:
    answer = aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket)
    assert {name: value for name, value in answer.items() if name != "ResponseMetadata"} == {
        "Name": "trail",
        "S3BucketName": bucket,
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": False,
        "TrailARN": aws.trail_arn("trail"),
        "LogFileValidationEnabled": False,
        "IsOrganizationTrail": False,
        "RecursiveLogging": True,
    }


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


def test_a_new_trail_does_not_log(aws: Account, trail: str) -> None:
    status = aws.cloudtrail.get_trail_status(Name=trail)
    assert status["IsLogging"] is False
    assert "StartLoggingTime" not in status
    assert "LatestDeliveryTime" not in status
    assert "LatestDeliveryError" not in status


def test_tags_at_creation(aws: Account, bucket: str) -> None:
    tags = [{"Key": "team", "Value": "security"}, {"Key": "bare"}]
    arn = aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, TagsList=tags)["TrailARN"]  # type: ignore[arg-type]
    assert aws.cloudtrail.list_tags(ResourceIdList=[arn])["ResourceTagList"] == [{"ResourceId": arn, "TagsList": tags}]


def test_a_name_is_taken_once(aws: Account, bucket: str, trail: str, refused: Refused) -> None:
    with refused("TrailAlreadyExistsException", f"Trail trail already exists for customer: {aws.number}"):
        aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket)


def test_a_taken_name_changes_nothing(aws: Account, bucket: str, trail: str, refused: Refused) -> None:
    aws.cloudtrail.start_logging(Name=trail)
    before = aws.trail("trail")
    with refused("TrailAlreadyExistsException"):
        aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, EnableLogFileValidation=True)
    assert aws.trail("trail") == before


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


def test_five_trails_in_a_region(aws: Account, refused: Refused) -> None:
    bucket = five_trails(aws)
    with refused("MaximumNumberOfTrailsExceededException", f"User: {aws.number} already has 5 trails in us-east-1."):
        aws.cloudtrail.create_trail(Name="trail-6", S3BucketName=bucket)


def test_other_regions_have_quotas_of_their_own(aws: Account) -> None:
    bucket = five_trails(aws)
    aws.client("cloudtrail", "eu-west-1").create_trail(Name="trail-6", S3BucketName=bucket)
    assert len(aws.trails()) == 6


def test_a_multi_region_trail_needs_room_in_every_region(aws: Account, refused: Refused) -> None:
    bucket = five_trails(aws)
    with refused("MaximumNumberOfTrailsExceededException", f"User: {aws.number} already has 5 trails in us-east-1."):
        aws.client("cloudtrail", "eu-west-1").create_trail(Name="trail-6", S3BucketName=bucket, IsMultiRegionTrail=True)


def test_shadow_trails_count(aws: Account, refused: Refused) -> None:
    bucket = five_trails(aws)
    aws.cloudtrail.update_trail(Name="trail-0", IsMultiRegionTrail=True)
    elsewhere = aws.client("cloudtrail", "eu-west-1")
    for number in range(4):
        elsewhere.create_trail(Name=f"west-{number}", S3BucketName=bucket)
    with refused("MaximumNumberOfTrailsExceededException", f"User: {aws.number} already has 5 trails in eu-west-1."):
        elsewhere.create_trail(Name="west-4", S3BucketName=bucket)


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


@pytest.mark.parametrize("by_arn", [False, True])
def test_delete_by_name_and_by_arn(aws: Account, trail: str, refused: Refused, by_arn: bool) -> None:
    aws.cloudtrail.delete_trail(Name=trail if by_arn else "trail")
    with refused("TrailNotFoundException", f"Unknown trail: {trail} for the user: {aws.number}"):
        aws.cloudtrail.get_trail(Name="trail")


def test_deleting_what_is_not_there(aws: Account, refused: Refused) -> None:
    with refused("TrailNotFoundException", f"Unknown trail: {aws.trail_arn('gone')} for the user: {aws.number}"):
        aws.cloudtrail.delete_trail(Name="gone")


def test_deletion_leaves_the_bucket_and_needs_no_stop(aws: Account, bucket: str, trail: str) -> None:
    aws.cloudtrail.start_logging(Name=trail)
    aws.cloudtrail.delete_trail(Name=trail)
    aws.client("s3").head_bucket(Bucket=bucket)


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
