"""Whatever is answered to whoever asks for credentials: it passes, and none of it is told."""

import asyncio
import base64
import json
import logging
import os
import time
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.local_server import LocalServer
from tests.unit.aws_clients import aws_client
from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.credentials import CredentialSource, Role
from trail_operator.domain.failure import FailureClass, FailureError
from trail_operator.runtime import logs

REGION = "us-east-1"
KEY, SECRET, TOKEN = "ASIAQQQQSECRETKEYID", "wJalrXUtnFEMIsecret", "FwoGZXIvYXdzEtoken"
ROLE = "arn:aws:iam::111122223333:role/r"
CALLER = b"""<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/u</Arn>
<UserId>AIDA</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""


def by_sts(operation: str, *, key: str = KEY, token: str = TOKEN, expiration: str = "2099-01-01T00:00:00Z") -> bytes:
    return (
        f"<{operation}Response><{operation}Result><Credentials><AccessKeyId>{key}</AccessKeyId>"
        f"<SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{token}</SessionToken>"
        f"<Expiration>{expiration}</Expiration></Credentials></{operation}Result></{operation}Response>"
    ).encode()


def by_agent(*, key: str = KEY, token: str = TOKEN, expiration: str = "2099-01-01T00:00:00Z") -> bytes:
    told = {"AccessKeyId": key, "SecretAccessKey": SECRET, "Token": token, "Expiration": expiration}
    return json.dumps(told).encode()


class Server(LocalServer):
    """STS and the EKS Pod Identity Agent: answers requests for credentials with `raw`."""

    raw = b""

    def respond(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        request.wfile.write(http(CALLER) if b"GetCallerIdentity" in body else self.raw)
        request.close_connection = True


def http(body: bytes, status: str = "200 OK", *, length: int | None = None, between: bytes = b"\r\n\r\n") -> bytes:
    # It says that the connection ends: botocore would send a request by it that comes before the end does.
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body) if length is None else length}"
    return head.encode() + between + body


def garbled(make: Callable[..., bytes]) -> dict[str, bytes]:
    """Answers with credentials in them that are none. `make`: a good one."""
    good = make()
    return {
        "half": http(good[: len(good) - 20]),
        "half as an error": http(good[: len(good) - 20], "400 Bad Request"),
        "as an error": http(good, "400 Bad Request"),
        "as an error of the server": http(good, "500 Oops"),
        "as an error of a proxy": http(good, "302 Found"),
        "in a page": http(b"<html>" + good.replace(b"</", b"<") + b"</html>"),
        "in a text": http(b'"' + base64.b64encode(good) + good + b'"'),
        "in a list": http(b"[" + good + b"]"),
        "in UTF-32": http(good.decode().encode("utf-32")),
        "cut off": http(good[: len(good) - 20], length=len(good)),
        "in the headers": http(good, between=b"\r\n"),
        "in the status": b"HTTP/1.1 " + good + b"\r\n\r\n",
        "no HTTP": good,
        "without a key": http(good.replace(b"AccessKeyId", b"Other")),
        "without a token": http(good.replace(b"Token", b"Other")),
        "an empty key": http(make(key="")),
        "a line break in the key": http(make(key=f"{KEY}\n{SECRET}")),
        "a line break in the token": http(make(token=f"{TOKEN}\n{SECRET}")),
        "letters of no header": http(make(token=f"{TOKEN}\u20ac")),
        "an odd end": http(make(expiration=SECRET)),
        "ended long ago": http(make(expiration="2001-01-01T00:00:00Z")),
    }


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    monkeypatch.setattr("botocore.retryhandler.delay_exponential", lambda *_, **__: 0)
    result = Server()
    monkeypatch.setenv("AWS_ENDPOINT_URL", result.url)
    yield result
    result.close()


def assumed(sessions: ClientPool, server: Server, monkeypatch: pytest.MonkeyPatch, _: Path) -> CredentialSource:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own")
    return sessions.assuming(Role(ROLE, "", "session"), REGION, server.url)


def of_web_identity(
    sessions: ClientPool, _: Server, monkeypatch: pytest.MonkeyPatch, directory: Path
) -> CredentialSource:
    (directory / "token").write_text(TOKEN)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(directory / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    return sessions.own


def of_pod_identity(
    sessions: ClientPool, server: Server, monkeypatch: pytest.MonkeyPatch, directory: Path
) -> CredentialSource:
    (directory / "token").write_text(TOKEN)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/v1/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(directory / "token"))
    return sessions.own


Provider = Callable[[ClientPool, Server, pytest.MonkeyPatch, Path], CredentialSource]
PROVIDERS: list[tuple[str, Provider, Callable[..., bytes]]] = [
    ("AssumeRole", assumed, lambda **more: by_sts("AssumeRole", **more)),
    ("web identity", of_web_identity, lambda **more: by_sts("AssumeRoleWithWebIdentity", **more)),
    ("Pod Identity", of_pod_identity, by_agent),
]


@pytest.mark.parametrize(("provider", "make"), [one[1:] for one in PROVIDERS], ids=[one[0] for one in PROVIDERS])
def test_a_garbled_answer_passes_and_is_not_told(
    provider: Provider,
    make: Callable[..., bytes],
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    handlers, levels = logging.root.handlers[:], (logging.root.level, logging.getLogger("trail_operator").level)
    logs.configure("text", "debug")
    told: list[str] = []

    async def scenario() -> None:
        sessions = ClientPool(REGION, time.monotonic, lambda: None)
        identity = provider(sessions, server, monkeypatch, tmp_path)
        metrics: list[tuple[Any, ...]] = []
        aws = aws_client(
            sessions, credentials=identity, endpoint_url=server.url, on_call=lambda *call: metrics.append(call)
        )
        for name, server.raw in garbled(make).items():
            with pytest.raises(FailureError) as raised:
                await aws.identity(REGION)
            told.append("".join(traceback.format_exception(raised.value)))
            # The agent answers with another status where the Pod has no role.
            kinds = {FailureClass.TRANSIENT} | ({FailureClass.AUTHORITY} if "as an error" in name else set())
            assert raised.value.failure.kind in kinds, name
        server.raw = http(make())
        assert (await aws.identity(REGION)).account == "111122223333"
        told.append(str(metrics))

    try:
        asyncio.run(scenario())
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(levels[0])
        logging.getLogger("trail_operator").setLevel(levels[1])
    out, err = capfd.readouterr()
    for text in (*told, out, err):
        for secret in (KEY, SECRET, TOKEN):
            assert secret not in text
