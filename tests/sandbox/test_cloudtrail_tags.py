"""AddTags, RemoveTags, ListTags.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AddTags.html
"""

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused


def tags(aws: Account, arn: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = aws.client("cloudtrail").list_tags(ResourceIdList=[arn])["ResourceTagList"][0][
        "TagsList"
    ]
    return found


def test_fifty_tags_and_no_more(aws: Account, trail: str, refused: Refused) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": f"k{number}"} for number in range(50)])
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "k7", "Value": "new"}])
    with refused("TagsLimitExceededException"):
        aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "one more"}])
    assert len(tags(aws, trail)) == 50


def test_listing_with_one_that_is_not_there(aws: Account, trail: str, refused: Refused) -> None:
    with refused("ResourceNotFoundException"):
        aws.cloudtrail.list_tags(ResourceIdList=[trail, aws.trail_arn("gone")])


def test_twenty_trails_at_once_and_no_more(aws: Account, trail: str, refused: Refused) -> None:
    assert len(aws.cloudtrail.list_tags(ResourceIdList=[trail] * 20)["ResourceTagList"]) == 20
    with refused("ValidationException"):
        aws.cloudtrail.list_tags(ResourceIdList=[trail] * 21)


def test_tags_go_with_their_trail(aws: Account, bucket: str, trail: str, refused: Refused) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "x"}])
    aws.cloudtrail.delete_trail(Name=trail)
    with refused("ResourceNotFoundException"):
        aws.cloudtrail.list_tags(ResourceIdList=[trail])
    aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket)
    assert tags(aws, trail) == []
