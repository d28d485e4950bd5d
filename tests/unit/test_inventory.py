"""What the inventory knows of an account's trails, and when it reads them: with an AWS that answers on demand."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.unit.builders import ARN, LOCATION, MINIMAL, OWNER, observed
from trail_operator.aws.cancel_scope import ClosedError
from trail_operator.domain.failure import FailureError, transient
from trail_operator.domain.inventory_snapshot import InventorySnapshot, PeerTrail
from trail_operator.inventory.account_client import AccountClient
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.runtime.clock import Clock

NOTHING, NONE = InventorySnapshot(), InventorySnapshot((), 0)
OTHER = LOCATION.trail_arn("other")
PEER = PeerTrail(OTHER, LOCATION.region, True, True, False, frozenset(), owner=OWNER)
TRAIL = observed(MINIMAL)
ONE = InventorySnapshot((PeerTrail.of(TRAIL),), 1)


class Credentials:
    """A client of the account, whose reads a test answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Semaphore(0)
        self.answers: asyncio.Queue[InventorySnapshot | Exception] = asyncio.Queue()
        self.client = cast(AccountClient, SimpleNamespace(name="team", lister=SimpleNamespace(of=self._of)))

    async def _of(self, _: object) -> InventorySnapshot:
        self.asked.release()
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer


class Stage:
    """The inventory, the present credentials, and the updates that subscribers were notified of."""

    def __init__(self, *, shared: bool = False) -> None:
        self.credentials = Credentials()
        self.now = 0.0
        self.updates: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        self.inventory = AccountInventory(
            lambda _: self.credentials.client, 600.0, Clock(lambda: self.now, sleep=self._sleep), shared=shared
        )
        self.inventory.subscribe(lambda *update: self.updates.put_nowait(update))

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    def snapshot(self) -> InventorySnapshot:
        return self.inventory.snapshot(self.credentials.client, LOCATION)

    def record(self, trail: Any, arn: str = ARN) -> None:
        self.inventory.record(self.credentials.client, LOCATION, arn, trail)

    def write(self, arn: str = ARN) -> None:
        self.inventory.on_write(self.credentials.client, LOCATION, arn)

    def list(self, *arns: str) -> None:
        self.inventory.on_list(self.credentials.client, LOCATION, arns)

    async def read(self, answer: InventorySnapshot | Exception, *, changed: bool = True) -> None:
        """Let the account be read."""
        self.credentials.answers.put_nowait(answer)
        await self.credentials.asked.acquire()
        await self.updated(changed=changed)

    async def updated(self, *, changed: bool = True) -> None:
        assert await self.updates.get() == ("team", changed)
        await asyncio.sleep(0)

    async def is_idle(self) -> bool:
        """Whether nothing is read or reported."""
        for _ in range(20):
            await asyncio.sleep(0)
        return self.credentials.asked.locked() and self.updates.empty()


def run(scenario: Callable[[Stage], Awaitable[None]], *, shared: bool = False) -> None:
    async def main() -> None:
        async with asyncio.timeout(30):
            await scenario(Stage(shared=shared))

    asyncio.run(main())


def test_an_outdated_snapshot_is_not_returned() -> None:
    """Another operator that shares the AWSAccount may have reported what is newer."""

    async def scenario(stage: Stage) -> None:
        assert stage.snapshot() == NOTHING
        await stage.read(NONE)
        assert stage.snapshot() == NONE
        stage.now += 700.0
        assert stage.snapshot() == NOTHING
        await stage.read(NONE, changed=False)
        assert stage.snapshot() == NONE

    run(scenario)


def test_a_read_that_a_closed_client_began_is_repeated_by_its_successor() -> None:
    async def scenario(stage: Stage) -> None:
        former = stage.credentials
        stage.snapshot()
        await former.asked.acquire()
        stage.credentials = Credentials()
        former.answers.put_nowait(ClosedError())
        await stage.read(ONE)
        assert stage.snapshot() == ONE

    run(scenario)


def test_a_trail_that_a_reconcile_wrote_and_read_is_not_read_again() -> None:
    async def scenario(stage: Stage) -> None:
        stage.snapshot()
        await stage.read(InventorySnapshot((PEER,), 1))
        stage.write()
        stage.record(TRAIL)
        both = InventorySnapshot(tuple(sorted((PEER, PeerTrail.of(TRAIL)), key=lambda trail: trail.arn)), 2)
        assert stage.snapshot() == both
        await stage.updated()
        stage.record(TRAIL)
        assert await stage.is_idle(), "nothing has changed"
        stopped = replace(TRAIL, is_logging=False)
        stage.record(stopped)
        await stage.updated()
        assert PeerTrail.of(stopped) in (stage.snapshot().trails or ())
        stage.write()
        stage.record(None)
        await stage.updated()
        assert stage.snapshot() == InventorySnapshot((PEER,), 1)
        assert await stage.is_idle()

    run(scenario)


