"""Access to AWS with the credentials of the caller: reads only, and never where only a manifest says so.

A manifest may come from anywhere. So its `endpointURL` is used only if the caller gives the same one, its role is
assumed only with `--assume-role`, and all credentials of roles are limited to the operator's reads.
"""

import json
from functools import cache
from typing import Any, NoReturn

from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.api.reasons import Reason
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.aws.caller import CallerCache, CallerIdentity
from trail_operator.aws.client import AWSClient
from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.connection import Connection
from trail_operator.aws.credentials import CredentialSource, Role
from trail_operator.aws.error_codes import EXPIRED
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.aws.regions import leading_region
from trail_operator.domain.arns import Arn
from trail_operator.domain.failure import FailureError, NotSentError, authority
from trail_operator.inventory.account_client import AccountClient, AccountClients
from trail_operator.metrics import Metrics
from trail_operator.preview.options import AccessOptions
from trail_operator.runtime.clock import Clock

SIGN_IN = "set AWS_PROFILE or other AWS_* variables, or sign in, for example with aws sso login"


class NotReadError(FailureError):
    """Raised for an account that the caller has no access to: nothing was sent."""


class ReadOnlyClient(AWSClient):
    """Calls AWS in one account, and refuses all writes."""

    def __init__(
        self, connection: Connection, identities: dict[CallerIdentity, None], cache: CallerCache | None = None
    ) -> None:
        """`identities`: takes every identity that STS reports."""
        super().__init__(connection, cache)
        self._identities = identities

    def reopened(self) -> "ReadOnlyClient":
        """Close this client, and return another one that refuses all writes."""
        self.close()
        return ReadOnlyClient(self._connection, self._identities, self._cache)

    async def identity(self, region: str) -> CallerIdentity:
        """Return who the caller is in this account."""
        identity = await super().identity(region)
        self._identities[identity] = None
        return identity

    async def write(self, *_arguments: Any, **_parameters: Any) -> NoReturn:
        """Refuse."""
        raise NotSentError(authority(Reason.ACCESS_DENIED, "This command writes nothing"))


class CallerClients(AccountClients):
    """Creates the clients of a command. `create` returns one for any AWSAccount, also where nothing may be read.

    Each call of such a client raises NotReadError, whose message says which flag gives access.
    """

    def __init__(self, command: str, options: AccessOptions, allowed_adoption: AdoptionPolicy, clock: Clock) -> None:
        """`command`: for the name of role sessions. `allowed_adoption`: as for the operator."""
        pool = ClientPool(options.region, clock.monotonic, lambda: None)
        super().__init__(pool, command, allowed_adoption, clock, Metrics())
        self._options = options
        self._caller: CallerIdentity | None = None
        self._identities: dict[CallerIdentity, None] = {}
        self.own = self.create(None, None)
        """The client with the caller's own credentials."""

    async def identify_caller(self) -> CallerIdentity:
        """Return who the caller is. Required before any other client is used. Raises FailureError."""
        self._caller = await self.own.aws.identity(self.own.sts_region)
        return self._caller

    def of_account(self, account: str) -> AccountClient:
        """Return a client for an account without an AWSAccount."""
        return self.create(account, AWSAccountSpec(account_id=account))

    async def identify(self, client: AccountClient, region: str) -> CallerIdentity:
        """Return who the caller is in the account of a client. Raises FailureError, also if it is another account."""
        identity = await client.aws.identity(region)
        if client.spec and client.spec.account_id != identity.account:
            message = f"The credentials belong to account {identity.account} instead of {client.spec.account_id}"
            raise FailureError(authority(Reason.IDENTITY_MISMATCH, message))
        return identity

    def identities(self) -> list[CallerIdentity]:
        """Return as whom AWS was read so far."""
        return sorted(self._identities, key=lambda one: (one.account, one.arn))

    def ignored_endpoint(self, spec: AWSAccountSpec) -> str:
        """Return the endpointURL of an AWSAccount if it is ignored, else an empty string."""
        return "" if self._endpoint_url(spec) == (spec.endpoint_url or None) else spec.endpoint_url

    def _client(self, connection: Connection) -> AWSClient:
        return ReadOnlyClient(connection, self._identities)

    def _endpoint_url(self, spec: AWSAccountSpec | None) -> str | None:
        endpoint_url = super()._endpoint_url(spec)
        return endpoint_url if endpoint_url == self._options.endpoint_url else None

    def _credentials(self, spec: AWSAccountSpec | None, region: str | None) -> CredentialSource:
        if spec is None:
            return self._pool.own
        account, options = spec.account_id, self._options
        arn = options.role_arns.get(account, "")
        if not arn and options.assume_role:
            arn = spec.role_arn
        if not arn:
            return self._in_callers_account(account)
        parsed = Arn.try_parse(arn)
        if parsed is None or parsed.account != account:
            return _refused(f"Account {account} was not read: {arn} is not a role in this account")
        external_id = spec.external_id if arn == spec.role_arn else ""
        role = Role(arn, external_id, self.session_name(account), reads_only())
        return self._pool.assuming(role, region or leading_region(arn), self._endpoint_url(spec))

    def _in_callers_account(self, account: str) -> CredentialSource:
        if self._caller and self._caller.account == account:
            return self._pool.own
        where = f"the caller is in account {self._caller.account}" if self._caller else "the caller is unknown"
        return _refused(
            f"Account {account} was not read: {where}. To read it, use --assume-role (the role of the AWSAccount) or "
            f"--role-arn {account}=ROLE-ARN"
        )


@cache
def reads_only() -> str:
    """Return the session policy that allows the operator's reads, and nothing else."""
    actions = sorted({permission.action for operation in Read for permission in operation.permissions})
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


def explain(error: FailureError) -> str:
    """Return what went wrong, for the caller of a command. The messages of failures are for the operator's users."""
    failure = error.failure
    if failure.reason is Reason.CREDENTIALS_UNAVAILABLE and not isinstance(error, NotReadError):
        if not isinstance(error, AWSError):
            return f"No usable AWS credentials: {SIGN_IN}"
        remedy = "the session has expired: sign in again" if error.code in EXPIRED else SIGN_IN
        return f"AWS does not accept the credentials in {error.region} ({error.code} on {error.action}): {remedy}"
    if isinstance(error, AWSError) and failure.reason is Reason.ACCESS_DENIED:
        return f"{error.action} is denied in {error.region}: {error.message or error.code}"
    return failure.message


def _refused(message: str) -> CredentialSource:
    """Return credentials that nobody gets: a request that needs them is not sent."""

    def refuse() -> NoReturn:
        raise NotReadError(authority(Reason.CREDENTIALS_UNAVAILABLE, message))

    return CredentialSource(refuse, None)
