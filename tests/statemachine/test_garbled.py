"""Answers of AWS that are none, for every operation: no false Ready, no write that is not needed, no fault; it heals.

False Ready is: True after a pass that read, in a whole answer, something that contradicts it; or True for more than
three resyncs after the last whole observation. (`record` judges the first at every write of a status.)
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest

from tests.sampling import is_sampled, sample, seed_of
from tests.statemachine.aws import ACCOUNT, ALICE, ISSUED, REGIONS, ROLE, Call, group_arn, key_arn
from tests.statemachine.expectation import READS, difference, found, wanted
from tests.statemachine.garbling import Case, cases
from tests.statemachine.kubernetes import Manifest
from tests.statemachine.raw import Raw
from tests.statemachine.rest import FORCE, condition_of, is_failing
from tests.statemachine.stage import RESYNC, VirtualStage
from tests.unit.test_metrics import of
from trail_operator.aws.grants import FOR_ALARMS
from trail_operator.aws.operations import OPERATIONS, Internal, Operation, Queue

SPEC: dict[str, Any] = {
    "s3BucketName": "logs-one",
    "isMultiRegionTrail": False,
    "tags": [{"key": "team", "value": "a"}],
}
INSIGHTS = {"insightSelectors": [{"insightType": "ApiCallRateInsight"}]}
OBJECTS = [{"dataResources": [{"type": "AWS::S3::Object", "values": ["arn:aws:s3:::other/"]}]}]
AGGREGATIONS = {
    "eventSelectors": OBJECTS,
    "aggregationConfigurations": [{"eventCategory": "Data", "templates": ["API_ACTIVITY"]}],
}
# What a trail has while the answers to a read of it are garbled: where there are no insights, AWS answers an error.
READ_WITH: dict[str, dict[str, Any]] = {"GetInsightSelectors": INSIGHTS, "GetEventConfiguration": AGGREGATIONS}
# More than three resyncs, of a fifth more each.
SILENCE = 3 * 1.2 * RESYNC + 10.0
# The longest back-off, a resync, and what is looked at once more.
HEALED = 72.0 + 1.2 * RESYNC + 60.0
AT_ONCE = 20
_STEP = 5.0
# Without these nobody knows that a trail of ours is stopped.
NEEDED_TO_START = ("GetTrailStatus", "ListTags")
SECRETS = [ISSUED[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]


def key_of(number: int) -> str:
    return f"team-a/trail-{number:03d}"


def arn_of(number: int) -> str:
    return f"arn:aws:cloudtrail:{REGIONS[0]}:{ACCOUNT}:trail/trail-{number:03d}"


class Garbled:
    """A world in which the answers about each trail are garbled in a way of its own, while they are."""

    def __init__(self, **settings: Any) -> None:
        """`settings`: of the operator."""
        self.stage = VirtualStage(0, **settings)
        self.stage.aws.settings.quotas = False
        self.stage.aws.garble = self._garble
        self.by_arn: dict[str, Case] = {}
        self.sent: dict[str, Raw] = {}
        """How AWS answers each operation."""
        self.is_on = False

    def _garble(self, call: Call, raw: Raw) -> Raw | None:
        if raw.status == 200:
            self.sent.setdefault(call.operation, raw)
        case = self.by_arn.get(call.arn or "") or self.by_arn.get("*")
        if self.is_on and case and (case.service, case.operation) == (call.service, call.operation):
            return case.garble(raw)
        return raw

    def begin(self, by_arn: Mapping[str, Case]) -> None:
        """Garble from now on."""
        self.by_arn, self.is_on = dict(by_arn), True

    def restart(self) -> None:
        """Stop the operator, and start it again."""
        self.stage.stop()
        self.stage.restart()

    def ready(self, number: int) -> tuple[str, str]:
        return self.condition(number, "Ready")

    def condition(self, number: int, kind: str) -> tuple[str, str]:
        return condition_of(self.stage.objects.get(key_of(number), {}), kind) or ("", "")

    def wait_until(self, holds: Callable[[int], bool], count: int, seconds: float) -> set[int]:
        """Let time pass until something holds of all Trails, but no longer than so; of which it does not hold then."""
        for _ in range(int(seconds / _STEP) + 1):
            if not (others := {number for number in range(count) if not holds(number)}):
                break
            self.stage.wait(_STEP)
        return others

    def wait_ready(self, count: int, seconds: float) -> set[int]:
        """The same, until all are Ready."""
        return self.wait_until(lambda number: self.ready(number)[0] == "True", count, seconds)

    def writes(self, number: int, since: int) -> list[Call]:
        return [one for one in self.stage.record.writes[since:] if one.arn == arn_of(number)]

    @property
    def told(self) -> str:
        """All that the operator has written into Kubernetes."""
        server = self.stage.server
        return json.dumps([server.objects, server.accounts, server.events])


class Tally:
    """The cases of a test, and what became of them."""

    def __init__(self, caplog: pytest.LogCaptureFixture, choose: Callable[[Sequence[Case]], Sequence[Case]]) -> None:
        self._caplog = caplog
        self._choose = choose
        self.cases = 0
        self.problems: list[str] = []

    def of(self, made: Sequence[Case]) -> Sequence[Case]:
        """Choose those of the cases that this run has, and count them."""
        chosen = self._choose(made)
        self.cases += len(chosen)
        return chosen

    def expect(self, holds: bool, case: Case, otherwise: str) -> None:
        """Take note of a promise that is broken."""
        if not holds:
            self.problems.append(f"{case}: {otherwise}")

    @contextmanager
    def world(self, **settings: Any) -> Iterator[Garbled]:
        """A world of its own. No fault in the log, and no credential in anything."""
        self._caplog.clear()
        world = Garbled(**settings)
        try:
            yield world
            for where, text in (("the log", self._caplog.text), ("Kubernetes", world.told)):
                self.problems += [f"{secret} is in {where}" for secret in SECRETS if secret in text]
                if "\ud800" in text or r"\ud800" in text:
                    self.problems.append(f"half of a surrogate pair is in {where}")
            records = [record for record in self._caplog.records if record.name.startswith("trail_operator")]
            self.problems += [record.getMessage() for record in records if record.levelno >= logging.ERROR]
        finally:
            world.is_on = False
            world.stage.close()


@pytest.fixture
def tally(
    pytestconfig: pytest.Config, caplog: pytest.LogCaptureFixture, record_property: Callable[[str, object], None]
) -> Iterator[Tally]:
    caplog.set_level(logging.INFO, "trail_operator")

    def choose(made: Sequence[Case]) -> Sequence[Case]:
        if not is_sampled(pytestconfig):
            return made
        return sample(made, lambda case: (case.operation, case.kind or case.name), seed_of(pytestconfig))

    result = Tally(caplog, choose)
    begun = time.process_time()
    yield result
    figures = result.cases, time.process_time() - begun, len(result.problems)
    record_property("cases", ("answers of AWS that are none, in virtual time", *figures))
    assert not result.problems, "\n".join(result.problems)


@cache
def samples() -> dict[str, Raw]:
    """How AWS answers each operation, as seen of one Trail that has everything."""
    world = Garbled()
    stage = world.stage
    try:
        stage.create(key_of(0), SPEC | {"isLogging": False})
        stage.wait(30.0)
        everything = {
            "s3KeyPrefix": "new",
            "tags": [{"key": "new"}],
            **INSIGHTS,
            **AGGREGATIONS,
            "snsTopicName": "one",
            "kmsKeyID": "alias/logs",
        }
        stage.replace_spec(key_of(0), SPEC | everything)
        stage.wait(60.0)
        stage.replace_spec(key_of(0), SPEC | {"isLogging": False})
        stage.wait(60.0)
        stage.delete(key_of(0))
        stage.wait(60.0)
        for number, (operation, more) in enumerate(READ_WITH.items(), 1):
            stage.create(key_of(number), SPEC | more)
            stage.wait(20.0)
            world.sent.pop(operation, None)
            stage.wait(1.2 * RESYNC)
    finally:
        stage.close()
    return world.sent


def batches(made: Sequence[Case]) -> Iterator[Sequence[Case]]:
    for first in range(0, len(made), AT_ONCE):
        yield made[first : first + AT_ONCE]


# What is read of a trail.


@pytest.mark.parametrize("operation", READS)
def test_reads(tally: Tally, operation: str) -> None:
    for batch in batches(tally.of(cases("cloudtrail", operation, samples()[operation]))):
        with tally.world() as world:
            _read(tally, world, batch, SPEC | READ_WITH.get(operation, {}))


def _read(tally: Tally, world: Garbled, batch: Sequence[Case], spec: dict[str, Any]) -> None:
    stage = world.stage
    for number in range(len(batch)):
        stage.create(key_of(number), spec)
    assert not world.wait_ready(len(batch), 90.0)
    world.begin({arn_of(number): case for number, case in enumerate(batch)})
    stage.wait(_STEP)  # what was answered before has been used
    since = len(stage.record.writes)
    for number, case in enumerate(batch):
        if case.is_none:
            stage.by_hand(REGIONS[0], "StopLogging", Name=arn_of(number))
    stage.wait(SILENCE)
    for number, case in enumerate(batch):
        if case.is_none:
            starts = case.operation not in NEEDED_TO_START
            written = {one.operation for one in world.writes(number, since)}
            tally.expect(written == ({"StartLogging"} if starts else set()), case, f"{written} was written")
            tally.expect(world.ready(number)[0] != "True", case, "a false Ready")
            if case.operation != "GetTrailStatus":
                tally.expect(world.condition(number, "Logging")[0] == str(starts), case, "a false Logging")
        else:
            _judge(tally, world, number, case, since, spec)
    world.is_on = False

    def has_healed(number: int) -> bool:
        trail = stage.aws.trails.get(arn_of(number))
        return world.ready(number) == ("True", "Recording") and trail is not None and trail.is_logging

    for number in world.wait_until(has_healed, len(batch), HEALED):
        tally.expect(False, batch[number], "does not heal")


def _judge(tally: Tally, world: Garbled, number: int, case: Case, since: int, spec: dict[str, Any]) -> None:
    """An answer that is one, though another: what it says counts, be it a reason to write or not."""
    seen: dict[str, Mapping[str, Any]] = {}
    for call in world.stage.aws.last.get(arn_of(number), {}).values():
        seen[call.operation] = {} if call.error == "InsightNotEnabledException" else call.answer or {}
    want, form = wanted(spec, f"test/{key_of(number)}", REGIONS[0], ACCOUNT, lambda *_: None), found(seen)
    if difference(want, form) or is_failing(seen["GetTrailStatus"], form):
        tally.expect(world.ready(number)[0] != "True", case, "a false Ready")
    else:
        tally.expect(world.ready(number)[0] == "True", case, "whole, and no reason not to be Ready")
        tally.expect(not world.writes(number, since), case, "written, though nothing differs")


# Writes: each is needed by a change of the spec; its answer is garbled whether it took effect or not.

CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "UpdateTrail": (SPEC, SPEC | {"s3KeyPrefix": "new"}),
    "PutEventSelectors": (SPEC, SPEC | {"eventSelectors": [{"readWriteType": "WriteOnly"}]}),
    "PutInsightSelectors": (SPEC, SPEC | INSIGHTS),
    "PutEventConfiguration": (SPEC | {"eventSelectors": OBJECTS}, SPEC | AGGREGATIONS),
    "AddTags": (SPEC, SPEC | {"tags": [*SPEC["tags"], {"key": "new"}]}),
    "RemoveTags": (SPEC, SPEC | {"tags": []}),
    "StartLogging": (SPEC | {"isLogging": False}, SPEC),
    "StopLogging": (SPEC, SPEC | {"isLogging": False}),
    "CreateTrail": ({}, SPEC),
    "DeleteTrail": (SPEC, {}),
}


@pytest.mark.parametrize("operation", CHANGES)
def test_writes(tally: Tally, operation: str) -> None:
    made = cases("cloudtrail", operation, samples()[operation])
    lost = [case for case in made if not case.needs_answer]
    for took_effect, some in ((True, made), (False, lost)):
        for batch in batches(tally.of(some)):
            with tally.world() as world:
                _write(tally, world, operation, batch, took_effect)


def _write(tally: Tally, world: Garbled, operation: str, batch: Sequence[Case], took_effect: bool) -> None:
    stage = world.stage
    before, after = CHANGES[operation]
    if before:
        for number in range(len(batch)):
            stage.create(key_of(number), before)
        assert not world.wait_ready(len(batch), 90.0)
    stage.aws.swallows = lambda call: world.is_on and call.operation == operation and not took_effect
    world.begin({arn_of(number): case for number, case in enumerate(batch)})
    since = len(stage.record.writes)
    for number in range(len(batch)):
        if not before:
            stage.create(key_of(number), after)
        elif after:
            stage.replace_spec(key_of(number), after)
        else:
            stage.delete(key_of(number))
    stage.wait(60.0)
    arns = {trail.arn for trail in stage.aws.trails.all()}
    for number, case in enumerate(batch):
        body = stage.objects.get(key_of(number))
        tally.expect(body is not None or arn_of(number) not in arns, case, "released, though the trail is there")
        done = [one for one in world.writes(number, since) if one.operation == operation]
        tally.expect(len(done) <= took_effect, case, "written again")
        is_told = body is not None and _observed(body) == body["metadata"]["generation"]
        if is_told and not took_effect and operation != "DeleteTrail":
            tally.expect(world.ready(number)[0] != "True", case, "a false Ready")
    world.is_on = False

    def has_healed(number: int) -> bool:
        return world.ready(number)[0] == "True" if after else key_of(number) not in stage.objects

    for number in world.wait_until(has_healed, len(batch), HEALED):
        tally.expect(False, batch[number], "does not heal")
    assert len(stage.aws.trails.all()) == (len(batch) if after else 0)


def _observed(body: Manifest) -> object:
    return body.get("status", {}).get("observedGeneration")


# What is asked about an account, and who the operator is.

IDENTITIES = {"GetCallerIdentity": ("own", {}), "AssumeRole": ("role", {"accountRef": {"name": "team"}})}
IDENTITIES["AssumeRoleWithWebIdentity"] = ("web identity", {})
AROUND = ("ListTrails", "DescribeTrails")


@pytest.mark.parametrize("operation", IDENTITIES)
def test_who_the_operator_is(tally: Tally, operation: str) -> None:
    kind, reference = IDENTITIES[operation]
    with tally.world() as world:
        stage = world.stage
        stage.aws.has_web_identity = kind == "web identity"
        world.restart()
        stage.put_account(
            "team",
            roleARN=f"arn:aws:iam::{ACCOUNT}:role/operator",
            allowedNamespaces={"names": ["team-a"]},
            allowedAdoption="Always",
        )
        stage.create(key_of(0), SPEC | reference)
        stage.wait(30.0)
        assert world.ready(0) == ("True", "Recording")
        for case in tally.of(cases("sts", operation, world.sent[operation])):
            world.begin({"*": case})
            world.restart()
            since = len(stage.record.writes)
            stage.by_hand(REGIONS[0], "StopLogging", Name=arn_of(0))
            stage.wait(SILENCE)
            if case.is_none:
                tally.expect(not stage.record.writes[since:], case, "written by nobody known")
                tally.expect(world.ready(0)[0] != "True", case, "a false Ready")
            world.is_on = False
            tally.expect(not world.wait_ready(1, HEALED), case, "does not heal")
            assert all(trail.is_logging for trail in stage.aws.trails.all())


def test_where_else_there_are_trails(tally: Tally) -> None:
    with tally.world() as world:
        stage = world.stage
        stage.create(key_of(0), SPEC)
        stage.wait(30.0)
        for case in tally.of(cases("cloudtrail", "ListTrails", world.sent["ListTrails"])):
            world.begin({"*": case})
            stage.create(key_of(1), SPEC)
            stage.wait(10.0)
            if case.is_none:
                is_made = len(stage.aws.trails.all()) > 1
                tally.expect(not is_made, case, "made, though there may be one elsewhere")
            world.is_on = False
            tally.expect(not world.wait_ready(2, HEALED), case, "does not heal")
            stage.delete(key_of(1))
            stage.wait(30.0)


def test_which_trails_are_around(tally: Tally) -> None:
    with tally.world() as world:
        stage = world.stage
        stage.create(key_of(0), SPEC)
        stage.wait(30.0)
        since = len(stage.record.writes)
        for case in tally.of(cases("cloudtrail", "DescribeTrails", world.sent["DescribeTrails"])):
            world.begin({"*": case})
            stage.wait(1.2 * RESYNC + 5.0)
            tally.expect(world.ready(0) == ("True", "Recording"), case, "others' trails count")
        tally.problems += [f"{one.operation} is written for others' trails" for one in stage.record.writes[since:]]


def test_who_changed_a_trail(tally: Tally) -> None:
    with tally.world() as world:
        stage = world.stage
        stage.create(key_of(0), SPEC)
        stage.wait(30.0)

        def named_after(value: str) -> str:
            tags = [{"Key": "team", "Value": value}]
            stage.by_hand(REGIONS[0], "AddTags", ResourceId=arn_of(0), TagsList=tags)
            stage.wait(1.2 * RESYNC + 70.0)
            last = stage.objects[key_of(0)]["status"]["lastDrift"]
            assert last["paths"] == ["tags[team]"]
            return str(last.get("changedBy", {}).get("principal", ""))

        assert named_after("before") == ALICE.arn
        for number, case in enumerate(tally.of(cases("cloudtrail", "LookupEvents", world.sent["LookupEvents"]))):
            world.begin({"*": case})
            name = named_after(str(number))
            tally.expect(world.ready(0) == ("True", "Recording"), case, "what only names somebody counts")
            tally.expect(name in ("", ALICE.arn), case, "somebody else is named")
            tally.expect(not (name and case.is_none), case, "taken for an answer")
        world.is_on = False
        assert named_after("after") == ALICE.arn


# The event queue.

QUEUE = tuple(operation.name for operation in Queue)
# In the time that an answer is garbled: of the first three failures a pause each, and of further ones a longer one.
_LONG, _MOST_POLLS = 100.0, 15


@pytest.mark.parametrize("operation", QUEUE)
def test_what_the_event_queue_answers(tally: Tally, operation: str) -> None:
    with tally.world(event_queue="events") as world:
        stage = world.stage
        stage.create(key_of(0), SPEC)
        stage.wait(60.0)
        assert world.ready(0) == ("True", "Recording")
        for case in tally.of(cases("sqs", operation, world.sent[operation])):
            _consume(tally, world, case)


def _consume(tally: Tally, world: Garbled, case: Case) -> None:
    """A resync has to do what the queue does not, and the queue works again when its answers do."""
    stage, bus = world.stage, world.stage.aws.bus
    assert bus is not None
    world.begin({"*": case})
    world.restart()  # the URL is asked for once
    asked, since = stage.aws.asked[case.operation], len(stage.record.writes)
    stage.by_hand(REGIONS[0], "StopLogging", Name=arn_of(0))
    states = set()
    for _ in range(int(_LONG / _STEP)):
        stage.wait(_STEP)
        states.add(of(stage.life.metrics, "event_queue_up"))
    written = [one.operation for one in stage.record.writes[since:]]
    tally.expect(written == ["StartLogging"], case, f"{written} was written")
    tally.expect(world.ready(0) == ("True", "Recording"), case, "not even the resync works")
    tally.expect(0.0 in states or not case.is_none, case, "taken for an answer")
    tally.expect(stage.aws.asked[case.operation] - asked <= _MOST_POLLS, case, "asked again without a pause")
    world.is_on = False

    def has_healed(_: int) -> bool:
        return of(stage.life.metrics, "event_queue_up") == 1 and bus.is_empty

    tally.expect(not world.wait_until(has_healed, 1, HEALED), case, "does not heal")
    since = len(stage.record.writes)
    stage.by_hand(REGIONS[0], "StopLogging", Name=arn_of(0))
    stage.wait(3.0)
    written = [one.operation for one in stage.record.writes[since:]]
    tally.expect(written == ["StartLogging"], case, "no event arrives any more")
    stage.wait(20.0)


# What is behind a refusal.

LOGGED = {"cloudWatchLogsLogGroupARN": f"{group_arn('one', REGIONS[0])}:*", "cloudWatchLogsRoleARN": ROLE}
REFUSALS: dict[str, tuple[dict[str, Any], dict[str, tuple[str, ...]]]] = {
    "InsufficientS3BucketPolicyException": (
        {},
        {
            "s3": ("GetBucketPolicy", "GetBucketLocation", "GetBucketEncryption", "GetBucketRequestPayment"),
            "organizations": ("DescribeOrganization",),
        },
    ),
    "KmsException": (
        {"kmsKeyID": key_arn(0)},
        {"s3": ("GetBucketLocation", "GetBucketEncryption"), "kms": ("DescribeKey", "GetKeyPolicy")},
    ),
    "InsufficientSnsTopicPolicyException": ({"snsTopicName": "one"}, {"sns": ("GetTopicAttributes",)}),
    "InvalidCloudWatchLogsLogGroupArnException": (
        LOGGED,
        {
            "logs": ("DescribeLogGroups",),
            "iam": (
                *("GetRole", "ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies"),
                *("GetPolicy", "GetPolicyVersion"),
            ),
        },
    ),
}
# Which are asked only for what policies depend on.
_DEPENDING = {"StringEquals": {"aws:SourceOrgID": "o-exampleorgid", "aws:RequestedRegion": REGIONS[0]}}
BUCKET_POLICY = json.dumps(
    {
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
            {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": _DEPENDING},
        ]
    }
)


@pytest.mark.parametrize("error", REFUSALS)
def test_what_is_behind_a_refusal(tally: Tally, error: str) -> None:
    more, operations = REFUSALS[error]
    with tally.world() as world:
        stage = world.stage
        stage.aws.world.bucket_policy = BUCKET_POLICY
        stage.create(key_of(0), SPEC | more)
        stage.wait(30.0)
        assert world.ready(0) == ("True", "Recording")
        stage.fault(operation="UpdateTrail", error=error)
        stage.replace_spec(key_of(0), SPEC | more | {"s3KeyPrefix": "new"})
        stage.wait(30.0)
        assert world.ready(0)[0] == "False"
        for service, operation in ((service, one) for service, some in operations.items() for one in some):
            for case in tally.of(cases(service, operation, world.sent[operation])):
                world.begin({"*": case})
                if operation == "DescribeOrganization":
                    world.restart()  # it is asked once
                stage.annotate(key_of(0), FORCE, str(case))
                stage.wait(40.0 if case.name == "drips" else 5.0)
                world.is_on = False
                status = json.dumps(stage.objects[key_of(0)]["status"])
                tally.expect(world.ready(0)[0] == "False", case, "a false Ready")
                tally.expect("log in" not in status, case, "what no answer is was told")
                is_unknown = "The cause is not known" in status
                tally.expect(is_unknown or not case.is_none, case, "taken for an answer")
        stage.heal()
        stage.wait(HEALED)
        assert world.ready(0) == ("True", "Recording"), "does not heal"


def _is_of_alarms_alone(operation: Operation) -> bool:
    return bool(operation.permissions) and {one.grant for one in operation.permissions} <= {*FOR_ALARMS}


def test_every_operation_is_garbled() -> None:
    behind = {operation for _, all_of in REFUSALS.values() for some in all_of.values() for operation in some}
    called = {operation.name for operation in OPERATIONS if operation is not Internal.HeadBucket}  # it has no body
    called -= {operation.name for operation in OPERATIONS if _is_of_alarms_alone(operation)}
    assert {*READS, *CHANGES, *IDENTITIES, *AROUND, *QUEUE, "LookupEvents"} | behind == called
