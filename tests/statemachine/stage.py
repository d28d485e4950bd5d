"""The stage in one process: the operator's own parts, an AWS and an API server in memory, and a time that jumps."""

import random
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from tests.statemachine.aws import ACCOUNT, Aws
from tests.statemachine.event_bus import EventBus
from tests.statemachine.expectation import OWNER, READS
from tests.statemachine.kubernetes import ApiServer, Manifest, at
from tests.statemachine.operator_life import (
    CLUSTER,
    KubernetesFault,
    KubernetesWire,
    Life,
    make_task,
    no_threads,
    own_clock,
)
from tests.statemachine.record import Record
from tests.statemachine.rest import FORCE, Rest
from tests.statemachine.virtual_time import VirtualLoop
from trail_operator.domain.cloudtrail_resources import ResourceRef
from trail_operator.settings import Settings
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.faults import parse_fault
from trail_sandbox.aws.trails import Trail

RESYNC = 60.0
DEPENDENCY_RESYNC = 50.0
# The longest backoff, the longest resync, and the next resync, in which a Trail finds what the others have done.
_SETTLED = 72.0 + 3 * 72.0
_FURTHER = 3 * 72.0 + 5.0
# Each of its reads may wait for an answer that never comes, and its result for a write that fails.
_SLOWEST_EVALUATION = 200.0
# A pass makes some ten, and as many for the trails around. While deliveries fail, all dependencies are read, for
# the message and for DependenciesReady.
_CALLS_A_PASS = 45


