"""Rates: a simulated clock, so that nothing is timed."""

import asyncio

import pytest

from trail_operator.aws.rate_limit import RateLimiter
from trail_operator.runtime.clock import Clock

KEY = ("eu-central-1", "CreateTrail")


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def begun_writes(seconds_each: float, count: int, keys: tuple[tuple[str, ...], ...] = (KEY,)) -> list[float]:
    """When each of some writes began that take so long."""
    time = Time()
    limiter = RateLimiter(Clock(time.clock, sleep=time.sleep), lambda *_: None)
    begun: list[float] = []

    async def write(key: tuple[str, ...]) -> None:
        async with limiter.write(key, 1):
            begun.append(round(time.now - 100.0, 3))
            time.now += seconds_each

    async def run() -> None:
        for _ in range(count):
            for key in keys:
                await write(key)

    asyncio.run(run())
    return begun


def test_a_write_begins_a_second_after_the_one_before_has_ended() -> None:
    assert begun_writes(0.0, 3) == [0.0, 1.0, 2.0]
    assert begun_writes(0.25, 3) == [0.0, 1.25, 2.5]


def test_keys_do_not_wait_for_each_other() -> None:
    assert begun_writes(0.0, 1, (("a", "CreateTrail"), ("b", "CreateTrail"), ("a", "UpdateTrail"))) == [0.0, 0.0, 0.0]


def test_a_write_that_fails_counts() -> None:
    time = Time()
    limiter = RateLimiter(Clock(time.clock, sleep=time.sleep), lambda *_: None)

    async def run() -> None:
        with pytest.raises(ZeroDivisionError):
            async with limiter.write(KEY, 1):
                1 / 0  # noqa: B018
        async with limiter.write(KEY, 1):
            assert time.now == 101.0

    asyncio.run(run())


def test_writes_come_in_the_order_of_their_callers() -> None:
    time = Time()
    limiter = RateLimiter(Clock(time.clock, sleep=time.sleep), lambda *_: None)
    order: list[int] = []

    async def write(number: int) -> None:
        async with limiter.write(KEY, 1):
            await asyncio.sleep(0)
            order.append(number)

    async def run() -> None:
        await asyncio.gather(*(write(number) for number in range(5)))

    asyncio.run(run())
    assert order == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("per_second", "expected"),
    [(10, [0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 0.3]), (2, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5])],
)
def test_reads_come_in_bursts_and_then_at_their_rate(per_second: int, expected: list[float]) -> None:
    time = Time()
    limiter = RateLimiter(Clock(time.clock, sleep=time.sleep), lambda *_: None)

    async def run() -> list[float]:
        result = []
        for _ in range(8):
            await limiter.read(KEY, per_second)
            result.append(round(time.now - 100.0, 3))
        return result

    assert asyncio.run(run()) == expected
