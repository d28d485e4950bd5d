"""Lists the trails of an account in all regions, with what the warnings about other trails need."""

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

    If AWS denies a read in one region or of one trail, only that part is missing from the result. A transient failure
    raises FailureError: a partial result would be misleading.
    """

    def __init__(self, aws: AWSClient) -> None:
        self._aws = aws
        # Every region requested so far: if ListTrails is denied, the result must not depend on the requested region.
        self._regions: set[str] = set()

    async def of(self, location: Location) -> InventorySnapshot:
        """Return every trail of the account, and the organization trails that it shows, sorted by ARN."""
        self._regions.add(location.region)
        access_errors: set[str] = set()
        listed = await self._listed(access_errors)
        homes = {trail["TrailARN"]: trail["HomeRegion"] for trail in listed or ()}
        regions = sorted({*self._regions, *homes.values()})
        responses = await asyncio.gather(*(self._describe(region, access_errors) for region in regions))
        if all(response is None for response in responses):
            return InventorySnapshot(access_errors=tuple(sorted(access_errors)))
        found = {trail["TrailARN"]: trail for response in responses for trail in response or ()}
        denied = {region for region, response in zip(regions, responses, strict=True) if response is None}
        missing = sum(arn not in found and home in denied for arn, home in homes.items())
        owners = await self._owners([arn for arn in found if Arn.parse(arn).account == location.account], access_errors)
        peers = await asyncio.gather(*(self._peer(found[arn], owners, access_errors) for arn in sorted(found)))
        trails = tuple(peer for peer in peers if peer)
        return InventorySnapshot(
            trails, None if listed is None else len(trails) + missing, tuple(sorted(access_errors))
        )

    async def _read(
        self, operation: Read, region: str, access_errors: set[str], **parameters: Any
    ) -> dict[str, Any] | None:
        """Return the response; None if AWS denies the read, with the message added to `access_errors`."""
        return await _unless_denied(self._aws.call(operation, region, **parameters), access_errors)

    async def _listed(self, access_errors: set[str]) -> list[dict[str, Any]] | None:
        """Return the names of all trails of the account, from the first region that lists them."""
        attempts: set[str] = set()
        for region in sorted(self._regions):
            trails = await _unless_denied(list_trails(self._aws, region), attempts)
            if trails is not None:
                return trails
        access_errors |= attempts
        return None

    async def _describe(self, region: str, access_errors: set[str]) -> list[dict[str, Any]] | None:
        response = await self._read(Read.DescribeTrails, region, access_errors, includeShadowTrails=True)
        return None if response is None else list(response["trailList"])

    async def _owners(self, arns: list[str], access_errors: set[str]) -> dict[str, str | None]:
        """Return the owner tags that AWS shows, read in the home regions in batches."""
        by_region: dict[str, list[str]] = {}
        for arn in sorted(arns):
            by_region.setdefault(Arn.parse(arn).region, []).append(arn)
        batches = [
            (region, some[first : first + _TAGS_AT_ONCE])
            for region, some in by_region.items()
            for first in range(0, len(some), _TAGS_AT_ONCE)
        ]
        owners: dict[str, str | None] = {}
        for found in await asyncio.gather(*(self._owners_in(region, some, access_errors) for region, some in batches)):
            owners |= found
        return owners

    async def _owners_in(self, region: str, arns: list[str], access_errors: set[str]) -> dict[str, str | None]:
        attempt: set[str] = set()
        try:
            response = await self._read(Read.ListTags, region, attempt, ResourceIdList=arns)
        except AWSError as error:
            if error.code not in NOT_FOUND:
                raise
            response = None
        if response is None and len(arns) > 1:
            # One of them was deleted, or its tags may not be read: AWS then returns no tags at all.
            each = await asyncio.gather(*(self._owners_in(region, [arn], access_errors) for arn in arns))
            return {arn: owner for found in each for arn, owner in found.items()}
        access_errors |= attempt
        if response is None:
            return {}
        return dict.fromkeys(arns) | {
            entry["ResourceId"]: tag.get("Value", "")
            for entry in response["ResourceTagList"]
            for tag in entry.get("TagsList", ())
            if tag["Key"] == OWNER_TAG
        }

    async def _peer(
        self, trail: dict[str, Any], owners: dict[str, str | None], access_errors: set[str]
    ) -> PeerTrail | None:
        arn, region, configuration = trail["TrailARN"], trail["HomeRegion"], observed_configuration(trail)
        try:
            status = await self._read(Read.GetTrailStatus, region, access_errors, Name=arn)
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
            # A trail without management events records none, whether or not it is logging.
            management_events=None if is_logging is None and recorded else recorded,
            is_logging=is_logging,
            owner=owners.get(arn),
            is_owner_known=arn in owners,
        )

    async def _recorded(self, arn: str, region: str) -> frozenset[str] | None:
        try:
            # Not an access error of the snapshot: a warning that needs the selectors reports that they are unknown.
            response = await self._read(Read.GetEventSelectors, region, set(), TrailName=arn)
        except AWSError as error:
            if error.code not in NOT_FOUND:
                raise
            response = None  # AWS does not show those of another account's trail
        return None if response is None else management_events(read_selectors(response))


async def _unless_denied(read: Awaitable[T], access_errors: set[str]) -> T | None:
    """Return what is read; None if the failure is not transient, with its message added to `access_errors`."""
    try:
        return await read
    except FailureError as error:
        if error.failure.kind is FailureClass.TRANSIENT:
            raise
        access_errors.add(error.failure.message)
        return None
