"""Where a Trail's trail is and whose: the account by STS, the region by spec and settings, both held to their pins."""

import json
from collections.abc import Mapping
from dataclasses import replace

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.aws.errors import AWSError, is_shut_out
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.domain.ownership import Cluster
from trail_operator.inventory.registry import AccountClient
from trail_operator.trail.state import TrailState


class Locator:
    """Finds a Trail's place in AWS."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        """The cluster whose Trails these are."""

    def owner(self, state: TrailState) -> str:
        """The owner tag that this Trail's trail is to carry."""
        return self.cluster.owner_tag(str(state.key))

    def owners(self, state: TrailState) -> frozenset[str]:
        """Every owner tag by which a trail is this Trail's."""
        return self.cluster.owner_tags(str(state.key), state.status.owner_tag)

    def owns(self, state: TrailState, tags: Mapping[str, str] | None) -> bool:
        """Whether a trail with these tags is this Trail's; None where there is no trail."""
        return (tags or {}).get(OWNER_TAG) in self.owners(state)

    def region(self, state: TrailState, access: AccountClient, wanted: str | None) -> str:
        """The home region. Raises FailureError where none is known or it is not the one on record."""
        region = wanted or access.default_region
        if region is None:
            raise FailureError(
                Failure(
                    FailureClass.AUTHORITY,  # mended by a setting, not by the spec alone: so never stalled
                    Reason.INVALID_SPEC,
                    "no home region is known: set spec.region, or give the operator --region",
                )
            )
        if (arn := state.recorded_arn) and not state.observe_only:
            home = Arn.parse(arn).region
            if home != region:
                raise FailureError(wrong_home(home, region))
        return region

    async def location(self, state: TrailState, access: AccountClient, region: str) -> Location:
        """The place, asked of STS. Raises FailureError where it is not known or not the one on record."""
        try:
            identity = await access.aws.identity(region)
        except AWSError as error:
            raise FailureError(entry_failure(error, access.name)) from None
        if access.spec and identity.account != access.spec.account_id:
            access.aws.doubt()
            raise FailureError(
                Failure(
                    FailureClass.AUTHORITY,
                    Reason.IDENTITY_MISMATCH,
                    f"AWSAccount {access.name} leads into another account than its accountID says: nothing is written; "
                    "see its conditions",
                )
            )
        # The operator puts account and region on record together: an account by itself was written by somebody else.
        pinned = state.status.account_id if state.is_on_record else None
        if pinned and pinned != identity.account and not state.observe_only:
            access.aws.doubt()
            raise FailureError(_other_account(state, access, pinned, identity.account))
        return Location(identity.partition, identity.account, region)

    async def management_account(self, access: AccountClient, location: Location) -> str | None:
        """The account that an organization trail is in, if it is not the location's: the management account.

        Raises FailureError where AWS does not tell.
        """
        account = (await access.aws.organization(location.region)).management_account
        return account if account != location.account else None

    async def can_own(self, access: AccountClient, location: Location, account: str) -> bool:
        """Whether a trail that is made from the location's account can be of that account: a status can be forged.

        Raises FailureError where AWS does not tell.
        """
        if account == location.account:
            return True
        try:
            return await self.management_account(access, location) == account
        except FailureError as error:
            failure = error.failure
            if failure.reason is Reason.ORGANIZATION_NOT_READY:  # there is no organization
                return False
            if failure.kind is FailureClass.TRANSIENT:
                raise
            doubt = f"a trail of account {account} is on record, and whether this is the organization's is not known"
            raise FailureError(replace(failure, message=f"{doubt}: {failure.message}")) from None


def _other_account(state: TrailState, access: AccountClient, pinned: str, account: str) -> Failure:
    """The account on record is not the one that the credentials are of."""
    credentials = f"AWSAccount {access.name} is" if access.name else "the operator's credentials are of"
    return Failure(
        FailureClass.TERMINAL,
        Reason.IDENTITY_MISMATCH,
        f"status.accountID says that the trail is in account {pinned}, but {credentials} account {account}: nothing is "
        f"written, so that there is no second trail. Give the operator credentials of account {pinned}. If no trail of "
        f"this resource is in that account, the record is wrong: {correction(state, 'accountID')}",
    )


def correction(state: TrailState, *fields: str) -> str:
    """Who may take fields off the record, and how."""
    patch = json.dumps({"status": dict.fromkeys(fields)})
    return (
        "a cluster administrator (it takes the right to patch trails/status) removes it with kubectl patch ctrail "
        f"{state.key.name} --namespace {state.key.namespace} --subresource status --type merge --patch '{patch}'"
    )


def wrong_home(home: str, region: str) -> Failure:
    """A trail is at home in a region, and spec and settings lead to another."""
    return Failure(
        FailureClass.TERMINAL,
        Reason.WRONG_HOME_REGION,
        f"the trail lives in {home}, but spec and settings now lead to {region}: set spec.region to {home}",
    )


def entry_failure(error: AWSError, account: str | None) -> Failure:
    """Why an account can't be entered, as told on a Trail: the AWSAccount's own conditions tell more."""
    if not is_shut_out(error):
        return error.failure
    message = f"the role of AWSAccount {account} can't be assumed: see the conditions of the AWSAccount"
    return Failure(FailureClass.AUTHORITY, Reason.ASSUME_ROLE_DENIED, message)
