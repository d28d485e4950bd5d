"""The emulator's regions and accounts, where no source says how AWS behaves.

Facts about AWS: tests/conformance/test_regions.py.
"""

import pytest
from mypy_boto3_cloudtrail import CloudTrailClient

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused

ELSEWHERE = "eu-west-1"


@pytest.fixture
def multi(aws: Account, bucket: str) -> str:
    """The ARN of the multi-region trail `trail`, at home in us-east-1."""
    arn: str = aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, IsMultiRegionTrail=True)["TrailARN"]
    return arn


@pytest.fixture
def elsewhere(aws: Account) -> CloudTrailClient:
    client: CloudTrailClient = aws.client("cloudtrail", ELSEWHERE)
    return client


# Reads.


def test_trails_are_listed_by_region_and_name(aws: Account, elsewhere: CloudTrailClient) -> None:
    bucket = f"any-{aws.number}"
    aws.open_bucket(bucket)
    for client, name in ((aws.cloudtrail, "aaa"), (elsewhere, "ccc"), (elsewhere, "bbb")):
        client.create_trail(Name=name, S3BucketName=bucket, IsMultiRegionTrail=True)
    for trails in (aws.cloudtrail.list_trails()["Trails"], aws.cloudtrail.describe_trails()["trailList"]):
        listed = [(trail["HomeRegion"], trail["Name"]) for trail in trails]
        assert listed == [(ELSEWHERE, "bbb"), (ELSEWHERE, "ccc"), ("us-east-1", "aaa")]


def test_describe_minds_bad_names(aws: Account, refused: Refused) -> None:
    with refused("InvalidTrailNameException"):
        aws.cloudtrail.describe_trails(trailNameList=["a--b"])


def test_status_is_of_the_region(aws: Account, multi: str, elsewhere: CloudTrailClient) -> None:
    aws.cloudtrail.start_logging(Name=multi)
    aws.cloudtrail.get_trail(Name=multi)
    aws.deliver()
    assert "LatestDeliveryTime" in aws.cloudtrail.get_trail_status(Name=multi)
    status = elsewhere.get_trail_status(Name=multi)
    assert status["IsLogging"] is True
    assert "LatestDeliveryTime" not in status


# Writes.


@pytest.mark.parametrize("operation", ["update_trail", "delete_trail", "start_logging", "stop_logging"])
def test_a_shadow_is_not_changed_by_its_name(
    aws: Account, multi: str, elsewhere: CloudTrailClient, refused: Refused, operation: str
) -> None:
    message = f"Unknown trail: {aws.trail_arn('trail', ELSEWHERE)} for the user: {aws.number}"
    with refused("TrailNotFoundException", message):
        getattr(elsewhere, operation)(Name="trail")


# Accounts and ARNs.


@pytest.mark.parametrize("operation", ["get_trail_status", "start_logging", "delete_trail"])
def test_trails_of_other_accounts(another: Account, trail: str, refused: Refused, operation: str) -> None:
    message = f"AccountID in ARN is wrong, you can only access resources with AccountID {another.number}."
    with refused("CloudTrailARNInvalidException", message):
        getattr(another.cloudtrail, operation)(Name=trail)


def test_accounts_see_their_own_trails_only(another: Account, trail: str) -> None:
    assert another.trails() == []
    assert another.cloudtrail.describe_trails()["trailList"] == []
