"""Turns go round by namespace: a tenant with hundreds of Trails delays another's by a round, not by its whole queue."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from tests.unit.test_limits import KEY, Time
from trail_operator.aws.rate_limit import RateLimiter
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.concurrency import FairSemaphore, acting_for


class Waiting(Time):
    """A clock whose sleepers let others go on meanwhile."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        await super().sleep(seconds)


Wait = Callable[[RateLimiter], Awaitable[None]]


async def _write(limiter: RateLimiter) -> None:
    async with limiter.write(KEY, 1):
        await asyncio.sleep(0)


async def _read(limiter: RateLimiter) -> None:
    await limiter.read(KEY, 10)


@pytest.mark.parametrize("turn", [_write, _read])
def test_a_tenant_with_hundreds_of_trails_delays_another_by_one_turn(turn: Wait) -> None:
    time = Waiting()
    limiter = RateLimiter(Clock(time.clock, sleep=time.sleep), lambda *_: None)
    order: list[str] = []

    async def call(namespace: str) -> None:
        with acting_for(namespace):
            await turn(limiter)
        order.append(namespace)

    async def run() -> None:
        calls = [asyncio.create_task(call("many")) for _ in range(600)]
        await asyncio.sleep(0)  # all of them wait
        calls += [asyncio.create_task(call("few")) for _ in range(2)]
        await asyncio.gather(*calls)

    asyncio.run(run())
    places = [place for place, namespace in enumerate(order) if namespace == "few"]
    assert places[0] < 10, "the burst of reads that was let through before it came, those just under way, and its own"
    assert places[1] <= places[0] + 2, "and then every second turn"
    assert len(order) == 602


def test_each_of_many_namespaces_waits_for_one_turn_of_every_other() -> None:
    order: list[str] = []

    async def run() -> None:
        slots = FairSemaphore(1)

        async def work(namespace: str) -> None:
            with acting_for(namespace):
                async with slots:
                    order.append(namespace)
                    await asyncio.sleep(0)

        names = [*(["a"] * 4), *(["b"] * 2), *(["c"] * 3)]
        await asyncio.gather(*map(work, names))

    asyncio.run(run())
    assert order == ["a", "a", "b", "c", "a", "b", "c", "a", "c"], "the first had nobody to wait for"


def test_a_turn_that_is_given_up_goes_to_the_next() -> None:
    async def run() -> None:
        slots = FairSemaphore(1)
        done: list[int] = []

        async def work(number: int) -> None:
            async with slots:
                done.append(number)

        async with slots:
            waiting = [asyncio.create_task(work(number)) for number in range(4)]
            await asyncio.sleep(0)
            waiting[1].cancel()  # while it waits
        waiting[0].cancel()  # its turn has come, but it does not know yet
        await asyncio.gather(*waiting, return_exceptions=True)
        assert done == [2, 3]
        with suppress(TimeoutError):
            async with asyncio.timeout(10), slots:
                done.append(4)
        assert done == [2, 3, 4], "none is lost"

    asyncio.run(run())


def test_nobody_overtakes_those_that_wait() -> None:
    order: list[str] = []

    async def run() -> None:
        slots = FairSemaphore(2)

        async def work(namespace: str) -> None:
            with acting_for(namespace):
                async with slots:
                    order.append(namespace)
                    await asyncio.sleep(0)

        await asyncio.gather(*(work("a") for _ in range(5)), work("b"))

    asyncio.run(run())
    assert order[:2] == ["a", "a"]
    assert "b" in order[2:4]
