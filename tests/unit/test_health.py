"""The health endpoints, over HTTP."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import aiohttp
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trail_operator.runtime.health import Health


def never() -> bool:
    return False


def test_alive_at_once_and_ready_when_the_check_says_so() -> None:
    async def scenario() -> list[int]:
        ready = False
        health = Health(CollectorRegistry(), lambda: ready)
        port = await health.serve("127.0.0.1", 0)
        answers = []
        async with aiohttp.ClientSession() as session:

            async def ask(path: str) -> None:
                async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                    answers.append(answer.status)

            await ask("/healthz")
            await ask("/readyz")
            ready = True
            await ask("/readyz")
            await ask("/else")
        await health.close()
        return answers

    assert asyncio.run(scenario()) == [200, 503, 200, 404]


def test_who_does_not_read_an_answer_does_not_hold_up_the_end() -> None:
    async def scenario() -> None:
        registry = CollectorRegistry()
        Gauge("much", "more than any buffer takes " * 1_000_000, registry=registry)
        health = Health(registry, never)
        port = await health.serve("127.0.0.1", 0)
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await asyncio.to_thread(client.recv, 8)) == b"HTTP/1.1"
            await asyncio.wait_for(health.close(), 20)

    asyncio.run(scenario())


class Slow(Collector):
    """A collector that is done when it is told, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.begun, self.go_on = threading.Event(), threading.Event()

    def collect(self) -> Iterator[Metric]:
        self.asked += 1
        self.begun.set()
        assert self.go_on.wait(30)
        yield GaugeMetricFamily("asked", "How often.", value=self.asked)

    def describe(self) -> Iterator[Metric]:
        return iter(())


async def get(port: int, path: str, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}", headers=headers) as answer,
    ):
        return answer.status, await answer.text()


def test_who_scrape_at_once_share_one_rendering_and_the_loop_works_on_meanwhile() -> None:
    async def scenario() -> None:
        now, slow, registry = [0.0], Slow(), CollectorRegistry()
        registry.register(slow)
        health = Health(registry, never, clock=lambda: now[0])
        port = await health.serve("127.0.0.1", 0)
        scrapes = [asyncio.create_task(get(port, "/metrics")) for _ in range(40)]
        assert await asyncio.to_thread(slow.begun.wait, 30)
        assert await get(port, "/healthz") == (200, "ok\n"), "while the metrics are rendered"
        slow.go_on.set()
        answers = set(await asyncio.gather(*scrapes))
        assert len(answers) == 1
        assert "asked 1.0" in answers.pop()[1]
        now[0] = 0.9
        assert "asked 1.0" in (await get(port, "/metrics"))[1], "at most one a second"
        now[0] = 1.0
        plain = (await get(port, "/metrics"))[1]
        assert "asked 2.0" in plain
        assert "# EOF" not in plain
        assert (await get(port, "/metrics", Accept="application/openmetrics-text"))[1].endswith("# EOF\n")
        await health.close()

    asyncio.run(scenario())


def test_metrics_that_can_not_be_rendered_are_a_fault_of_the_metrics_alone() -> None:
    class Broken(Slow):
        def collect(self) -> Iterator[Metric]:
            raise KeyError("spec")

    async def scenario() -> list[int]:
        registry = CollectorRegistry()
        registry.register(Broken())
        health = Health(registry, never)
        port = await health.serve("127.0.0.1", 0)
        answers = [(await get(port, path))[0] for path in ("/metrics", "/healthz")]
        await health.close()
        return answers

    assert asyncio.run(scenario()) == [500, 200]


def half_a_request(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
    return connection


def is_closed(connection: socket.socket) -> bool:
    with suppress(ConnectionResetError):
        return not connection.recv(1)
    return True


def test_half_sent_requests_are_few_and_end() -> None:
    async def scenario() -> None:
        health = Health(CollectorRegistry(), never, connection_timeout=3.0)
        port = await health.serve("127.0.0.1", 0)
        halves = []
        for _ in range(4):  # in portions, so that all are let in
            halves += await asyncio.gather(*(asyncio.to_thread(half_a_request, port) for _ in range(50)))
            assert await get(port, "/healthz") == (200, "ok\n")
        assert len(health._connections) <= 64
        # Those that made room have ended at once, the others at their deadline.
        assert all(await asyncio.gather(*(asyncio.to_thread(is_closed, one) for one in halves)))
        assert not health._connections
        for one in halves:
            one.close()
        await health.close()

    asyncio.run(scenario())


def test_what_is_no_request_is_answered_or_ended() -> None:
    async def answer_to(port: int, sent: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        answer = b""
        with suppress(ConnectionResetError):
            answer = await reader.read()
        writer.close()
        return answer.partition(b"\r\n")[0]

    async def scenario() -> None:
        health = Health(CollectorRegistry(), never, connection_timeout=5.0)
        port = await health.serve("127.0.0.1", 0)
        assert await answer_to(port, b"POST /healthz HTTP/1.1\r\n\r\n") == b"HTTP/1.1 405 Method Not Allowed"
        assert await answer_to(port, b"HEAD /healthz HTTP/1.1\r\n\r\n") == b"HTTP/1.1 200 OK"
        assert await answer_to(port, b"GET /healthz?verbose HTTP/1.0\r\n\r\n") == b"HTTP/1.1 200 OK"
        assert await answer_to(port, b"\x16\x03\x01\r\n\r\n") == b"HTTP/1.1 405 Method Not Allowed"
        assert await answer_to(port, b"\r\n\r\n") == b"HTTP/1.1 405 Method Not Allowed"
        assert await answer_to(port, b"x" * 100_000) == b""
        assert await get(port, "/healthz") == (200, "ok\n")
        await health.close()

    asyncio.run(scenario())
