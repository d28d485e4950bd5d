"""Credentials: the operator's own, and those of the roles that it assumes.

boto3 clients are shared by all of them (`client_pool.py`), so a client has no credentials. Each call acts as one source
of credentials, in its own thread and for that call only.
"""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import botocore.credentials
from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError, NoCredentialsError

from trail_operator.aws.errors import OwnCredentialsError
from trail_operator.aws.responses import InvalidResponseError
from trail_operator.domain.failure import FailureError


@dataclass(frozen=True)
class Role:
    """A role to assume."""

    arn: str
    external_id: str
    session_name: str
    """Shown in CloudTrail events for every call with the role."""
    session_policy: str = ""
    """Limits what the session may do to what this policy allows, too."""


class CredentialSource:
    """The credentials of one identity: loaded or assumed at the first use, and refreshed before they expire."""

    def __init__(
        self, load: Callable[[], botocore.credentials.Credentials | None], source: "CredentialSource | None"
    ) -> None:
        """`source`: the credentials that assume the role; None for the operator's own."""
        self._load = load
        self._source = source
        self._lock = threading.Lock()
        self._credentials: botocore.credentials.Credentials | None = None  # while they are valid
        self._last = threading.local()

    def credentials(self) -> ReadOnlyCredentials:
        """Return the present credentials; may take a while. Raises NoCredentialsError, or the error response of STS."""
        try:
            with self._lock:
                credentials = self._last.credentials = self._credentials = self._credentials or self._load()
            return _frozen(credentials)
        except ClientError as error:
            if self._source is None:
                raise OwnCredentialsError(error.response, error.operation_name) from None
            raise
        except InvalidResponseError:
            self._drop()
            raise
        except (BotoCoreError, OSError, FailureError):
            raise
        except Exception as error:  # noqa: BLE001 - botocore's providers raise anything for responses they cannot parse
            self._drop()
            raise InvalidResponseError("credentials", f"they cannot be read: {type(error).__name__}") from None

    def is_cached(self) -> bool:
        """Return whether `credentials` returns at once."""
        present = self._credentials
        return present is not None and not (isinstance(present, RefreshableCredentials) and present.refresh_needed())

    def invalidate(self, *, of_source: bool) -> None:
        """Drop the credentials that this thread got last, unless another thread has replaced them already.

        `of_source`: not those of the role, but those that assume it.
        """
        if of_source and self._source:
            self._source.invalidate(of_source=False)
            return
        self._drop()

    def _drop(self) -> None:
        with self._lock:
            if self._credentials is getattr(self._last, "credentials", None):
                self._credentials = None


def _frozen(credentials: botocore.credentials.Credentials | None) -> ReadOnlyCredentials:
    """Return the present values. Rejects invalid ones: an exception would quote those with a line break."""
    if credentials is None:
        raise NoCredentialsError
    frozen = credentials.get_frozen_credentials()
    if all(re.fullmatch("[!-~]+", one or "") for one in (frozen.access_key, frozen.secret_key, frozen.token or "-")):
        return frozen
    if isinstance(credentials, RefreshableCredentials):
        raise InvalidResponseError("credentials", "they contain invalid characters")
    raise CredentialRetrievalError(provider=credentials.method, error_msg="they contain invalid characters")


class ThreadCredentials(botocore.credentials.Credentials):
    """The credentials that every client signs with: those of the source that the present thread acts as."""

    def __init__(self) -> None:
        super().__init__("none", "none", method="thread")
        self._local = threading.local()

    @contextmanager
    def acting_as(self, source: CredentialSource, may_send: Callable[[], None]) -> Iterator[None]:
        """Sign the requests of this thread with the credentials of a source. `may_send`: see `check`."""
        local = self._local
        before = getattr(local, "source", None), getattr(local, "may_send", None)
        local.source, local.may_send = source, may_send
        try:
            yield
        finally:
            local.source, local.may_send = before

    def check(self) -> None:
        """Raise if this thread's requests must not be sent: `may_send` raises."""
        if may_send := getattr(self._local, "may_send", None):
            may_send()

    def load_credentials(self) -> "ThreadCredentials":
        """Return itself, as the credential provider of a session."""
        return self

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the present credentials of the source."""
        source: CredentialSource | None = getattr(self._local, "source", None)
        if source is None:
            raise RuntimeError("a request without a source of credentials")
        return source.credentials()
