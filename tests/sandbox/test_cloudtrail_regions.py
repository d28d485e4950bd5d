"""Home regions and shadows: a multi-region trail is seen in every region and changed in one.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-multi-region-trails.html
"""

import json

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


def unknown(aws: Account, region: str) -> str:
    """A name is answered with the ARN that it would have where it was asked for."""
    return f"Unknown trail: {aws.trail_arn('trail', region)} for the user: {aws.number}"


# Reads.


def test_a_shadow_is_described_elsewhere(aws: Account, multi: str, elsewhere: CloudTrailClient) -> None:
    trails = elsewhere.describe_trails()["trailList"]
    assert [(trail["TrailARN"], trail["HomeRegion"]) for trail in trails] == [(multi, "us-east-1")]
    assert trails == aws.cloudtrail.describe_trails()["trailList"]


def test_shadows_can_be_left_out(aws: Account, multi: str, elsewhere: CloudTrailClient) -> None:
    assert elsewhere.describe_trails(includeShadowTrails=False)["trailList"] == []
    assert len(aws.cloudtrail.describe_trails(includeShadowTrails=False)["trailList"]) == 1


def test_a_single_region_trail_has_no_shadow(trail: str, elsewhere: CloudTrailClient) -> None:
    assert elsewhere.describe_trails()["trailList"] == []


def test_describe_by_name_knows_the_region_only(aws: Account, trail: str, elsewhere: CloudTrailClient) -> None:
    assert len(aws.cloudtrail.describe_trails(trailNameList=["trail"])["trailList"]) == 1
    assert elsewhere.describe_trails(trailNameList=["trail"])["trailList"] == []


def test_describe_by_arn_knows_every_region(trail: str, elsewhere: CloudTrailClient) -> None:
    assert [one["TrailARN"] for one in elsewhere.describe_trails(trailNameList=[trail])["trailList"]] == [trail]


def test_describe_does_not_mind_unknown_names(aws: Account, trail: str) -> None:
    trails = aws.cloudtrail.describe_trails(trailNameList=["trail", "gone", aws.trail_arn("gone")])["trailList"]
    assert [one["Name"] for one in trails] == ["trail"]


def test_describe_minds_bad_names(aws: Account, refused: Refused) -> None:
    with refused("InvalidTrailNameException"):
        aws.cloudtrail.describe_trails(trailNameList=["a--b"])


def test_list_trails_tells_all_regions(aws: Account, bucket: str, trail: str, elsewhere: CloudTrailClient) -> None:
    policy = aws.bucket_document(bucket, "trail")
    west = aws.trail_arn("trail-west", ELSEWHERE)
    for statement in policy["Statement"]:
        statement["Condition"]["StringEquals"]["aws:SourceArn"] = [trail, west]
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    elsewhere.create_trail(Name="trail-west", S3BucketName=bucket)
    expected = [
        {"TrailARN": west, "Name": "trail-west", "HomeRegion": ELSEWHERE},
        {"TrailARN": trail, "Name": "trail", "HomeRegion": "us-east-1"},
    ]
    assert elsewhere.list_trails()["Trails"] == expected
    assert aws.cloudtrail.list_trails()["Trails"] == expected


@pytest.mark.parametrize("operation", ["get_trail", "get_trail_status"])
def test_names_do_not_find_shadows_and_arns_do(
    aws: Account, multi: str, elsewhere: CloudTrailClient, refused: Refused, operation: str
) -> None:
    with refused("TrailNotFoundException", unknown(aws, ELSEWHERE)):
        getattr(elsewhere, operation)(Name="trail")
    getattr(elsewhere, operation)(Name=multi)


def test_selectors_of_a_shadow(aws: Account, multi: str, elsewhere: CloudTrailClient, refused: Refused) -> None:
    with refused("TrailNotFoundException", unknown(aws, ELSEWHERE)):
        elsewhere.get_event_selectors(TrailName="trail")
    assert elsewhere.get_event_selectors(TrailName=multi)["TrailARN"] == multi


