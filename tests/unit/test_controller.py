"""The controller's parts put together, without an API server and without AWS."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from tests.unit.builders import desired
from tests.unit.test_loop import body
from trail_operator.controller import surroundings
from trail_operator.controller.controller import Controller
from trail_operator.controller.kube import Kubernetes
from trail_operator.controller.lease import without_lease
from trail_operator.controller.subject import Subject
from trail_operator.core.advice import Advice, Sight
from trail_operator.settings import Settings
from trail_operator.telemetry.metrics import Metrics


def run(scenario: Callable[[Controller], Awaitable[None]], **settings: Any) -> None:
    async def main() -> None:
        kubernetes = Kubernetes(cast(Any, None), "test", lambda: None)
        alone = without_lease(asyncio.get_running_loop().time)
        controller = Controller(kubernetes, alone, Settings(region="us-east-1", **settings), "test", Metrics())
        await scenario(controller)

    asyncio.run(main())


def test_what_is_read_of_an_account_is_compared_for_its_own_trails_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else thousands of accounts with thousands of Trails would cost their product."""
    compared = 0

    def advise(*_: object) -> tuple[Advice, ...]:
        nonlocal compared
        compared += 1
        return ()

    monkeypatch.setattr(surroundings, "advise", advise)

    async def scenario(controller: Controller) -> None:
        for index in range(100):
            subject = Subject(body(f"trail-{index}", uid=str(index)), started=0.0)
            subject.account, subject.desired = f"account-{index // 5}", desired()
            controller.loop._subjects[subject.key] = subject
        for index in range(20):
            controller.surroundings._view(f"account-{index}").sight = Sight(())
        controller.surroundings.noticed("account-7", True)
        woken = [subject.account for subject in controller.loop.subjects() if subject.wake.is_set()]
        assert woken == ["account-7"] * 5
        assert compared == 5

    run(scenario)


def account(uid: str, number: str) -> dict[str, Any]:
    metadata = {"name": "team", "uid": uid, "generation": 1, "resourceVersion": uid}
    return {"metadata": metadata, "spec": {"accountID": number}}


def test_an_account_made_anew_under_the_same_name_is_another() -> None:
    async def scenario(controller: Controller) -> None:
        loop, accounts = controller.account_loop, controller.accounts
        loop.seen(account("1", "111111111111"), after=3600.0)
        former = accounts.get("team")
        loop.seen(account("2", "222222222222"), after=3600.0)
        present = accounts.get("team")
        assert former is not None
        assert former.task is not None
        assert former.task.cancelling()
        assert present is not former
        loop.gone(account("1", "111111111111"))  # the late farewell of the former
        assert accounts.get("team") is present
        loop.gone(account("2", "222222222222"))
        assert accounts.get("team") is None

    run(scenario)
