"""AddTags, RemoveTags, ListTags, and tags at creation."""

from typing import Any

import pytest

from tests.conformance.account import Account, Trail
from tests.conformance.facts import API, MODEL, case, fact, refused

ADD = f"{API}/API_AddTags.html"
REMOVE = f"{API}/API_RemoveTags.html"
LIST = f"{API}/API_ListTags.html"
CONVENTIONS = "https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"
QUOTAS = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html"

Tags = dict[str, str | None]


def tags(aws: Account, trail: Trail) -> Tags:
    """The tags of a trail, where None is a tag without a value."""
    [found] = aws.cloudtrail.list_tags(ResourceIdList=[trail.arn])["ResourceTagList"]
    return {tag["Key"]: tag.get("Value") for tag in found["TagsList"]}


def has(aws: Account, trail: Trail, expected: Tags) -> None:
    """Wait until a trail has these tags and no others."""
    aws.eventually(lambda: tags(aws, trail), lambda found: found == expected)


@fact(ADD)
def test_tags_are_added(aws: Account, trail: Trail) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail.arn, TagsList=[{"Key": "team", "Value": "security"}])
    has(aws, trail, {"team": "security"})


@fact(f"{API}/API_Tag.html")
def test_a_tag_needs_no_value(aws: Account, trail: Trail) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail.arn, TagsList=[{"Key": "bare"}])
    has(aws, trail, {"bare": None})


@fact(ADD)
def test_a_tag_added_again_has_the_new_value(aws: Account, trail: Trail) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail.arn, TagsList=[{"Key": "team", "Value": "a"}])
    aws.cloudtrail.add_tags(ResourceId=trail.arn, TagsList=[{"Key": "team", "Value": "b"}])
    has(aws, trail, {"team": "b"})


@fact(REMOVE)
def test_tags_are_removed_by_key(aws: Account, trail: Trail) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail.arn, TagsList=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    aws.cloudtrail.remove_tags(ResourceId=trail.arn, TagsList=[{"Key": "a"}])
    has(aws, trail, {"b": "2"})


@fact(CONVENTIONS)
def test_keys_are_case_sensitive(aws: Account, trail: Trail) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail.arn, TagsList=[{"Key": "Team"}, {"Key": "team"}])
    aws.cloudtrail.remove_tags(ResourceId=trail.arn, TagsList=[{"Key": "team"}])
    has(aws, trail, {"Team": None})


@fact(f"{API}/API_CreateTrail.html")
def test_a_trail_is_created_with_tags(aws: Account) -> None:
    trail = aws.trail(TagsList=[{"Key": "team", "Value": "security"}])
    has(aws, trail, {"team": "security"})


@fact(QUOTAS)
def test_a_trail_has_at_most_fifty_tags(aws: Account, trail: Trail) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail.arn, TagsList=[{"Key": f"k{number}"} for number in range(50)])
    with refused("TagsLimitExceededException"):
        aws.cloudtrail.add_tags(ResourceId=trail.arn, TagsList=[{"Key": "one more"}])


@fact(QUOTAS)
def test_a_trail_is_created_with_at_most_fifty_tags(aws: Account) -> None:
    name = aws.name("trail")
    bucket = aws.bucket(aws.trail_arn(name))
    with refused("TagsLimitExceededException"):
        aws.cloudtrail.create_trail(
            Name=name, S3BucketName=bucket, TagsList=[{"Key": f"k{number}"} for number in range(51)]
        )


