"""Calls to AWS in one account: credentials, threads, rates and identity. Every call of the operator goes through it."""

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError

from trail_operator.api.reasons import Reason
from trail_operator.aws.answers import check_subject
from trail_operator.aws.credentials import ClientPool, CredentialSource, send
from trail_operator.aws.errors import (
    ASSUME_ROLE,
    EXPIRED,
    NO_ANSWER,
    OK,
    UnexpectedError,
    failure_without_answer,
    translate,
)
from trail_operator.aws.executor import CallExecutor
from trail_operator.aws.operations import Operation, Read, Write
from trail_operator.aws.rate_limit import Precondition, RateLimiter, always_due
from trail_operator.aws.regions import check_region, partition_of
from trail_operator.domain.arns import Arn
from trail_operator.domain.failure import Failure, FailureClass, FailureError, NotSentError
from trail_operator.runtime.concurrency import Rounds
from trail_operator.runtime.rate_waits import Wait

# An account that does not answer has this many calls under way at most.
_CALLS_AT_ONCE = 6
_ELSEWHERE = Failure(
    FailureClass.AUTHORITY,
    Reason.IDENTITY_MISMATCH,
    "the operator's credentials have become those of another account while it worked on the trail: nothing is written "
    "with them",
)

T = TypeVar("T")


@dataclass(frozen=True)
class CallerIdentity:
    """Who AWS says that we are."""

    account: str
    partition: str
    arn: str


@dataclass(frozen=True)
class Organization:
    """The organization that our account belongs to."""

    id: str
    management_account: str


class ClosedError(NotSentError):
    """The way into the account, or who may use it, has just changed."""

    def __init__(self) -> None:
        message = "the AWSAccount has been changed meanwhile: begun anew"
        super().__init__(Failure(FailureClass.TRANSIENT, Reason.PROGRESSING, message))


