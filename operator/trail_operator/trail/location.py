"""Where a Trail's trail is, and its owner tag. The account comes from STS, the region from spec and settings.

Both must match what status records.
"""

import json
from collections.abc import Mapping
from dataclasses import replace

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.aws.caller import CallerIdentity
from trail_operator.aws.errors import AWSError, is_assume_role_denied
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.domain.ownership import Cluster
from trail_operator.inventory.account_client import AccountClient
from trail_operator.trail.state import TrailState


class Locator:
    """Resolves the location of trails."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        """The cluster of these Trails."""

    def owner(self, state: TrailState) -> str:
        """Return the owner tag of the Trail's trail."""
        return self.cluster.owner_tag(str(state.key))

    def owners(self, state: TrailState) -> frozenset[str]:
        """Return every owner tag that identifies a trail as this Trail's."""
        return self.cluster.owner_tags(str(state.key), state.status.owner_tag)

    def owns(self, state: TrailState, tags: Mapping[str, str] | None) -> bool:
        """Whether a trail with these tags is this Trail's. `tags`: None if there is no trail."""
        return (tags or {}).get(OWNER_TAG) in self.owners(state)

    def region(self, state: TrailState, client: AccountClient, specified: str | None) -> str:
        """Return the home region. Raises FailureError if none is set, or if status records another one.

        `specified`: the region in the spec.
        """
        region = specified or client.default_region
        if region is None:
            raise FailureError(
                Failure(
                    FailureClass.AUTHORITY,  # a setting can correct it, too: the Trail is not stalled
                    Reason.INVALID_SPEC,
                    "No home region is known: set spec.region, or --region of the operator",
                )
            )
        if (arn := state.recorded_arn) and not state.observe_only:
            home = Arn.parse(arn).region
            if home != region:
                raise FailureError(wrong_home(home, region))
        return region

    async def location(self, state: TrailState, client: AccountClient, region: str) -> Location:
        """Return the location, with the account from STS. Raises FailureError if status records another account."""
        identity = await verified_identity(client, region)
        # The operator records account and region together: another client wrote an account without a region.
        pinned = state.status.account_id if state.is_on_record else None
        if pinned and pinned != identity.account and not state.observe_only:
            client.aws.invalidate_identity()
            raise FailureError(_other_account(state, client, pinned, identity.account))
        return Location(identity.partition, identity.account, region)

    async def management_account(self, client: AccountClient, location: Location) -> str | None:
        """Return the account that owns organization trails, the management account; None if it is the location's.

        Raises FailureError if AWS does not answer.
        """
        account = (await client.aws.organization(location.region)).management_account
        return account if account != location.account else None

    async def can_own(self, client: AccountClient, location: Location, account: str) -> bool:
        """Whether credentials of the location's account can create a trail in `account`: status can be forged.

        Raises FailureError if AWS does not answer.
        """
        if account == location.account:
            return True
        try:
            return await self.management_account(client, location) == account
        except FailureError as error:
            failure = error.failure
            if failure.reason is Reason.ORGANIZATION_NOT_READY:  # there is no organization
                return False
            if failure.kind is FailureClass.TRANSIENT:
                raise
            doubt = (
                f"Status records a trail of account {account}, which could not be verified as the management account"
            )
            raise FailureError(replace(failure, message=f"{doubt}: {failure.message}")) from None


async def verified_identity(client: AccountClient, region: str) -> CallerIdentity:
    """Return whose credentials a client has. Raises FailureError, also if they are not for the AWSAccount's account."""
    try:
        identity = await client.aws.identity(region)
    except AWSError as error:
        raise FailureError(identity_failure(error, client.name)) from None
    if client.spec and identity.account != client.spec.account_id:
        client.aws.invalidate_identity()
        raise FailureError(
            Failure(
                FailureClass.AUTHORITY,
                Reason.IDENTITY_MISMATCH,
                f"The credentials of AWSAccount {client.name} are not for its accountID; nothing was written. See "
                "the conditions of the AWSAccount",
            )
        )
    return identity


def _other_account(state: TrailState, client: AccountClient, pinned: str, account: str) -> Failure:
    """The credentials are for another account than status records."""
    credentials = f"AWSAccount {client.name} is" if client.name else "the operator's credentials are"
    return Failure(
        FailureClass.TERMINAL,
        Reason.IDENTITY_MISMATCH,
        f"status.accountID records account {pinned}, but {credentials} for account {account}. Nothing was written, to "
        f"avoid a second trail. Use credentials for account {pinned}. If this resource has no trail in that account, "
        f"the record is wrong: {correction(state, 'accountID')}",
    )


def correction(state: TrailState, *fields: str) -> str:
    """Say who can remove fields from status, and how."""
    patch = json.dumps({"status": dict.fromkeys(fields)})
    return (
        "a cluster administrator (with permission to patch trails/status) can remove it: kubectl patch ctrail "
        f"{state.key.name} --namespace {state.key.namespace} --subresource status --type merge --patch '{patch}'"
    )


def wrong_home(home: str, region: str) -> Failure:
    """The home region of the trail is not the one of spec and settings."""
    return Failure(
        FailureClass.TERMINAL,
        Reason.WRONG_HOME_REGION,
        f"The home region of the trail is {home}, but spec and settings resolve to {region}: set spec.region to {home}",
    )


def identity_failure(error: AWSError, account: str | None) -> Failure:
    """The reason why the role of an account cannot be assumed, without details: the AWSAccount reports those."""
    if not is_assume_role_denied(error):
        return error.failure
    message = f"The role of AWSAccount {account} cannot be assumed: see the conditions of the AWSAccount"
    return Failure(FailureClass.AUTHORITY, Reason.ASSUME_ROLE_DENIED, message)
