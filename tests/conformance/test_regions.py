"""Home regions and shadows: a multi-region trail is seen in every region, and changed in one."""

from typing import Any

import pytest

from tests.conformance.account import Account, Trail
from tests.conformance.facts import API, GUIDE, case, fact, refused, unverified

REGIONS = f"{GUIDE}/cloudtrail-multi-region-trails.html"
DESCRIBE = f"{API}/API_DescribeTrails.html"
TAGS = "https://github.com/aws/aws-sdk-java/issues/1309"


@pytest.fixture
def multi(aws: Account) -> Trail:
    """A multi-region trail at home in the fact's region."""
    return aws.trail(IsMultiRegionTrail=True)


@pytest.fixture
def abroad(aws: Account, elsewhere: str) -> Any:
    """CloudTrail in another region."""
    return aws.client("cloudtrail", elsewhere)


def described(client: Any, *arns: str, **parameters: Any) -> list[str]:
    """Those of these trails that DescribeTrails tells of."""
    found = {trail["TrailARN"] for trail in client.describe_trails(**parameters)["trailList"]}
    return [arn for arn in arns if arn in found]


# Reads.


@fact(DESCRIBE)
def test_a_multi_region_trail_is_described_everywhere(aws: Account, multi: Trail, abroad: Any) -> None:
    aws.eventually(lambda: described(abroad, multi.arn), bool)


@fact(DESCRIBE)
def test_a_shadow_is_told_with_its_home_region(aws: Account, multi: Trail, abroad: Any) -> None:
    trails = aws.eventually(lambda: abroad.describe_trails(trailNameList=[multi.arn])["trailList"], bool)
    assert [trail["HomeRegion"] for trail in trails] == [aws.region]


@fact(DESCRIBE)
def test_shadows_can_be_left_out(aws: Account, multi: Trail, abroad: Any) -> None:
    aws.eventually(lambda: described(abroad, multi.arn), bool)
    assert described(abroad, multi.arn, includeShadowTrails=False) == []
    assert described(aws.cloudtrail, multi.arn, includeShadowTrails=False) == [multi.arn]


@fact(DESCRIBE)
def test_a_single_region_trail_has_no_shadow(aws: Account, trail: Trail, abroad: Any) -> None:
    aws.eventually(lambda: described(aws.cloudtrail, trail.arn), bool)
    assert described(abroad, trail.arn) == []


@fact(DESCRIBE)
def test_describing_by_name_finds_trails_of_the_region_only(aws: Account, trail: Trail, abroad: Any) -> None:
    names = [trail.name]
    aws.eventually(lambda: described(aws.cloudtrail, trail.arn, trailNameList=names), bool)
    assert described(abroad, trail.arn, trailNameList=names) == []


@fact(DESCRIBE)
def test_describing_by_name_does_not_find_shadows(aws: Account, multi: Trail, abroad: Any) -> None:
    aws.eventually(lambda: described(abroad, multi.arn), bool)
    assert described(abroad, multi.arn, trailNameList=[multi.name]) == []


@fact(DESCRIBE)
def test_describing_by_arn_finds_trails_of_other_regions(aws: Account, trail: Trail, abroad: Any) -> None:
    aws.eventually(lambda: described(abroad, trail.arn, trailNameList=[trail.arn]), bool)


@fact(DESCRIBE)
def test_describing_does_not_mind_unknown_names(aws: Account, trail: Trail) -> None:
    names = [trail.name, aws.name("none"), aws.trail_arn(aws.name("none"))]
    found = aws.eventually(lambda: aws.cloudtrail.describe_trails(trailNameList=names)["trailList"], bool)
    assert [one["Name"] for one in found] == [trail.name]


@fact(DESCRIBE)
def test_describing_tells_only_what_is_asked_for(aws: Account, trail: Trail) -> None:
    other = aws.trail()
    assert aws.eventually(lambda: described(aws.cloudtrail, trail.arn, other.arn, trailNameList=[other.arn]), bool) == [
        other.arn
    ]


@fact(f"{API}/API_ListTrails.html")
def test_list_trails_tells_trails_of_all_regions(aws: Account, trail: Trail, elsewhere: str) -> None:
    other = aws.trail(elsewhere)
    expected = [
        {"TrailARN": trail.arn, "Name": trail.name, "HomeRegion": aws.region},
        {"TrailARN": other.arn, "Name": other.name, "HomeRegion": elsewhere},
    ]

    def listed() -> list[dict[str, str]]:
        pages = aws.cloudtrail.get_paginator("list_trails").paginate()
        return [one for page in pages for one in page["Trails"]]

    aws.eventually(listed, lambda found: all(one in found for one in expected))