def test_several_changes_are_reported_together() -> None:
    async def scenario(stage: Stage) -> None:
        stage.snapshot()
        await stage.read(NONE)
        stage.record(TRAIL)
        stage.record(replace(TRAIL, arn=OTHER), OTHER)
        await stage.updated()
        assert await stage.is_idle()

    run(scenario)


def test_a_written_trail_that_is_not_read_soon_has_the_account_read() -> None:
    async def scenario(stage: Stage) -> None:
        stage.snapshot()
        await stage.read(NONE)
        stage.write()
        await stage.read(ONE)
        assert stage.snapshot() == ONE
        assert await stage.is_idle()

    run(scenario)


def test_a_trail_recorded_during_a_read_is_newer_than_the_read() -> None:
    async def scenario(stage: Stage) -> None:
        stage.snapshot()
        await stage.read(NONE)
        stage.inventory.mark_stale(stage.credentials.client)
        stage.snapshot()
        await stage.credentials.asked.acquire()
        stage.record(TRAIL)
        stage.credentials.answers.put_nowait(InventorySnapshot((PEER,), 1))
        await stage.updated()
        assert stage.snapshot().count == 2

    run(scenario)


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(InventorySnapshot((PEER,), 2), id="one can only be counted"),
        pytest.param(InventorySnapshot((PEER,), None), id="AWS refuses to list them"),
        pytest.param(InventorySnapshot(access_errors=("refused",)), id="AWS refuses everything"),
    ],
)
def test_an_incomplete_snapshot_takes_no_new_trail(known: InventorySnapshot) -> None:
    async def scenario(stage: Stage) -> None:
        stage.snapshot()
        await stage.read(known)
        stage.record(TRAIL)
        assert await stage.is_idle(), "the trail may be in the snapshot already"
        stage.write()
        stage.record(TRAIL)
        await stage.read(known, changed=False)
        assert await stage.is_idle()

    run(scenario)


def test_trails_of_other_accounts_are_taken_from_reads_only() -> None:
    """AWS does not show their tags and selectors to this account."""

    async def scenario(stage: Stage) -> None:
        stage.snapshot()
        await stage.read(NONE)
        foreign = LOCATION.trail_arn("organization", "999999999999")
        stage.record(replace(TRAIL, arn=foreign), foreign)
        assert await stage.is_idle()
        stage.write(foreign)
        stage.record(replace(TRAIL, arn=foreign), foreign)
        await stage.read(ONE)

    run(scenario)


def test_a_shared_account_is_read_after_every_write() -> None:
    """Another operator may have changed other trails."""

    async def scenario(stage: Stage) -> None:
        stage.snapshot()
        await stage.read(NONE)
        stage.record(TRAIL)
        assert await stage.is_idle()
        stage.write()
        stage.record(TRAIL)
        await stage.read(ONE)

    run(scenario, shared=True)


@pytest.mark.parametrize("arns", [(ARN, OTHER), ()], ids=["created", "deleted"])
def test_a_list_with_unexpected_trails_has_the_account_read(arns: tuple[str, ...]) -> None:
    async def scenario(stage: Stage) -> None:
        stage.list(*arns)
        assert await stage.is_idle(), "nothing is known yet that it could contradict"
        stage.snapshot()
        await stage.read(ONE)
        stage.list(ARN)
        assert await stage.is_idle()
        stage.list(*arns)
        await stage.read(NONE)

    run(scenario)


def test_a_list_may_contain_what_can_only_be_counted_or_was_just_written() -> None:
    async def scenario(stage: Stage) -> None:
        stage.snapshot()
        await stage.read(replace(ONE, count=2))
        stage.list(ARN, OTHER)
        assert await stage.is_idle()
        stage.write(LOCATION.trail_arn("new"))
        stage.list(ARN, OTHER, LOCATION.trail_arn("new"))
        await stage.read(ONE)

    run(scenario)


def test_a_read_that_fails_keeps_what_was_known() -> None:
    async def scenario(stage: Stage) -> None:
        stage.snapshot()
        await stage.read(ONE)
        stage.now += 700.0
        stage.snapshot()
        await stage.read(FailureError(transient("throttled")), changed=False)
        assert stage.snapshot() == ONE

    run(scenario)
