"""moto as the rest of the emulated AWS: its WSGI application, called in process, with AWS's ways where moto has others.

Calls block: they belong into a thread. Knows how moto is called and bettered; what its state means is for `world`.
"""

import io
import logging
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.organizations.models import organizations_backends
from moto.sts.models import STSBackend

from trail_sandbox.aws import (
    moto_cloudwatch,
    moto_events,
    moto_kms,
    moto_logs,
    moto_organizations,
    moto_s3,
    moto_sns,
    moto_sqs,
    moto_tagging,
)
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.http import HttpAnswer, HttpRequest
from trail_sandbox.aws.identity import administrator, caller_of

_ACCOUNT_HEADER = "HTTP_X_MOTO_ACCOUNT_ID"
_HOP_BY_HOP = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})

logger = logging.getLogger(__name__)


class Moto:
    """All services but CloudTrail."""

    def __init__(self) -> None:
        _correct()
        self._application = DomainDispatcherApplication(create_backend_app)

    def answer(self, environ: dict[str, Any], account: str) -> HttpAnswer:
        """Pass a request on, as made in an account; raises AwsError for what moto does not know."""
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> None:
            started.append((status, headers))

        try:
            chunks: Iterable[bytes] = self._application({**environ, _ACCOUNT_HEADER: account}, start_response)
            body = b"".join(chunks)
        except NotImplementedError as error:
            raise AwsError("NotImplemented", f"The emulated AWS does not know this operation: {error}", 501) from error
        except Exception as error:
            logger.exception("moto failed at %s %s", environ["REQUEST_METHOD"], environ["RAW_URI"])
            raise AwsError("InternalFailure", f"{type(error).__name__}: {error}", 500) from error
        status, headers = started[-1]
        return HttpAnswer(int(status.split()[0]), [*_end_to_end(headers, environ["REQUEST_METHOD"])], body)

    def reset(self) -> None:
        """Forget everything."""
        moto_api_backend.reset()
        organizations_backends.master_accounts.clear()


def environ_of(request: HttpRequest) -> dict[str, Any]:
    """Spell a request as WSGI does."""
    host, _, port = request.headers.get("host", "localhost").rpartition(":")
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "RAW_URI": f"{request.path}?{request.query}" if request.query else request.path,
        "REMOTE_ADDR": request.source_ip,
        "SERVER_NAME": host or port,
        "SERVER_PORT": port if host else "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        PRESERVED_HEADER_NAMES_ENVIRON_KEY: {
            environ_key_for_header(name): name
            for name in request.header_names
            if should_preserve_original_header_name(name)
        },
    }
    for name, value in request.headers.items():
        environ[environ_key_for_header(name)] = value
    # The body has been read: it no longer comes in chunks.
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return environ | {"CONTENT_LENGTH": str(len(request.body))}


def _end_to_end(headers: Iterable[tuple[str, str]], method: str) -> Iterable[tuple[str, str]]:
    for name, value in headers:
        # An answer to HEAD tells the length of the body that it does not have.
        if name.lower() not in _HOP_BY_HOP or (method == "HEAD" and name.lower() == "content-length"):
            yield name, value


def _correct() -> None:
    """Take out what moto decides otherwise than AWS."""
    STSBackend.get_caller_identity = _caller_identity  # type: ignore[method-assign, assignment]
    moto_cloudwatch.correct()
    moto_events.correct()
    moto_kms.correct()
    moto_logs.correct()
    moto_organizations.correct()
    moto_s3.correct()
    moto_sns.correct()
    moto_sqs.correct()
    moto_tagging.correct()


def _caller_identity(sts: STSBackend, access_key_id: str, _: str) -> tuple[str, str, str]:
    """Tell user id, ARN and account of an access key: moto gives keys that it has not issued an ARN that can't be."""
    # moto does not read access keys of digits: what is none of IAM's or STS's is the account's administrator.
    caller = caller_of(access_key_id, sts.partition) or administrator(sts.account_id, sts.partition)
    return caller.principal_id, caller.arn, caller.account
