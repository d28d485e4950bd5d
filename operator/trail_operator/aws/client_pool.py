"""The boto3 clients, which all accounts share.

A boto3 session with its own clients would cost 1 MB and 60 ms per account; with shared clients, an account costs almost
nothing.
"""

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import boto3
import botocore
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.credentials import DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import create_loader

from trail_operator.api.aws_account import EXTERNAL_ID
from trail_operator.aws.credentials import CredentialSource, Role, ThreadCredentials
from trail_operator.aws.operations import Internal, Operation
from trail_operator.aws.response_parser import ResponseParsers
from trail_operator.aws.unanswered import InvalidEndpointError

_CONFIG = Config(
    # One attempt per call: the reconcile loop retries with backoff, and takes a new spec into account.
    retries={"total_max_attempts": 1, "mode": "standard"},
    connect_timeout=5,
    read_timeout=20,
    max_pool_connections=32,
    # Without it, botocore would build its own twice for each call, which takes a tenth of the call's CPU time.
    user_agent=f"trail-operator/{version('trail-operator')} Botocore/{botocore.__version__}",
)
# A long poll of the event queue takes 20 seconds. Together with the time to connect, less than the deadline of a call.
_TIMEOUTS = {"sqs": Config(read_timeout=24)}
# Creating a client takes about 10 ms, keeping it 400 KB. A reconcile uses one per service and region.
MOST_CLIENTS = 128
_IDLE_SECONDS = 900.0
# A client caches what it learns about buckets, without a bound; so it is replaced from time to time.
_OLDEST_SECONDS = 3600.0
_SECONDS_BETWEEN_CLEANUPS = 60.0
# The longest possible session of a role that is assumed with the session of another role (role chaining):
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
_SESSION_SECONDS = 3600


@dataclass
class _Entry:
    client: Any
    created: float
    used: float


class ClientPool:
    """Creates clients and sources of credentials. Thread-safe."""

    def __init__(self, default_region: str | None, clock: Callable[[], float], may_send: Callable[[], None]) -> None:
        """`may_send`: called right before each request; raises if it must not be sent."""
        self._clock = clock
        self._may_send = may_send
        self._loader = create_loader()
        self._parsers = ResponseParsers()
        self._thread_credentials = ThreadCredentials()
        # boto3 reads only AWS_DEFAULT_REGION; EKS sets AWS_REGION as well, or only that.
        self._region = default_region or os.environ.get("AWS_REGION")
        session = self._session()
        session.register_component("credential_provider", self._thread_credentials)
        self._client_session = boto3.Session(botocore_session=session)
        self._clients: dict[tuple[str, str, str | None], _Entry] = {}
        self._cleaned = clock()
        self._lock = threading.Lock()  # boto3 sessions are not thread-safe; clients are
        self.default_region: str | None = self._client_session.region_name
        self.own = CredentialSource(lambda: self._session().get_credentials(), None)
        """The operator's own credentials, from the default chain of boto3."""

    def assuming(self, role: Role, region: str, endpoint_url: str | None) -> CredentialSource:
        """Return the credentials of a role, which the operator's own assume. `region`: the one whose STS is called."""
        request = {
            "RoleArn": role.arn,
            "RoleSessionName": role.session_name,
            "DurationSeconds": _SESSION_SECONDS,
            **({"ExternalId": role.external_id} if role.external_id else {}),
            **({"Policy": role.session_policy} if role.session_policy else {}),
        }

        def assume() -> dict[str, str]:
            try:
                with self.acting_as(self.own):
                    client = self.client(Internal.AssumeRole.service, region, endpoint_url)
                    response = send(client, Internal.AssumeRole, request)["Credentials"]
            except ClientError as error:
                raise _without(role.external_id, error) from None
            return {
                "access_key": response["AccessKeyId"],
                "secret_key": response["SecretAccessKey"],
                "token": response["SessionToken"],
                "expiry_time": response["Expiration"].isoformat(),
            }

        return CredentialSource(lambda: DeferredRefreshableCredentials(assume, method="assume-role"), self.own)

    def client(self, service: str, region: str, endpoint_url: str | None) -> object:
        """Return a client for `send`. Idle and old clients are dropped; if there are too many, the least recently used.

        A thread must be `acting_as` a source of credentials when it calls the client.
        """
        key = (service, region, endpoint_url)
        with self._lock:
            now = self._clock()
            self._clean(now)
            entry = self._clients.pop(key, None)
            if entry is None:
                entry = _Entry(self._create(service, region, endpoint_url), now, now)
            entry.used = now
            self._clients[key] = entry  # the most recently used is last
            while len(self._clients) > MOST_CLIENTS:
                del self._clients[next(iter(self._clients))]
            return entry.client

    def acting_as(
        self, source: CredentialSource, may_send: Callable[[], None] = lambda: None
    ) -> AbstractContextManager[None]:
        """Sign the requests of this thread with the credentials of a source. `may_send`: as for the pool."""
        return self._thread_credentials.acting_as(source, may_send)

    def _create(self, service: str, region: str, endpoint_url: str | None) -> Any:
        create: Any = self._client_session.client
        config = _CONFIG.merge(_TIMEOUTS.get(service, Config()))
        try:
            return create(service, region_name=region, config=config, endpoint_url=endpoint_url)
        except BotoCoreError:  # some are ValueErrors, too
            raise
        except ValueError:
            raise InvalidEndpointError from None

    def _clean(self, now: float) -> None:
        if now - self._cleaned > _SECONDS_BETWEEN_CLEANUPS:
            self._cleaned = now
            self._clients = {
                key: entry
                for key, entry in self._clients.items()
                if now - entry.used < _IDLE_SECONDS and now - entry.created < _OLDEST_SECONDS
            }

    def _check(self) -> None:
        self._may_send()
        self._thread_credentials.check()

    def _session(self) -> botocore.session.Session:
        session = botocore.session.get_session()
        session.register_component("data_loader", self._loader)
        session.register_component("response_parser_factory", self._parsers)
        # All clients of a session inherit it, including those with which botocore gets credentials.
        session.register("before-send", lambda **_: self._check())
        if self._region:
            session.set_config_variable("region", self._region)
        # Never the global endpoint of STS, whatever AWS_STS_REGIONAL_ENDPOINTS or a profile sets:
        # https://docs.aws.amazon.com/sdkref/latest/guide/feature-sts-regionalized-endpoints.html
        session.set_config_variable("sts_regional_endpoints", "regional")
        return session


def send(client: object, operation: Operation, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Call an operation with a client of its service. All calls use this, so all are in the table of operations."""
    response: dict[str, Any] = getattr(client, xform_name(operation.name))(**parameters)
    return response


def _without(external_id: str, error: ClientError) -> ClientError:
    """Return the error without the external ID, which AWS quotes if its format is invalid."""
    if not external_id:
        return error
    response = error.response.get("Error", {})
    message = str(response.get("Message", "")).replace(external_id, EXTERNAL_ID)
    return ClientError({**error.response, "Error": {**response, "Message": message}}, error.operation_name)
