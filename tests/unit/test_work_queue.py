"""The work queue by itself: when a key runs, and what ends, restarts or cancels its task."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from trail_operator.runtime.work_queue import Work, WorkQueue

NEVER = 3600.0


class Runs:
    """Counts the runs of one key; each waits for `leave`, then raises the next error or returns the next delay."""

    def __init__(self, *delays: float | None) -> None:
        self.count = self.refreshes = self.restarts = 0
        self.delays = list(delays)
        self.errors: list[Exception] = []
        self.leave = asyncio.Event()
        self.leave.set()

    async def reconcile(self) -> float | None:
        self.count += 1
        await self.leave.wait()
        if self.errors:
            raise self.errors.pop(0)
        return self.delays.pop(0) if self.delays else NEVER

    async def refresh(self) -> None:
        self.refreshes += 1

    def on_restart(self) -> None:
        self.restarts += 1


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def run(scenario: Callable[[WorkQueue, Runs], Awaitable[None]], *delays: float | None) -> None:
    async def main() -> None:
        runs = Runs(*delays)
        queue = WorkQueue(lambda: 0.0, runs.on_restart)
        await scenario(queue, runs)
        await queue.drain(0.0)

    asyncio.run(main())


def test_a_run_that_is_due_is_refreshed_and_a_requested_one_is_not() -> None:
    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        queue.add("key", Work(runs.reconcile, {}, runs.refresh))
        await settle()
        assert (runs.count, runs.refreshes) == (2, 1)
        queue.enqueue("key")
        await settle()
        assert (runs.count, runs.refreshes) == (3, 1)

    run(scenario, 0.0)


def test_requests_during_a_run_cause_one_more() -> None:
    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        runs.leave.clear()
        queue.add("key", Work(runs.reconcile, {}))
        await settle()
        for _ in range(3):
            queue.enqueue("key")
        runs.leave.set()
        await settle()
        assert runs.count == 2

    run(scenario)


def test_a_key_added_with_a_delay_runs_at_once_where_requested() -> None:
    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        queue.add("key", Work(runs.reconcile, {}), after=NEVER)
        queue.add("key", Work(runs.reconcile, {}))  # it is there
        await settle()
        assert runs.count == 0
        queue.enqueue("key")
        await settle()
        assert runs.count == 1

    run(scenario)


@pytest.mark.parametrize("cancel_run", [False, True])
def test_a_removed_key_finishes_its_run_unless_that_is_cancelled(cancel_run: bool) -> None:
    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        runs.leave.clear()
        queue.add("key", Work(runs.reconcile, {}))
        await settle()
        queue.remove("key", cancel_run=cancel_run)
        await settle()
        assert "key" not in queue
        runs.leave.set()
        await settle()
        assert len(runs.delays) == (1 if cancel_run else 0)
        assert len(asyncio.all_tasks()) == 1

    run(scenario, 0.0)


def test_a_run_that_returns_none_removes_its_key() -> None:
    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        queue.add("key", Work(runs.reconcile, {}))
        await settle()
        assert "key" not in queue
        assert len(asyncio.all_tasks()) == 1

    run(scenario, None)


def test_draining_waits_for_runs_and_starts_no_others() -> None:
    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        runs.leave.clear()
        queue.add("key", Work(runs.reconcile, {}))
        await settle()
        draining = asyncio.create_task(queue.drain(30.0))
        await settle()
        assert not draining.done()
        runs.leave.set()
        await draining
        queue.add("other", Work(runs.reconcile, {}))
        queue.restart("key")
        await settle()
        assert runs.count == 1

    run(scenario, 0.0)


def test_a_restarted_key_runs_once_the_former_task_has_ended() -> None:
    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        runs.leave.clear()
        queue.add("key", Work(runs.reconcile, {}))
        await settle()
        queue.restart("key")
        runs.leave.set()
        await settle()
        assert (runs.count, runs.restarts, queue.has_ended("key")) == (2, 1, False)

    run(scenario)


class Updates:
    """Counts the updates of a key."""

    def __init__(self) -> None:
        self.count = 0

    async def update(self) -> None:
        self.count += 1


def test_an_update_is_made_between_runs_and_requests_none() -> None:
    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        queue.add("key", Work(runs.reconcile, {}, runs.refresh))
        await settle()
        updates = Updates()
        for expected in (1, 2):
            queue.enqueue_update("key", "part", updates.update)
            queue.enqueue_update("key", "part", updates.update)
            await settle()
            assert updates.count == expected
        assert (runs.count, runs.refreshes) == (1, 0)
        queue.enqueue("key")
        await settle()
        assert (runs.count, updates.count) == (2, 2)

    run(scenario)


def test_an_update_waits_for_the_run_under_way() -> None:
    """The run may have read what has changed since."""

    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        runs.leave.clear()
        queue.add("key", Work(runs.reconcile, {}, runs.refresh))
        await settle()
        updates = Updates()
        queue.enqueue_update("key", "part", updates.update)
        await settle()
        assert (runs.count, updates.count) == (1, 0)
        runs.leave.set()
        await settle()
        assert (runs.count, updates.count) == (1, 1)

    run(scenario)


def test_a_requested_run_takes_the_place_of_an_update() -> None:
    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        queue.add("key", Work(runs.reconcile, {}, runs.refresh))
        await settle()
        updates = Updates()
        queue.enqueue_update("key", "part", updates.update)
        queue.enqueue("key")
        await settle()
        assert (runs.count, updates.count) == (2, 0)

    run(scenario)


def test_an_update_may_request_a_run() -> None:
    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        queue.add("key", Work(runs.reconcile, {}, runs.refresh))
        await settle()

        async def update() -> None:
            queue.enqueue("key")

        queue.enqueue_update("key", "part", update)
        await settle()
        assert (runs.count, runs.refreshes) == (2, 0)

    run(scenario)


def test_an_update_does_not_change_when_the_next_run_is_due() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        runs, updates = Runs(0.1), Updates()
        queue = WorkQueue(loop.time, runs.on_restart)
        began = loop.time()
        queue.add("key", Work(runs.reconcile, {}, runs.refresh))
        while runs.count < 2:
            queue.enqueue_update("key", "part", updates.update)
            await asyncio.sleep(0.01)
        assert 0.1 <= loop.time() - began < 1.0
        assert updates.count > 1
        await queue.drain(0.0)

    asyncio.run(scenario())


def test_a_removed_key_is_not_updated() -> None:
    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        queue.add("key", Work(runs.reconcile, {}, runs.refresh))
        await settle()
        updates = Updates()

        async def remove() -> None:
            queue.remove("key")
            queue.enqueue_update("key", "part", updates.update)

        queue.enqueue_update("key", "part", remove)
        await settle()
        assert ("key" in queue, updates.count, runs.count) == (False, 0, 1)

    run(scenario)


class FollowUp:
    """Work beside the runs, which ends when it may."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.ended = ""

    async def __call__(self) -> None:
        try:
            await self.may_end.wait()
            self.ended = "done"
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise


