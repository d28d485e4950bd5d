"""Whose the trails of an account are."""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

from tests.unit.builders import LOCATION
from trail_operator.api.aws_account import AWSAccountStatus
from trail_operator.api.constants import OWNER_TAG
from trail_operator.aws.client import AWSClient
from trail_operator.aws.operations import Read
from trail_operator.aws.trail_lister import TrailLister
from trail_operator.domain.account_status import account_status
from trail_operator.domain.ownership import Cluster

ACCOUNT, MANAGEMENT = LOCATION.account, "999999999999"
REGIONS = ("eu-central-1", "us-east-1")


def arn(region: str, name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:cloudtrail:{region}:{account}:trail/{name}"


class Answers:
    """What AWS answers of its trails, and what it was asked."""

    def __init__(self, *arns: str) -> None:
        self.arns = arns
        self.tags_of: list[list[str]] = []

    async def call(self, operation: Read, region: str, **parameters: Any) -> dict[str, Any]:
        match operation:
            case Read.ListTrails:
                return {"Trails": [{"TrailARN": each, "HomeRegion": each.split(":")[3]} for each in self.arns]}
            case Read.DescribeTrails:
                return {
                    "trailList": [
                        {
                            "TrailARN": each,
                            "HomeRegion": region,
                            "IsOrganizationTrail": MANAGEMENT in each,
                        }
                        for each in self.arns
                        if each.split(":")[3] == region
                    ]
                }
            case Read.ListTags:
                asked = parameters["ResourceIdList"]
                assert all(each.split(":")[3:5] == [region, ACCOUNT] for each in asked), "AWS tells of no others"
                self.tags_of.append(asked)
                owner = [{"Key": OWNER_TAG, "Value": "test/team/audit"}]
                return {"ResourceTagList": [{"ResourceId": each, "TagsList": owner} for each in asked]}
        return {"IsLogging": False}


def test_tags_are_asked_for_twenty_at_a_time_in_their_home_regions() -> None:
    arns = [
        arn(region, f"trail-{index:02d}") for region in REGIONS for index in range(41 if region == REGIONS[0] else 3)
    ]
    answers = Answers(*arns)
    found = asyncio.run(TrailLister(cast(AWSClient, answers)).of(LOCATION))
    assert [trail.arn for trail in found.trails or ()] == arns
    assert {trail.owner for trail in found.trails or ()} == {"test/team/audit"}
    assert sorted(map(len, answers.tags_of)) == [1, 3, 20, 20]


def test_the_owner_of_an_organization_s_trail_of_another_account_is_unknown() -> None:
    answers = Answers(arn(REGIONS[0], "own"), arn(REGIONS[0], "whole", MANAGEMENT))
    sight = asyncio.run(TrailLister(cast(AWSClient, answers)).of(LOCATION))
    status = account_status(
        AWSAccountStatus.parse(None),
        generation=1,
        failure=None,
        unreachable=False,
        snapshot=sight,
        cluster=Cluster("test"),
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert [(trail.name, trail.owner) for trail in status.trails] == [("own", "team/audit"), ("whole", "Unknown")]
    assert (status.trail_count, status.unmanaged_count) == (2, 0)


def test_a_former_name_of_the_cluster_tells_of_a_trail_of_this_cluster() -> None:
    answers = Answers(arn(REGIONS[0], "own"))
    sight = asyncio.run(TrailLister(cast(AWSClient, answers)).of(LOCATION))
    owners = [
        account_status(
            AWSAccountStatus.parse(None),
            generation=1,
            failure=None,
            unreachable=False,
            snapshot=sight,
            cluster=Cluster("present", former),
            now=datetime(2026, 1, 1, tzinfo=UTC),
        )
        .trails[0]
        .owner
        for former in (frozenset({"test"}), frozenset({"other"}))
    ]
    assert owners == ["team/audit", "test/team/audit"]
