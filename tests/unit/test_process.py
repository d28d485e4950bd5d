"""The end of the process: what it owes to others comes first; and it ends where it can't keep the Lease."""

import asyncio
from typing import Any

from trail_operator.manager import Manager
from trail_operator.settings import Settings


def test_the_lease_is_given_back_though_somebody_still_reads_an_answer() -> None:
    async def scenario() -> None:
        given_back = asyncio.Event()

        class Lease:
            async def release(self) -> None:
                given_back.set()

        class Health:
            async def close(self) -> None:
                await given_back.wait()

        process: Any = Manager(Settings(), lambda _: None)
        process._lease, process._health = Lease(), Health()
        await asyncio.wait_for(process.stop(), 20)

    asyncio.run(scenario())


def test_one_that_can_not_keep_the_lease_ends() -> None:
    class Lease:
        async def keep(self) -> None:
            raise KeyError("spec")

    ended: list[str] = []
    process: Any = Manager(Settings(), ended.append)
    asyncio.run(process._keep(Lease()))
    assert len(ended) == 1
    assert "Lease" in ended[0]