def test_home_region_of_a_shadow(multi: str, elsewhere: CloudTrailClient) -> None:
    assert elsewhere.get_trail(Name=multi)["Trail"]["HomeRegion"] == "us-east-1"


def test_a_single_region_trail_is_not_found_elsewhere(
    trail: str, elsewhere: CloudTrailClient, refused: Refused
) -> None:
    with refused("TrailNotFoundException"):
        elsewhere.get_trail(Name=trail)


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
def test_a_shadow_is_changed_at_home_only(
    aws: Account, multi: str, elsewhere: CloudTrailClient, refused: Refused, operation: str
) -> None:
    before = aws.trail("trail")
    with refused("InvalidHomeRegionException"):
        getattr(elsewhere, operation)(Name=multi)
    with refused("TrailNotFoundException", unknown(aws, ELSEWHERE)):
        getattr(elsewhere, operation)(Name="trail")
    assert aws.trail("trail") == before


@pytest.mark.parametrize("operation", ["add_tags", "remove_tags"])
def test_tags_are_changed_at_home_only(
    multi: str, elsewhere: CloudTrailClient, refused: Refused, operation: str
) -> None:
    message = f"Region in ARN is wrong, you can only access resources in region {ELSEWHERE}."
    with refused("CloudTrailARNInvalidException", message):
        getattr(elsewhere, operation)(ResourceId=multi, TagsList=[{"Key": "team"}])


def test_tags_are_read_at_home_only(multi: str, elsewhere: CloudTrailClient, refused: Refused) -> None:
    message = f"Region in ARN is wrong, you can only access resources in region {ELSEWHERE}."
    with refused("CloudTrailARNInvalidException", message):
        elsewhere.list_tags(ResourceIdList=[multi])


def test_a_shadow_takes_the_name(
    aws: Account, bucket: str, multi: str, elsewhere: CloudTrailClient, refused: Refused
) -> None:
    with refused("TrailAlreadyExistsException", f"Trail trail already exists for customer: {aws.number}"):
        elsewhere.create_trail(Name="trail", S3BucketName=bucket)


def test_a_single_region_trail_takes_no_name_elsewhere(aws: Account, trail: str, elsewhere: CloudTrailClient) -> None:
    west = aws.bucket(f"west-{aws.number}", "unused")
    policy = aws.bucket_document(west, "trail")
    for statement in policy["Statement"]:
        statement["Condition"]["StringEquals"]["aws:SourceArn"] = aws.trail_arn("trail", ELSEWHERE)
    aws.client("s3").put_bucket_policy(Bucket=west, Policy=json.dumps(policy))
    elsewhere.create_trail(Name="trail", S3BucketName=west)
    assert len(aws.trails()) == 2


def test_a_trail_that_is_no_longer_multi_region_leaves_the_others(
    aws: Account, multi: str, elsewhere: CloudTrailClient
) -> None:
    aws.cloudtrail.update_trail(Name=multi, IsMultiRegionTrail=False)
    assert elsewhere.describe_trails()["trailList"] == []


# Accounts and ARNs.


@pytest.mark.parametrize("operation", ["get_trail", "get_trail_status", "start_logging", "delete_trail"])
def test_trails_of_other_accounts(another: Account, trail: str, refused: Refused, operation: str) -> None:
    message = f"AccountID in ARN is wrong, you can only access resources with AccountID {another.number}."
    with refused("CloudTrailARNInvalidException", message):
        getattr(another.cloudtrail, operation)(Name=trail)


def test_accounts_see_their_own_trails_only(another: Account, trail: str) -> None:
    assert another.trails() == []
    assert another.cloudtrail.describe_trails()["trailList"] == []


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:cloudtrail:us-east-1:123456789012",
        "arn:aws:cloudtrail:us-east-1:123456789012:trail",
        "arn:aws:s3:::bucket",
        "arn:aws:cloudtrail:us-east-1:12345:trail/trail",
        "arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/trail",
    ],
)
def test_arns_that_are_none(aws: Account, refused: Refused, arn: str) -> None:
    with refused("CloudTrailARNInvalidException"):
        aws.cloudtrail.get_trail(Name=arn)
