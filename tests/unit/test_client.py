"""A closed client: reads and waiting calls end at once, no write is sent, and one that was sent is waited for."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from tests.unit.aws_clients import aws_client
from trail_operator.aws.caller import CallerIdentity
from trail_operator.aws.cancel_scope import ClosedError
from trail_operator.aws.client import AWSClient
from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.credentials import CredentialSource, Role
from trail_operator.aws.operations import Read, Write
from trail_operator.domain.failure import FailureClass

REGION = "us-east-1"
READS = (
    *(Read.GetEventSelectors, Read.GetInsightSelectors, Read.GetTrailStatus),
    *(Read.ListTags, Read.ListTrails, Read.DescribeTrails),
)


class Wire:
    """The operator's sessions, with an AWS that answers when it is told to."""

    def __init__(self) -> None:
        self.own = CredentialSource(lambda: None, None)
        self.arrived: list[str] = []
        self.one_more = threading.Semaphore(0)
        self.answer = threading.Event()

    def client(self, *_: object) -> Any:
        return self

    @contextmanager
    def acting_as(self, _: CredentialSource, may_send: Callable[[], None]) -> Iterator[None]:
        may_send()
        yield

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        def call(**_: Any) -> dict[str, Any]:
            self.arrived.append(operation)
            self.one_more.release()
            self.answer.wait(30)
            return {"told": operation}

        return call


def run(scenario: Callable[[AWSClient, Wire, list[str]], Awaitable[None]]) -> None:
    async def main() -> None:
        wire, counted = Wire(), cast(list[str], [])
        aws = aws_client(
            cast(ClientPool, wire),
            default_region=REGION,
            on_call=lambda _, operation, *__: counted.append(operation),
        )
        try:
            await scenario(aws, wire, counted)
        finally:
            wire.answer.set()

    asyncio.run(main())


@pytest.fixture(autouse=True)
def caller(monkeypatch: pytest.MonkeyPatch) -> CallerIdentity:
    """Who we are, as STS has said before."""
    result = CallerIdentity("111111111111", "aws", "arn:aws:iam::111111111111:role/r")

    async def identity(*_: object) -> CallerIdentity:
        return result

    monkeypatch.setattr(AWSClient, "identity", identity)
    return result


def begin(aws: AWSClient, operation: Read) -> "asyncio.Task[dict[str, Any]]":
    return asyncio.create_task(aws.call(operation, REGION))


def begin_write(aws: AWSClient, operation: Write) -> "asyncio.Task[dict[str, Any]]":
    return asyncio.create_task(aws.write(operation, "111111111111", REGION))


async def arrivals(wire: Wire, count: int) -> None:
    for _ in range(count):
        assert await asyncio.to_thread(wire.one_more.acquire, timeout=30)


def test_reads_end_at_once_those_that_wait_too() -> None:
    async def scenario(aws: AWSClient, wire: Wire, _: list[str]) -> None:
        reads = [begin(aws, Read.GetTrail) for _ in range(20)]
        await arrivals(wire, 1)
        aws.close()
        ends = await asyncio.wait_for(asyncio.gather(*reads, return_exceptions=True), 10)
        assert all(isinstance(end, ClosedError) and end.failure.kind is FailureClass.TRANSIENT for end in ends)
        with pytest.raises(ClosedError):
            await aws.call(Read.GetCallerIdentity, REGION)

    run(scenario)


def test_a_write_that_was_sent_is_waited_for_and_the_next_is_never_sent() -> None:
    async def scenario(aws: AWSClient, wire: Wire, counted: list[str]) -> None:
        sent, waiting = begin_write(aws, Write.StartLogging), begin_write(aws, Write.StartLogging)
        await arrivals(wire, 1)
        aws.close()
        with pytest.raises(ClosedError):
            await asyncio.wait_for(waiting, 10)
        assert not sent.done()
        wire.answer.set()
        assert await sent == {"told": "start_logging"}
        with pytest.raises(ClosedError):
            await begin_write(aws, Write.StopLogging)
        assert (wire.arrived, counted) == (["start_logging"], ["StartLogging"])

    run(scenario)


def test_reopened_client_does_not_wait_for_calls_that_hang() -> None:
    async def scenario(aws: AWSClient, wire: Wire, _: list[str]) -> None:
        former = [begin(aws, operation) for operation in READS]  # as many as an account may have under way
        await arrivals(wire, 6)
        now = aws.reopened()
        later = begin(now, Read.GetTrailStatus)
        await asyncio.gather(*former, return_exceptions=True)
        await arrivals(wire, 1)
        wire.answer.set()
        assert await later == {"told": "get_trail_status"}

    run(scenario)


def test_a_write_is_not_sent_if_the_way_in_was_closed_while_a_role_was_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last moment at which it can be stopped: all else may take its time before."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    nowhere = "http://127.0.0.1:9"

    async def main() -> None:
        sessions = ClientPool(REGION, time.monotonic, lambda: None)
        identity = sessions.assuming(Role("arn:aws:iam::111111111111:role/r", "", "s"), REGION, nowhere)

        def assume() -> Any:
            with sessions.acting_as(sessions.own):  # as every role does
                aws.close()
            return sessions.own.credentials()

        monkeypatch.setattr(identity, "credentials", assume)
        aws = aws_client(sessions, credentials=identity, endpoint_url=nowhere)
        with pytest.raises(ClosedError):
            await aws.write(Write.DeleteTrail, "111111111111", REGION, Name="audit")

    asyncio.run(main())
