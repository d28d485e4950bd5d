"""Reading a trail that status does not record: GetTrail and ListTrails together, and nothing left running."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import pytest

from tests.unit.builders import ARN, LOCATION, OWNER, desired, observed
from tests.unit.test_trail_controller import body
from trail_operator.api.constants import OWNER_TAG
from trail_operator.domain.failure import FailureError, transient
from trail_operator.domain.ownership import Cluster
from trail_operator.domain.trail import ObservedTrail
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.runtime.clock import Clock
from trail_operator.trail.location import Locator
from trail_operator.trail.read import ReadFailure, Reading, TrailReader
from trail_operator.trail.resolve import ResolvedSpec, SpecResolver
from trail_operator.trail.state import TrailState

ELSEWHERE = ARN.replace("eu-central-1", "us-east-1")
T = TypeVar("T")


class CloudTrail:
    """Answers when a test says so."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.trail: asyncio.Future[ObservedTrail | None] = loop.create_future()
        self.arns: asyncio.Future[list[str]] = loop.create_future()
        self.calls: list[str] = []
        self.ended: list[str] = []

    async def observe(self, arn: str, region: str, *, expected: bool) -> ObservedTrail | None:
        assert (arn, region, expected) == (ARN, LOCATION.region, False)
        return await self._call("GetTrail", self.trail)

    async def list_arns(self, region: str) -> list[str]:
        assert region == LOCATION.region
        return await self._call("ListTrails", self.arns)

    async def tags(self, arn: str, region: str) -> dict[str, str]:
        self.calls.append(f"ListTags {region}")
        return {OWNER_TAG: OWNER} if arn == ELSEWHERE else {}

    async def _call(self, operation: str, answer: "asyncio.Future[T]") -> T:
        self.calls.append(operation)
        try:
            return await answer
        finally:
            self.ended.append(operation)


class Resolver:
    """Resolves every spec to the same trail."""

    def __init__(self, cloudtrail: CloudTrail) -> None:
        self._client: Any = type("Client", (), {"name": None, "cloudtrail": cloudtrail})

    async def resolve(self, state: TrailState) -> ResolvedSpec:
        return ResolvedSpec(self._client, state.spec, "audit", LOCATION)

    def desired(self, *_: object) -> Any:
        return desired()


Read = asyncio.Task[Reading | ReadFailure]


def run(scenario: Callable[[CloudTrail, Read], Awaitable[None]], *, checked: bool = False) -> None:
    """Run a scenario in which the calls of a read are under way."""

    async def main() -> None:
        cloudtrail = CloudTrail()
        state = TrailState(body(name="audit"), started=0.0)
        state.reads.checked_absent_arn = ARN if checked else None
        locator, resolver = Locator(Cluster("cluster")), cast(SpecResolver, Resolver(cloudtrail))
        reader = TrailReader(locator, resolver, lambda *_: None, cast(Any, None), Clock())
        read = asyncio.create_task(reader.read(state, ReconcileContext(1, state.requested_state)))
        await settle()
        await scenario(cloudtrail, read)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def reading(read: Read) -> Reading:
    result = await read
    assert isinstance(result, Reading)
    return result


def test_trail_and_list_are_requested_together() -> None:
    async def scenario(cloudtrail: CloudTrail, read: Read) -> None:
        assert cloudtrail.calls == ["GetTrail", "ListTrails"]
        cloudtrail.trail.set_result(None)
        await settle()
        assert not read.done(), "a second trail could be created"
        cloudtrail.arns.set_result([ARN])
        found = (await reading(read)).comparison
        assert (found.observed, found.home_elsewhere) == (None, None)

    run(scenario)


def test_own_trail_is_found_in_another_region() -> None:
    async def scenario(cloudtrail: CloudTrail, read: Read) -> None:
        cloudtrail.trail.set_result(None)
        others = [ARN, ARN.replace("eu-central-1", "eu-west-1"), ELSEWHERE.replace("1234567", "9999999")]
        cloudtrail.arns.set_result([*others, ELSEWHERE])
        assert (await reading(read)).comparison.home_elsewhere == "us-east-1"
        assert cloudtrail.calls == ["GetTrail", "ListTrails", "ListTags eu-west-1", "ListTags us-east-1"]

    run(scenario)


@pytest.mark.parametrize("is_refused", [False, True])
def test_existing_trail_waits_for_no_list(is_refused: bool) -> None:
    async def scenario(cloudtrail: CloudTrail, read: Read) -> None:
        if is_refused:
            cloudtrail.arns.set_exception(FailureError(transient("ListTrails failed")))
            await settle()
        cloudtrail.trail.set_result(observed())
        assert (await reading(read)).comparison.observed == observed()
        assert sorted(cloudtrail.ended) == ["GetTrail", "ListTrails"]

    run(scenario)


@pytest.mark.parametrize("first", ["GetTrail", "ListTrails"])
def test_no_trail_is_absent_while_the_list_failed(first: str) -> None:
    async def scenario(cloudtrail: CloudTrail, read: Read) -> None:
        if first == "GetTrail":
            cloudtrail.trail.set_result(None)
            await settle()
        cloudtrail.arns.set_exception(FailureError(transient("ListTrails failed")))
        await settle()
        if first == "ListTrails":
            cloudtrail.trail.set_result(None)
        result = await read
        assert isinstance(result, ReadFailure)
        assert result.failure.message == "ListTrails failed"

    run(scenario)


def test_failure_of_the_trail_ends_the_list() -> None:
    async def scenario(cloudtrail: CloudTrail, read: Read) -> None:
        cloudtrail.trail.set_exception(FailureError(transient("GetTrail failed")))
        result = await read
        assert isinstance(result, ReadFailure)
        assert result.failure.message == "GetTrail failed"
        assert sorted(cloudtrail.ended) == ["GetTrail", "ListTrails"]

    run(scenario)


@pytest.mark.parametrize("answered", [False, True])
def test_cancelled_read_ends_both(answered: bool) -> None:
    async def scenario(cloudtrail: CloudTrail, read: Read) -> None:
        if answered:
            cloudtrail.trail.set_result(None)
            await settle()
        read.cancel()
        with pytest.raises(asyncio.CancelledError):
            await read
        assert sorted(cloudtrail.ended) == ["GetTrail", "ListTrails"]

    run(scenario)


def test_absent_trail_is_searched_for_once_per_refused_creation() -> None:
    async def scenario(cloudtrail: CloudTrail, read: Read) -> None:
        cloudtrail.trail.set_result(None)
        assert (await reading(read)).comparison.observed is None
        assert cloudtrail.calls == ["GetTrail"]

    run(scenario, checked=True)
