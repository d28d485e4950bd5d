"""Every call to AWS ends in time, also where its answer drips: then its turn, its slot and its thread are free."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from tests.patience import seconds
from tests.unit.aws_clients import aws_client
from trail_operator.aws import executor
from trail_operator.aws.client import AWSClient
from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.executor import CallExecutor
from trail_operator.aws.http_deadline import Exchange
from trail_operator.aws.operations import Read
from trail_operator.domain.failure import FailureClass, FailureError

pytestmark = pytest.mark.waits

REGION = "us-east-1"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 100000\r\n\r\n"


class Dripping:
    """A server that begins an answer to each request, and then sends a byte from time to time as long as it can."""

    def __init__(self, beginning: bytes) -> None:
        self._beginning = beginning
        self._end = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._open = 0
        self.served = 0
        self.received: list[bytes] = []
        self.begun = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def all_broken(self) -> bool:
        """Whether connections came, and none is open any more; waited for, some time."""
        for _ in range(6000):
            with self._lock:
                if self.served and not self._open:
                    return True
            time.sleep(0.02)
        return False

    def close(self) -> None:
        self._end.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._end.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open, self.served = self._open + 1, self.served + 1
            self.begun.set()
            threading.Thread(target=self._drip, args=(connection,), daemon=True).start()

    def _drip(self, connection: socket.socket) -> None:
        with connection:
            try:
                self.received.append(connection.recv(65536))
                connection.sendall(self._beginning)
                while not self._end.wait(0.02):
                    connection.sendall(b"x")
            except OSError:
                with self._lock:
                    self._open -= 1


@pytest.fixture(params=[HEAD, HEAD[:30], b""], ids=["the body", "a header", "the status"])
def dripping(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dripping]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(executor, "DEADLINE", seconds(1))  # a client is made within it
    result = Dripping(request.param)
    yield result
    result.close()


def aws_of(url: str, pool: CallExecutor, clock: Callable[[], float]) -> AWSClient:
    sessions = ClientPool(REGION, clock, lambda: None)
    return aws_client(sessions, executor=pool, endpoint_url=url)


def test_a_dripping_answer_is_none_and_holds_nothing(dripping: Dripping) -> None:
    async def scenario() -> None:
        pool = CallExecutor()
        aws = aws_of(dripping.url, pool, asyncio.get_running_loop().time)
        # More than an account may have under way at once: each has its turn.
        calls = [aws.call(Read.DescribeLogGroups, REGION) for _ in range(12)]
        for end in await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 60):
            assert isinstance(end, FailureError)
            assert end.failure.kind is FailureClass.TRANSIENT
        assert await pool.close(30), "a thread waits for the answer still"
        assert await asyncio.to_thread(dripping.all_broken), "a connection is open still"

    asyncio.run(scenario())


def test_a_call_that_nobody_waits_for_ends_in_time_too(dripping: Dripping) -> None:
    async def scenario() -> None:
        pool = CallExecutor()
        aws = aws_of(dripping.url, pool, asyncio.get_running_loop().time)
        read = asyncio.create_task(aws.call(Read.DescribeLogGroups, REGION))
        await asyncio.to_thread(dripping.begun.wait, 30)
        aws.close()
        with pytest.raises(FailureError):
            await read
        assert await asyncio.to_thread(dripping.all_broken), "the connection is open still"
        assert await pool.close(30)

    asyncio.run(scenario())


def test_a_call_that_ends_while_it_connects_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no socket yet that could be closed, and none may be left open."""
    exchange, server = Exchange(), Dripping(HEAD.replace(b"100000", b"2") + b"{}")
    connect = socket.socket.connect

    def connect_and_end(sock: socket.socket, address: Any) -> None:
        connect(sock, address)
        exchange.end()

    monkeypatch.setattr(socket.socket, "connect", connect_and_end)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    sessions = ClientPool(REGION, time.monotonic, lambda: None)

    def call() -> None:
        with sessions.acting_as(sessions.own):
            client: Any = sessions.client("logs", REGION, server.url)
            client.describe_log_groups()

    with pytest.raises(BotoCoreError):
        exchange.run(call)
    assert server.all_broken(), "the connection is open still"
    assert server.received == [b""], "a request was sent"
    server.close()