@pytest.mark.parametrize(
    ("operation", "parameter"),
    [
        case("GetTrail", f"{API}/API_GetTrail.html", "get_trail", "Name"),
        case("GetTrailStatus", f"{API}/API_GetTrailStatus.html", "get_trail_status", "Name"),
        case("GetEventSelectors", f"{API}/API_GetEventSelectors.html", "get_event_selectors", "TrailName"),
    ],
)
def test_a_shadow_is_found_by_its_arn_and_not_by_its_name(
    aws: Account, multi: Trail, abroad: Any, operation: str, parameter: str
) -> None:
    read = getattr(abroad, operation)
    aws.eventually(lambda: read(**{parameter: multi.arn}))
    region = abroad.meta.region_name
    with refused(
        "TrailNotFoundException", f"Unknown trail: {aws.trail_arn(multi.name, region)} for the user: {aws.number}"
    ):
        read(**{parameter: multi.name})


@fact(f"{API}/API_GetTrail.html")
def test_a_single_region_trail_is_not_found_elsewhere(aws: Account, trail: Trail, abroad: Any) -> None:
    aws.eventually(lambda: aws.cloudtrail.get_trail(Name=trail.arn))
    with refused("TrailNotFoundException"):
        abroad.get_trail(Name=trail.arn)


@fact(f"{API}/API_GetTrail.html")
def test_get_trail_tells_of_a_shadow_what_it_tells_at_home(aws: Account, multi: Trail, abroad: Any) -> None:
    shadow = aws.eventually(lambda: abroad.get_trail(Name=multi.arn)["Trail"])
    assert shadow == aws.cloudtrail.get_trail(Name=multi.arn)["Trail"]


# Writes.


@pytest.mark.parametrize(
    "operation",
    [
        case("UpdateTrail", f"{API}/API_UpdateTrail.html", "update_trail"),
        case("DeleteTrail", f"{API}/API_DeleteTrail.html", "delete_trail"),
        case("StartLogging", f"{API}/API_StartLogging.html", "start_logging"),
        case("StopLogging", f"{API}/API_StopLogging.html", "stop_logging"),
    ],
)
def test_a_shadow_is_changed_at_home_only(aws: Account, multi: Trail, abroad: Any, operation: str) -> None:
    aws.eventually(lambda: abroad.get_trail(Name=multi.arn))
    with refused("InvalidHomeRegionException"):
        getattr(abroad, operation)(Name=multi.arn)


@pytest.mark.parametrize(
    "operation",
    [
        case("AddTags", TAGS, "add_tags"),
        case("RemoveTags", TAGS, "remove_tags", marks=(unverified("the source names no operation"),)),
    ],
)
def test_the_tags_of_a_shadow_are_changed_at_home_only(aws: Account, multi: Trail, abroad: Any, operation: str) -> None:
    message = f"Region in ARN is wrong, you can only access resources in region {abroad.meta.region_name}."
    with refused("CloudTrailARNInvalidException", message):
        getattr(abroad, operation)(ResourceId=multi.arn, TagsList=[{"Key": "team"}])


@fact("https://github.com/cloudquery/cq-provider-aws/issues/236")
def test_the_tags_of_a_shadow_are_listed_at_home_only(aws: Account, multi: Trail, abroad: Any) -> None:
    message = f"Region in ARN is wrong, you can only access resources in region {abroad.meta.region_name}."
    with refused("CloudTrailARNInvalidException", message):
        abroad.list_tags(ResourceIdList=[multi.arn])


@fact(REGIONS)
def test_a_shadow_takes_the_name(aws: Account, multi: Trail, abroad: Any) -> None:
    aws.eventually(lambda: abroad.get_trail(Name=multi.arn))
    with refused("TrailAlreadyExistsException"):
        abroad.create_trail(Name=multi.name, S3BucketName=multi.bucket)


@fact(REGIONS)
def test_a_single_region_trail_takes_no_name_elsewhere(aws: Account, trail: Trail, elsewhere: str) -> None:
    other = aws.trail(elsewhere, Name=trail.name)
    assert other.arn == aws.trail_arn(trail.name, elsewhere)


@fact(REGIONS)
def test_a_trail_that_is_no_longer_multi_region_leaves_the_other_regions(
    aws: Account, multi: Trail, abroad: Any
) -> None:
    aws.eventually(lambda: described(abroad, multi.arn), bool)
    aws.cloudtrail.update_trail(Name=multi.name, IsMultiRegionTrail=False)
    aws.eventually(lambda: described(abroad, multi.arn), lambda found: not found)
