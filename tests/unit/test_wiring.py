"""The controllers wired together, without an API server and without AWS."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from tests.refusals import refused as refusal
from tests.unit.builders import desired
from tests.unit.test_trail_controller import body
from trail_operator.aws.caller import CallerIdentity
from trail_operator.aws.client import AWSClient
from trail_operator.controllers import Controllers
from trail_operator.domain.failure import FailureError
from trail_operator.domain.inventory_snapshot import InventorySnapshot
from trail_operator.domain.ownership import Cluster
from trail_operator.domain.warnings import Advice, AdviceBasis
from trail_operator.inventory import inventory
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.kube.client import Key, KubeClient, Resource
from trail_operator.kube.leader_election import without_lease
from trail_operator.metrics import Metrics
from trail_operator.reconcile.state_metrics import UnreportableCollector
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.work_queue import Update, WorkQueue
from trail_operator.settings import Settings
from trail_operator.trail.state import TrailState
from trail_operator.wiring import build_controllers


def run(scenario: Callable[[Controllers], Awaitable[None]], server: "Server | None" = None) -> None:
    """Run a scenario with controllers whose API server is the given one, or none."""

    async def main() -> None:
        kubernetes = cast(KubeClient, server) if server else KubeClient(cast(Any, None), "test", lambda: None)
        clock = Clock()
        settings, fence = Settings(region="us-east-1"), without_lease(clock.monotonic)
        controllers = build_controllers(settings, Metrics(), clock, kubernetes, fence, Cluster("test"))
        await scenario(controllers)
        await controllers.stop(0.0)

    asyncio.run(main())


def test_what_is_read_of_an_account_is_compared_for_its_own_trails_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the cost would be the number of accounts times the number of Trails."""
    compared = 0

    def advise(*_: object, **__: object) -> tuple[Advice, ...]:
        nonlocal compared
        compared += 1
        return ()

    monkeypatch.setattr(inventory, "advise", advise)
    updates: asyncio.Queue[tuple[str, str, Update]] = asyncio.Queue()
    monkeypatch.setattr(WorkQueue, "enqueue_update", lambda _, *update: updates.put_nowait(update))

    async def scenario(controllers: Controllers) -> None:
        for index in range(100):
            state = TrailState(body(f"trail-{index}", uid=str(index)), started=0.0)
            state.reads.advice_basis = AdviceBasis(f"account-{index // 5}", desired(), exists=True)
            controllers.trails.objects.add(state.key, state)
        for index in range(20):
            controllers.inventory._account(f"account-{index}").snapshot = InventorySnapshot(())
        for on_update in controllers.inventory._subscribers:
            on_update("account-7", True)
        for index in range(35, 40):
            uid, _, update = await updates.get()
            assert uid == str(index)
            await update()
        assert (compared, updates.empty()) == (5, True)

    run(scenario)


def account(uid: str, number: str, version: str = "1", **spec: Any) -> dict[str, Any]:
    metadata = {"name": "team", "uid": uid, "generation": int(version), "resourceVersion": version}
    return {"metadata": metadata, "spec": {"accountID": number, **spec}}


class Server:
    """Records what is written to AWSAccounts."""

    def __init__(self) -> None:
        self.status: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.body: dict[str, Any] = {}

    async def patch_finalizers(self, _: Resource, __: Key, finalizers: list[str], ___: str) -> dict[str, Any]:
        self.body["metadata"]["finalizers"] = finalizers
        return self.body

    async def patch_status(self, _: Resource, __: Key, status: dict[str, Any]) -> dict[str, Any]:
        self.body["status"] = status
        await self.status.put(status)
        return self.body

    def is_stored(self, *_: object) -> bool:
        return False

    async def write_event(self, *_: object) -> str:
        return ""


def ready(status: dict[str, Any]) -> tuple[str, str, str]:
    (condition,) = status["conditions"]
    return condition["status"], condition["reason"], condition["message"]


def test_a_fault_with_an_account_is_reported_and_does_not_end_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """An AWSAccount that the API server accepted may still be unusable."""
    server = Server()
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "key")

    async def scenario(controllers: Controllers) -> None:
        accounts = controllers.accounts
        server.body = account("1", "111111111111", endpointURL="https://my_host:8443")
        accounts.on_update(server.body)
        assert ready(await server.status.get())[:2] == ("False", "InvalidSpec")
        monkeypatch.setattr(AccountInventory, "snapshot", lambda *_: 1 / 0)
        monkeypatch.setattr(AWSClient, "identity", identified)
        accounts.enqueue("team")
        assert ready(await server.status.get()) == (
            "False",
            "InternalError",
            "Internal error of the operator (ZeroDivisionError): see its log. It retries automatically",
        )
        monkeypatch.setattr(AccountInventory, "snapshot", lambda *_: InventorySnapshot((), 0))
        accounts.enqueue("team")
        assert ready(await server.status.get())[:2] == ("True", "IdentityVerified")

    run(scenario, server)


