"""All trails of an account, in all regions, as far as they matter for each other."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from trail_operator.api.constants import OWNER_TAG
from trail_operator.aws.client import AWSClient
from trail_operator.aws.cloudtrail import list_trails
from trail_operator.aws.error_codes import NOT_FOUND
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.attributes import observed_configuration
from trail_operator.domain.failure import FailureClass, FailureError
from trail_operator.domain.inventory_snapshot import InventorySnapshot, PeerTrail
from trail_operator.domain.selector_conversion import read_selectors
from trail_operator.domain.selectors import management_events

# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListTags.html
_TAGS_AT_ONCE = 20

T = TypeVar("T")


class TrailLister:
    """Reads the trails of an account.

    What AWS refuses for longer, in one region or of one trail, hides no more than that. Raises FailureError for what
    passes: nothing follows from it.
    """

    def __init__(self, aws: AWSClient) -> None:
        self._aws = aws
        # All that were ever asked for: where AWS does not list the trails, what is seen must not depend on who asks.
        self._regions: set[str] = set()

    async def of(self, location: Location) -> InventorySnapshot:
        """Every trail: the account's own, and the organization's that are seen in it. Sorted by ARN."""
        self._regions.add(location.region)
        hidden: set[str] = set()
        listed = await self._listed(hidden)
        homes = {trail["TrailARN"]: trail["HomeRegion"] for trail in listed or ()}
        regions = sorted({*self._regions, *homes.values()})
        answers = await asyncio.gather(*(self._describe(region, hidden) for region in regions))
        if all(answer is None for answer in answers):
            return InventorySnapshot(access_errors=tuple(sorted(hidden)))
        found = {trail["TrailARN"]: trail for answer in answers for trail in answer or ()}
        refused = {region for region, answer in zip(regions, answers, strict=True) if answer is None}
        unseen = sum(arn not in found and home in refused for arn, home in homes.items())
        owners = await self._owners([arn for arn in found if Arn.parse(arn).account == location.account], hidden)
        seen = await asyncio.gather(*(self._neighbour(found[arn], owners, hidden) for arn in sorted(found)))
        trails = tuple(neighbour for neighbour in seen if neighbour)
        return InventorySnapshot(trails, None if listed is None else len(trails) + unseen, tuple(sorted(hidden)))

    async def _read(self, operation: Read, region: str, hidden: set[str], **parameters: Any) -> dict[str, Any] | None:
        """The answer; None where AWS refuses it for longer: why is added to what is hidden."""
        return await _unless_refused(self._aws.call(operation, region, **parameters), hidden)

    async def _listed(self, hidden: set[str]) -> list[dict[str, Any]] | None:
        """The names of all trails of the account, by the first region that tells them."""
        refused: set[str] = set()
        for region in sorted(self._regions):
            trails = await _unless_refused(list_trails(self._aws, region), refused)
            if trails is not None:
                return trails
        hidden |= refused
        return None

    async def _describe(self, region: str, hidden: set[str]) -> list[dict[str, Any]] | None:
        answer = await self._read(Read.DescribeTrails, region, hidden, includeShadowTrails=True)
        return None if answer is None else list(answer["trailList"])

    async def _owners(self, arns: list[str], hidden: set[str]) -> dict[str, str | None]:
        """The owner tags of trails as far as AWS shows them, asked for in their home regions, some at a time."""
        by_region: dict[str, list[str]] = {}
        for arn in sorted(arns):
            by_region.setdefault(Arn.parse(arn).region, []).append(arn)
        batches = [
            (region, some[first : first + _TAGS_AT_ONCE])
            for region, some in by_region.items()
            for first in range(0, len(some), _TAGS_AT_ONCE)
        ]
        owners: dict[str, str | None] = {}
        for found in await asyncio.gather(*(self._owners_in(region, some, hidden) for region, some in batches)):
            owners |= found
        return owners

    async def _owners_in(self, region: str, arns: list[str], hidden: set[str]) -> dict[str, str | None]:
        refused: set[str] = set()
        try:
            answer = await self._read(Read.ListTags, region, refused, ResourceIdList=arns)
        except AWSError as error:
            if error.code not in NOT_FOUND:
                raise
            answer = None
        if answer is None and len(arns) > 1:
            # One of them has gone meanwhile, or is not ours to see: AWS then tells of none.
            each = await asyncio.gather(*(self._owners_in(region, [arn], hidden) for arn in arns))
            return {arn: owner for found in each for arn, owner in found.items()}
        hidden |= refused
        if answer is None:
            return {}
        return dict.fromkeys(arns) | {
            entry["ResourceId"]: tag.get("Value", "")
            for entry in answer["ResourceTagList"]
            for tag in entry.get("TagsList", ())
            if tag["Key"] == OWNER_TAG
        }

    async def _neighbour(
        self, trail: dict[str, Any], owners: dict[str, str | None], hidden: set[str]
    ) -> PeerTrail | None:
        arn, region, configuration = trail["TrailARN"], trail["HomeRegion"], observed_configuration(trail)
        try:
            status = await self._read(Read.GetTrailStatus, region, hidden, Name=arn)
        except AWSError as error:
            if error.code in NOT_FOUND:
                return None
            raise
        is_logging = None if status is None else bool(status.get("IsLogging", False))
        recorded: frozenset[str] | None = frozenset()
        if is_logging is not False:
            recorded = await self._recorded(arn, region)
        return PeerTrail(
            arn=arn,
            home_region=region,
            is_multi_region_trail=configuration.is_multi_region_trail,
            include_global_service_events=configuration.include_global_service_events,
            is_organization_trail=configuration.is_organization_trail,
            # What records nothing even if it logs is known to record nothing.
            management_events=None if is_logging is None and recorded else recorded,
            is_logging=is_logging,
            owner=owners.get(arn),
            is_owner_known=arn in owners,
        )

    async def _recorded(self, arn: str, region: str) -> frozenset[str] | None:
        try:
            # That they are not shown is said where they matter.
            answer = await self._read(Read.GetEventSelectors, region, set(), TrailName=arn)
        except AWSError as error:
            if error.code not in NOT_FOUND:
                raise
            answer = None  # so AWS answers about another account's trail
        return None if answer is None else management_events(read_selectors(answer))


async def _unless_refused(reading: Awaitable[T], hidden: set[str]) -> T | None:
    """What is read; None where AWS refuses it for longer: why is added to what is hidden."""
    try:
        return await reading
    except FailureError as error:
        if error.failure.kind is FailureClass.TRANSIENT:
            raise
        hidden.add(error.failure.message)
        return None
