"""Whose term has ended sends nothing more, neither to AWS nor to Kubernetes: a server of the test's own sees it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient, Configuration

from tests.recorder import Recorder
from tests.unit.aws_clients import aws_client
from tests.unit.test_metrics import state
from trail_operator.aws.caller import CallerIdentity
from trail_operator.aws.client import AWSClient
from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.credentials import CredentialSource, Role
from trail_operator.aws.executor import CallExecutor
from trail_operator.aws.operations import Read, Write
from trail_operator.aws.rate_limit import RateLimiter
from trail_operator.kube.answers import OddAnswerError
from trail_operator.kube.client import AWS_ACCOUNTS, TRAILS, Key, KubeClient
from trail_operator.kube.connection import ApiConnection
from trail_operator.kube.leader_election import LeaderFence, NotLeadingError
from trail_operator.kube.route import in_pod
from trail_operator.runtime.clock import Clock

REGION = "us-east-1"


@pytest.fixture
def server() -> Iterator[Recorder]:
    result = Recorder()
    yield result
    result.close()


@pytest.fixture(autouse=True)
def own_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ACCESS_KEY_ID", "AKIA"), ("SECRET_ACCESS_KEY", "secret")):
        monkeypatch.setenv(f"AWS_{name}", value)


class Term:
    """A term that ends when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.leadership = LeaderFence(lambda: self.now, deadline=1.0)

    def end(self) -> None:
        self.now = 1.0


def test_no_call_to_aws_goes_out(server: Recorder) -> None:
    term = Term()
    sessions = ClientPool(REGION, time.monotonic, term.leadership.check)
    client: Any = sessions.client("cloudtrail", REGION, server.url)
    with sessions.acting_as(sessions.own):
        client.list_trails()
        assert server.requests == ["POST / ListTrails"], "while the term goes on"
        term.end()
        with pytest.raises(NotLeadingError):
            client.list_trails()
    assert server.requests == ["POST / ListTrails"]


def test_no_role_is_assumed(server: Recorder) -> None:
    term = Term()
    sessions = ClientPool(REGION, time.monotonic, term.leadership.check)
    identity = sessions.assuming(Role("arn:aws:iam::111122223333:role/r", "", "session"), REGION, server.url)
    term.end()
    with pytest.raises(NotLeadingError):
        identity.credentials()
    assert server.requests == []


def test_no_credentials_are_had_for_the_token_of_a_service_account(
    server: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """botocore itself asks STS for them, by a client of its own."""
    (tmp_path / "token").write_text("token")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/r")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    term = Term()
    sessions = ClientPool(REGION, time.monotonic, term.leadership.check)
    with pytest.raises(Exception):  # noqa: B017, PT011 - the server's answer has no credentials
        sessions.own.credentials()
    asked = ["POST / Action=AssumeRoleWithWebIdentity"]
    assert server.requests == asked, "while the term goes on"
    term.end()
    with pytest.raises(NotLeadingError):
        ClientPool(REGION, time.monotonic, term.leadership.check).own.credentials()
    assert server.requests == asked


def aws(server: Recorder, term: Term, sleep: Callable[[float], Awaitable[None]], threads: CallExecutor) -> AWSClient:
    sessions = ClientPool(REGION, time.monotonic, term.leadership.check)
    limiter = RateLimiter(Clock(lambda: 0.0, sleep=sleep), lambda *_: None)
    return aws_client(sessions, executor=threads, limiter_for=lambda _: limiter, endpoint_url=server.url)


def test_a_write_that_was_held_back_while_the_term_ended_is_not_sent(
    server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    term, caller = Term(), CallerIdentity("111122223333", "aws", "arn:aws:iam::111122223333:user/u")

    async def held_back(_: float) -> None:
        term.end()

    async def identity(*_: object) -> CallerIdentity:
        return caller

    monkeypatch.setattr(AWSClient, "identity", identity)

    async def scenario() -> None:
        threads = CallExecutor()
        client = aws(server, term, held_back, threads)
        await client.write(Write.StopLogging, caller.account, REGION, Name="first")
        with pytest.raises(NotLeadingError):
            await client.write(Write.StopLogging, caller.account, REGION, Name="second")
        assert await threads.close(0.0)

    asyncio.run(scenario())
    assert server.requests == ["POST / StopLogging"]


def test_a_call_that_waits_for_credentials_while_the_term_ends_is_not_sent(
    server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    term, asked, given = Term(), Event(), Event()
    find = CredentialSource.credentials

    def slow(identity: CredentialSource) -> Any:
        asked.set()
        assert given.wait(30)
        return find(identity)

    async def scenario() -> None:
        threads = CallExecutor()
        monkeypatch.setattr(CredentialSource, "credentials", slow)
        call = asyncio.create_task(aws(server, term, asyncio.sleep, threads).call(Read.ListTrails, REGION))
        await asyncio.to_thread(asked.wait, 30)
        term.end()
        given.set()
        with pytest.raises(NotLeadingError):
            await call
        assert await threads.close(0.0)

    asyncio.run(scenario())
    assert server.requests == []


BODY = {**state().body, "metadata": {**state().body["metadata"], "uid": "1"}}
WRITES: dict[str, Callable[[KubeClient], Awaitable[object]]] = {
    "status": lambda kubernetes: kubernetes.patch_status(TRAILS, Key("team", "audit"), {}),
    "finalizers": lambda kubernetes: kubernetes.patch_finalizers(TRAILS, Key("team", "audit"), [], "1"),
    "account status": lambda kubernetes: kubernetes.patch_status(AWS_ACCOUNTS, Key("", "blue"), {}),
    "account finalizers": lambda kubernetes: kubernetes.patch_finalizers(AWS_ACCOUNTS, Key("", "blue"), [], "1"),
    "event": lambda kubernetes: kubernetes.write_event(BODY, "Normal", "Created", "CreateTrail", "made"),
    "event again": lambda kubernetes: kubernetes.repeat_event("/apis/events.k8s.io/v1/namespaces/team/events/e", 2),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_nothing_is_written_to_kubernetes(server: Recorder, write: Callable[[KubeClient], Awaitable[object]]) -> None:
    term = Term()

    async def scenario() -> None:
        configuration = Configuration()
        configuration.host = server.url
        connection = ApiConnection(ApiClient(configuration), in_pod())
        kubernetes = KubeClient(connection, "pod_1", term.leadership.check)
        with suppress(OddAnswerError):  # the server's answer is no object
            await write(kubernetes)
        assert len(server.requests) == 1, "while the term goes on"
        term.end()
        with pytest.raises(NotLeadingError):
            await write(kubernetes)
        assert len(server.requests) == 1
        await kubernetes.list_objects(TRAILS)
        assert len(server.requests) == 2, "who does not lead may read"
        await connection.close()

    asyncio.run(scenario())
