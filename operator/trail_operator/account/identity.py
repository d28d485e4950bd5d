"""Verifies by STS that the credentials of an AWSAccount are for the account that its spec names."""

from trail_operator.account.trust_policy import assume_role_denied
from trail_operator.api.reasons import Reason
from trail_operator.aws.errors import AWSError, is_assume_role_denied
from trail_operator.aws.service_account import principal
from trail_operator.domain.arns import Location
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.inventory.account_client import AccountClient


async def verify_identity(client: AccountClient, own: AccountClient) -> tuple[Failure | None, Location | None]:
    """Return why the credentials cannot be used, or the account and the region of STS.

    `own`: the client of the operator's own identity.
    """
    region = client.sts_region
    expected = client.spec.account_id if client.spec else ""
    try:
        identity = await client.aws.identity(region)
    except AWSError as error:
        return await _explain(client, own, error), None
    except FailureError as error:
        return error.failure, None
    if identity.account != expected:
        client.aws.invalidate_identity()
        caller = principal(identity.arn)
        message = (
            f"The credentials are for account {identity.account} ({caller}), not for {expected}: correct accountID, "
            f"or set roleARN to a role of account {expected}. Nothing is written"
        )
        return Failure(FailureClass.AUTHORITY, Reason.IDENTITY_MISMATCH, message), None
    return None, Location(identity.partition, identity.account, region)


async def _explain(client: AccountClient, own: AccountClient, error: AWSError) -> Failure:
    """Return why STS refused to answer; names the trust policy that the role needs if it cannot be assumed."""
    if not is_assume_role_denied(error) or client.spec is None:
        return error.failure
    try:
        identity = await own.aws.identity(error.region or client.sts_region)
    except FailureError:
        return assume_role_denied("the operator's role", client.spec)
    return assume_role_denied(identity.arn, client.spec)
