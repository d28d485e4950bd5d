"""The executor of blocking calls: hanging calls, the limit of parallel calls, shutdown."""

import asyncio
import threading

import pytest

from trail_operator.aws import executor
from trail_operator.aws.executor import CallExecutor


def test_calls_that_hang_no_longer_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "_SECONDS_THAT_COUNT", 0.01)
    hang = threading.Event()

    async def scenario() -> None:
        pool = CallExecutor()
        hanging = [asyncio.create_task(pool.run(hang.wait)) for _ in range(100)]
        assert await asyncio.wait_for(pool.run(lambda: "answered"), 20) == "answered"
        assert not any(task.done() for task in hanging)
        hang.set()
        assert await asyncio.gather(*hanging) == [True] * 100
        assert await pool.close(0.0)

    asyncio.run(scenario())


def test_at_most_32_calls_run_at_once_and_all_run() -> None:
    running, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(32, timeout=30)

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()  # returns only if 32 run at once
        with lock:
            running -= 1

    async def scenario() -> None:
        pool = CallExecutor()
        await asyncio.gather(*(pool.run(work) for _ in range(96)))
        assert await pool.close(0.0)

    asyncio.run(scenario())
    assert most == 32


def test_closing_waits_for_a_cancelled_call() -> None:
    goes_on = threading.Event()

    async def scenario() -> None:
        pool = CallExecutor()
        begun = threading.Event()

        def work() -> bool:
            begun.set()
            return goes_on.wait(30)

        task = asyncio.create_task(pool.run(work))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        assert not await pool.close(0.01)
        asyncio.get_running_loop().call_later(0.05, goes_on.set)
        assert await pool.close(30)

    asyncio.run(scenario())
