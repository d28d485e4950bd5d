"""Whatever happens to requests and processes: never do two of them lead, and soon one does."""

import asyncio
import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import uuid4

import pytest
from aiohttp import ServerDisconnectedError
from hypothesis import given, settings
from hypothesis import strategies as st
from kubernetes.aio.client.exceptions import ApiException

from tests.refusals import not_found, refused
from tests.statemachine.virtual_time import VirtualLoop
from trail_operator.kube.answers import OddAnswerError
from trail_operator.kube.connection import ApiConnection
from trail_operator.kube.leader_election import LeaderElector, LeaderFence, NotLeadingError
from trail_operator.runtime.clock import Clock

TAKE_OVER = 15.0
# What the API server puts into an object's metadata.
MADE = {"namespace": "ns", "uid": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}


@dataclass
class Server:
    """What the API server does with one Lease."""

    lease: dict[str, Any] | None = None
    version: int = 0
    requests: list[str] = field(default_factory=list)

    def answer(self, method: str, body: dict[str, Any] | None) -> dict[str, Any]:
        self.requests.append(method)
        if method == "GET":
            if self.lease is None:
                raise not_found("operator")
            return copy.deepcopy(self.lease)
        assert body is not None
        if method == "POST" and self.lease is not None:
            raise refused(409, "AlreadyExists")
        if method == "PUT":
            if self.lease is None:
                raise not_found("operator")
            if body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
                raise refused(409, "Conflict")
        self.version += 1
        self.lease = copy.deepcopy(body)
        self.lease["metadata"] |= {**MADE, "resourceVersion": str(self.version)}
        return copy.deepcopy(self.lease)


@dataclass
class Odd:
    """So many answers to a method that are none."""

    method: str
    instead: Any
    """What is answered; an error is raised."""
    done: bool
    """Whether the API server is asked at all."""
    count: int

    def concerns(self, method: str) -> bool:
        return method == self.method and self.count > 0

    def answer(self, ask: Callable[[], object]) -> dict[str, Any]:
        self.count -= 1
        if self.done:
            ask()
        if isinstance(self.instead, Exception):
            raise self.instead
        return copy.deepcopy(self.instead)


