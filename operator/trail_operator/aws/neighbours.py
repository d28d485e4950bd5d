"""All trails of an account, in all regions, as far as they matter for each other."""

import asyncio
from typing import Any

from trail_operator.api.names import OWNER_TAG
from trail_operator.aws.client import AWS
from trail_operator.aws.cloudtrail import list_trails
from trail_operator.aws.errors import NOT_FOUND, AWSError, failure_of
from trail_operator.core.advice import Neighbour
from trail_operator.core.failure import FailureClass
from trail_operator.core.selectors import management_events, read_selectors
from trail_operator.core.trail import Location

# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListTags.html
_TAGS_AT_ONCE = 20


class Neighbours:
    """Reads the trails of an account. Raises AWSError, or FailureError where no answer came."""

    def __init__(self, aws: AWS) -> None:
        self._aws = aws

    async def of(self, location: Location) -> tuple[Neighbour, ...]:
        """Every trail: the account's own, and the organization's that are seen in it. Sorted by ARN."""
        regions = {location.region} | {trail["HomeRegion"] for trail in await list_trails(self._aws, location.region)}
        found: dict[str, dict[str, Any]] = {}
        for answer in await asyncio.gather(*(self._describe(region) for region in sorted(regions))):
            found |= {trail["TrailARN"]: trail for trail in answer}
        own = [arn for arn in found if arn.split(":")[4] == location.account]
        owners = await self._owners(own)
        neighbours = await asyncio.gather(*(self._neighbour(found[arn], owners, arn in own) for arn in sorted(found)))
        return tuple(neighbour for neighbour in neighbours if neighbour)

    async def _describe(self, region: str) -> list[dict[str, Any]]:
        answer = await self._aws.call("cloudtrail", region, "DescribeTrails", includeShadowTrails=True)
        return list(answer["trailList"])

    async def _owners(self, arns: list[str]) -> dict[str, str]:
        """The owner tags of trails, asked for in their home regions, some at a time."""
        by_region: dict[str, list[str]] = {}
        for arn in sorted(arns):
            by_region.setdefault(arn.split(":")[3], []).append(arn)
        batches = [
            (region, some[first : first + _TAGS_AT_ONCE])
            for region, some in by_region.items()
            for first in range(0, len(some), _TAGS_AT_ONCE)
        ]
        owners: dict[str, str] = {}
        for found in await asyncio.gather(*(self._owners_in(region, some) for region, some in batches)):
            owners |= found
        return owners

    async def _owners_in(self, region: str, arns: list[str]) -> dict[str, str]:
        try:
            answer = await self._aws.call("cloudtrail", region, "ListTags", ResourceIdList=arns)
        except AWSError as error:
            if error.code not in NOT_FOUND:
                raise
            if len(arns) == 1:
                return {}
            # One of them has gone meanwhile: AWS then tells of none.
            each = await asyncio.gather(*(self._owners_in(region, [arn]) for arn in arns))
            return {arn: owner for found in each for arn, owner in found.items()}
        return {
            entry["ResourceId"]: tag.get("Value", "")
            for entry in answer["ResourceTagList"]
            for tag in entry.get("TagsList", ())
            if tag["Key"] == OWNER_TAG
        }

    async def _neighbour(self, trail: dict[str, Any], owners: dict[str, str], is_own: bool) -> Neighbour | None:
        arn, region = trail["TrailARN"], trail["HomeRegion"]
        try:
            status = await self._aws.call("cloudtrail", region, "GetTrailStatus", Name=arn)
        except AWSError as error:
            if error.code in NOT_FOUND:
                return None
            raise
        return Neighbour(
            arn=arn,
            home_region=region,
            is_multi_region_trail=trail.get("IsMultiRegionTrail", False),
            include_global_service_events=trail.get("IncludeGlobalServiceEvents", False),
            is_organization_trail=trail.get("IsOrganizationTrail", False),
            management_events=await self._recorded(arn, region) if status.get("IsLogging") else frozenset(),
            is_logging=status.get("IsLogging", False),
            owner=owners.get(arn),
            is_ours_to_read=is_own,
        )

    async def _recorded(self, arn: str, region: str) -> frozenset[str]:
        try:
            answer = await self._aws.call("cloudtrail", region, "GetEventSelectors", TrailName=arn)
        except AWSError as error:
            if error.code not in NOT_FOUND and failure_of(error).kind is FailureClass.TRANSIENT:
                raise
            answer = {}  # of another account: what can't be read is taken to be AWS's default
        return management_events(read_selectors(answer))
