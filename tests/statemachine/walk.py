"""The walk in one process: on a virtual stage more can happen, and more can be seen."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.statemachine.event_bus import event
from tests.statemachine.expectation import found
from tests.statemachine.machine import ARNS, MOMENTS, Walk
from tests.statemachine.rest import PAUSED, Rest
from tests.statemachine.stage import VirtualStage


class Machine(Walk):
    """The walk."""

    stage: VirtualStage

    def make_stage(self, seed: int) -> VirtualStage:
        return VirtualStage(seed, drift_attribution="None")  # what is learned minutes later is no rest

    @rule(
        arn=ARNS,
        where=st.sampled_from(["delivery", "digest_delivery", "notification", "cloudwatch_logs_delivery"]),
        error=st.sampled_from([None, "AccessDenied"]),
        moment=MOMENTS,
    )
    def fail_delivery(self, arn: str, where: str, error: str | None, moment: float) -> None:
        """AWS can't deliver, or can again."""
        trail = self.stage.aws.trails.get(arn)
        if trail is not None:
            setattr(trail.delivery(trail.home_region), f"latest_{where}_error", error)
        self._pass("fail_delivery", moment)

    @rule(number=st.integers(0, 1), moment=MOMENTS)
    def point_alias(self, number: int, moment: float) -> None:
        """The alias of a key is made to mean a key."""
        self.stage.aws.world.aliased = number
        self._pass("point_alias", moment)

    @rule(
        count=st.integers(1, 4),
        status=st.sampled_from([409, 429, 500, None]),
        when=st.sampled_from(["before", "after"]),
        moment=MOMENTS,
    )
    def fail_kubernetes(self, count: int, status: int | None, when: str, moment: float) -> None:
        """The API server answers errors, or not at all."""
        self.stage.kubernetes_fault(count, status, when)
        self._pass("fail_kubernetes", moment)

    @rule(events=st.integers(1, 5), moment=MOMENTS)
    def miss_events(self, events: int, moment: float) -> None:
        """The watch misses some changes."""
        self.stage.miss(events)
        self._pass("miss_events", moment)

    @rule(moment=MOMENTS)
    @precondition(lambda self: not self.stage.is_dead)
    def rename(self, moment: float) -> None:
        """The cluster gets another name."""
        self.stage.rename()
        self._pass("rename", moment)

    def _compare(self, rest: Rest) -> None:
        """The way does not matter: reaching the same specs from nothing gives the same trails and status."""
        objects = sorted(self.stage.objects.items(), key=lambda item: str(item[1]["metadata"]["uid"]))
        is_paused = any(PAUSED in body["metadata"].get("annotations", {}) for _, body in objects)
        if not objects or is_paused or not rest.in_quiet() or self._delivery_fails():
            return
        straight = VirtualStage(0, cluster_name=self.stage.clusters[0], drift_attribution="None")
        try:
            straight.aws.world.aliased = self.stage.aws.world.aliased
            for key, body in objects:
                straight.create(key, body["spec"])
            straight.rest()
            there, here = _shown(straight), _shown(self.stage)
        finally:
            straight.close()
        unlike = {what: (here.get(what), there.get(what)) for what in here if here[what] != there.get(what)}
        assert here == there, f"by the way gone and by the straight way: {unlike}"

    def _delivery_fails(self) -> bool:
        deliveries = (trail.delivery(trail.home_region) for trail in self.stage.aws.trails.all())
        return any(value for delivery in deliveries for value in vars(delivery).values())


def _shown(stage: VirtualStage) -> dict[str, Any]:
    """All trails and all statuses, but for times and generations, and the last drift, which is of the way."""
    trails = {arn: found(answers) for arn, answers in stage.answers().items()}
    statuses = {}
    for key, body in stage.objects.items():
        unlike = ("observedGeneration", "lastDrift")
        status = {name: value for name, value in body["status"].items() if name not in unlike}
        status["conditions"] = [
            {name: one[name] for name in ("type", "status", "reason", "message")} for one in status["conditions"]
        ]
        statuses[key] = status
    return trails | statuses


class EventMachine(Machine):
    """The walk with an event queue, whose messages are lost, doubled, late, in any order, and forged."""

    def make_stage(self, seed: int) -> VirtualStage:
        stage = VirtualStage(seed, event_queue="events")
        assert stage.aws.bus is not None
        stage.aws.bus.lost, stage.aws.bus.doubled, stage.aws.bus.slowest = 0.2, 0.3, 20.0
        return stage

    @rule(
        arn=ARNS, operation=st.sampled_from(["StopLogging", "DeleteTrail"]), age=st.integers(-600, 600), moment=MOMENTS
    )
    def forge(self, arn: str, operation: str, age: int, moment: float) -> None:
        """Somebody sends an event of a call that nobody made."""
        assert self.stage.aws.bus is not None
        region = arn.split(":")[3]
        self.stage.aws.bus.put(event(self.stage.time - age, region, operation, {"Name": arn}))
        self._pass("forge", moment)

    @rule(body=st.text(max_size=100) | st.sampled_from(["{}", "[" * 5000, '{"detail": {}}']), moment=MOMENTS)
    def send_garbage(self, body: str, moment: float) -> None:
        """Somebody sends what is no event."""
        assert self.stage.aws.bus is not None
        self.stage.aws.bus.put(body)
        self._pass("send_garbage", moment)
