"""The Trail controller: when a Trail is reconciled, and which Trails claim one trail. No API server, no AWS."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from tests.refusals import refused
from trail_operator.kube.answers import OddAnswerError
from trail_operator.kube.client import Key, KubeClient, Resource
from trail_operator.kube.object_controller import object_queue
from trail_operator.runtime.rate_waits import Wait
from trail_operator.runtime.store import Store
from trail_operator.trail.controller import TrailController
from trail_operator.trail.name_claims import NameClaims
from trail_operator.trail.state import TrailState

NEVER = 3600.0


def body(name: str = "audit", /, uid: str = "1", generation: int = 1, version: int = 1, **more: Any) -> dict[str, Any]:
    metadata = {
        "namespace": "default",
        "name": name,
        "uid": uid,
        "generation": generation,
        "resourceVersion": str(version),
        "creationTimestamp": f"2026-01-01T00:{int(uid) // 60:02}:{int(uid) % 60:02}Z",
    }
    return {"metadata": metadata, "spec": {"s3BucketName": "bucket-1", "name": "shared", **more}}


def observed(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"status": {"observedGeneration": body["metadata"]["generation"]}}


class Kubernetes:
    """An API server that answers reads."""

    def __init__(self) -> None:
        self.objects: dict[Key, dict[str, Any]] = {}
        self.reads = 0
        self.error: Exception | None = None

    async def get(self, _: Resource, key: Key) -> dict[str, Any] | None:
        self.reads += 1
        if self.error:
            raise self.error
        return self.objects.get(key)


class Reconciles:
    """Records reconciles; each waits for `leave` and then returns when the next is due."""

    def __init__(self, *delays: float | None) -> None:
        self.seen: list[int] = []
        self.delays = list(delays)
        self.leave = asyncio.Event()
        self.leave.set()
        self._another = asyncio.Condition()
        self.now = 0.0
        self.restarts = 0
        self.errors: list[Exception] = []
        self.begun: Callable[[], None] = lambda: None
        self.on_clock: Callable[[], None] = lambda: None

    def clock(self) -> float:
        self.on_clock()
        return self.now

    def restarted(self) -> None:
        self.restarts += 1

    async def made(self, reconciles: int) -> None:
        """Wait until this number of reconciles has begun."""
        async with self._another:
            await self._another.wait_for(lambda: len(self.seen) >= reconciles)

    async def __call__(self, state: TrailState) -> float | None:
        self.seen.append(state.generation)
        self.begun()
        async with self._another:
            self._another.notify_all()
        await self.leave.wait()
        if self.errors:
            raise self.errors.pop(0)
        return self.delays.pop(0) if self.delays else NEVER


def run(scenario: Callable[[TrailController, Reconciles, Kubernetes], Awaitable[None]], *delays: float | None) -> None:
    async def main() -> None:
        kubernetes, reconciles = Kubernetes(), Reconciles(*delays)
        claims = NameClaims(lambda _: ("123456789012", "eu-central-1"))
        queue = object_queue(reconciles.clock, reconciles.restarted, resync=600.0)
        controller = TrailController(cast(KubeClient, kubernetes), Store(), claims, queue, reconciles, reconciles.clock)
        await scenario(controller, reconciles, kubernetes)
        await controller.stop(0.0)

    asyncio.run(main())


async def settle() -> None:
    """Let all tasks run until each waits."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_at_the_start_changed_trails_come_first_and_checks_follow_newest_first() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, kubernetes: Kubernetes) -> None:
        bodies = [observed(body(f"audit-{uid}", uid=str(uid), generation=uid)) for uid in range(1, 6)]
        bodies[3]["status"]["observedGeneration"] = 3
        bodies[4]["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
        controller.start(bodies)
        await reconciles.made(5)
        assert reconciles.seen == [4, 5, 3, 2, 1]
        assert kubernetes.reads == 0

    run(scenario)


def many(count: int) -> list[dict[str, Any]]:
    """Trails that only need a check."""
    return [observed(body(f"audit-{uid}", uid=str(uid))) for uid in range(100, 100 + count)]


def test_at_the_start_checks_wait_for_each_other_but_a_change_does_not() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        reconciles.leave.clear()
        controller.start(many(100))
        await settle()
        assert len(reconciles.seen) == 24
        controller.on_update(body("audit-100", uid="100", generation=2, version=2))
        await settle()
        assert reconciles.seen[24:] == [2]
        reconciles.leave.set()
        await reconciles.made(100)

    run(scenario)


def test_at_the_start_long_checks_do_not_delay_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trail_operator.kube.object_controller._SLOW_START", 0.01)

    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        reconciles.leave.clear()
        controller.start(many(300))
        await reconciles.made(300)
        reconciles.leave.set()

    run(scenario)


def test_a_new_trail_is_reconciled_once() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        controller.on_update(body())
        await settle()
        controller.on_update(body(version=2))
        await settle()
        assert reconciles.seen == [1]

    run(scenario)


def test_a_changed_spec_is_reconciled_at_once_and_not_after_the_old_wait() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        controller.on_update(body())
        await settle()
        controller.on_update(body(generation=2, version=2))
        await settle()
        assert reconciles.seen == [1, 2]

    run(scenario)


@pytest.mark.parametrize(
    ("name", "reconciles_more"),
    [
        ("services.k8s.aws/deletion-policy", True),
        ("services.k8s.aws/anything", True),
        ("crossplane.io/paused", True),
        ("crossplane.io/external-name", True),
        ("crossplane.io/external-create-time", False),
        ("example.com/note", False),
    ],
)
def test_annotations_of_ack_and_crossplane_that_change_cause_a_reconcile(name: str, reconciles_more: bool) -> None:
    """They do not change the generation."""

    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        controller.on_update(body())
        await settle()
        for version, annotations in enumerate(({name: "a"}, {name: "b"}, {}), 2):
            changed = body(version=version)
            changed["metadata"]["annotations"] = annotations
            controller.on_update(changed)
            await settle()
        assert len(reconciles.seen) == (4 if reconciles_more else 1)

    run(scenario)


def test_changes_during_a_reconcile_cause_one_more() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        reconciles.leave.clear()
        controller.on_update(body())
        await settle()
        controller.on_update(body(generation=2, version=2))
        controller.on_update(body(generation=3, version=3))
        await settle()
        reconciles.leave.set()
        await settle()
        assert reconciles.seen == [1, 3]

    run(scenario)


def test_an_event_older_than_what_is_known_is_ignored() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        controller.on_update(body(generation=2, version=10))
        await settle()
        controller.on_update(body(generation=1, version=9))
        await settle()
        assert reconciles.seen == [2]

    run(scenario)


def test_a_reconcile_that_is_due_begins_with_a_fresh_read() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, kubernetes: Kubernetes) -> None:
        kubernetes.objects[Key("default", "audit")] = body(generation=2, version=2)
        controller.on_update(body())
        await settle()
        assert (reconciles.seen, kubernetes.reads) == ([1, 2], 1)

    run(scenario, 0.0)


