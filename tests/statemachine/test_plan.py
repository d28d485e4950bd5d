"""What `trail-operator plan` says before a change is what the operator then does: pairs of states, in virtual time."""

import copy
import json
import os
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.sampling import is_sampled
from tests.statemachine.aws import ACCOUNT, Call, Session, is_write, key_arn
from tests.statemachine.expectation import OWNER
from tests.statemachine.kubernetes import Manifest
from tests.statemachine.operator_life import CLUSTER
from tests.statemachine.rest import PAUSED
from tests.statemachine.specs import CHOICES, RECORDINGS, TRAILS, sent, spec_of
from tests.statemachine.stage import RESYNC, VirtualStage
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.domain.object_plan import Outcome
from trail_operator.domain.trail_plan import TrailPlan
from trail_operator.inventory.account_client import AccountClients
from trail_operator.metrics import Metrics
from trail_operator.preview import manifests as manifest_files
from trail_operator.preview.cluster_objects import ClusterObjects
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.preview.plan_all import plan_all
from trail_operator.preview.plan_output import rendered
from trail_operator.preview.plan_report import PlanReport
from trail_operator.settings import Settings, published_texts, read_published

# Longer than the consistency window and every retry that a healthy AWS causes.
_SETTLED = 40.0
_RESYNC = 1.2 * RESYNC + 10.0
_PAIRS_A_STAGE = 10
_PARTS = 4


