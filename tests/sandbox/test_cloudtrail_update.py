"""The emulator's UpdateTrail of a trail that has every field, and repeated StartLogging.

Facts about AWS, one field at a time: tests/conformance/test_trails.py and test_logging.py.
"""

from typing import Any

import pytest

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused


@pytest.fixture
def full(aws: Account) -> dict[str, Any]:
    """A trail that has every field, as GetTrail returns it."""
    bucket = aws.bucket(f"full-{aws.number}", "trail", prefix="audit")
    group = aws.log_group("trail-events")
    aws.cloudtrail.create_trail(
        Name="trail",
        S3BucketName=bucket,
        S3KeyPrefix="audit",
        SnsTopicName=aws.topic("notify", "trail"),
        IsMultiRegionTrail=True,
        EnableLogFileValidation=True,
        CloudWatchLogsLogGroupArn=f"{group}:*",
        CloudWatchLogsRoleArn=aws.role("deliver", group),
        KmsKeyId=aws.key("trail", alias="logs"),
        RecursiveLogging=False,
    )
    return get_trail(aws)


def get_trail(aws: Account) -> dict[str, Any]:
    return dict(aws.cloudtrail.get_trail(Name="trail")["Trail"])


def without(trail: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in trail.items() if name not in names}


FLAGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"EnableLogFileValidation": False}, {"LogFileValidationEnabled": False}),
    ({"IsMultiRegionTrail": False}, {"IsMultiRegionTrail": False}),
    (
        {"IsMultiRegionTrail": False, "IncludeGlobalServiceEvents": False},
        {"IsMultiRegionTrail": False, "IncludeGlobalServiceEvents": False},
    ),
    ({"RecursiveLogging": True}, {"RecursiveLogging": True}),
]


@pytest.mark.parametrize(("given", "changed"), FLAGS)
def test_flags_change_alone(aws: Account, full: dict[str, Any], given: dict[str, Any], changed: dict[str, Any]) -> None:
    answer = aws.cloudtrail.update_trail(Name="trail", **given)
    assert get_trail(aws) == full | changed
    assert answer["TrailARN"] == full["TrailARN"]


def test_all_optional_fields_at_once(aws: Account, full: dict[str, Any]) -> None:
    aws.bucket_policy(full["S3BucketName"], "trail")
    aws.cloudtrail.update_trail(
        Name="trail",
        S3KeyPrefix="",
        SnsTopicName="",
        KmsKeyId="",
        CloudWatchLogsLogGroupArn="",
        CloudWatchLogsRoleArn="",
    )
    assert get_trail(aws) == without(
        full,
        *("S3KeyPrefix", "SnsTopicName", "SnsTopicARN", "KmsKeyId"),
        *("CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn"),
    )


def test_half_a_pair_cannot_be_cleared(aws: Account, full: dict[str, Any], refused: Refused) -> None:
    group = full["CloudWatchLogsLogGroupArn"]
    with refused("InvalidCloudWatchLogsRoleArnException", "You must specify a role ARN as well as a log group."):
        aws.cloudtrail.update_trail(Name="trail", CloudWatchLogsLogGroupArn=group, CloudWatchLogsRoleArn="")
    with refused("InvalidCloudWatchLogsRoleArnException", "You must specify a role ARN as well as a log group."):
        aws.cloudtrail.update_trail(Name="trail", CloudWatchLogsLogGroupArn=group)
    assert get_trail(aws) == full


def test_updates_keep_tags(aws: Account, trail: str) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "team", "Value": "security"}])
    aws.cloudtrail.update_trail(Name=trail, EnableLogFileValidation=True)
    found = aws.trail("trail")
    assert found is not None
    assert found["Tags"] == {"team": "security"}


def test_starting_twice_is_starting_once(aws: Account, trail: str) -> None:
    aws.cloudtrail.start_logging(Name=trail)
    first = aws.cloudtrail.get_trail_status(Name=trail)
    aws.cloudtrail.start_logging(Name=trail)
    second = aws.cloudtrail.get_trail_status(Name=trail)
    assert first["StartLoggingTime"] == second["StartLoggingTime"]