@fact(f"{API}/API_CreateTrail.html#API_CreateTrail_Errors")
def test_a_trail_is_not_created_with_a_tag_given_twice(aws: Account) -> None:
    name = aws.name("trail")
    bucket = aws.bucket(aws.trail_arn(name))
    with refused("InvalidTagParameterException"):
        aws.cloudtrail.create_trail(Name=name, S3BucketName=bucket, TagsList=[{"Key": "x"}, {"Key": "x"}])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        case("of AWS's own", CONVENTIONS, [{"Key": "aws:x", "Value": "y"}], "InvalidTagParameterException"),
        case("of AWS's own, in capitals", CONVENTIONS, [{"Key": "AWS:x"}], "InvalidTagParameterException"),
        case("given twice", ADD, [{"Key": "x"}, {"Key": "x", "Value": "y"}], "InvalidTagParameterException"),
        case("with characters that are not allowed", CONVENTIONS, [{"Key": "a*b"}], "InvalidTagParameterException"),
        case(
            "with a value of such characters",
            CONVENTIONS,
            [{"Key": "a", "Value": "<script>"}],
            "InvalidTagParameterException",
        ),
    ],
)
def test_tags_are_refused(aws: Account, trail: Trail, given: list[dict[str, str]], code: str) -> None:
    with refused(code):
        aws.cloudtrail.add_tags(ResourceId=trail.arn, TagsList=given)
    assert tags(aws, trail) == {}


@pytest.mark.parametrize(
    "tag",
    [
        case("of the greatest lengths", f"{API}/API_Tag.html", {"Key": "k" * 128, "Value": "v" * 256}),
        case("in other alphabets", CONVENTIONS, {"Key": "größe_名前", "Value": "ü"}),
        case("with all signs that are allowed", CONVENTIONS, {"Key": "a b_.:/=+-@", "Value": "a b_.:/=+-@"}),
    ],
)
def test_a_tag_is_accepted(aws: Account, trail: Trail, tag: dict[str, str]) -> None:
    aws.cloudtrail.add_tags(ResourceId=trail.arn, TagsList=[tag])
    has(aws, trail, {tag["Key"]: tag["Value"]})


@pytest.mark.parametrize(
    "call",
    [
        case("AddTags", ADD, lambda client, arn: client.add_tags(ResourceId=arn, TagsList=[{"Key": "x"}])),
        case("RemoveTags", REMOVE, lambda client, arn: client.remove_tags(ResourceId=arn, TagsList=[{"Key": "x"}])),
        case("ListTags", LIST, lambda client, arn: client.list_tags(ResourceIdList=[arn])),
    ],
)
def test_tags_of_an_unknown_trail_are_no_trail_not_found(aws: Account, call: Any) -> None:
    with refused("ResourceNotFoundException"):
        call(aws.cloudtrail, aws.trail_arn(aws.name("none")))


@fact("https://github.com/prowler-cloud/prowler/pull/2025")
def test_tags_of_another_account_are_refused(aws: Account) -> None:
    number = "111122223333" if aws.number != "111122223333" else "444455556666"
    message = f"AccountID in ARN is wrong, you can only access resources with AccountID {aws.number}."
    with refused("CloudTrailARNInvalidException", message):
        aws.cloudtrail.list_tags(ResourceIdList=[f"arn:aws:cloudtrail:{aws.region}:{number}:trail/main"])


@fact(ADD)
def test_tags_are_of_arns_not_of_names(aws: Account, trail: Trail) -> None:
    with refused("CloudTrailARNInvalidException"):
        aws.cloudtrail.add_tags(ResourceId=trail.name, TagsList=[{"Key": "x"}])


@fact(LIST)
def test_tags_of_several_trails_are_listed_at_once(aws: Account, trail: Trail) -> None:
    other = aws.trail(TagsList=[{"Key": "x"}])
    listed = aws.eventually(lambda: aws.cloudtrail.list_tags(ResourceIdList=[trail.arn, other.arn])["ResourceTagList"])
    assert [(one["ResourceId"], one["TagsList"]) for one in listed] == [(trail.arn, []), (other.arn, [{"Key": "x"}])]


@fact(MODEL)
def test_tags_are_gone_with_their_trail(aws: Account, trail: Trail) -> None:
    aws.cloudtrail.delete_trail(Name=trail.name)

    def gone() -> bool:
        try:
            aws.cloudtrail.list_tags(ResourceIdList=[trail.arn])
        except aws.cloudtrail.exceptions.ResourceNotFoundException:
            return True
        return False

    aws.eventually(gone, bool)
