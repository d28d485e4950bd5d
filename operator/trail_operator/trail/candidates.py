"""Where a trail of a Trail may be: the place that status records and the place that the spec names.

Status is a memory that AWS confirms: it can be forged, and it can be lost.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from trail_operator.api.reasons import Reason
from trail_operator.aws.regions import HOW_TO_NAME_NEW_REGIONS, UnknownRegionError
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.inventory.account_client import AccountClient
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.runtime.clock import Clock
from trail_operator.trail.location import Locator, correction
from trail_operator.trail.state import TrailState


@dataclass(frozen=True)
class Candidate:
    """A trail that may be the resource's, and where to read it."""

    arn: str
    location: Location


class TrailCandidates:
    """Finds the trails that may be a Trail's."""

    def __init__(self, accounts: AccountRegistry, locator: Locator, clock: Clock) -> None:
        self._accounts = accounts
        self._locator = locator
        self._clock = clock

    def client_for(self, state: TrailState) -> AccountClient:
        """Return the client of the Trail's account. Raises FailureError if the Trail may use none."""
        return self._accounts.client_for(state)

    def owner_tag(self, state: TrailState) -> str:
        """Return the owner tag of the Trail's trail."""
        return self._locator.owner(state)

    def owns(self, state: TrailState, tags: Mapping[str, str] | None) -> bool:
        """Whether a trail with these tags is the Trail's; None: there is no trail."""
        return self._locator.owns(state, tags)

    async def tags(self, state: TrailState, client: AccountClient, candidate: Candidate) -> dict[str, str] | None:
        """Read the tags of a trail; None if there is no such trail."""
        tags = await client.cloudtrail.tags(candidate.arn, candidate.location.region)
        state.reads.last_at = self._clock.monotonic()
        return tags

    async def find(self, state: TrailState, client: AccountClient) -> AsyncIterator[Candidate]:
        """Yield the trail that status records and those that the spec may mean.

        The owner of an organization trail is read last: a failure does not affect the account's own trails. Raises
        FailureError if the places cannot be determined.
        """
        arn = state.status.arn
        named = state.text("region") or client.default_region
        recorded = Arn.parse(arn).region if arn else state.status.home_region
        region = recorded or named
        if region is None:
            raise invalid("No home region is known: set spec.region, or --region of the operator")
        try:
            here = await self._locator.location(state, client, region)
        except UnknownRegionError:
            if region == named:
                raise
            raise FailureError(_unknown_record(state, region)) from None
        is_organization = state.manifest.get("isOrganizationTrail") is True
        if arn and not is_organization and not await self._can_be_recorded(client, here, arn):
            arn = None
        if arn:
            yield Candidate(arn, Location(here.partition, here.account, region))
        if (problem := state.identity_problem) is not None:
            if not arn:
                raise invalid(problem)
            return
        name = state.trail_name
        homes = [Location(here.partition, here.account, home) for home in dict.fromkeys((recorded, named)) if home]
        for home in homes:
            if (own := home.trail_arn(name)) != arn:
                yield Candidate(own, home)
        for home in homes if is_organization else ():
            owner = await self._owner_account(state, client, home)
            if (shared := home.trail_arn(name, owner)) not in (arn, home.trail_arn(name)):
                yield Candidate(shared, home)

    async def _can_be_recorded(self, client: AccountClient, here: Location, arn: str) -> bool:
        """Whether this account can have created the trail that status records: status can be forged."""
        recorded = Arn.parse(arn)
        return recorded.partition == here.partition and await self._locator.can_own(client, here, recorded.account)

    async def _owner_account(self, state: TrailState, client: AccountClient, location: Location) -> str | None:
        """Return the account of an organization trail; status may record it, which saves the call."""
        if state.status.arn and (account := Arn.parse(state.status.arn).account) != location.account:
            return account
        return await self._locator.management_account(client, location)


def _unknown_record(state: TrailState, region: str) -> Failure:
    """The region that status records does not exist, as far as the operator knows."""
    field, fields = ("arn", ("arn", "homeRegion")) if state.status.arn else ("homeRegion", ("homeRegion",))
    return Failure(
        FailureClass.TERMINAL,
        Reason.WRONG_HOME_REGION,
        f"status.{field} records region {region}, which this operator does not know. "
        f"{HOW_TO_NAME_NEW_REGIONS}. If the record is wrong, {correction(state, *fields)}",
    )


def invalid(message: str) -> FailureError:
    """Return the error of a spec that does not identify a trail."""
    return FailureError(Failure(FailureClass.AUTHORITY, Reason.INVALID_SPEC, message))