def test_a_trail_whose_deletion_was_missed_is_forgotten_at_the_next_reconcile() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, kubernetes: Kubernetes) -> None:
        controller.on_update(body())
        await settle()
        assert (reconciles.seen, kubernetes.reads) == ([1], 1)

    run(scenario, 0.0, 0.0, 0.0)


def test_a_trail_created_again_under_the_same_name_is_another() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        controller.on_update(body(uid="1", generation=5))
        await settle()
        controller.on_update(body(uid="2", generation=1, version=2))
        await settle()
        controller.on_delete(body(uid="1", generation=5, version=3))  # the late event of the former
        controller.on_update(body(uid="2", generation=2, version=4))
        await settle()
        assert reconciles.seen == [5, 1, 2]

    run(scenario)


def test_a_deleted_trail_is_not_reconciled() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        controller.on_update(body())
        await settle()
        controller.on_delete(body())
        await settle()
        assert reconciles.seen == [1]
        assert len(asyncio.all_tasks()) == 1  # the scenario itself

    run(scenario)


def test_the_end_of_a_trail_wakes_those_that_claim_its_name() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        controller.on_update(body("older", uid="1", generation=1))
        controller.on_update(body("younger", uid="2", generation=2))
        await settle()
        controller.on_delete(body("older", uid="1", generation=1))
        await settle()
        assert reconciles.seen == [1, 2, 2]

    run(scenario)


@pytest.mark.parametrize("change", [{"managementPolicy": "Observe"}, {"adoptionPolicy": "Never"}, {"name": "other"}])
def test_a_changed_claim_wakes_those_that_it_may_have_blocked(change: dict[str, str]) -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        controller.on_update(body("older", uid="1", generation=1, adoptionPolicy="Always"))
        controller.on_update(body("younger", uid="2", generation=2))
        await settle()
        controller.on_update(body("older", uid="1", generation=3, version=2, adoptionPolicy="Always", isLogging=False))
        await settle()
        assert reconciles.seen == [1, 2, 3], "the claim is the same"
        changed = {"adoptionPolicy": "Always", **change}
        controller.on_update(body("older", uid="1", generation=4, version=3, **changed))
        await settle()
        assert sorted(reconciles.seen) == [1, 2, 2, 3, 4]

    run(scenario)


