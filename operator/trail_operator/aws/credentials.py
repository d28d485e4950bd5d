"""Who calls AWS: the operator's own identity, and roles that it assumes. All share one set of clients.

Measured: an account with a boto3 session and clients of its own costs 1 MB and 60 ms to begin with, with shared clients
next to nothing. So a client knows no credentials: whoever calls lends it theirs, for the one call and in its thread.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import boto3
import botocore
import botocore.credentials
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.credentials import DeferredRefreshableCredentials, ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError, NoCredentialsError
from botocore.loaders import create_loader

from trail_operator.api.aws_account import EXTERNAL_ID
from trail_operator.aws.errors import OwnCredentialsError
from trail_operator.aws.operations import Internal, Operation
from trail_operator.aws.response_parser import ResponseParsers
from trail_operator.aws.responses import InvalidResponseError
from trail_operator.aws.unanswered import InvalidEndpointError
from trail_operator.domain.failure import FailureError

_CONFIG = Config(
    # One attempt a call: backing off is the reconcile loop's, which can act on a new spec meanwhile.
    retries={"total_max_attempts": 1, "mode": "standard"},
    connect_timeout=5,
    read_timeout=20,
    max_pool_connections=32,
    # Given whole: botocore would put its own together twice for each call, a tenth of the call's CPU.
    user_agent=f"trail-operator/{version('trail-operator')} Botocore/{botocore.__version__}",
)
# A client costs some 10 ms to make and 400 KB to keep. A pass uses one for each service and region.
MOST_CLIENTS = 128
_IDLE_SECONDS = 900.0
# It keeps what it learns of buckets, without a bound: so it is made anew some time.
_OLDEST_SECONDS = 3600.0
_SECONDS_BETWEEN_CLEARINGS = 60.0
# The longest session that a role may have which was assumed from a role's session (role chaining):
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
_SESSION_SECONDS = 3600


@dataclass(frozen=True)
class Role:
    """A role to assume."""

    arn: str
    external_id: str
    session_name: str
    """Stands in CloudTrail's own records of all that is done with the role."""


class CredentialSource:
    """The credentials of one identity: found or assumed when first needed, renewed before they end."""

    def __init__(
        self, find: Callable[[], botocore.credentials.Credentials | None], source: "CredentialSource | None"
    ) -> None:
        self._find = find
        self._source = source
        self._finding = threading.Lock()
        self._found: botocore.credentials.Credentials | None = None  # while they are good
        self._lent = threading.local()

    def credentials(self) -> ReadOnlyCredentials:
        """The credentials as they are now; may take a while. Raises NoCredentialsError, or what STS answers."""
        try:
            with self._finding:
                found = self._lent.found = self._found = self._found or self._find()
            return _frozen(found)
        except ClientError as error:
            if self._source is None:
                raise OwnCredentialsError(error.response, error.operation_name) from None
            raise
        except InvalidResponseError:
            self._forget()
            raise
        except (BotoCoreError, OSError, FailureError):
            raise
        except Exception as error:  # noqa: BLE001 - so botocore's providers fail over answers that they can't read
            self._forget()
            raise InvalidResponseError("credentials", f"they cannot be read: {type(error).__name__}") from None

    def is_cached(self) -> bool:
        """Whether `credentials` returns at once."""
        found = self._found
        return found is not None and not (isinstance(found, RefreshableCredentials) and found.refresh_needed())

    def invalidate(self, *, of_source: bool) -> None:
        """Drop the credentials that this thread got last, unless another thread has replaced them already.

        `of_source`: not those of the role, but those that assume it.
        """
        if of_source and self._source:
            self._source.invalidate(of_source=False)
            return
        self._forget()

    def _forget(self) -> None:
        with self._finding:
            if self._found is getattr(self._lent, "found", None):
                self._found = None


def _frozen(found: botocore.credentials.Credentials | None) -> ReadOnlyCredentials:
    """Credentials as they are now, if they can be sent: one with a line break would be quoted in an exception."""
    if found is None:
        raise NoCredentialsError
    frozen = found.get_frozen_credentials()
    if all(re.fullmatch("[!-~]+", one or "") for one in (frozen.access_key, frozen.secret_key, frozen.token or "-")):
        return frozen
    if isinstance(found, RefreshableCredentials):
        raise InvalidResponseError("credentials", "they have characters that no credentials have")
    raise CredentialRetrievalError(provider=found.method, error_msg="no credentials have such characters")


@dataclass
class _Client:
    client: Any
    made: float
    used: float


