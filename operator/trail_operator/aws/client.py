"""Calls to AWS: sessions, threads, rates and identity. Every call of the operator goes through `AWS.call`."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import boto3
from botocore import xform_name
from botocore.config import Config

from trail_operator.api.reasons import Reason
from trail_operator.aws.errors import failure_without_answer, translate
from trail_operator.aws.limits import RateLimiter
from trail_operator.core.failure import Failure, FailureClass, FailureError

_CONFIG = Config(
    # One attempt a call: backing off is the reconcile loop's, which can act on a new spec meanwhile.
    retries={"total_max_attempts": 1, "mode": "standard"},
    connect_timeout=5,
    read_timeout=20,
    max_pool_connections=32,
    user_agent_extra="trail-operator",
)
_THREADS = 16
_READS = ("Get", "List", "Describe")

T = TypeVar("T")


@dataclass(frozen=True)
class Identity:
    """Who AWS says that we are."""

    account: str
    partition: str


@dataclass(frozen=True)
class Organization:
    """The organization that our account belongs to."""

    id: str
    management_account: str


class AWS:
    """The AWS API as one asynchronous call. Clients are made on first use and kept."""

    def __init__(self, default_region: str | None, limiter: RateLimiter) -> None:
        # boto3 knows AWS_DEFAULT_REGION only; pods with a role are given AWS_REGION as well, or alone.
        self._session = boto3.Session(region_name=default_region or os.environ.get("AWS_REGION"))
        self._limiter = limiter
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="aws")
        self._clients: dict[tuple[str, str], Any] = {}
        self._making_client = asyncio.Lock()
        self._identity: tuple[str, Identity] | None = None
        self._organization: tuple[tuple[str, Identity] | None, Organization] | None = None

    @property
    def default_region(self) -> str | None:
        """The region of trails that name none."""
        return self._session.region_name

    async def call(self, service: str, region: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Make one call and return its answer.

        Raises AWSError for an error that AWS answered, FailureError where no answer came.
        """
        action = f"{service}:{operation}"
        try:
            # Before the turn is waited for: making a client takes a while, and the turn would be another's by then.
            client = await self._client(service, region)

            async def answer() -> dict[str, Any]:
                return await self._in_thread(lambda: getattr(client, xform_name(operation))(**parameters))

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

    async def identity(self, region: str) -> Identity:
        """Who we are, from STS; asked again whenever the credentials' access key changes."""
        key = await self._access_key()
        if self._identity is None or self._identity[0] != key:
            answer = await self.call("sts", region, "GetCallerIdentity")
            partition = answer["Arn"].split(":")[1]
            self._identity = (key, Identity(account=answer["Account"], partition=partition))
        return self._identity[1]

    async def organization(self, region: str) -> Organization:
        """The organization that our account belongs to."""
        if self._organization is None or self._organization[0] != self._identity:
            answer = (await self.call("organizations", region, "DescribeOrganization"))["Organization"]
            self._organization = (self._identity, Organization(answer["Id"], answer["MasterAccountId"]))
        return self._organization[1]

    def close(self) -> None:
        """Let no further call begin. Calls under way go on in their threads."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _access_key(self) -> str:
        try:
            return await self._in_thread(self._frozen_access_key)
        except Exception as error:
            failure = failure_without_answer(error, "reading credentials", "any region")
            if failure is not None:
                raise FailureError(failure) from error
            raise

    def _frozen_access_key(self) -> str:
        credentials = self._session.get_credentials()
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
        if key not in self._clients:
            async with self._making_client:  # boto3 sessions are not thread-safe, clients are
                if key not in self._clients:
                    self._clients[key] = await self._in_thread(
                        lambda: self._session.client(service, region_name=region, config=_CONFIG)  # type: ignore[call-overload]
                    )
        return self._clients[key]

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function)
