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
    found = tags(aws, trail)
    assert (len(found), found[7]) == (50, {"Key": "k7", "Value": "new"})


def test_removing_a_tag_that_is_not_there_is_no_error(aws: Account, trail: str) -> None:
    aws.cloudtrail.remove_tags(ResourceId=trail, TagsList=[{"Key": "never there"}])


def test_listing_with_one_that_is_not_there(aws: Account, trail: str, refused: Refused) -> None:
    gone = aws.trail_arn("gone")
    with refused("ResourceNotFoundException", f"Unknown trail: {gone} for the user: {aws.number}"):
        aws.cloudtrail.list_tags(ResourceIdList=[trail, gone])


def test_twenty_trails_at_once_and_no_more(aws: Account, trail: str, refused: Refused) -> None:
    assert len(aws.cloudtrail.list_tags(ResourceIdList=[trail] * 20)["ResourceTagList"]) == 20
    with refused("ValidationException"):
        aws.cloudtrail.list_tags(ResourceIdList=[trail] * 21)