@dataclass
class Wire:
    """One process's way to the API server."""

    server: Server
    random: random.Random
    slow: float = 0.0
    """The longest that a request, and its answer, may take."""
    lost: float = 0.0
    """How often an answer gets lost."""
    refused: tuple[str, ...] = ()
    """What the service account may not."""
    odd: "Odd | None" = None
    """What comes in place of answers."""

    async def request(self, method: str, _: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        # What was sent arrives, though nobody may wait for its answer any more.
        return await asyncio.shield(asyncio.get_running_loop().create_task(self._served(method, copy.deepcopy(body))))

    async def _served(self, method: str, body: dict[str, Any] | None) -> dict[str, Any]:
        if method in self.refused:
            raise refused(403, "Forbidden")
        await asyncio.sleep(self.random.uniform(0.001, 0.01 + self.slow))
        if self.odd and self.odd.concerns(method):
            return self.odd.answer(lambda: self.server.answer(method, body))
        lost = self.random.random() < self.lost
        try:
            answer = self.server.answer(method, body)
        except ApiException:
            if lost:
                raise ServerDisconnectedError from None
            raise
        await asyncio.sleep(self.random.uniform(0.001, 0.01 + self.slow))
        if lost:
            raise ServerDisconnectedError
        return answer


class Contender:
    """One process that wants to lead, and begins anew whenever it no longer does."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.lease = self._new()
        self.task = asyncio.get_running_loop().create_task(self._run())

    def _new(self) -> LeaderElector:
        connection, clock = cast(ApiConnection, self.wire), Clock(asyncio.get_running_loop().time)
        return LeaderElector(connection, "ns", "operator", uuid4().hex, clock)

    async def _run(self) -> None:
        while True:
            await self.lease.acquire()
            await self.lease.renew()
            self.lease = self._new()

    async def stop(self) -> None:
        """As on SIGTERM: nothing is under way when the Lease is given back."""
        self.task.cancel()
        await self.lease.release()

    def kill(self) -> None:
        self.task.cancel()
        self.lease.fence.close()

    @property
    def leads(self) -> bool:
        return self.lease.fence.is_leading


async def watch(contenders: list[Contender], seconds: float) -> None:
    """Let time pass, and see that never two lead."""
    for _ in range(int(seconds * 20)):
        await asyncio.sleep(0.05)
        assert sum(each.leads for each in contenders) <= 1


async def until_one_leads(contenders: list[Contender]) -> float:
    begun = asyncio.get_running_loop().time()
    while not any(each.leads for each in contenders):
        await watch(contenders, 0.05)
        assert asyncio.get_running_loop().time() - begun <= TAKE_OVER
    return asyncio.get_running_loop().time() - begun


def run(scenario: Any) -> None:
    loop = VirtualLoop()
    loop.set_exception_handler(lambda *_: None)  # of requests for whose answer nobody waits any more
    try:
        loop.run_until_complete(scenario)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[str, int, float, float]]:
    what = st.sampled_from(["slow", "lost", "fine", "stop", "kill"])
    return draw(
        st.lists(st.tuples(what, st.integers(0, 2), st.floats(0.1, 30.0), st.floats(0.1, 20.0)), min_size=1, max_size=8)
    )


@settings(max_examples=60, deadline=None)
@given(lives(), st.integers(0, 2**32))
def test_never_do_two_lead_and_soon_one_does(events: list[tuple[str, int, float, float]], seed: int) -> None:
    async def scenario() -> None:
        server, chance = Server(), random.Random(seed)
        contenders = [Contender(Wire(server, chance)) for _ in range(3)]
        for what, index, size, seconds in events:
            one = contenders[index]
            if what == "slow":
                one.wire.slow = size
            elif what == "lost":
                one.wire.lost = min(size / 30.0, 0.9)
            elif what == "fine":
                one.wire.slow = one.wire.lost = 0.0
            else:
                if what == "stop":
                    await one.stop()
                one.kill()
                contenders[index] = Contender(Wire(server, chance))
            await watch(contenders, seconds)
        for one in contenders:
            one.wire.slow = one.wire.lost = 0.0
        await watch(contenders, 61)  # the slowest requests have arrived
        await until_one_leads(contenders)

    run(scenario())


def test_a_kill_is_survived_within_15_seconds_and_a_clean_stop_within_two() -> None:
    async def scenario() -> None:
        server, chance = Server(), random.Random(1)
        contenders = [Contender(Wire(server, chance)) for _ in range(2)]
        await until_one_leads(contenders)
        for clean, most in [(False, TAKE_OVER), (True, 2.0)] * 10:
            await watch(contenders, chance.uniform(3, 6))
            (leader,) = (each for each in contenders if each.leads)
            if clean:
                await leader.stop()
            leader.kill()
            contenders.remove(leader)
            assert await until_one_leads(contenders) <= most
            contenders.append(Contender(Wire(server, chance)))

    run(scenario())


def test_who_can_not_renew_it_no_longer_leads_when_another_may_begin() -> None:
    async def scenario() -> None:
        server, chance = Server(), random.Random(2)
        first = Contender(Wire(server, chance))
        await until_one_leads([first])
        second = Contender(Wire(server, chance))
        await watch([first, second], 5)
        first.wire.slow = 1e6
        await watch([first, second], TAKE_OVER)
        assert not first.leads
        assert second.leads

    run(scenario())


METADATA = {"name": "operator", "resourceVersion": "1", **MADE}
ODD: dict[str, Any] = {
    "no JSON": OddAnswerError("200 with a page of a proxy"),
    "an empty object": {},
    "another Lease": {"metadata": METADATA | {"name": "another"}, "spec": {"holderIdentity": "somebody"}},
    "a spec that is none": {"metadata": METADATA, "spec": "somebody"},
    "a duration that is none": {"metadata": METADATA, "spec": {"leaseDurationSeconds": "long"}},
    "a conflict": refused(409, "Conflict"),
    "an error": refused(500, "InternalError"),
    "nothing": ServerDisconnectedError(),
}


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize(("method", "done"), [("GET", False), ("PUT", False), ("PUT", True)])
@pytest.mark.parametrize("odd", ODD)
def test_it_is_kept_though_answers_to_a_renewal_are_none(odd: str, method: str, done: bool, count: int) -> None:
    """As client-go does, it is tried again until the term ends."""

    async def scenario() -> None:
        server, chance = Server(), random.Random(7)
        first = Contender(Wire(server, chance))
        await until_one_leads([first])
        second = Contender(Wire(server, chance))
        await watch([first, second], 5)
        lease = first.lease
        first.wire.odd = Odd(method, ODD[odd], done, count)
        for _ in range(200):
            await watch([first, second], 0.05)
            assert first.lease is lease
            assert first.leads
        assert first.wire.odd.count == 0

    run(scenario())


def test_it_is_given_up_at_once_when_another_holds_it() -> None:
    async def scenario() -> None:
        server = Server()
        first = Contender(Wire(server, random.Random(3)))
        await until_one_leads([first])
        assert server.lease is not None
        server.lease["spec"]["holderIdentity"] = "somebody"
        server.lease["metadata"]["resourceVersion"] = "1000"
        await asyncio.sleep(2.5)
        assert not first.leads

    run(scenario())


def test_a_lease_that_is_let_go_of_has_no_holder() -> None:
    async def scenario() -> None:
        server = Server()
        first = Contender(Wire(server, random.Random(4)))
        await until_one_leads([first])
        await first.lease.release()
        assert server.lease is not None
        assert server.lease["spec"]["holderIdentity"] == ""
        assert server.lease["spec"]["leaseTransitions"] == 1
        assert not first.leads

    run(scenario())


def test_one_that_was_made_by_hand_is_taken() -> None:
    async def scenario() -> None:
        server = Server({"metadata": {"name": "operator", "resourceVersion": "0", **MADE}})
        first = Contender(Wire(server, random.Random(4)))
        await until_one_leads([first])
        assert server.lease is not None
        assert server.lease["spec"]["holderIdentity"]

    run(scenario())


def test_it_is_let_go_of_though_a_renewal_is_under_way() -> None:
    async def scenario() -> None:
        chance = random.Random(5)
        for _ in range(100):
            server = Server()
            one = Contender(Wire(server, chance, slow=0.5))
            await until_one_leads([one])
            await asyncio.sleep(chance.uniform(2, 4))
            await one.stop()
            assert server.lease is not None
            assert server.lease["spec"]["holderIdentity"] == ""

    run(scenario())


@pytest.mark.parametrize(
    ("refused", "slow", "dead"),
    [(("GET",), 0.0, False), ((), 1e6, False), (("PUT",), 0.0, True)],
    ids=["may not read it", "no answer", "may not take it"],
)
def test_who_stands_by_knows_that_it_could_not_take_over(refused: tuple[str, ...], slow: float, dead: bool) -> None:
    async def scenario() -> None:
        server, chance = Server(), random.Random(6)
        first = Contender(Wire(server, chance))
        await until_one_leads([first])
        second = Contender(Wire(server, chance))
        for _ in range(600):
            await asyncio.sleep(0.1)
            assert second.lease.observed_recently
        assert not second.leads
        second.wire.refused, second.wire.slow = refused, slow
        if dead:
            first.kill()
        await asyncio.sleep(25)
        assert not second.lease.observed_recently
        second.wire.refused, second.wire.slow = (), 0.0
        await asyncio.sleep(10)
        assert second.lease.observed_recently

    run(scenario())


def test_who_does_not_lead_may_do_nothing() -> None:
    time = 5.0
    leadership = LeaderFence(lambda: time, deadline=6.0)
    leadership.check()
    time = 6.0
    with pytest.raises(NotLeadingError):
        leadership.check()
