"""UpdateTrail merges: what is not given is kept, an empty string clears. StartLogging and StopLogging."""

from typing import Any

import pytest

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused


@pytest.fixture
def full(aws: Account) -> dict[str, Any]:
    """A trail that has every field; as GetTrail tells it."""
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
    return told(aws)


def told(aws: Account) -> dict[str, Any]:
    return dict(aws.cloudtrail.get_trail(Name="trail")["Trail"])


def without(trail: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in trail.items() if name not in names}


def test_nothing_given_changes_nothing(aws: Account, full: dict[str, Any]) -> None:
    aws.cloudtrail.update_trail(Name="trail")
    assert told(aws) == full


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
    assert told(aws) == full | changed
    assert answer["TrailARN"] == full["TrailARN"]


CLEARED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"SnsTopicName": ""}, ("SnsTopicName", "SnsTopicARN")),
    ({"KmsKeyId": ""}, ("KmsKeyId",)),
    (
        {"CloudWatchLogsLogGroupArn": "", "CloudWatchLogsRoleArn": ""},
        ("CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn"),
    ),
]


@pytest.mark.parametrize(("given", "gone"), CLEARED)
def test_empty_strings_clear(aws: Account, full: dict[str, Any], given: dict[str, Any], gone: tuple[str, ...]) -> None:
    answer = aws.cloudtrail.update_trail(Name="trail", **given)
    assert told(aws) == without(full, *gone)
    assert not set(gone) & set(answer)


def test_an_empty_prefix_clears_it_where_the_policy_allows_that(
    aws: Account, full: dict[str, Any], refused: Refused
) -> None:
    bucket = full["S3BucketName"]
    with refused("InsufficientS3BucketPolicyException", f"Incorrect S3 bucket policy is detected for bucket: {bucket}"):
        aws.cloudtrail.update_trail(Name="trail", S3KeyPrefix="")
    assert told(aws) == full
    aws.bucket_policy(bucket, "trail")
    aws.cloudtrail.update_trail(Name="trail", S3KeyPrefix="")
    assert told(aws) == without(full, "S3KeyPrefix")


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
    assert told(aws) == without(
        full,
        *("S3KeyPrefix", "SnsTopicName", "SnsTopicARN", "KmsKeyId"),
        *("CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn"),
    )


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (
            {"IncludeGlobalServiceEvents": False},
            "InvalidParameterCombinationException",
            "Multi-Region trail must include global service events.",
        ),
        ({"S3BucketName": ""}, "InvalidS3BucketNameException", "Bucket name cannot be blank!"),
        ({"S3BucketName": "my_logs"}, "InvalidS3BucketNameException", "Bucket name should not contain '_'"),
        ({"S3BucketName": "there-is-no-such-bucket"}, "S3BucketDoesNotExistException", None),
        ({"S3KeyPrefix": "p" * 201}, "InvalidS3PrefixException", None),
        ({"S3KeyPrefix": "elsewhere"}, "InsufficientS3BucketPolicyException", None),
        ({"SnsTopicName": "none"}, "InsufficientSnsTopicPolicyException", None),
        ({"KmsKeyId": "alias/none"}, "KmsKeyNotFoundException", None),
        ({"KmsKeyId": "none"}, "InvalidKmsKeyIdException", None),
        ({"IsOrganizationTrail": True}, "OrganizationsNotInUseException", None),
    ],
)
def test_what_update_trail_refuses_it_leaves_alone(
    aws: Account, full: dict[str, Any], refused: Refused, given: dict[str, Any], code: str, message: str | None
) -> None:
    with refused(code, message):
        aws.cloudtrail.update_trail(Name="trail", **given)
    assert told(aws) == full


def test_half_a_pair_cannot_be_cleared(aws: Account, full: dict[str, Any], refused: Refused) -> None:
    group = full["CloudWatchLogsLogGroupArn"]
    with refused("InvalidCloudWatchLogsRoleArnException", "You must specify a role ARN as well as a log group."):
        aws.cloudtrail.update_trail(Name="trail", CloudWatchLogsLogGroupArn=group, CloudWatchLogsRoleArn="")
    with refused("InvalidCloudWatchLogsRoleArnException", "You must specify a role ARN as well as a log group."):
        aws.cloudtrail.update_trail(Name="trail", CloudWatchLogsLogGroupArn=group)
    assert told(aws) == full


def test_update_by_arn(aws: Account, trail: str) -> None:
    aws.cloudtrail.update_trail(Name=trail, EnableLogFileValidation=True)
    assert told(aws)["LogFileValidationEnabled"] is True


def test_update_of_what_is_not_there(aws: Account, refused: Refused) -> None:
    with refused("TrailNotFoundException", f"Unknown trail: {aws.trail_arn('gone')} for the user: {aws.number}"):
        aws.cloudtrail.update_trail(Name="gone")


def test_updates_keep_logging_and_tags(aws: Account, trail: str) -> None:
    aws.cloudtrail.start_logging(Name=trail)
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "team", "Value": "security"}])
    aws.cloudtrail.update_trail(Name=trail, EnableLogFileValidation=True)
    found = aws.trail("trail")
    assert found is not None
    assert (found["IsLogging"], found["Tags"]) == (True, {"team": "security"})


def test_start_and_stop(aws: Account, trail: str) -> None:
    aws.cloudtrail.start_logging(Name=trail)
    started = aws.cloudtrail.get_trail_status(Name=trail)
    assert started["IsLogging"] is True
    assert "StopLoggingTime" not in started
    aws.cloudtrail.stop_logging(Name="trail")
    stopped = aws.cloudtrail.get_trail_status(Name=trail)
    assert stopped["IsLogging"] is False
    assert stopped["StartLoggingTime"] == started["StartLoggingTime"]
    assert stopped["StopLoggingTime"] > started["StartLoggingTime"]


def test_starting_twice_is_starting_once(aws: Account, trail: str) -> None:
    aws.cloudtrail.start_logging(Name=trail)
    first = aws.cloudtrail.get_trail_status(Name=trail)
    aws.cloudtrail.start_logging(Name=trail)
    second = aws.cloudtrail.get_trail_status(Name=trail)
    assert first["StartLoggingTime"] == second["StartLoggingTime"]


def test_stopping_what_does_not_log(aws: Account, trail: str) -> None:
    aws.cloudtrail.stop_logging(Name=trail)
    assert aws.cloudtrail.get_trail_status(Name=trail)["IsLogging"] is False


@pytest.mark.parametrize("operation", ["start_logging", "stop_logging", "get_trail_status", "get_trail"])
def test_unknown_trails(aws: Account, refused: Refused, operation: str) -> None:
    with refused("TrailNotFoundException", f"Unknown trail: {aws.trail_arn('gone')} for the user: {aws.number}"):
        getattr(aws.cloudtrail, operation)(Name="gone")


def test_the_default_event_selector(aws: Account, trail: str) -> None:
    answer = aws.cloudtrail.get_event_selectors(TrailName="trail")
    assert answer["TrailARN"] == trail
    assert answer["EventSelectors"] == [
        {
            "ReadWriteType": "All",
            "IncludeManagementEvents": True,
            "DataResources": [],
            "ExcludeManagementEventSources": [],
        }
    ]
    assert "AdvancedEventSelectors" not in answer
