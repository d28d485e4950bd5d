"""No credential is ever told: not in a log line, Event, object or metric, whatever goes well or wrong."""

import http.client
import json
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from kubernetes import client

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Accounts, Trails, trail
from tests.integration.process import Operator
from tests.integration.test_accounts import allowed, role, trusting
from tests.integration.test_metrics import Scraped
from tests.patience import eventually, seconds
from tests.sandbox import identities

_ISSUED = re.compile(r"<(AccessKeyId|SecretAccessKey|SessionToken)>([^<]+)<")
_ISSUED_AS_JSON = re.compile(r'"(AccessKeyId|SecretAccessKey|Token)": "([^"]+)"')
_SIGNED = re.compile(r"Credential=([^/]+)/|Signature=([0-9a-f]{64})")


class Wire:
    """Between the operator and AWS: passes all on, and keeps the credentials that go by, either way."""

    def __init__(self, endpoint: str) -> None:
        self.secrets: set[str] = set()
        self.garble: Callable[[bytes], bytes] | None = None
        """What becomes of answers with credentials."""
        self.garbled = 0
        self.agent: Callable[[], dict[str, str]] | None = None
        """What the EKS Pod Identity Agent answers."""
        self._to = urlsplit(endpoint).netloc
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                try:
                    status, headers, answer = wire.passed(self.command, self.path, dict(self.headers), body)
                except http.client.RemoteDisconnected:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def __getattr__(self, name: str) -> Any:
                return self.pass_on if name.startswith("do_") else super().__getattribute__(name)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def passed(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        for found in _SIGNED.findall(headers.get("Authorization", "")):
            self.secrets |= set(filter(None, found))
        if token := headers.get("X-Amz-Security-Token"):
            self.secrets.add(token)
        if self.agent and path == "/v1/credentials":
            return self._told(200, [("Content-Type", "application/json")], json.dumps(self.agent()).encode())
        connection = http.client.HTTPConnection(self._to, timeout=seconds(60))
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return self._told(answer.status, answer.getheaders(), text)

    def has_garbled_more_than(self, number: int) -> bool:
        return self.garbled > number

    def _told(
        self, status: int, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        text = body.decode(errors="replace")
        issued = {value for _, value in (*_ISSUED.findall(text), *_ISSUED_AS_JSON.findall(text))}
        self.secrets |= issued
        if issued and self.garble:
            body = self.garble(body)
            self.garbled += 1
        return status, headers, body


@pytest.fixture
def wire(account: Account) -> Iterator[Wire]:
    result = Wire(account.endpoint)
    yield result
    result.server.shutdown()
    result.server.server_close()


def all_output(operator: Operator, api: client.ApiClient, trails: Trails, accounts: Accounts) -> dict[str, str]:
    """All that anybody can read of the operator."""
    objects, core = client.CustomObjectsApi(api), client.CoreV1Api(api)
    group = ("trail-operator.dev", "v1beta1")
    everything: dict[str, Any] = {
        "Trails": objects.list_namespaced_custom_object(*group, trails.namespace, "trails"),
        "AWSAccounts": objects.list_cluster_custom_object(*group, "awsaccounts"),
        "Events": [event.to_dict() for event in core.list_event_for_all_namespaces().items],
        "metrics": Scraped(operator, trails.namespace).text(),
        "log": operator.log.read_text(),
    }
    return {name: one if isinstance(one, str) else json.dumps(one, default=str) for name, one in everything.items()}


@pytest.mark.long
@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_credential_is_told(
    log_format: str,
    wire: Wire,
    operator_process: OperatorFactory,
    api: client.ApiClient,
    account: Account,
    other: Account,
    trails: Trails,
    accounts: Accounts,
) -> None:
    """The operator's own session and a role's; what is refused, denied, ended, and quoted by AWS itself."""
    own = identities.assume(account.client("sts"), identities.role(account, identities.allow("*"), name="operator"))
    operator = operator_process(
        *("--log-level", "debug", "--log-format", log_format),
        AWS_ENDPOINT_URL=wire.url,
        AWS_ACCESS_KEY_ID=own["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=own["SecretAccessKey"],
        AWS_SESSION_TOKEN=own["SessionToken"],
    )
    trails.create(trail("own", account.bucket(f"logs-{account.number}", "own")))
    name = accounts.create(
        "team", other.number, roleARN=role(other, trusting(account)), allowedNamespaces=allowed(trails)
    )
    trails.create(trail("team", f"logs-{other.number}", accountRef={"name": name}))
    shut = accounts.create("shut", other.number, roleARN=f"arn:aws:iam::{other.number}:role/missing")
    trails.wait_ready("own")
    trails.wait_ready("team")
    accounts.wait_reason(shut, "AssumeRoleDenied")

    # A wrong signature: AWS's message quotes the request.
    quoted = f"The Canonical String should have been 'x-amz-security-token:{own['SessionToken']}'"
    account.fault(service="cloudtrail", operation="GetTrail", error="SignatureDoesNotMatch", message=quoted)
    trails.wait_reason("own", "CredentialsUnavailable")
    account.no_faults()
    trails.wait_ready("own", 60)
    other.client("iam").delete_role_policy(RoleName="trail-operator", PolicyName="all")
    trails.wait_reason("team", "AccessDenied")
    other.fault(service="cloudtrail", operation="GetTrail", drop=True, count=2)
    eventually("both answers are lost", lambda: sum(not call["answered"] for call in other.calls()) >= 2)
    other.end_sessions()
    account.end_sessions()
    trails.wait_reason("own", "CredentialsUnavailable")
    trails.wait_reason("team", "CredentialsUnavailable", 60)

    secrets = wire.secrets | {own[key] for key in ("AccessKeyId", "SecretAccessKey", "SessionToken")}
    assert len([secret for secret in secrets if secret.startswith("ASIA")]) >= 2, "the own session and the role's"
    for where, text in all_output(operator, api, trails, accounts).items():
        assert text
        for secret in secrets:
            assert secret not in text, f"{secret} in {where}"


WAYS: list[Callable[[bytes], bytes]] = [
    lambda body: body[: len(body) - 40],
    lambda body: b"<html>" + body,
    lambda body: body.replace(b"AccessKeyId", b"Other"),
    lambda body: body.replace(b"Token>", b"Token>line\nbreak").replace(b'"Token": "', b'"Token": "line\\nbreak'),
]


@pytest.mark.sampled
@pytest.mark.parametrize("source", ["AssumeRole", "web identity", "Pod Identity"])
def test_no_credential_of_a_garbled_answer_is_told(
    source: str,
    wire: Wire,
    operator_process: OperatorFactory,
    api: client.ApiClient,
    account: Account,
    other: Account,
    trails: Trails,
    accounts: Accounts,
    tmp_path: Path,
) -> None:
    role_arn = identities.role(account, identities.allow("*"), name="operator")
    environment = {"AWS_ENDPOINT_URL": wire.url}
    reference: dict[str, Any] = {}
    place = account
    if source == "AssumeRole":
        name = accounts.create(
            "team", other.number, roleARN=role(other, trusting(account)), allowedNamespaces=allowed(trails)
        )
        reference, place = {"accountRef": {"name": name}}, other
    else:
        (tmp_path / "token").write_text("token")
        environment |= {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": ""}
    if source == "web identity":
        environment |= {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), "AWS_ROLE_ARN": role_arn}
    if source == "Pod Identity":
        environment |= {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{wire.url}/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
        }
        wire.agent = lambda: _of_agent(identities.assume(account.client("sts"), role_arn))
    bucket = f"logs-{place.number}"
    place.open_bucket(bucket)
    wire.garble = WAYS[0]
    operator = operator_process("--log-level", "debug", **environment)
    for number, wire.garble in enumerate(WAYS):
        before = wire.garbled
        trails.create(trail(f"audit-{number}", bucket, **reference))
        eventually("a garbled answer came", partial(wire.has_garbled_more_than, before))
    wire.garble = None
    trails.wait_ready("audit-0", 120)
    secrets = wire.secrets - {account.number}  # the key of the emulator's administrator is the account's number
    assert len(secrets) >= 3 * len(WAYS), "a key, a secret and a token of each garbled answer"
    everything = all_output(operator, api, trails, accounts)
    for where, text in everything.items():
        assert text
        for secret in secrets:
            assert secret not in text, f"{secret} in {where}"
    assert "InternalError" not in everything["Trails"]
    assert "Traceback" not in everything["log"]


def _of_agent(issued: dict[str, Any]) -> dict[str, str]:
    return {
        "AccessKeyId": issued["AccessKeyId"],
        "SecretAccessKey": issued["SecretAccessKey"],
        "Token": issued["SessionToken"],
        "Expiration": issued["Expiration"].isoformat(),
    }
