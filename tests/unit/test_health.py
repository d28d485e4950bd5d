"""The health endpoints, over HTTP."""

import asyncio

import aiohttp
from prometheus_client import CollectorRegistry

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
            health.ready = True
            await ask("/readyz")
            await ask("/else")
        await health.close()
        return answers

    assert asyncio.run(scenario()) == [200, 503, 200, 404]
