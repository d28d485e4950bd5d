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


# Accounts and ARNs.


@pytest.mark.parametrize("operation", ["get_trail_status", "start_logging", "delete_trail"])
def test_trails_of_other_accounts(another: Account, trail: str, refused: Refused, operation: str) -> None:
    message = f"AccountID in ARN is wrong, you can only access resources with AccountID {another.number}."
    with refused("CloudTrailARNInvalidException", message):
        getattr(another.cloudtrail, operation)(Name=trail)


def test_accounts_see_their_own_trails_only(another: Account, trail: str) -> None:
    assert another.trails() == []
    assert another.cloudtrail.describe_trails()["trailList"] == []
