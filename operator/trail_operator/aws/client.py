"""Calls to AWS in one account: credentials, threads, rates and identity. Every call of the operator goes through it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import boto3
from botocore import xform_name
from botocore.config import Config

from trail_operator.api.reasons import Reason
from trail_operator.aws.errors import EXPIRED, NO_ANSWER, OK, AWSError, failure_without_answer, translate
from trail_operator.aws.limits import RateLimiter
from trail_operator.core.failure import Failure, FailureClass, FailureError

_CONFIG = Config(
    # One attempt a call: backing off is the reconcile loop's, which can act on a new spec meanwhile.
    retries={"total_max_attempts": 1, "mode": "standard"},
    connect_timeout=5,
    read_timeout=20,
    user_agent_extra="trail-operator",
)
_READS = ("Get", "List", "Describe")
# An account that does not answer holds this many threads at most.
_CALLS_AT_ONCE = 6
# A client costs some 10 ms to make and some 100 KB to keep.
_IDLE_SECONDS = 900.0

T = TypeVar("T")


@dataclass(frozen=True)
class Identity:
    """Who AWS says that we are."""

    account: str
    partition: str
    arn: str


@dataclass
class _Client:
    client: Any
    used: float


@dataclass(frozen=True)
class Organization:
    """The organization that our account belongs to."""

    id: str
    management_account: str


class AWS:
    """The AWS API of one account as one asynchronous call. Clients are made on first use, and dropped when idle."""

    def __init__(
        self,
        make_session: Callable[[], boto3.Session],
        limiter: RateLimiter,
        executor: ThreadPoolExecutor,
        clock: Callable[[], float],
        *,
        default_region: str | None,
        endpoint_url: str | None = None,
        called: Callable[[str, str, str, float], None],
    ) -> None:
        self.default_region = default_region
        """The region of trails that name none."""
        self._make_session = make_session
        self._session: boto3.Session | None = None
        self._limiter = limiter
        self._executor = executor
        self._clock = clock
        self._endpoint_url = endpoint_url
        # Told of each call when it has ended: its service, operation, code and seconds.
        self._called = called
        self._slots = asyncio.Semaphore(_CALLS_AT_ONCE)
        self._clients: dict[tuple[str, str], _Client] = {}
        self._making_client = asyncio.Lock()
        self._identity: tuple[str, Identity] | None = None
        self._organization: tuple[tuple[str, Identity] | None, Organization] | None = None

    async def call(self, service: str, region: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Make one call and return its answer; once more where the credentials had just ended.

        Raises AWSError for an error that AWS answered, FailureError where no answer came.
        """
        try:
            return await self._call(service, region, operation, parameters)
        except AWSError as error:
            if error.code not in EXPIRED:
                raise
            # They have ended before their time: begin again with new ones.
            self._session = None
            self._clients.clear()
        return await self._call(service, region, operation, parameters)

    async def identity(self, region: str) -> Identity:
        """Who we are, from STS; asked again whenever the credentials' access key changes."""
        key = await self._access_key()
        if self._identity is None or self._identity[0] != key:
            answer = await self.call("sts", region, "GetCallerIdentity")
            partition = answer["Arn"].split(":")[1]
            self._identity = (key, Identity(answer["Account"], partition, answer["Arn"]))
        return self._identity[1]

    async def organization(self, region: str) -> Organization:
        """The organization that our account belongs to."""
        if self._organization is None or self._organization[0] != self._identity:
            answer = (await self.call("organizations", region, "DescribeOrganization"))["Organization"]
            self._organization = (self._identity, Organization(answer["Id"], answer["MasterAccountId"]))
        return self._organization[1]

    async def _call(self, service: str, region: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        action = f"{service}:{operation}"
        try:
            # Before the turn is waited for: making a client takes a while, and the turn would be another's by then.
            client = await self._client(service, region)

            async def answer() -> dict[str, Any]:
                return await self._measured(
                    service, operation, lambda: getattr(client, xform_name(operation))(**parameters)
                )

            if service != "cloudtrail":
                return await answer()
            if operation.startswith(_READS):
                await self._limiter.read((region, operation))
                return await answer()
            async with self._limiter.write((region, operation)):
                return await answer()
        except Exception as error:
            answered = translate(error, action, region)
            if answered is not None:
                raise answered from None
            failure = failure_without_answer(error, action, region)
            if failure is not None:
                raise FailureError(failure) from error
            raise

    async def _measured(self, service: str, operation: str, request: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        begun, code = self._clock(), NO_ANSWER
        try:
            answer = await self._in_thread(request)
            code = OK
        except Exception as error:
            if answered := translate(error, f"{service}:{operation}", ""):
                code = answered.code
                service, operation = answered.action.split(":")
            raise
        finally:
            self._called(service, operation, code, self._clock() - begun)
        return answer

    async def _access_key(self) -> str:
        try:
            async with self._making_client:
                return await self._in_thread(self._frozen_access_key)
        except Exception as error:
            answered = translate(error, "sts:AssumeRole", self.default_region or "")
            if answered is not None:
                raise answered from None
            failure = failure_without_answer(error, "reading credentials", "any region")
            if failure is not None:
                raise FailureError(failure) from error
            raise

    def _frozen_access_key(self) -> str:
        credentials = self._made_session().get_credentials()
        if credentials is None:
            raise FailureError(
                Failure(
                    FailureClass.AUTHORITY,
                    Reason.CREDENTIALS_UNAVAILABLE,
                    "the operator has no AWS credentials: give its service account a role (IRSA or Pod Identity), or "
                    "set AWS_* variables",
                )
            )
        return str(credentials.get_frozen_credentials().access_key)

    async def _client(self, service: str, region: str) -> Any:
        key = (service, region)
        now = self._clock()
        if key not in self._clients:
            async with self._making_client:  # boto3 sessions are not thread-safe, clients are
                if key not in self._clients:
                    self._drop_idle(now)
                    self._clients[key] = _Client(await self._in_thread(lambda: self._made_client(service, region)), now)
        self._clients[key].used = now
        return self._clients[key].client

    def _made_client(self, service: str, region: str) -> Any:
        make: Any = self._made_session().client
        return make(service, region_name=region, config=_CONFIG, endpoint_url=self._endpoint_url)

    def _made_session(self) -> boto3.Session:
        """The session, made when first needed: looking for credentials may take a while."""
        if self._session is None:
            self._session = self._make_session()
        return self._session

    def _drop_idle(self, now: float) -> None:
        self._clients = {key: entry for key, entry in self._clients.items() if now - entry.used < _IDLE_SECONDS}

    async def _in_thread(self, function: Callable[[], T]) -> T:
        async with self._slots:
            return await asyncio.get_running_loop().run_in_executor(self._executor, function)
