"""The operator's own parts, put together as its Controller does, with only the outermost edges in the tests' hands.

A life ends by kill -9: what it was about to do never happens, what it had sent goes on.
"""

import asyncio
import contextvars
import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import Any, cast
from unittest import mock
from weakref import WeakSet

from aiohttp import ServerDisconnectedError

from tests.refusals import refused
from tests.statemachine.aws import Aws, Call, Session
from tests.statemachine.kubernetes import ApiServer, Manifest, at
from tests.statemachine.virtual_time import VirtualLoop
from trail_operator import event_wiring, manager, wiring
from trail_operator.aws.executor import CallExecutor
from trail_operator.controllers import Controllers, InitialObjects
from trail_operator.domain.ownership import Cluster
from trail_operator.events import queue
from trail_operator.inventory import account_client
from trail_operator.kube.client import ALARM_SETS, TRAILS, KubeClient
from trail_operator.kube.dropped_fields import DroppedFields
from trail_operator.kube.leader_election import without_lease
from trail_operator.kube.object_controller import ObjectController
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock
from trail_operator.settings import Settings
from trail_operator.watchdog import Watchdog

CLUSTER = "test"


@dataclass(eq=False)
class Pass:
    """One pass over one object: what it began with, and its calls to AWS."""

    clusters: tuple[str, ...]
    """The names of the operator's cluster, the present one first."""
    key: str
    uid: str
    body: Manifest
    begun: float
    calls: list[Call] = field(default_factory=list)

    @property
    def owner(self) -> str:
        """The owner tag that the Trail's trail is to carry."""
        return f"{self.clusters[0]}/{self.key}"

    def is_former(self, owner: str | None) -> bool:
        """Whether it is the Trail's own tag with a former name of the cluster, and never was with the present one."""
        if owner not in {f"{name}/{self.key}" for name in self.clusters[1:]}:
            return False
        recorded: str | None = self.body.get("status", {}).get("ownerTag")
        return recorded != self.owner


_LIFE: contextvars.ContextVar["Life | None"] = contextvars.ContextVar("life", default=None)
_PASS: contextvars.ContextVar[Pass | None] = contextvars.ContextVar("pass", default=None)


def make_task(
    loop: asyncio.AbstractEventLoop, coroutine: Any, context: contextvars.Context | None = None, **more: Any
) -> "asyncio.Task[Any]":
    """A task that is known to the life in which it was made."""
    task = asyncio.Task(coroutine, loop=loop, context=context, **more)
    life = (context or contextvars.copy_context()).get(_LIFE)
    if life is not None:
        life.tasks.add(task)
    return task


def own_clock(loop: VirtualLoop, random: Callable[[], float]) -> Clock:
    """The clock and the random numbers of the operator are those of the test."""
    return Clock(loop.time, lambda: at(loop.time()).astimezone(UTC).replace(microsecond=0), random=random)


@contextmanager
def no_threads() -> Iterator[None]:
    """Let the operator's calls to AWS need no threads."""
    with ExitStack() as patched:
        for module in (account_client, event_wiring, queue):
            patched.enter_context(mock.patch.object(module, "CallExecutor", _Tasks))
        yield