class ClientPool:
    """The operator's identities and their clients. Thread-safe."""

    def __init__(self, default_region: str | None, clock: Callable[[], float], may_send: Callable[[], None]) -> None:
        self._clock = clock
        # Asked right before each request goes out; raises if it may not.
        self._may_send = may_send
        self._loader = create_loader()
        self._parsers = ResponseParsers()
        self._thread_credentials = _ThreadCredentials()
        # boto3 knows AWS_DEFAULT_REGION only; pods with a role are given AWS_REGION as well, or alone.
        self._region = default_region or os.environ.get("AWS_REGION")
        session = self._session()
        session.register_component("credential_provider", self._thread_credentials)
        self._clients_of = boto3.Session(botocore_session=session)
        self._clients: dict[tuple[str, str, str | None], _Client] = {}
        self._cleared = clock()
        self._making = threading.Lock()  # boto3 sessions are not thread-safe, clients are
        self.default_region: str | None = self._clients_of.region_name
        self.own = CredentialSource(lambda: self._session().get_credentials(), None)
        """The operator's own, by boto3's ordinary chain."""

    def assuming(self, role: Role, region: str, endpoint_url: str | None) -> CredentialSource:
        """Who has assumed a role.

        STS is asked in `region`.
        """
        request = {
            "RoleArn": role.arn,
            "RoleSessionName": role.session_name,
            "DurationSeconds": _SESSION_SECONDS,
            **({"ExternalId": role.external_id} if role.external_id else {}),
        }

        def assume() -> dict[str, str]:
            try:
                with self.acting_as(self.own):
                    client = self.client(Internal.AssumeRole.service, region, endpoint_url)
                    answer = send(client, Internal.AssumeRole, request)["Credentials"]
            except ClientError as error:
                raise _without(role.external_id, error) from None
            return {
                "access_key": answer["AccessKeyId"],
                "secret_key": answer["SecretAccessKey"],
                "token": answer["SessionToken"],
                "expiry_time": answer["Expiration"].isoformat(),
            }

        return CredentialSource(lambda: DeferredRefreshableCredentials(assume, method="assume-role"), self.own)

    def client(self, service: str, region: str, endpoint_url: str | None) -> object:
        """A client, made on first use, dropped when idle, old or of too many the longest unused.

        Only `send` calls its methods, which need `calling_as`.
        """
        key = (service, region, endpoint_url)
        with self._making:
            now = self._clock()
            self._clear(now)
            one = self._clients.pop(key, None)
            if one is None:
                one = _Client(self._made(service, region, endpoint_url), now, now)
            one.used = now
            self._clients[key] = one  # behind all that were used before
            while len(self._clients) > MOST_CLIENTS:
                del self._clients[next(iter(self._clients))]
            return one.client

    def _made(self, service: str, region: str, endpoint_url: str | None) -> Any:
        make: Any = self._clients_of.client
        try:
            return make(service, region_name=region, config=_CONFIG, endpoint_url=endpoint_url)
        except BotoCoreError:  # some are ValueErrors
            raise
        except ValueError:
            raise InvalidEndpointError from None

    def _clear(self, now: float) -> None:
        if now - self._cleared > _SECONDS_BETWEEN_CLEARINGS:
            self._cleared = now
            self._clients = {
                key: one
                for key, one in self._clients.items()
                if now - one.used < _IDLE_SECONDS and now - one.made < _OLDEST_SECONDS
            }

    @contextmanager
    def acting_as(self, identity: CredentialSource, may_send: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Whose credentials this thread's calls are signed with. `may_send`: raises if they may not go out."""
        lent = self._thread_credentials.lent
        before = self._thread_credentials.identity(), self._thread_credentials.may_send()
        lent.identity, lent.may_send = identity, may_send
        try:
            yield
        finally:
            lent.identity, lent.may_send = before

    def _check(self) -> None:
        self._may_send()
        if may_send := self._thread_credentials.may_send():
            may_send()

    def _session(self) -> botocore.session.Session:
        session = botocore.session.get_session()
        session.register_component("data_loader", self._loader)
        session.register_component("response_parser_factory", self._parsers)
        # All clients of a session inherit it: also those by which botocore itself finds credentials.
        session.register("before-send", lambda **_: self._check())
        if self._region:
            session.set_config_variable("region", self._region)
        # Never STS's global endpoint, whatever AWS_STS_REGIONAL_ENDPOINTS or a profile says:
        # https://docs.aws.amazon.com/sdkref/latest/guide/feature-sts-regionalized-endpoints.html
        session.set_config_variable("sts_regional_endpoints", "regional")
        return session


def send(client: object, operation: Operation, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Call an operation by a client of its service. There is no other way, so that all calls are in the table."""
    answer: dict[str, Any] = getattr(client, xform_name(operation.name))(**parameters)
    return answer


def _without(secret: str, error: ClientError) -> ClientError:
    """The error without the external id, which AWS quotes where it is not to its taste."""
    if not secret:
        return error
    answer = error.response.get("Error", {})
    message = str(answer.get("Message", "")).replace(secret, EXTERNAL_ID)
    return ClientError({**error.response, "Error": {**answer, "Message": message}}, error.operation_name)


class _ThreadCredentials(botocore.credentials.Credentials):
    """What clients take for their credentials: those of whoever calls in this thread, none where nobody said who."""

    def __init__(self) -> None:
        super().__init__("nobody", "nobody", method="lent")
        self.lent = threading.local()

    def identity(self) -> CredentialSource | None:
        """Who calls in this thread."""
        return getattr(self.lent, "identity", None)

    def may_send(self) -> Callable[[], None] | None:
        """What raises if this thread's calls may not go out."""
        return getattr(self.lent, "may_send", None)

    def load_credentials(self) -> "_ThreadCredentials":
        """As a session's provider of credentials."""
        return self

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        identity = self.identity()
        if identity is None:
            raise RuntimeError("a call to AWS by nobody")
        return identity.credentials()