def test_work_beside_the_runs_delays_none() -> None:
    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        queue.add("key", Work(runs.reconcile, {}, runs.refresh))
        await settle()
        work = FollowUp()
        queue.follow_up("key", work)
        queue.enqueue("key")
        await settle()
        assert (runs.count, work.ended) == (2, "")
        work.may_end.set()
        await settle()
        assert work.ended == "done"

    run(scenario)


@pytest.mark.parametrize("end", ["replaced", "removed", "drained"])
def test_work_beside_the_runs_ends_with_them(end: str) -> None:
    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        queue.add("key", Work(runs.reconcile, {}, runs.refresh))
        await settle()
        first, second = FollowUp(), FollowUp()
        queue.follow_up("key", first)
        await settle()
        match end:
            case "replaced":
                queue.follow_up("key", second)
            case "removed":
                queue.remove("key")
            case _:
                await queue.drain(0.0)
        await settle()
        assert (first.ended, second.ended) == ("cancelled", "")
        if end != "replaced":
            queue.follow_up("key", second)
            second.may_end.set()
            await settle()
            assert second.ended == "", "it has never begun"

    run(scenario)


def test_an_error_of_work_beside_the_runs_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(queue: WorkQueue, runs: Runs) -> None:
        async def fail() -> None:
            raise ValueError

        queue.add("key", Work(runs.reconcile, {}, runs.refresh))
        queue.follow_up("key", fail)
        await settle()
        assert (runs.count, runs.restarts) == (1, 0)

    run(scenario)
    assert "internal error" in caplog.text