class Planner:
    """The command in the same world as the operator, without its process."""

    def __init__(self, stage: VirtualStage) -> None:
        self.stage = stage
        self.calls: list[Call] = []
        published = published_texts(stage._settings, region=Session.default_region)  # as the leader does
        self.settings = OperatorSettings.resolve(Settings(), read_published(published))
        assert not self.settings.unknown

    def plan(self, key: str, spec: Manifest) -> TrailPlan:
        """The plan of a manifest that is not applied yet."""
        namespace, _, name = key.partition("/")
        body = {"kind": "Trail", "metadata": {"namespace": namespace, "name": name}, "spec": spec}
        return self._plan((manifest_files.Manifest("test", body),), dict(self.stage.objects))[0]

    def plan_deletion(self, key: str) -> TrailPlan:
        """The plan of a Trail once its deletion was requested."""
        body = copy.deepcopy(self.stage.objects[key])
        body["metadata"]["deletionTimestamp"] = body["metadata"]["creationTimestamp"]
        (found,) = (one for one in self._plan((), {**self.stage.objects, key: body}) if _key(one) == key)
        return found

    def _plan(self, manifests: tuple[manifest_files.Manifest, ...], objects: dict[str, Manifest]) -> list[TrailPlan]:
        stage, metrics = self.stage, Metrics()
        pool: Any = Session(stage.aws, self._send)
        clients = AccountClients(pool, CLUSTER, AdoptionPolicy.ALWAYS, stage._clock, metrics)
        cluster = ClusterObjects(objects, {}, {})
        given = manifest_files.Manifests(manifests, ())
        plans = stage.loop.run_until_complete(plan_all(given, cluster, self.settings, clients, stage._clock))
        return list(plans.trails)

    async def _send(
        self, service: str, region: str, operation: str, parameters: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        assert not is_write(operation) or operation == "AssumeRole", f"{operation} by a command that writes nothing"
        call = Call(service, region, operation, parameters, self.stage.time, None)
        self.calls.append(call)
        return await self.stage.aws.request(call, lambda: None)


def _key(plan: TrailPlan) -> str:
    return f"{plan.namespace}/{plan.name}"


class Pairs:
    """Goes from state to state at random, and compares each plan with what follows."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.stage = VirtualStage(seed, default_deletion_policy=self.random.choice(["Delete", "Retain"]))
        self.planner = Planner(self.stage)
        self.chosen: dict[str, dict[str, int]] = {}
        self.outcomes: list[str] = []

    def pair(self) -> None:
        """Let things happen in AWS, then change one Trail."""
        key = self.random.choice([*sorted(TRAILS), *["team-a/beta"] * 4])  # in nobody's way
        self.pause(key, self.random.random() < 0.1)
        for _ in range(self.random.choice([0, 0, 1, 3])):
            self.meddle()
        if key in self.stage.objects and self.random.random() < 0.15:
            plan = self.in_quiet(lambda: self.planner.plan_deletion(key))
            self.compare(key, plan, lambda: self.stage.delete(key))
            if key not in self.stage.objects:
                self.chosen.pop(key, None)
            return
        changes = self.chosen.setdefault(key, {"adoptionPolicy": self.random.randrange(4)})
        for _ in range(self.random.choice([0, 1, 2, 6])):
            changes[self.random.choice(sorted(CHOICES[key]))] = self.random.randrange(100)
        spec = spec_of(key, changes.items())
        apply = self.stage.replace_spec if key in self.stage.objects else self.stage.create
        self.compare(key, self.in_quiet(lambda: self.planner.plan(key, spec)), lambda: apply(key, spec))

    def pause(self, key: str, paused: bool) -> None:
        """Pause a Trail, or have it continue: then it may be deleted."""
        body = self.stage.objects.get(key)
        if body and (PAUSED in body["metadata"].get("annotations", {})) is not paused:
            self.stage.annotate(key, PAUSED, "true" if paused else None)
            self.stage.wait(_SETTLED)

    def in_quiet(self, plan: Callable[[], TrailPlan]) -> TrailPlan:
        """Return a plan that was made while the operator did nothing: it may correct drift at any moment."""
        while True:
            self.stage.wait(1.0)
            before = self.stage.aws.calls - len(self.planner.calls)
            found = plan()
            if self.stage.aws.calls - len(self.planner.calls) == before:
                return found

    def compare(self, key: str, plan: TrailPlan, change: Callable[[], None]) -> None:
        """Make the change, and compare what the operator writes for this Trail with the plan."""
        before, version = len(self.stage.record.writes), self._version(key)
        change()
        # What changes nothing causes no reconcile: the next resync does.
        self.stage.wait(_SETTLED if self._version(key) != version else _RESYNC)
        made = [
            (call.operation, call.parameters)
            for call in self.stage.record.writes[before:]
            if getattr(call.by, "key", "") == key
        ]
        shown = json.loads(rendered(PlanReport((plan,), self.planner.settings), "json", colour=False))["trails"][0]
        planned = [(call["operation"], call["parameters"]) for call in shown["calls"]]
        if self._was_taken(key, plan.trail_name, before):
            return  # a plan is of one moment: another Trail created a trail of this name before the resync
        body = self.stage.objects.get(key, {})
        assert made == planned, (
            f"{key}: planned {plan.outcome} ({plan.reason} {plan.message})\n{planned}\nmade\n{made}\n"
            f"spec {body.get('spec')}\nstatus {body.get('status')}"
        )
        assert plan.outcome is not Outcome.UNKNOWN, plan
        assert bool(plan.actions) <= (plan.outcome is not Outcome.NOTHING), plan
        self.outcomes.append(str(plan.outcome))

    def _was_taken(self, key: str, name: str, since: int) -> bool:
        """Whether another Trail has created a trail of this name."""
        return any(
            call.operation == "CreateTrail" and call.parameters["Name"] == name and getattr(call.by, "key", key) != key
            for call in self.stage.record.writes[since:]
        )

    def _version(self, key: str) -> object:
        body = self.stage.objects.get(key)
        return body and (body["metadata"]["uid"], body["metadata"]["generation"])

    def meddle(self) -> None:
        """What others do in AWS. The operator does not see it before the next resync."""
        arn = self.random.choice(
            [
                f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/alpha",
                f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/alpha",
                f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/beta",
            ]
        )
        match self.random.choice([0, 0, 1, 1, 2, 2, 3, 3, 4, 5]):
            case 0:
                self._by_hand(arn, self.random.choice(["StopLogging", "StartLogging", "DeleteTrail"]), Name=arn)
            case 1:
                changes = {"S3KeyPrefix": "by-hand", "KmsKeyId": key_arn(1), "EnableLogFileValidation": False}
                name = self.random.choice(sorted(changes))
                self._by_hand(arn, "UpdateTrail", Name=arn, **{name: changes[name]})
            case 2:
                for operation, parameters in sent(self.random.choice(RECORDINGS)):
                    self._by_hand(arn, operation, TrailName=arn, **parameters)
            case 3:
                tags = [{"Key": self.random.choice(["env", "extra"]), "Value": "z"}]
                self._by_hand(arn, "AddTags", ResourceId=arn, TagsList=tags)
            case 4:
                owner = self.random.choice([None, "elsewhere/team/trail", f"{CLUSTER}/team-a/alpha"])
                self._by_hand(arn, "RemoveTags", ResourceId=arn, TagsList=[{"Key": OWNER}])
                if owner:
                    self._by_hand(arn, "AddTags", ResourceId=arn, TagsList=[{"Key": OWNER, "Value": owner}])
            case 5:
                tags = [{"Key": OWNER, "Value": "elsewhere/team/trail"}] if self.random.random() < 0.5 else []
                name = arn.partition(":trail/")[2]
                self._by_hand(arn, "CreateTrail", Name=name, S3BucketName="logs-two", TagsList=tags)

    def _by_hand(self, arn: str, operation: str, **parameters: Any) -> None:
        self.stage.by_hand(arn.split(":")[3], operation, **parameters)


@pytest.mark.parametrize("part", range(_PARTS))
def test_writes_after_a_change_are_those_of_the_plan(
    part: int, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    pairs = int(os.environ.get("PAIRS") or (160 if is_sampled(request.config) else 1000)) // _PARTS
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32)) + part * 10_000
    print(f"\nto do this run again: SEED={seed} PAIRS={pairs * _PARTS} pytest {__file__} -k '[0]'")
    outcomes: list[str] = []
    for number in range(-(-pairs // _PAIRS_A_STAGE)):
        walk = Pairs(seed + number)
        try:
            for _ in range(_PAIRS_A_STAGE):
                walk.pair()
        finally:
            outcomes += walk.outcomes
            walk.stage.close()
    counts = {one: outcomes.count(one) for one in map(str, sorted(set(outcomes)))}
    record_property("figures", f"{len(outcomes)} pairs: {counts}; SEED={seed}")
    assert pairs < 40 or counts.keys() >= {"create", "update", "none", "blocked"}, counts


@pytest.mark.parametrize(
    "odd",
    [
        {"s3BucketName": 5},
        {"name": ["alpha"]},
        {"accountRef": "prod"},
        {"accountRef": {"name": {}}},
        {"tags": {"a": 1}},
        {"region": 7},
        {"region": "xx-evil-1"},
        {"kmsKeyID": "arn:aws:kms:xx-evil-1:1:key/x"},
        {"adoptionPolicy": "Sometimes"},
        {"deletionPolicy": []},
        {"managementPolicy": "Observe", "s3BucketName": None},
        {"eventSelectors": [{"dataResources": "all"}]},
    ],
    ids=str,
)
def test_odd_specs_are_blocked(odd: Manifest, stage: VirtualStage) -> None:
    plan = Planner(stage).plan("team-a/alpha", {"s3BucketName": "logs-one", **odd})
    assert (plan.outcome, plan.reason, plan.actions) == (Outcome.BLOCKED, "InvalidSpec", ())


def test_a_thousand_trails_are_planned(stage: VirtualStage) -> None:
    names = [f"trail-{number}" for number in range(1000)]
    bodies = [
        {"kind": "Trail", "metadata": {"namespace": "team-a", "name": name}, "spec": {"s3BucketName": "logs-one"}}
        for name in names
    ]
    planner = Planner(stage)
    plans = planner._plan(tuple(manifest_files.Manifest("test", body) for body in bodies), {})
    assert [plan.name for plan in plans] == names
    assert {plan.outcome for plan in plans} == {Outcome.CREATE}
    report = PlanReport(tuple(plans), planner.settings)
    assert json.loads(rendered(report, "json", colour=False))["summary"]["create"] == 1000
    assert rendered(report, "text", colour=False).splitlines()[-1].startswith("Plan: 1000 to create, 0 to update")
    assert len(rendered(report, "markdown", colour=False)) <= 65_000