class AWSClient:
    """The AWS API of one account as one asynchronous call."""

    def __init__(
        self,
        sessions: ClientPool,
        identity: CredentialSource,
        limiter_of: Callable[[str], RateLimiter],
        threads: CallExecutor,
        clock: Callable[[], float],
        *,
        default_region: str | None,
        named_regions: Collection[str] = (),
        endpoint_url: str | None = None,
        called: Callable[[str, str, str, float], None],
    ) -> None:
        self.default_region = default_region
        """The region of trails that name none."""
        self._named_regions = {*named_regions, *filter(None, [default_region])}
        self._sessions = sessions
        self._identity = identity
        # AWS counts calls by account, whichever way they came: the account's number is asked for its rates.
        self._limiter_of = limiter_of
        self._threads = threads
        self._clock = clock
        self._endpoint_url = endpoint_url
        # Told of each call when it has ended: its service, operation, code and seconds.
        self._called = called
        self._slots = Rounds(_CALLS_AT_ONCE)
        # What is cut short when this is closed: all but writes that were sent.
        self._pending: set[asyncio.Timeout] = set()
        self._closed = False
        self._caller: tuple[str, CallerIdentity] | None = None
        self._is_doubted = False
        self._organization: tuple[tuple[str, CallerIdentity] | None, Organization] | None = None

    def close(self) -> None:
        """Let nothing further go out. Reads and all that waits end at once; a write that was sent is waited for."""
        if not self._closed:
            self._closed = True
            for pending in self._pending:
                pending.reschedule(0.0)

    def renewed(self) -> "AWSClient":
        """The same anew, for whoever asks from now on; this one is closed."""
        self.close()
        other = copy.copy(self)
        # Of its own: the slots of calls that hang are not waited for.
        other._slots, other._pending, other._closed = Rounds(_CALLS_AT_ONCE), set(), False
        return other

    async def call(self, operation: Read, region: str, **parameters: Any) -> dict[str, Any]:
        """Make one call that changes nothing and return its answer.

        Raises FailureError: AWSError for an error that AWS answered.
        """

        check_region(region, self._named_regions)

        async def attempt() -> dict[str, Any]:
            async with self._cut_short():
                if operation.service == "cloudtrail":
                    wait = Wait()
                    try:
                        await self._limiter.read((region, operation.name))
                    finally:
                        wait.end(self._clock())
                return await self._ask(operation, region, parameters)

        with _errors(str(operation), region, lambda: self.account):
            return await _with_good_credentials(attempt)

    async def write(
        self,
        operation: Write,
        account: str,
        region: str,
        *,
        precondition: Precondition = always_due,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Make one call that changes a trail and return its answer; not if `still_due` raises when its turn has come.

        Credentials may have become others' since the trail was looked at, while the call waited or because those before
        had ended: so each attempt is made only if STS says that we are in `account`.
        """
        check_region(region, self._named_regions)

        async def check_account(wait: Wait) -> None:
            wait.end(self._clock())
            try:
                caller = await self.identity(region)
            except FailureError as error:
                raise NotSentError(error.failure) from None
            if caller.account != account:
                raise NotSentError(_ELSEWHERE)
            await precondition()

        async def attempt() -> dict[str, Any]:
            wait = Wait()
            try:
                async with (
                    self._cut_short() as pending,
                    self._limiter.write((region, operation.name), lambda: check_account(wait)),
                ):
                    return await self._ask(operation, region, parameters, sent=lambda: self._pending.discard(pending))
            finally:
                wait.end(self._clock())

        with _errors(str(operation), region, lambda: self.account):
            return await _with_good_credentials(attempt)

    async def identity(self, region: str) -> CallerIdentity:
        """Who we are, from STS; asked again whenever the credentials' access key changes, and where it was doubted."""
        check_region(region, self._named_regions)
        # The same key is another identity in another partition, as far as it is any.
        key = f"{await self._access_key(region)} in {partition_of(region)}"
        if self._caller is None or self._caller[0] != key or self._is_doubted:
            answer = await self.call(Read.GetCallerIdentity, region)
            self._is_doubted = False
            # The region decides; of one that botocore does not list, STS tells.
            partition = partition_of(region) or Arn.parse(answer["Arn"]).partition
            self._caller = (key, CallerIdentity(answer["Account"], partition, answer["Arn"]))
        return self._caller[1]

    def doubt(self) -> None:
        """Who we are does not fit what is known of the account: one odd answer must not hold for as long as a key."""
        self._is_doubted = True

    async def organization(self, region: str) -> Organization:
        """The organization that our account belongs to."""
        if self._organization is None or self._organization[0] != self._caller:
            answer = (await self.call(Read.DescribeOrganization, region))["Organization"]
            self._organization = (self._caller, Organization(answer["Id"], answer["MasterAccountId"]))
        return self._organization[1]

    @property
    def account(self) -> str:
        """The account's number; "" while STS has not told it."""
        return self._caller[1].account if self._caller else ""

    @property
    def _limiter(self) -> RateLimiter:
        return self._limiter_of(self.account)

    async def _ask(
        self,
        operation: Operation,
        region: str,
        parameters: dict[str, Any],
        sent: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """Make one call. `sent`: called right before it goes out."""

        def ask() -> dict[str, Any]:
            client = self._sessions.client(operation.service, region, self._endpoint_url)
            with self._sessions.acting_as(self._identity, self._check):
                return send(client, operation, parameters)

        begun: float | None = None
        action, code = str(operation), NO_ANSWER

        def timed() -> dict[str, Any]:
            nonlocal begun  # without the wait for a thread
            begun = self._clock()
            return ask()

        try:
            answer = await self._in_thread(timed, sent)
            check_subject(operation, region, parameters, answer)
            code = OK
        except Exception as error:
            if answered := translate(error, action, ""):
                action, code = answered.action, answered.code
            raise
        finally:
            if begun is not None:
                service, name = action.split(":")
                self._called(service, name, code, self._clock() - begun)
        return answer

    async def _access_key(self, region: str) -> str:
        identity = self._identity

        async def attempt() -> ReadOnlyCredentials:
            if identity.is_at_hand():
                return identity.credentials()
            async with self._cut_short():
                return await self._in_thread(identity.credentials)

        with _errors(ASSUME_ROLE, self.default_region or region):
            return str((await _with_good_credentials(attempt)).access_key)

    async def _in_thread(self, function: Callable[[], T], begun: Callable[[], None] = lambda: None) -> T:
        def begin() -> None:
            self._check()  # it may have been closed since it was this call's turn
            begun()

        def noting_ends() -> T:
            # Only here is it known which credentials it was that have ended: others may be there already.
            try:
                return function()
            except ClientError as error:
                if _has_ended(error):
                    self._identity.ended(assuming=_was_assuming(error))
                raise
            except FailureError:
                raise
            except Exception as error:
                if failure_without_answer(error, "", "") is None:
                    raise UnexpectedError(type(error).__name__).with_traceback(error.__traceback__) from None
                raise

        async with self._slots.turn():
            return await self._threads.run(noting_ends, begin)

    def _check(self) -> None:
        if self._closed:
            raise ClosedError

    @asynccontextmanager
    async def _cut_short(self) -> AsyncIterator[asyncio.Timeout]:
        """What is done in it ends when this is closed, unless it is no longer `_pending`."""
        self._check()
        try:
            async with asyncio.timeout(None) as pending:
                self._pending.add(pending)
                try:
                    yield pending
                finally:
                    self._pending.discard(pending)
        except TimeoutError:
            if not pending.expired():
                raise
            raise ClosedError from None


async def _with_good_credentials(attempt: Callable[[], Awaitable[T]]) -> T:
    """What an attempt comes to; once more where credentials have ended before their time, with new ones.

    Once for those of a role and once for those that it is assumed with: each end when they will.
    """
    ended: set[bool] = set()
    while True:
        try:
            return await attempt()
        except ClientError as error:
            if not _has_ended(error) or _was_assuming(error) in ended:
                raise
            ended.add(_was_assuming(error))


def _has_ended(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in EXPIRED


def _was_assuming(error: ClientError) -> bool:
    return error.operation_name.startswith("AssumeRole")


@contextmanager
def _errors(action: str, region: str, account: Callable[[], str] = lambda: "") -> Iterator[None]:
    try:
        yield
    except Exception as error:
        answered = translate(error, action, region)
        if answered is not None:
            answered.account = account()
            raise answered from None
        failure = failure_without_answer(error, action, region)
        if failure is not None:
            raise FailureError(failure) from None
        raise