def test_stopping_waits_for_a_reconcile_and_begins_no_other() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        reconciles.leave.clear()
        controller.on_update(body())
        await settle()
        stopping = asyncio.create_task(controller.stop(30.0))
        await settle()
        assert not stopping.done()
        reconciles.leave.set()
        await stopping
        controller.on_update(body(generation=2, version=2))
        await settle()
        assert reconciles.seen == [1]

    run(scenario, 0.0)


def test_claims_follow_the_effective_name_and_region() -> None:
    claims = NameClaims(lambda _: ("123456789012", "eu-central-1"))
    states = [
        TrailState(body("a", uid="1"), started=0.0),
        TrailState(body("b", uid="2", region="eu-central-1"), started=0.0),
        TrailState(body("c", uid="3", region="us-east-1"), started=0.0),
        TrailState(body("d", uid="4", name="other"), started=0.0),
    ]
    entered = [claims.upsert(state) for state in states]
    assert [claim.resource for claim in claims.competitors(entered[0])] == ["default/b"]
    assert claims.competitors(entered[2]) == []
    assert claims.withdraw("1") == ["2"]
    assert claims.withdraw("1") == []
    assert claims.competitors(entered[1]) == []


def test_an_odd_object_stops_no_other() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        odd, unreadable = body("odd", uid="1"), observed(body("unreadable", uid="2"))
        del odd["spec"]
        unreadable["spec"]["accountRef"] = unreadable["metadata"]["creationTimestamp"] = "?"
        newer = observed(body("newer", uid="3"))
        newer["status"] |= {"delivery": [{"destination": "EventBridge"}], "homeRegion": "eu-west-1"}
        nothing = body("nothing", uid="4") | {"status": None}
        controller.start([odd, unreadable, newer, nothing, body(uid="5")])
        await reconciles.made(4)
        assert sorted(state.key.name for state in controller.objects.values()) == ["audit", "newer", "nothing", "odd"]
        controller.on_update(body("unreadable", uid="2", version=2))
        await reconciles.made(5)

    run(scenario)


def test_an_object_that_has_become_odd_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trail_operator.kube.object_controller._SECONDS_UNREADABLE", 0.01)

    async def scenario(controller: TrailController, reconciles: Reconciles, kubernetes: Kubernetes) -> None:
        controller.start([body()])
        await reconciles.made(1)
        (state,) = controller.objects.values()
        del state.metadata["creationTimestamp"]
        kubernetes.objects[state.key] = body(version=2)
        controller._queue.enqueue(state.uid)
        await reconciles.made(2)

    run(scenario)


# -- errors in the controller


def odd_read(error: Exception) -> Callable[[TrailController, Reconciles, Kubernetes], Awaitable[None]]:
    async def scenario(controller: TrailController, reconciles: Reconciles, kubernetes: Kubernetes) -> None:
        kubernetes.error = error
        controller.on_update(body())
        await reconciles.made(3)
        assert [state.key.name for state in controller.objects.values()] == ["audit"]

    return scenario


@pytest.mark.parametrize(
    "error",
    [
        OddAnswerError("404 with 'default backend - 404', which is not the API server's", 404),
        OddAnswerError("200 with something that is no object"),
        refused(404, "NotFound"),
        refused(401, "Unauthorized"),
        refused(500, "InternalError"),
        TimeoutError(),
        OSError(),
    ],
    ids=repr,
)
def test_a_read_that_is_not_answered_forgets_no_trail(error: Exception) -> None:
    run(odd_read(error), 0.0, 0.0)


def test_a_task_that_an_error_ends_is_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trail_operator.runtime.tasks._MAX_DELAY", 0.01)

    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        reconciles.errors = [KeyError("metadata"), ValueError("what")]
        controller.on_update(body())
        await reconciles.made(3)
        assert reconciles.restarts == 2

    run(scenario)


def test_an_error_that_a_read_ends_with_restarts_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trail_operator.runtime.tasks._MAX_DELAY", 0.01)

    async def scenario(controller: TrailController, reconciles: Reconciles, kubernetes: Kubernetes) -> None:
        kubernetes.error = KeyError("metadata")
        controller.on_update(body())
        await reconciles.made(2)
        assert reconciles.restarts == 1

    run(scenario, 0.0)


