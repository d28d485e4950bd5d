"""The health endpoints, over HTTP."""

import asyncio
import socket

import aiohttp
from prometheus_client import CollectorRegistry, Gauge

from trail_operator.controller.health import Health


def test_alive_at_once_and_ready_when_told() -> None:
    async def scenario() -> list[int]:
        health = Health(CollectorRegistry())
        port = await health.serve("127.0.0.1", 0)
        answers = []
        async with aiohttp.ClientSession() as session:

            async def ask(path: str) -> None:
                async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                    answers.append(answer.status)

            await ask("/healthz")
            await ask("/readyz")
            health.is_fit = lambda: True
            await ask("/readyz")
            await ask("/else")
        await health.close()
        return answers

    assert asyncio.run(scenario()) == [200, 503, 200, 404]


def test_who_does_not_read_an_answer_does_not_hold_up_the_end() -> None:
    async def scenario() -> None:
        registry = CollectorRegistry()
        Gauge("much", "more than any buffer takes " * 1_000_000, registry=registry)
        health = Health(registry)
        port = await health.serve("127.0.0.1", 0)
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await asyncio.to_thread(client.recv, 8)) == b"HTTP/1.1"
            await asyncio.wait_for(health.close(), 20)

    asyncio.run(scenario())
