"""The AWS API with the credentials of one account. Every call goes through `AWSClient`, except AssumeRole.

One call, in this order:

1. A call whose rate AWS limits waits for its turn in its account and region (`rate_limit.py`).
2. A write checks that the credentials belong to its account, by STS if the access key changed, and its precondition.
3. It waits for one of the client's slots and for a thread (`sender.py`), in which it has a deadline (`executor.py`).
4. The request is signed with the account's credentials (`credentials.py`) and sent; its response is checked
   (`responses.py`).
5. If the credentials have expired, all of this is repeated with new ones.
6. Every error is raised as a FailureError, which has a class and a message for users (`errors.py`).

When the client is closed, all calls end at once, except for a write that was sent (`cancel_scope.py`).
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from botocore.exceptions import ClientError

from trail_operator.api.reasons import Reason
from trail_operator.aws.caller import CallerCache, CallerIdentity, Organization
from trail_operator.aws.cancel_scope import CancelScope
from trail_operator.aws.connection import Connection
from trail_operator.aws.errors import ASSUME_ROLE, is_expired, is_from_assume_role, raise_failures
from trail_operator.aws.operations import Queue, Read, Write
from trail_operator.aws.rate_limit import Precondition, RateLimiter, no_precondition
from trail_operator.aws.regions import check_region, partition_of
from trail_operator.aws.sender import RequestSender
from trail_operator.domain.arns import Arn
from trail_operator.domain.failure import Failure, FailureClass, FailureError, NotSentError

_OTHER_ACCOUNT = Failure(
    FailureClass.AUTHORITY,
    Reason.IDENTITY_MISMATCH,
    "During the reconcile, the operator's credentials changed to those of another account. Nothing was written with "
    "them",
)

T = TypeVar("T")


class Reads(Protocol):
    """What reads AWS in one account: a client, or a cache of what a client has read. All methods raise FailureError."""

    async def call(self, operation: Read, region: str, **parameters: Any) -> dict[str, Any]:
        """Return the response of a call that changes nothing. Raises AWSError for an error response."""

    async def identity(self, region: str) -> CallerIdentity:
        """Return who the operator is."""

    async def organization(self, region: str) -> Organization:
        """Return the organization that the account belongs to."""


class AWSClient:
    """Calls AWS in one account."""

    def __init__(self, connection: Connection, cache: CallerCache | None = None) -> None:
        """`cache`: that of another client with the same connection."""
        self.default_region = connection.default_region
        """The region of trails that name none."""
        self._connection = connection
        self._named_regions = connection.named_regions.union(filter(None, [connection.default_region]))
        self._cache = cache or CallerCache()
        self._scope = CancelScope()
        self._sender = RequestSender(connection, self._scope)

    def close(self) -> None:
        """Send no further request. Calls that wait, and reads, end at once; a write that was sent is waited for."""
        self._scope.close()

    def reopened(self) -> "AWSClient":
        """Close this client, and return one with the same connection that does not wait for the calls of this one."""
        self.close()
        return AWSClient(self._connection, self._cache)

    async def call(self, operation: Read | Queue, region: str, **parameters: Any) -> dict[str, Any]:
        """Make one call that changes nothing, and return the response.

        Raises FailureError; AWSError for an error response.
        """
        self._check_region(region)

        async def attempt() -> dict[str, Any]:
            async with self._scope.cancellable():
                if operation.per_second:
                    await self._limiter.read((region, operation.name), operation.per_second)
                return await self._sender.send(operation, region, parameters)

        with raise_failures(str(operation), region, lambda: self.account):
            return await _retry_expired(attempt)

    async def write(
        self,
        operation: Write,
        account: str,
        region: str,
        *,
        precondition: Precondition = no_precondition,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Make one call that changes a trail, a metric filter or an alarm, and return the response.

        The credentials may have changed since it was read, or may change for the second attempt. So each attempt
        first checks that they belong to `account`, then `precondition`.

        Raises FailureError: AWSError for an error response, NotSentError if nothing was sent.
        """
        self._check_region(region)

        async def check() -> None:
            await self._check_account(account, region)
            await precondition()

        async def attempt() -> dict[str, Any]:
            async with (
                self._scope.cancellable() as shield,
                self._limiter.write((region, operation.name), operation.per_second or 1, check),
            ):
                sent = self._sender.send(operation, region, parameters, on_send=shield)
                return await self._connection.own_requests.tracked(account, region, sent)

        with raise_failures(str(operation), region, lambda: self.account):
            return await _retry_expired(attempt)

    async def identity(self, region: str) -> CallerIdentity:
        """Return who the operator is. STS is asked when the access key changes, and after `invalidate_identity`."""
        self._check_region(region)
        with raise_failures(ASSUME_ROLE, self.default_region or region):
            access_key = await _retry_expired(self._sender.access_key)
        # The same key may be used in several partitions, each with its own STS.
        key = f"{access_key} in {partition_of(region)}"
        identity = self._cache.identity(key)
        if identity is None:
            response = await self.call(Read.GetCallerIdentity, region)
            # botocore lists the partition of most regions; STS knows it of the others.
            partition = partition_of(region) or Arn.parse(response["Arn"]).partition
            identity = CallerIdentity(response["Account"], partition, response["Arn"])
            self._cache.put_identity(key, identity)
        return identity

    def invalidate_identity(self) -> None:
        """Have STS asked again: the identity is not the expected one, and a single wrong response must not persist."""
        self._cache.invalidate()

    async def organization(self, region: str) -> Organization:
        """Return the organization that the account belongs to."""
        organization = self._cache.organization()
        if organization is None:
            response = (await self.call(Read.DescribeOrganization, region))["Organization"]
            organization = Organization(response["Id"], response["MasterAccountId"])
            self._cache.put_organization(organization)
        return organization

    @property
    def account(self) -> str:
        """The number of the account; "" until STS has reported it."""
        return self._cache.account

    @property
    def _limiter(self) -> RateLimiter:
        return self._connection.limiter_for(self.account)

    def _check_region(self, region: str) -> None:
        check_region(region, self._named_regions)

    async def _check_account(self, account: str, region: str) -> None:
        try:
            identity = await self.identity(region)
        except FailureError as error:
            raise NotSentError(error.failure) from None
        if identity.account != account:
            raise NotSentError(_OTHER_ACCOUNT)


async def _retry_expired(attempt: Callable[[], Awaitable[T]]) -> T:
    """Return the result of an attempt, which is repeated with new credentials if they have expired.

    Credentials can expire early. It is repeated once for those of the role, and once for those that assume the role.
    """
    expired: set[bool] = set()
    while True:
        try:
            return await attempt()
        except ClientError as error:
            of_source = is_from_assume_role(error)
            if not is_expired(error) or of_source in expired:
                raise
            expired.add(of_source)
