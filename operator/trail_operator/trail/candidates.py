"""Where the trail of a Trail may be: where status records it, and where the spec names it.

AWS confirms both: status can be forged, and it can be lost.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

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
    """A trail that may be the resource's. `location`: where AWS has it; `client`: how to call AWS there."""

    arn: str
    location: Location
    client: AccountClient


class TrailCandidates:
    """Finds the trails that may be a Trail's."""

    def __init__(self, accounts: AccountRegistry, locator: Locator, clock: Clock) -> None:
        self._accounts = accounts
        self.locator = locator
        """Knows the owner tags of Trails."""
        self._clock = clock

    async def tags(self, state: TrailState, candidate: Candidate) -> dict[str, str] | None:
        """Read the tags of a trail; None if there is no such trail."""
        tags = await candidate.client.cloudtrail.tags(candidate.arn, candidate.location.region)
        state.reads.record_answer(self._clock.monotonic())
        return tags

    async def find(self, state: TrailState) -> AsyncIterator[Candidate]:
        """Yield the trail that status records and those that the spec may mean.

        The owner of an organization trail is read last: a failure does not affect the account's own trails. Raises
        FailureError if the Trail may use no account, or if the locations cannot be determined.
        """
        client = self._accounts.client_for(state)
        arn = state.status.arn
        specified = state.text("region") or client.default_region
        recorded = Arn.parse(arn).region if arn else state.status.home_region
        region = recorded or specified
        if region is None:
            raise invalid("No home region is known: set spec.region, or --region of the operator")
        try:
            base = await self.locator.location(state, client, region)
        except UnknownRegionError:
            if region == specified:
                raise
            raise FailureError(_unknown_record(state, region)) from None
        is_organization = state.manifest.get("isOrganizationTrail") is True
        if arn and not is_organization and not await self._can_be_recorded(client, base, arn):
            arn = None
        if arn:
            yield Candidate(arn, base, client)
        if (problem := state.identity_problem) is not None:
            if not arn:
                raise invalid(problem)
            return
        name = state.trail_name
        homes = [replace(base, region=home) for home in dict.fromkeys((recorded, specified)) if home]
        for home in homes:
            if (own := home.trail_arn(name)) != arn:
                yield Candidate(own, home, client)
        for home in homes if is_organization else ():
            owner = await self._owner_account(state, client, home)
            if (shared := home.trail_arn(name, owner)) not in (arn, home.trail_arn(name)):
                yield Candidate(shared, home, client)

    async def _can_be_recorded(self, client: AccountClient, base: Location, arn: str) -> bool:
        """Whether this account can have created the trail that status records: status can be forged."""
        recorded = Arn.parse(arn)
        return recorded.partition == base.partition and await self.locator.can_own(client, base, recorded.account)

    async def _owner_account(self, state: TrailState, client: AccountClient, location: Location) -> str | None:
        """Return the account of an organization trail; status may record it, which saves the call."""
        if state.status.arn and (account := Arn.parse(state.status.arn).account) != location.account:
            return account
        return await self.locator.management_account(client, location)


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
