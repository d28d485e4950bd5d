"""The emulator's tags where no source says how AWS behaves. Facts about AWS: tests/conformance/test_tags.py."""

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused


def tags(aws: Account, arn: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = aws.client("cloudtrail").list_tags(ResourceIdList=[arn])["ResourceTagList"][0][
        "TagsList"
    ]
    return found


def test_a_tag_can_be_changed_when_there_are_fifty(aws: Account, trail: str) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": f"k{number}"} for number in range(50)])
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "k7", "Value": "new"}])
    assert len(tags(aws, trail)) == 50


def test_listing_with_one_that_is_not_there(aws: Account, trail: str, refused: Refused) -> None:
    with refused("ResourceNotFoundException"):
        aws.cloudtrail.list_tags(ResourceIdList=[trail, aws.trail_arn("gone")])


def test_twenty_trails_at_once_and_no_more(aws: Account, trail: str, refused: Refused) -> None:
    assert len(aws.cloudtrail.list_tags(ResourceIdList=[trail] * 20)["ResourceTagList"]) == 20
    with refused("ValidationException"):
        aws.cloudtrail.list_tags(ResourceIdList=[trail] * 21)