class Life:
    """One process of the operator, from its start to its end."""

    def __init__(self, aws: Aws, server: ApiServer, wire: "KubernetesWire", settings: Settings, clock: Clock) -> None:
        self._aws = aws
        self._server = server
        self._wire = wire
        self._settings = settings
        self._clock = clock
        self._clusters = (settings.cluster_name or CLUSTER, *settings.former_cluster_names)
        self._killed_in: int | None = None
        self.controllers: Controllers | None = None
        self.metrics = Metrics()
        self._watching = False
        self._context = contextvars.copy_context()
        self._context.run(_LIFE.set, self)
        self.tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self.dead = False

    def start(self) -> None:
        """Start it, in the background."""
        asyncio.get_running_loop().create_task(self._start(), context=self._context.copy())

    def kill(self, points: int = 0) -> None:
        """kill -9: now, or when it comes to that point from now at which something is sent or an answer has come."""
        if points:
            self._killed_in = points
            return
        self.dead = True
        for task in list(self.tasks):
            task.cancel()

    def spare(self) -> None:
        """Do not kill it after all."""
        self._killed_in = None

    async def stop(self) -> None:
        """SIGTERM."""
        if self.controllers is not None:
            parts = (self.controllers.trails, self.controllers.alarm_sets)
            await asyncio.gather(*(part.stop(6.0) for part in parts if part))
        self.kill()

    def seen(self, event: str, body: Manifest) -> None:
        """An event of the watch."""
        if self.dead or self.controllers is None or not self._watching:
            return
        trails = self.controllers.trails
        tell = trails.on_delete if event == "DELETED" else trails.on_update
        self._context.copy().run(tell, body)

    def alarm_set_seen(self, event: str, body: Manifest) -> None:
        """An event of the watch of TrailAlarmSets."""
        if self.dead or self.controllers is None or not self._watching or self.controllers.alarm_sets is None:
            return
        sets = self.controllers.alarm_sets
        self._context.copy().run(sets.on_delete if event == "DELETED" else sets.on_update, body)

    def account_seen(self, body: Manifest) -> None:
        """An event of the watch of AWSAccounts."""
        if not self.dead and self.controllers is not None and self._watching:
            self._context.copy().run(self.controllers.accounts.on_update, body)

    def watch_over(self) -> None:
        """Start the watchdog, as Manager does. Not by itself: what a watch has missed, its lists find."""
        assert self.controllers is not None
        kubernetes, resync = _Kubernetes(self, self._wire), self._settings.resync.total_seconds()
        watchdog = Watchdog(
            self.controllers,
            lambda: kubernetes.list_objects(TRAILS),
            resync,
            end=lambda _: self.kill(),
            clock=self._clock,
        )
        asyncio.get_running_loop().create_task(watchdog.run(), context=self._context.copy())

    def run(self, function: Callable[[], None]) -> None:
        """Call a function as a part of this process."""
        self._context.copy().run(function)

    def relist(self) -> None:
        """A watch that begins anew: what is there is told of, what has gone is not."""
        for body in self._server.answer("GET", "/apis/trail-operator.dev/v1beta1/trails", None)["items"]:
            self.seen("ADDED", body)
        for body in copy.deepcopy(list(self._server.other.objects.values())) if self._server.other else ():
            self.alarm_set_seen("ADDED", body)

    def point(self) -> None:
        """Here it may die."""
        if self._killed_in is not None and not self.dead:
            self._killed_in -= 1
            if self._killed_in <= 0:
                self.kill()
        if self.dead:
            raise asyncio.CancelledError

    async def _start(self) -> None:
        """As Manager.start does."""
        kubernetes = _Kubernetes(self, self._wire)
        sessions, alone = Session(self._aws, self._send), without_lease(asyncio.get_running_loop().time)
        with mock.patch.object(wiring, "ClientPool", return_value=sessions):
            cluster = Cluster(self._clusters[0], frozenset(self._clusters[1:]))
            parts = wiring.build_controllers(self._settings, self.metrics, self._clock, kubernetes, alone, cluster)
        self._note_passes(parts.trails)
        evaluate = parts.dependencies._updates._evaluate

        async def in_background(*given: Any, **more: Any) -> None:
            _PASS.set(None)  # what an evaluation reads is nothing that a pass knows
            await evaluate(*given, **more)

        parts.dependencies._updates._evaluate = in_background  # type: ignore[method-assign]
        parts.inventory._clock = replace(self._clock, sleep=_sleep_in_background)
        trails = await manager._retry("Trails", lambda: kubernetes.list_objects(TRAILS))
        self.controllers = parts
        parts.start(InitialObjects([], list(self._server.accounts.values()), trails))
        if self._server.other and parts.alarm_sets:
            self._note_passes(parts.alarm_sets)
            sets = await manager._retry("TrailAlarmSets", lambda: kubernetes.list_objects(ALARM_SETS))
            parts.alarm_sets.start(sets)
        if parts.alarm_sets:
            parts.alarm_sets.objects.complete()
        await asyncio.sleep(0.2)
        self._watching = True
        self.relist()

    def _note_passes(self, controller: ObjectController[Any]) -> None:
        """Let each call be known to belong to the pass that makes it."""
        reconcile = controller._reconcile

        async def passing(state: Any) -> float | None:
            begun = asyncio.get_running_loop().time()
            _PASS.set(Pass(self._clusters, str(state.key), state.uid, state.body, begun))
            return await reconcile(state)

        controller._reconcile = passing

    async def _send(
        self, service: str, region: str, operation: str, parameters: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        this = _PASS.get()
        call = Call(service, region, operation, parameters, asyncio.get_running_loop().time(), this)
        if this is not None:
            this.calls.append(call)
        return await self._aws.request(call, self.point)


async def _sleep_in_background(seconds: float) -> None:
    _PASS.set(None)  # what a background task reads is nothing that a pass knows
    await asyncio.sleep(seconds)


class _Tasks(CallExecutor):
    """The operator's threads, whose functions need none: they return what is awaited."""

    async def _result(self, function: Callable[[], Any]) -> Any:
        result = function()
        return await result if inspect.isawaitable(result) else result


@dataclass
class KubernetesFault:
    """What goes wrong with the next requests to the API server."""

    count: int
    status: int | None
    """None: no answer comes."""
    when: str


class KubernetesWire:
    """The way between the operator and the API server."""

    def __init__(self, server: ApiServer, uniform: Callable[[float, float], float]) -> None:
        self._server = server
        self._uniform = uniform
        self.faults: list[KubernetesFault] = []

    async def request(
        self, method: str, path: str, body: Manifest | None, this: Pass | None, point: Callable[[], None]
    ) -> Manifest:
        """Send a request and wait for its answer."""
        point()
        served = asyncio.get_running_loop().create_task(
            self._serve(method, path, body, this), context=contextvars.Context()
        )
        try:
            return await asyncio.shield(served)
        finally:
            point()

    async def _serve(self, method: str, path: str, body: Manifest | None, this: Pass | None) -> Manifest:
        await asyncio.sleep(self._uniform(0.001, 0.02))
        fault = self._faulty()
        try:
            if fault is None:
                return self._answer(method, path, body, this)
            if fault.when == "after":
                self._answer(method, path, body, this)
            if fault.status is None:
                raise ServerDisconnectedError
            raise refused(fault.status, "Fault", "a fault that was asked for")
        finally:
            await asyncio.sleep(self._uniform(0.001, 0.02))

    def _answer(self, method: str, path: str, body: Manifest | None, this: Pass | None) -> Manifest:
        WRITING.append(this)
        try:
            return self._server.answer(method, path, body)
        finally:
            WRITING.pop()

    def _faulty(self) -> KubernetesFault | None:
        if not self.faults:
            return None
        fault = self.faults[0]
        fault.count -= 1
        if fault.count <= 0:
            self.faults.pop(0)
        return fault


WRITING: list[Pass | None] = []
"""The pass whose request the API server is answering."""


class _Kubernetes(KubeClient):
    """The operator's connection to the API server, without HTTP."""

    def __init__(self, life: Life, wire: KubernetesWire) -> None:
        dropped = DroppedFields(asyncio.get_running_loop().time, life.metrics.record_outdated)
        super().__init__(cast(Any, None), CLUSTER, lambda: None, dropped)
        self._life = life
        self._wire = wire

    async def _request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        content_type: str = "application/json",  # noqa: ARG002 - a PATCH is always a merge patch
    ) -> dict[str, Any]:
        return await self._wire.request(method, path, body, _PASS.get(), self._life.point)