class VirtualStage:
    """A world of its own, with one operator."""

    def __init__(self, seed: int, **settings: Any) -> None:
        """`settings`: of the operator; it may take over any trail, unless they say otherwise."""
        settings = {
            "allowed_adoption": "Always",
            "cluster_name": CLUSTER,
            "dependency_resync": timedelta(seconds=DEPENDENCY_RESYNC),
            **settings,
        }
        self._random = random.Random(seed)
        self.loop = VirtualLoop()
        self.loop.set_task_factory(make_task)
        self._open = ExitStack()
        self._open.enter_context(no_threads())
        self._clock = own_clock(self.loop, self._random.random)
        self.record = Record(self.loop.time)
        self.aws = Aws(self.loop, self._random, self.record.took_effect)
        self.server = ApiServer(lambda: at(self.loop.time()), wrote_status=self.record.wrote_status)
        self.server.watchers.append(self._tell)
        self.record.aws, self.record.server = self.aws, self.server
        if settings.get("event_queue"):
            self.aws.bus = EventBus(self.loop, self._random)
        self.wire = KubernetesWire(self.server, self._random.uniform)
        self._settings = Settings(**{"resync": timedelta(seconds=RESYNC), **settings})
        self.record.oldest_read = self._settings.dependency_resync.total_seconds() + _SLOWEST_EVALUATION
        self._missing = 0
        self._last_told = 0.0
        self.furnish()
        self.life = self._new_life()
        self.start()

    def furnish(self) -> None:
        """Add what a subclass's world has besides, before the operator starts."""

    def close(self) -> None:
        """End everything."""
        self.life.kill()
        self.wait(30.0)  # what is still on the wire arrives
        self.loop.close()
        self._open.close()

    # Trails.

    @property
    def objects(self) -> Mapping[str, Manifest]:
        """All Trails."""
        return self.server.objects

    def create(self, key: str, spec: Manifest) -> None:
        """Create a Trail."""
        self.server.create(key, spec)

    def replace_spec(self, key: str, spec: Manifest) -> None:
        """Put another spec in place of the whole spec."""
        self.server.replace_spec(key, spec)

    def annotate(self, key: str, name: str, value: str | None) -> None:
        """Set an annotation, or take it away."""
        self.server.annotate(key, name, value)

    def delete(self, key: str) -> None:
        """Ask for deletion."""
        self.server.delete(key)

    def put_account(self, name: str, **spec: Any) -> None:
        """Create an AWSAccount of the account, without a role, or put another spec in place of its own."""
        body = self.server.put_account(name, {"accountID": ACCOUNT, **spec})
        self._in_loop(lambda: self.life.account_seen(body))

    def notes(self, reason: str) -> list[str]:
        """The notes of all Events of a reason."""
        return [note for one, note in self.server.events if one == reason]

    # Time, and the operator's life.

    @property
    def time(self) -> float:
        """The time, in seconds."""
        return self.loop.time()

    @property
    def is_dead(self) -> bool:
        """Whether the operator does not run."""
        return self.life.dead

    def wait(self, seconds: float) -> None:
        """Let time pass, and judge what happened in it."""
        self.loop.run_for(seconds)
        self.check()

    def check(self) -> None:
        """Fail with what was not as it must be."""
        assert not self.record.problems, "\n".join(self.record.problems)

    def start(self) -> None:
        """Start the operator."""
        self._in_loop(self.life.start)

    def watch_over(self) -> None:
        """Start the operator's watchdog."""
        self._in_loop(self.life.watch_over)

    def restart(self) -> None:
        """Start another operator in place of the one that has ended."""
        self.life = self._new_life()
        self.start()

    def kill(self, points: int) -> None:
        """kill -9 after so many things more have been sent or answered."""
        self._in_loop(lambda: self.life.kill(points))

    def stop(self) -> None:
        """SIGTERM."""
        self.loop.run_until_complete(self.life.stop())

    @property
    def clusters(self) -> tuple[str, ...]:
        """The names of the operator's cluster, the present one first."""
        return (str(self._settings.cluster_name), *self._settings.former_cluster_names)

    def tell_of_change(self, *resources: ResourceRef) -> None:
        """Tell the operator that calls have changed these resources."""

        def tell() -> None:
            assert self.life.controllers is not None
            for resource in resources:
                self.life.controllers.dependencies.on_change(resource)

        self._in_loop(lambda: self.life.run(tell))

    def rename(self) -> None:
        """Give the cluster another name; the operator, which is started again for it, knows the former ones."""
        self.rename_to(f"renamed-{len(self.clusters)}")

    def rename_to(self, name: str) -> None:
        """Give the cluster a name that it may have had before."""
        former = [one for one in self.clusters if one != name]
        self._settings = self._settings.model_copy(update={"cluster_name": name, "former_cluster_names": former})
        self.stop()
        self.restart()

    # What goes wrong.

    def fault(self, **fault: Any) -> None:
        """A fault of AWS."""
        self.aws.faults.add(parse_fault({"service": "*", **fault}))

    def kubernetes_fault(self, count: int, status: int | None, when: str) -> None:
        """A fault of the API server."""
        self.wire.faults.append(KubernetesFault(count, status, when))

    def miss(self, events: int) -> None:
        """The watch does not tell of so many of the next changes; of new Trails it does."""
        self._missing = events

    def shut(self, what: str) -> None:
        """A bucket or key lets nobody in any more."""
        self.aws.world.shut.add(what)
        self.record.shut_since.setdefault(what, self.time)

    def ignore(self, operation: str) -> None:
        """AWS, or a proxy before it, answers such calls as if they were done."""
        self.aws.ignored.add(operation)

    def stale(self, seconds: float) -> None:
        """AWS answers reads from so long ago."""
        self.aws.settings.stale_reads = seconds
        self.record.stale_by = max(seconds, self.record.stale_by)
        self.record.stale_until = float("inf") if seconds else self.loop.time()

    @property
    def ails(self) -> bool:
        """Whether anything is wrong with AWS, the API server or the watch."""
        settings, world = self.aws.settings, self.aws.world
        return bool(
            self.aws.faults._faults
            or self.aws.ignored
            or world.shut
            or self.wire.faults
            or settings.stale_reads
            or self._missing
        )

    def heal(self) -> None:
        """End all that is wrong."""
        self.aws.faults.clear()
        self.aws.ignored.clear()
        self.aws.world.shut.clear()
        self.record.shut_since.clear()
        self.wire.faults.clear()
        self.stale(0.0)
        self._missing = 0

    # AWS, by hand.

    def by_hand(self, region: str, operation: str, **parameters: Any) -> bool:
        """What somebody else does; whether AWS did it."""
        before = {trail.arn: _owner(trail) for trail in self.aws.trails.all()}
        try:
            self.aws.by_hand(region, operation, **parameters)
        except AwsError:
            return False
        after = {trail.arn: _owner(trail) for trail in self.aws.trails.all()}
        for arn in before.keys() | after.keys():
            if before.get(arn, "absent") != after.get(arn, "absent"):
                self.record.meddled[arn] = self.loop.time()
                self.record.given.add((arn, str(after.get(arn))))
        return True

    # At rest.

    def rest(self) -> Rest:
        """Heal everything, let everything come to rest, and tell what there is."""
        self.heal()
        self.life.spare()
        if self.life.dead:
            self.restart()
        self.wait(0.5)
        for key, body in list(self.server.objects.items()):
            status = body.get("status", {})
            stalled = {one["reason"] for one in status.get("conditions", ()) if one["type"] == "Stalled"}
            # A fault refused the spec permanently: it is sent again when a user requests it. Refusals stay in status
            # while another failure is reported, and the Trail is not Stalled.
            if "InvalidSpec" in stalled or status.get("refusals"):
                self.annotate(key, FORCE, str(self.time))
        self.wait(_SETTLED)
        return self._as_it_stands()

    def further(self) -> tuple[int, int]:
        """Let three more resyncs pass; tell how many writes there were to AWS and to Kubernetes."""
        writes, told, calls = len(self.record.writes), self.server.writes, self.aws.calls
        self.wait(_FURTHER)
        passes = self.passes * (_FURTHER // (0.8 * RESYNC) + 1)
        assert self.aws.calls - calls <= passes * _CALLS_A_PASS, f"{self.aws.calls - calls} calls in {passes} passes"
        return len(self.record.writes) - writes, self.server.writes - told

    @property
    def passes(self) -> int:
        """How many objects are reconciled."""
        return len(self.server.objects)

    def answers(self) -> dict[str, dict[str, Mapping[str, Any]]]:
        """The answers to all reads of all trails."""
        return {trail.arn: self._answers(trail) for trail in self.aws.trails.all()}

    def _as_it_stands(self) -> Rest:
        record = self.record
        return Rest(self.objects, self.answers(), record.key_arn, record.finalize, record.given, self.clusters)

    def _answers(self, trail: Trail) -> dict[str, Mapping[str, Any]]:
        answers: dict[str, Mapping[str, Any]] = {}
        for operation in READS:
            name = "Name" if operation in ("GetTrail", "GetTrailStatus") else "TrailName"
            parameters: dict[str, Any] = {name: trail.arn}
            if operation == "ListTags":
                parameters = {"ResourceIdList": [trail.arn]}
            try:
                answers[operation] = self.aws.by_hand(trail.home_region, operation, **parameters)
            except AwsError as error:
                if error.code != "InsightNotEnabledException":
                    raise
                answers[operation] = {}
        return answers

    def kinds(self) -> object:
        """What kinds of trails there are."""
        return tuple(sorted((trail.arn, _kind(trail)) for trail in self.aws.trails.all()))

    # Within.

    def _new_life(self) -> Life:
        return Life(self.aws, self.server, self.wire, self._settings, self._clock)

    def _tell(self, event: str, body: Manifest) -> None:
        """The watch: in order, after a moment, to whoever watches then."""
        key = f"{body['metadata']['namespace']}/{body['metadata']['name']}"
        if event == "DELETED":
            self.record.finalize[key] = body
        if event == "DELETED" or _observes(body):
            self.record.known_since.pop(key, None)
        if self._missing and event != "ADDED":  # what was never seen, no timer finds
            self._missing -= 1
            self.record.known_since.pop(key, None)
            return
        if event != "DELETED" and not _observes(body):
            self.record.known_since.setdefault(key, self.time)
        self._last_told = max(self._last_told, self.loop.time() + self._random.uniform(0.001, 0.1))
        self.loop.call_at(self._last_told, lambda: self.life.seen(event, body))

    def _in_loop(self, act: Any) -> None:
        async def run() -> None:
            act()

        self.loop.run_until_complete(run())


def _kind(trail: Trail) -> tuple[object, ...]:
    return (
        str(_owner(trail)),
        trail.is_logging,
        trail.is_multi_region_trail,
        bool(trail.kms_key_arn),
        bool(trail.advanced_event_selectors),
        bool(trail.insight_selectors),
        bool(trail.aggregation_configurations),
    )


def _observes(body: Manifest) -> bool:
    spec = body.get("spec")
    return isinstance(spec, dict) and spec.get("managementPolicy") == "Observe"


def _owner(trail: Trail) -> str | None:
    return dict(trail.tags).get(OWNER)
