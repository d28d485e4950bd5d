"""Rates: a simulated clock, so that nothing is timed."""

import asyncio
import itertools

from trail_operator.aws.limits import READ, WRITE, RateLimiter


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def moments(rate: object, count: int, pause: float = 0.0) -> list[float]:
    time = Time()
    limiter = RateLimiter(time.clock, time.sleep)

    async def run() -> list[float]:
        result = []
        for _ in range(count):
            await limiter.wait(("eu-central-1", "CreateTrail"), rate)  # type: ignore[arg-type]
            result.append(round(time.now, 3))
            time.now += pause
        return result

    return asyncio.run(run())


def test_writes_are_more_than_a_second_apart() -> None:
    times = moments(WRITE, 4)
    assert all(later - earlier > 1.0 for earlier, later in itertools.pairwise(times))


def test_slow_callers_do_not_wait() -> None:
    assert moments(WRITE, 3, pause=2.0) == [0.0, 2.0, 4.0]


def test_reads_come_in_bursts_and_then_at_their_rate() -> None:
    assert moments(READ, 8) == [0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 0.3]


def test_keys_do_not_wait_for_each_other() -> None:
    time = Time()
    limiter = RateLimiter(time.clock, time.sleep)

    async def run() -> list[float]:
        return [await limiter.wait((region, "CreateTrail"), WRITE) for region in ("a", "b", "c")]

    assert asyncio.run(run()) == [0.0, 0.0, 0.0]