def test_an_account_that_can_not_be_read_is_invalid_until_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    monkeypatch.setattr(AWSClient, "identity", identified)
    monkeypatch.setattr(AccountInventory, "snapshot", lambda *_: InventorySnapshot((), 0))

    async def scenario(controllers: Controllers) -> None:
        accounts, registry = controllers.accounts, controllers.accounts.registry
        specs: list[Any] = ["x", None, [], {"accountID": 7}, {"accountID": "111111111111", "roleARN": []}]
        for version, odd in enumerate(specs, 1):
            server.body = {**account("1", "111111111111", str(version)), "spec": odd}
            server.status = asyncio.Queue()
            accounts.on_update(server.body)
            if version == 1:
                assert ready(await server.status.get())[:2] == ("False", "InvalidSpec")
            user = TrailState(body("audit", version=version, accountRef={"name": "team"}), started=0.0)
            with pytest.raises(FailureError, match="The spec of AWSAccount team is invalid"):
                registry.client_for(user)
        server.body = account("1", "111111111111", "9", allowedNamespaces={"names": ["default"]})
        accounts.on_update(server.body)
        while ready(await server.status.get())[:2] != ("True", "IdentityVerified"):
            pass
        registry.client_for(user)

    run(scenario, server)


def test_an_account_that_can_not_be_written_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    refused, tries = asyncio.Event(), 0

    class Refusing(Server):
        async def patch_status(self, _: Resource, __: Key, ___: dict[str, Any]) -> dict[str, Any]:
            nonlocal tries
            tries += 1
            if tries > 1:
                refused.set()
            raise refusal(422, "Invalid", "spec: Required value")

    server = Refusing()
    monkeypatch.setattr(AWSClient, "identity", identified)
    monkeypatch.setattr(AccountInventory, "snapshot", lambda *_: InventorySnapshot((), 0))

    async def scenario(controllers: Controllers) -> None:
        accounts, registry = controllers.accounts, controllers.accounts.registry
        server.body = account("1", "111111111111")
        accounts.on_update(server.body)
        await refused.wait()
        gauges = UnreportableCollector({"AWSAccount": registry.all})
        for _ in range(20):
            await asyncio.sleep(0)
        found = [sample for family in gauges.collect() for sample in family.samples if "unrep" in sample.name]
        assert {sample.labels["kind"]: sample.value for sample in found} == {"AWSAccount": 1}

    run(scenario, server)


async def identified(*_: object) -> CallerIdentity:
    return CallerIdentity("111111111111", "aws", "arn:aws:iam::111111111111:role/r")


def test_the_response_to_a_write_does_not_hide_later_watch_events() -> None:
    """For example, that the AWSAccount is being deleted."""

    async def scenario(controllers: Controllers) -> None:
        accounts, registry = controllers.accounts, controllers.accounts.registry
        accounts.on_update(account("1", "111111111111", version="1"), after=3600.0)
        known = registry.get("team")
        assert known is not None
        deleted = account("1", "111111111111", version="3")
        deleted["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        accounts.on_update(deleted)
        known.update(account("1", "111111111111", version="2"))
        accounts.on_update(account("1", "111111111111", version="2"))
        assert known.body is deleted

    run(scenario)


def test_trails_of_one_account_know_of_each_other_however_they_name_it() -> None:
    async def scenario(controllers: Controllers) -> None:
        controllers.accounts.on_update(account("1", "111111111111"), after=3600.0)
        place = controllers.accounts.registry.trail_scope
        by_name, by_own = TrailState(body("one", accountRef={"name": "team"}), 0.0), TrailState(body("two"), 0.0)
        controllers.accounts.registry.own.aws._cache.put_identity("key", await identified())
        assert place(by_name)[0] == place(by_own)[0] == "111111111111"

    run(scenario)


def test_an_account_created_again_under_the_same_name_is_another() -> None:
    async def scenario(controllers: Controllers) -> None:
        accounts, registry = controllers.accounts, controllers.accounts.registry
        accounts.on_update(account("1", "111111111111"), after=3600.0)
        former = registry.get("team")
        accounts.on_update(account("2", "222222222222"), after=3600.0)
        present = registry.get("team")
        assert former is not None
        assert former.uid not in accounts._queue
        assert present is not former
        accounts.on_delete(account("1", "111111111111"))  # the late event of the former
        assert registry.get("team") is present
        accounts.on_delete(account("2", "222222222222"))
        assert registry.get("team") is None

    run(scenario)