def test_a_trail_whose_task_has_ended_is_found_and_restarted(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        controller.on_update(body())
        await settle()
        assert controller.stalled() == []
        (state,) = controller.objects.values()
        task = controller._queue._items[state.uid].task
        assert task is not None
        task.cancel()
        await settle()
        assert controller.stalled() == [state]
        controller.restart_stalled()
        await settle()
        assert (reconciles.seen, reconciles.restarts, controller.stalled()) == ([1, 1], 1, [])
        controller.on_update(body(generation=2, version=2))
        await settle()
        assert reconciles.seen == [1, 1, 2]

    run(scenario)
    assert "unattended" in caplog.text


def test_a_trail_whose_reconcile_hangs_is_found_and_restarted() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        reconciles.leave.clear()
        controller.on_update(body())
        await settle()
        reconciles.now = 1200.0
        assert controller.stalled() == []
        reconciles.now = 1200.1
        (state,) = controller.stalled()
        controller.restart_stalled()
        await settle()
        assert reconciles.seen == [1, 1]
        assert controller.stalled() == []
        assert controller._queue._items[state.uid].running

    run(scenario)


def test_a_reconcile_that_is_two_resyncs_late_is_found() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        controller.on_update(body())
        await settle()
        reconciles.now = NEVER + 1200.0
        assert controller.stalled() == []
        reconciles.now = NEVER + 1200.1
        assert len(controller.stalled()) == 1
        (state,) = controller.objects.values()
        state.body["metadata"]["annotations"] = {"trail-operator.dev/paused": "true"}
        assert controller.stalled() == [], "it is paused"

    run(scenario)


def test_waiting_for_a_rate_limit_is_not_hanging() -> None:
    waiting: list[Wait] = []

    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        reconciles.leave.clear()
        reconciles.begun = lambda: waiting.append(Wait())
        controller.on_update(body())
        await settle()
        reconciles.now = 5000.0
        assert controller.stalled() == []
        waiting[0].end(reconciles.now)
        reconciles.now += 1200.0
        assert controller.stalled() == []
        reconciles.now += 0.1
        assert len(controller.stalled()) == 1

    run(scenario)


def test_trails_may_come_while_a_thread_counts_the_unattended_for_a_scrape() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        controller.on_update(body("first", uid="1"))
        controller.on_update(body("second", uid="2"))
        await settle()
        uids = ["3", "4"]

        def another_comes() -> None:
            if uids:
                uid = uids.pop()
                controller.on_update(body(f"audit-{uid}", uid=uid))

        reconciles.on_clock = another_comes
        assert controller.stalled() == []
        assert len(controller.objects.values()) == 4

    run(scenario)


def test_trails_that_wait_for_their_first_check_are_not_unattended() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        reconciles.leave.clear()
        controller.start(many(100))
        await settle()
        assert controller.stalled() == []
        assert controller._starting
        controller._starting.cancel()
        await settle()
        assert len(controller.stalled()) == 76
        reconciles.leave.set()
        controller.restart_stalled()
        await reconciles.made(100)

    run(scenario)


def test_a_list_shows_what_the_watch_has_missed() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        controller.start([body("gone", uid="1", generation=1), body("changed", uid="2", generation=2)])
        await settle()
        reconciles.now = 10.0
        controller.on_update(body("newer", uid="3", generation=3, version=9))  # created since the list was requested
        listed = [body("changed", uid="2", generation=4, version=5), body("new", uid="4", generation=5, version=6)]
        assert controller.on_list(listed, requested=9.0) is None
        await settle()
        assert sorted(state.key.name for state in controller.objects.values()) == ["changed", "new", "newer"]
        assert reconciles.seen == [1, 2, 3, 4, 5]

    run(scenario)


def test_a_watch_that_misses_what_lists_show_does_not_run() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, _: Kubernetes) -> None:
        controller.start([body("known", uid="1")])
        reconciles.now = 1.0
        controller.on_update(body("known", uid="1"))
        bodies = [body("known", uid="1"), body("new", uid="2")]
        reconciles.now = 10.0
        assert controller.on_list(bodies, requested=10.0) is None, "it may be about to tell of it"
        reconciles.now = 20.0
        assert str(controller.on_list(bodies, requested=20.0)) != "None"
        controller.on_update(body("new", uid="2"))
        assert controller.on_list(bodies, requested=30.0) is None

    run(scenario)


def test_a_trail_that_was_created_again_is_reconciled_if_only_a_read_shows_it() -> None:
    async def scenario(controller: TrailController, reconciles: Reconciles, kubernetes: Kubernetes) -> None:
        kubernetes.objects[Key("default", "audit")] = body(uid="2", generation=7, version=5)
        controller.on_update(body(uid="1", generation=3))
        await settle()
        assert reconciles.seen == [3, 7]
        assert [state.uid for state in controller.objects.values()] == ["2"]

    run(scenario, 0.0)
