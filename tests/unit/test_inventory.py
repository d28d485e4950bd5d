"""What is known of an account's trails, and when: with an AWS that answers when it is told to."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

from tests.unit.builders import ARN, LOCATION
from trail_operator.aws.cancel_scope import ClosedError
from trail_operator.domain.warnings import InventorySnapshot, PeerTrail
from trail_operator.inventory.account_client import AccountClient
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.runtime.clock import Clock

NOTHING, NONE = InventorySnapshot(), InventorySnapshot((), 0)
ONE = InventorySnapshot((PeerTrail(ARN, "eu-central-1", True, True, False, frozenset()),), 1)


class Way:
    """A way into the account."""

    def __init__(self) -> None:
        self.asked = asyncio.Semaphore(0)
        self.answers: asyncio.Queue[InventorySnapshot | Exception] = asyncio.Queue()
        self.access = cast(AccountClient, SimpleNamespace(name="team", lister=SimpleNamespace(of=self._of)))

    async def _of(self, _: object) -> InventorySnapshot:
        self.asked.release()
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer


class Stage:
    """The inventory, the present way in, and what was noticed."""

    def __init__(self) -> None:
        self.way = Way()
        self.now = 0.0
        self.noticed: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        self.inventory = AccountInventory(
            lambda _: self.way.access, 600.0, Clock(monotonic=lambda: self.now, sleep=lambda _: asyncio.sleep(0))
        )
        self.inventory.subscribe(lambda *told: self.noticed.put_nowait(told))

    def trails(self) -> InventorySnapshot:
        return self.inventory.trails(self.way.access, LOCATION)


def run(scenario: Callable[[Stage], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(30):
            await scenario(Stage())

    asyncio.run(main())


def test_what_is_read_anew_is_not_told_as_it_was_before() -> None:
    """Another operator that shares the AWSAccount may have told what is newer."""

    async def scenario(stage: Stage) -> None:
        assert stage.trails() == NOTHING
        stage.way.answers.put_nowait(NONE)
        assert await stage.noticed.get() == ("team", True)
        await asyncio.sleep(0)
        assert stage.trails() == NONE
        stage.now += 700.0
        assert stage.trails() == NOTHING
        stage.way.answers.put_nowait(NONE)
        assert await stage.noticed.get() == ("team", False)
        await asyncio.sleep(0)
        assert stage.trails() == NONE

    run(scenario)


def test_the_way_in_is_the_one_that_is_there_when_it_is_read() -> None:
    async def scenario(stage: Stage) -> None:
        former = stage.way
        stage.trails()
        await former.asked.acquire()
        stage.way = Way()
        former.answers.put_nowait(ClosedError())
        stage.way.answers.put_nowait(ONE)
        assert await stage.noticed.get() == ("team", True)
        await asyncio.sleep(0)
        assert stage.trails() == ONE

    run(scenario)
