"""What the controllers of all kinds share, for a kind without any rules of its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from tests.refusals import refused
from trail_operator.api.constants import ALARM_SET_API_VERSION, ALARM_SET_KIND
from trail_operator.kube.client import ALARM_SETS, Key, KubeClient, Resource, event, kind_of
from trail_operator.kube.object_controller import ObjectController, ObjectKind, object_queue
from trail_operator.kube.object_state import ObjectState
from trail_operator.runtime.store import Store

KIND = ObjectKind(ALARM_SET_KIND, ALARM_SETS, lambda body, started: ObjectState(body, started=started))


def body(name: str = "alarms", uid: str = "1", generation: int = 1, version: int = 1, **status: Any) -> dict[str, Any]:
    metadata = {
        "namespace": "default",
        "name": name,
        "uid": uid,
        "generation": generation,
        "resourceVersion": str(version),
        "creationTimestamp": f"2026-01-01T00:00:0{uid}Z",
        "managedFields": [{"manager": "kubectl"}],
    }
    return {"apiVersion": ALARM_SET_API_VERSION, "kind": ALARM_SET_KIND, "metadata": metadata, "status": status}


class Cluster:
    """An API server with one object, and the reconciles that it causes."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] | None = None
        self.error: Exception | None = None
        self.asked: list[tuple[Resource, Key]] = []
        self.seen: list[tuple[str, int]] = []
        self.delays: list[float | None] = []

    async def get(self, resource: Resource, key: Key) -> dict[str, Any] | None:
        self.asked.append((resource, key))
        if self.error:
            raise self.error
        return self.stored

    async def reconcile(self, state: ObjectState) -> float | None:
        self.seen.append((state.uid, state.generation))
        return self.delays.pop(0) if self.delays else 3600.0


Scenario = Callable[[ObjectController[ObjectState], Cluster], Awaitable[None]]


def run(scenario: Scenario) -> None:
    async def main() -> None:
        cluster, clock = Cluster(), asyncio.get_running_loop().time
        queue = object_queue(clock, lambda: None, resync=600.0)
        kubernetes, objects = cast(KubeClient, cluster), Store[Key, ObjectState]()
        controller = ObjectController(KIND, kubernetes, objects, queue, cluster.reconcile, clock)
        await scenario(controller, cluster)
        await controller.stop(0.0)

    asyncio.run(main())


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_objects_are_reconciled_from_creation_to_deletion() -> None:
    async def scenario(controller: ObjectController[ObjectState], cluster: Cluster) -> None:
        controller.start([body("old", uid="2", observedGeneration=1)])
        controller.on_update(body())
        await settle()
        controller.on_update(body(generation=2, version=2))
        controller.on_update(body(generation=2, version=3, observedGeneration=2))
        await settle()
        assert sorted(cluster.seen) == [("1", 1), ("1", 2), ("2", 1)]
        controller.on_delete(body(version=4))
        assert [str(state.key) for state in controller.objects.values()] == ["default/old"]

    run(scenario)


def test_a_run_that_is_due_begins_with_a_read_of_its_own_kind(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(controller: ObjectController[ObjectState], cluster: Cluster) -> None:
        cluster.error, cluster.delays = refused(500, "InternalError"), [0.0]
        controller.on_update(body())
        await settle()
        assert cluster.asked == [(ALARM_SETS, Key("default", "alarms"))]
        assert ALARM_SETS.collection("default") == (
            "/apis/trail-operator.dev/v1alpha1/namespaces/default/trailalarmsets"
        )

    with caplog.at_level(logging.WARNING):
        run(scenario)
    assert "failed to refresh the TrailAlarmSet" in caplog.text


def test_an_object_that_is_gone_is_forgotten() -> None:
    async def scenario(controller: ObjectController[ObjectState], cluster: Cluster) -> None:
        cluster.delays = [None]
        controller.on_update(body())
        await settle()
        assert controller.objects.values() == []

    run(scenario)


def test_a_list_adds_updates_and_removes() -> None:
    async def scenario(controller: ObjectController[ObjectState], cluster: Cluster) -> None:
        controller.start([body("gone", uid="1"), body("changed", uid="2")])
        await settle()
        cluster.seen.clear()
        listed = [body("changed", uid="2", generation=2, version=2), body("new", uid="3", version=3)]
        requested = asyncio.get_running_loop().time() + 1.0
        assert controller.on_list(listed, requested) is None
        await settle()
        assert sorted(cluster.seen) == [("2", 2), ("3", 1)]

    run(scenario)


def test_events_are_about_the_kind_of_their_object() -> None:
    written = event("operator", body(), "Normal", "Created", "PutMetricAlarm", "Created alarms")
    assert written["regarding"] == {
        "apiVersion": ALARM_SET_API_VERSION,
        "kind": ALARM_SET_KIND,
        "name": "alarms",
        "namespace": "default",
        "uid": "1",
    }
    assert kind_of({"metadata": {"namespace": "default"}}) == "Trail"
    assert kind_of({"metadata": {}}) == "AWSAccount"
