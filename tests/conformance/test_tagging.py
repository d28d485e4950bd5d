"""How alarms are found by their tags, with the Resource Groups Tagging API."""

from typing import Any

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import case, fact, refused, unverified
from tests.conformance.test_alarms import arn, composite, put

GET = "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html"
FILTER = "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagFilter.html"
SUPPORTED = "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html"
INVALID = "InvalidParameterException"
CODE = unverified("the limit is documented, the code of the refusal is not")


def owned(aws: Account, owner: str, *more: str) -> str:
    """An alarm with an owner tag, and more tags; its ARN."""
    tags = {"owner": owner} | dict.fromkeys(more, "")
    name = put(aws, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    return arn(aws, name)


def pages(aws: Account, **parameters: Any) -> list[list[dict[str, Any]]]:
    tagging, given = aws.client("resourcegroupstaggingapi"), {"ResourceTypeFilters": ["cloudwatch:alarm"]} | parameters
    found, token = [], None
    while token != "":
        answer = tagging.get_resources(**given, **({"PaginationToken": token} if token else {}))
        found.append(answer["ResourceTagMappingList"])
        token = answer["PaginationToken"]
    return found


def of(owner: str, *others: str) -> dict[str, Any]:
    return {"TagFilters": [{"Key": "owner", "Values": [owner, *others]}]}


def arns(aws: Account, **parameters: Any) -> set[str]:
    return {one["ResourceARN"] for page in pages(aws, **parameters) for one in page}


@fact(GET)
def test_an_alarm_is_found_by_its_tag_with_all_tags(aws: Account) -> None:
    owner = aws.name("owner")
    alarm, _ = owned(aws, owner, "more"), owned(aws, f"{owner}-2")
    [[found]] = aws.eventually(lambda: pages(aws, **of(owner)), lambda found: any(found))
    assert found["ResourceARN"] == alarm
    assert {one["Key"]: one["Value"] for one in found["Tags"]} == {"owner": owner, "more": ""}


@fact(FILTER)
def test_one_of_the_values_is_enough_and_every_key_is_needed(aws: Account) -> None:
    owner = aws.name("owner")
    first, second = owned(aws, owner, "more"), owned(aws, f"{owner}-2")
    aws.eventually(lambda: arns(aws, **of(owner, f"{owner}-2")), lambda found: found == {first, second})
    both = [*of(owner, f"{owner}-2")["TagFilters"], {"Key": "more"}]
    assert aws.eventually(lambda: arns(aws, TagFilters=both), lambda found: len(found) == 1) == {first}


@fact(GET)
def test_alarms_are_found_in_pages(aws: Account) -> None:
    owner = aws.name("owner")
    made = {owned(aws, owner) for _ in range(3)}
    found = aws.eventually(lambda: pages(aws, ResourcesPerPage=2, **of(owner)), lambda found: sum(map(len, found)) == 3)
    assert {one["ResourceARN"] for page in found for one in page} == made
    assert all(len(page) <= 2 for page in found)


@unverified("the page has composite alarms under the same type of resource")
@fact(SUPPORTED)
def test_composite_alarms_are_alarms(aws: Account) -> None:
    name, owner = composite(aws), aws.name("owner")
    tags = [{"Key": "owner", "Value": owner}]
    aws.client("cloudwatch").tag_resource(ResourceARN=arn(aws, name), Tags=tags)
    assert aws.eventually(lambda: arns(aws, **of(owner)), bool) == {arn(aws, name)}


@fact(GET)
def test_alarms_are_of_the_region_that_is_called(aws: Account, elsewhere: str) -> None:
    owner = aws.name("owner")
    alarm = owned(aws, owner)
    aws.eventually(lambda: arns(aws, **of(owner)), lambda found: found == {alarm})
    tagging = aws.client("resourcegroupstaggingapi", elsewhere)
    assert tagging.get_resources(**of(owner))["ResourceTagMappingList"] == []


@fact(GET)
def test_an_alarm_that_is_deleted_is_no_longer_found(aws: Account) -> None:
    owner = aws.name("owner")
    alarm = owned(aws, owner)
    aws.eventually(lambda: arns(aws, **of(owner)), bool)
    aws.client("cloudwatch").delete_alarms(AlarmNames=[alarm.rpartition(":")[2]])
    assert aws.eventually(lambda: arns(aws, **of(owner)), lambda found: not found) == set()


@CODE
@pytest.mark.parametrize(
    "parameters",
    [
        case("101 in a page", GET, {"ResourcesPerPage": 101}),
        case("21 values of a tag", FILTER, {"TagFilters": [{"Key": "owner", "Values": [str(n) for n in range(21)]}]}),
        case("ARNs besides", GET, {"ResourceARNList": ["arn:aws:cloudwatch:us-east-1:111122223333:alarm:a"]}),
        case("a token that no answer had", GET, {"PaginationToken": "%"}),
    ],
)
def test_refused_are(aws: Account, parameters: dict[str, Any]) -> None:
    given = {"ResourceTypeFilters": ["cloudwatch:alarm"], **of("nobody"), **parameters}
    with refused(INVALID):
        aws.client("resourcegroupstaggingapi").get_resources(**given)
