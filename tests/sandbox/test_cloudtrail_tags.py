"""AddTags, RemoveTags, ListTags.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AddTags.html
"""

from typing import Any

import pytest

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused


def tags(aws: Account, arn: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = aws.client("cloudtrail").list_tags(ResourceIdList=[arn])["ResourceTagList"][0][
        "TagsList"
    ]
    return found


def test_added_tags_are_listed(aws: Account, trail: str) -> None:
    given: list[Any] = [{"Key": "team", "Value": "security"}, {"Key": "bare"}]
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=given)
    assert tags(aws, trail) == given


def test_a_tag_added_again_has_the_new_value(aws: Account, trail: str) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "team", "Value": "a"}, {"Key": "x"}])
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "team", "Value": "b"}])
    assert tags(aws, trail) == [{"Key": "team", "Value": "b"}, {"Key": "x"}]


def test_tags_are_removed_by_key(aws: Account, trail: str) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "team", "Value": "a"}, {"Key": "x"}])
    aws.cloudtrail.remove_tags(ResourceId=trail, TagsList=[{"Key": "team"}, {"Key": "never there"}])
    assert tags(aws, trail) == [{"Key": "x"}]


def test_keys_are_case_sensitive(aws: Account, trail: str) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "Team"}, {"Key": "team"}])
    aws.cloudtrail.remove_tags(ResourceId=trail, TagsList=[{"Key": "team"}])
    assert tags(aws, trail) == [{"Key": "Team"}]


def test_fifty_tags_and_no_more(aws: Account, trail: str, refused: Refused) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": f"k{number}"} for number in range(50)])
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "k7", "Value": "new"}])
    with refused("TagsLimitExceededException"):
        aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "one more"}])
    assert len(tags(aws, trail)) == 50


BAD: list[tuple[list[dict[str, str]], str]] = [
    ([{"Key": "aws:cloudformation:stack-name", "Value": "x"}], "InvalidTagParameterException"),
    ([{"Key": "AWS:x"}], "InvalidTagParameterException"),
    ([{"Key": "x"}, {"Key": "x", "Value": "y"}], "InvalidTagParameterException"),
    ([{"Key": "a*b"}], "InvalidTagParameterException"),
    ([{"Key": "a", "Value": "<script>"}], "InvalidTagParameterException"),
    ([{"Key": "k" * 129}], "ValidationException"),
    ([{"Key": "k", "Value": "v" * 257}], "ValidationException"),
]


@pytest.mark.parametrize(("given", "code"), BAD)
def test_bad_tags(aws: Account, trail: str, refused: Refused, given: Any, code: str) -> None:
    with refused(code):
        aws.cloudtrail.add_tags(ResourceId=trail, TagsList=given)
    assert tags(aws, trail) == []


def test_the_longest_tag(aws: Account, trail: str) -> None:
    longest = {"Key": "k" * 128, "Value": "v" * 256}
    aws.client("cloudtrail").add_tags(ResourceId=trail, TagsList=[longest])
    assert tags(aws, trail) == [longest]


def test_letters_of_all_languages_and_the_allowed_signs(aws: Account, trail: str) -> None:
    given = {"Key": "größe_名前", "Value": "a b_.:/=+-@ ü"}
    aws.client("cloudtrail").add_tags(ResourceId=trail, TagsList=[given])
    assert tags(aws, trail) == [given]


@pytest.mark.parametrize("operation", ["add_tags", "remove_tags"])
def test_tags_of_what_is_not_there(aws: Account, refused: Refused, operation: str) -> None:
    arn = aws.trail_arn("gone")
    with refused("ResourceNotFoundException", f"Unknown trail: {arn} for the user: {aws.number}"):
        getattr(aws.cloudtrail, operation)(ResourceId=arn, TagsList=[{"Key": "x"}])


def test_listing_with_one_that_is_not_there(aws: Account, trail: str, refused: Refused) -> None:
    with refused("ResourceNotFoundException"):
        aws.cloudtrail.list_tags(ResourceIdList=[trail, aws.trail_arn("gone")])


def test_tags_of_another_account(another: Account, trail: str, refused: Refused) -> None:
    message = f"AccountID in ARN is wrong, you can only access resources with AccountID {another.number}."
    with refused("CloudTrailARNInvalidException", message):
        another.cloudtrail.list_tags(ResourceIdList=[trail])


def test_tags_by_name(aws: Account, trail: str, refused: Refused) -> None:
    with refused("CloudTrailARNInvalidException"):
        aws.cloudtrail.add_tags(ResourceId="trail", TagsList=[{"Key": "x"}])


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
