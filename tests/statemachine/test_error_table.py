"""Every error of every operation: what the Trail says, how often AWS is asked in the next minute, and that it heals."""

import copy
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest

from tests.statemachine.aws import ACCOUNT, ALIAS, REGIONS, ROLE, Call, group_arn
from tests.statemachine.error_table import BACKGROUND, OTHERS, READS, WRITES, Entry, Met, entries
from tests.statemachine.kubernetes import Manifest
from tests.statemachine.rest import FORCE
from tests.statemachine.stage import RESYNC, VirtualStage
from trail_operator.aws.operations import Operation, Read, Write
from trail_sandbox.aws import organizations

KEY = "team-a/alpha"
MINUTE = 60.0
# The longest wait between two tries, of any class, or the longest time between two resyncs; and a moment.
HEALED = 72.0 + 3.0
# How often a call that fails is made within a minute: at least, at most.
TRIES = {
    Met.PASSING: (4, 8),
    Met.BUSY: (2, 3),
    Met.WAITING: (2, 5),
    Met.DENIED: (3, 5),
    Met.REFUSED: (1, 1),
    Met.ELSEWHERE: (1, 3),
    Met.NOTHING: (1, 3),
}
# An evaluation of the dependencies reads the key too: when it is due, and 15 seconds later.
TRIES_OF_AN_EVALUATION = {"DescribeKey": 2}
PASSING = (Met.PASSING, Met.BUSY)
_NEVER_AGAIN = 3 * 72.0
# Six reads of the trail, one of its key, one of what has its name, and as many of the trails around it.
CALLS_A_PASS = 16

_DATA = [{"dataResources": [{"type": "AWS::S3::Object", "values": ["arn:aws:s3:::other/"]}]}]
SPEC: Manifest = {
    "s3BucketName": "logs-one",
    "snsTopicName": "one",
    "kmsKeyID": ALIAS,
    "cloudWatchLogsLogGroupARN": group_arn("one", REGIONS[0]),
    "cloudWatchLogsRoleARN": ROLE,
    "eventSelectors": _DATA,
    "tags": [{"key": "team", "value": "a"}],
}


@dataclass(frozen=True)
class Occasion:
    """What makes the operator call an operation: the Trail as it is at first, if any, and what is done then."""

    before: Manifest | None
    act: Callable[[VirtualStage], None]


def _created(**fields: Any) -> Occasion:
    return Occasion(None, lambda stage: stage.create(KEY, SPEC | fields))


def _changed(before: Manifest, after: Manifest) -> Occasion:
    return Occasion(SPEC | before, lambda stage: stage.replace_spec(KEY, SPEC | after))


def _looked_at() -> Occasion:
    return Occasion(SPEC, lambda stage: stage.annotate(KEY, FORCE, "now"))


def _restarted(stage: VirtualStage) -> None:
    stage.kill(0)
    stage.restart()


_INSIGHTS = [{"insightType": "ApiCallRateInsight"}]
_AGGREGATION = [{"eventCategory": "Data", "templates": ["API_ACTIVITY"]}]
OCCASIONS = {
    "CreateTrail": _created(),
    "UpdateTrail": _changed({}, {"s3KeyPrefix": "prefix"}),
    "DeleteTrail": Occasion(SPEC, lambda stage: stage.delete(KEY)),
    "StartLogging": _changed({"isLogging": False}, {}),
    "StopLogging": _changed({}, {"isLogging": False}),
    "AddTags": _changed({}, {"tags": [*SPEC["tags"], {"key": "more", "value": "b"}]}),
    "RemoveTags": _changed({}, {"tags": []}),
    "PutEventSelectors": _changed({}, {"eventSelectors": [{"readWriteType": "WriteOnly"}]}),
    "PutInsightSelectors": _changed({}, {"insightSelectors": _INSIGHTS}),
    "PutEventConfiguration": _changed({}, {"aggregationConfigurations": _AGGREGATION}),
    **{operation.name: _looked_at() for operation in (*READS, Read.DescribeKey)},
    **{operation.name: Occasion(SPEC, lambda _: None) for operation in BACKGROUND},
    "GetCallerIdentity": Occasion(SPEC, _restarted),
    "DescribeOrganization": _created(isOrganizationTrail=True),
}


@dataclass(frozen=True)
class Minute:
    """The calls in the minute from an error's first coming."""

    first: float
    tries: int
    calls: int

    def judge(self, entry: Entry, how: Met) -> None:
        """There is no storm: neither of the call that fails nor of all others."""
        least, most = TRIES[how]
        most += TRIES_OF_AN_EVALUATION.get(entry.operation, 0)
        if entry.error.delay:
            least = min(least, 2)  # each takes its time
        if entry.error.code == "ExpiredTokenException":
            least, most = 2 * least, 2 * most  # each is made once more, with new credentials
        assert least <= self.tries <= most
        assert self.calls <= (self.tries + 2) * CALLS_A_PASS


class Scene:
    """A stage, with a note of every call to AWS."""

    def __init__(self, stage: VirtualStage) -> None:
        self.stage = stage
        self.calls: list[Call] = []
        request = stage.aws.request

        async def noted(call: Call, point: Callable[[], None]) -> Any:
            self.calls.append(call)
            return await request(call, point)

        stage.aws.request = noted  # type: ignore[method-assign]

    def prepare(self, occasion: Occasion) -> Manifest:
        """Bring about what there is at first; its status."""
        if occasion.before is None:
            return {}
        self.stage.create(KEY, occasion.before)
        self.stage.wait(HEALED)
        assert self.is_ready
        return self.status

    def neighbour(self, **selectors: Any) -> None:
        """Another trail that logs, with these selectors if any."""
        region, name = REGIONS[0], "neighbour"
        self.stage.by_hand(region, "CreateTrail", Name=name, S3BucketName="logs-two")
        if selectors:
            self.stage.by_hand(region, "PutEventSelectors", TrailName=name, **selectors)
        self.stage.by_hand(region, "StartLogging", Name=name)

    def meet(self, entry: Entry) -> "Minute":
        """Let the error come, and a minute pass from its first coming."""
        since = self.stage.time
        fault: dict[str, Any] = {"service": entry.service, "operation": entry.operation, "message": entry.error.message}
        if entry.error.code is None:
            self.stage.fault(**fault, drop=True, when="before", delay=entry.error.delay)
        else:
            self.stage.fault(**fault, error=entry.error.code)
        OCCASIONS[entry.operation].act(self.stage)
        while not self.calls_of(entry.operation, since):
            # What lies around is looked at once a resync at most, so it may be the second pass that does.
            assert self.stage.time < since + 2 * HEALED, f"{entry.operation} was never called"
            self.stage.wait(0.1)
        first = self.calls_of(entry.operation, since)[0].begun
        self.stage.wait(first + MINUTE - self.stage.time)
        calls = [call for call in self.calls if call.begun >= first]
        return Minute(first, sum(call.operation == entry.operation for call in calls), len(calls))

    def heal(self) -> None:
        self.stage.heal()
        self.stage.wait(HEALED)

    def calls_of(self, operation: str, since: float) -> list[Call]:
        return [call for call in self.calls if call.operation == operation and call.begun >= since]

    @property
    def body(self) -> Manifest:
        return self.stage.objects[KEY]

    @property
    def status(self) -> Manifest:
        return copy.deepcopy(self.body.get("status", {}))

    def condition(self, kind: str) -> Manifest:
        found = (one for one in self.status.get("conditions", []) if one["type"] == kind)
        return next(found, {})

    @property
    def is_ready(self) -> bool:
        ready = self.condition("Ready")
        return bool(ready["status"] == "True" and ready["observedGeneration"] == self.body["metadata"]["generation"])


@pytest.fixture
def scene(caplog: pytest.LogCaptureFixture) -> Iterator[Scene]:
    caplog.set_level(logging.CRITICAL, "trail_operator")
    stage = VirtualStage(0)
    organization = organizations.Organization(
        "o-exampleorgid", ACCOUNT, True, frozenset({"cloudtrail.amazonaws.com"}), frozenset({ACCOUNT}), frozenset()
    )
    answer = stage.aws.world.answer

    def answered(service: str, operation: str, region: str, parameters: Any) -> dict[str, Any]:
        if service == "organizations":
            return {"Organization": {"Id": "o-exampleorgid", "MasterAccountId": ACCOUNT}}
        return answer(service, operation, region, parameters)

    with (
        mock.patch.multiple(stage.aws.world, organization=lambda _: organization, answer=answered),
        mock.patch.object(organizations, "has_service_linked_role", return_value=True),
    ):
        yield Scene(stage)
        stage.close()


TABLE = list(entries())


def of(*operations: Operation) -> pytest.MarkDecorator:
    chosen = [entry for entry in TABLE if entry.operation in [one.name for one in operations]]
    return pytest.mark.parametrize("entry", chosen, ids=map(str, chosen))


def test_there_is_an_occasion_for_every_operation() -> None:
    assert OCCASIONS.keys() == {entry.operation for entry in TABLE}


@pytest.mark.sampled
@of(*(one for one in WRITES if one is not Write.DeleteTrail))
def test_a_write_fails(scene: Scene, entry: Entry) -> None:
    stage, how = scene.stage, entry.meeting.met
    scene.prepare(OCCASIONS[entry.operation])
    minute = scene.meet(entry)
    minute.judge(entry, how)
    ready = scene.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", entry.meeting.reason)
    assert ready["observedGeneration"] == scene.body["metadata"]["generation"]
    assert scene.condition("Synced")["status"] == "False"
    assert bool(scene.condition("Reconciling")) == (how in PASSING)
    assert bool(scene.condition("Stalled")) == (how in (Met.REFUSED, Met.ELSEWHERE))
    if entry.meeting.reason in ("AccessDenied", "DeniedByOrganization", "InvalidSpec"):
        assert f"cloudtrail:{entry.operation}" in ready["message"]
    if how is Met.REFUSED:
        assert entry.error.message in ready["message"]
        stage.wait(_NEVER_AGAIN)
        assert len(scene.calls_of(entry.operation, minute.first)) == 1
        assert len(scene.calls_of("GetTrail", minute.first)) >= _NEVER_AGAIN // RESYNC
        stage.heal()
        stage.replace_spec(KEY, scene.body["spec"] | {"deletionPolicy": "Retain"})
    scene.heal()
    assert scene.is_ready
    assert not scene.condition("Stalled")
    assert not scene.condition("Reconciling")
    assert len(stage.aws.trails.all()) == 1


# AWS says that there is no trail: that contradicts what the status says.
_GONE = ("GetTrail", "TrailNotFoundException")


@pytest.mark.sampled
@of(*(one for one in (*READS, *OTHERS) if one is not Read.DescribeOrganization))
def test_a_read_fails(scene: Scene, entry: Entry) -> None:
    how = entry.meeting.met
    before = scene.prepare(OCCASIONS[entry.operation])
    minute = scene.meet(entry)
    # What is only read may be read again at each resync, whatever the answer was.
    minute.judge(entry, Met.ELSEWHERE if how is Met.REFUSED else how)
    ready = scene.condition("Ready")
    if how is Met.NOTHING or (how in PASSING and (entry.operation, entry.error.code) != _GONE):
        assert scene.status == before
    else:
        assert (ready["status"], ready["reason"]) == ("False", entry.meeting.reason)
        assert bool(scene.condition("Stalled")) == (how is Met.REFUSED)
    if entry.meeting.reason in ("AccessDenied", "DeniedByOrganization", "InvalidSpec"):
        assert f"{entry.service}:{entry.operation}" in ready["message"]
    scene.heal()
    assert scene.is_ready
    assert not scene.condition("Stalled")
    assert not any(call.is_write and call.error is None for call in scene.calls if call.begun > minute.first)
    assert len(scene.stage.aws.trails.all()) == 1


@of(Read.DescribeOrganization)
def test_the_organization_cannot_be_asked(scene: Scene, entry: Entry) -> None:
    how = entry.meeting.met
    scene.meet(entry).judge(entry, Met.ELSEWHERE if how is Met.REFUSED else how)
    ready = scene.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", entry.meeting.reason)
    assert bool(scene.condition("Stalled")) == (how is Met.REFUSED)
    assert scene.stage.aws.trails.all() == []
    scene.heal()
    assert scene.is_ready


@of(Write.DeleteTrail)
def test_a_deletion_fails(scene: Scene, entry: Entry) -> None:
    how = entry.meeting.met
    scene.prepare(OCCASIONS[entry.operation])
    minute = scene.meet(entry)
    if how is Met.NOTHING:
        # Nor is such an answer believed while AWS shows the trail: it is asked again after each consistency window.
        assert 2 <= minute.tries <= 7
        assert scene.stage.objects
        scene.heal()
        assert not scene.stage.objects
        assert scene.stage.aws.trails.all() == []
        return
    # Whoever deletes a Trail can't change what its spec says: it is tried again, slowly.
    minute.judge(entry, Met.DENIED if how in (Met.REFUSED, Met.ELSEWHERE) else how)
    ready = scene.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", entry.meeting.reason)
    assert "set deletionPolicy: Retain" in ready["message"]
    scene.heal()
    assert not scene.stage.objects
    assert scene.stage.aws.trails.all() == []


@of(*BACKGROUND)
def test_what_only_warnings_rest_on_fails(scene: Scene, entry: Entry) -> None:
    scene.neighbour()
    before = scene.prepare(OCCASIONS[entry.operation])
    assert scene.condition("Advisory")["reason"] == "DuplicateGlobalServiceEvents"
    minute = scene.meet(entry)
    minute.judge(entry, Met.NOTHING)
    scene.stage.wait(RESYNC)
    assert scene.status == before
    scene.heal()
    assert scene.status == before


@pytest.mark.parametrize(("operation", "own"), [("ListTrails", 0), ("GetTrailStatus", 2), ("GetEventSelectors", 2)])
def test_no_warning_is_guessed_while_aws_is_busy(scene: Scene, operation: str, own: int) -> None:
    """The other trail records nothing that this one does: without its selectors that would not be known."""
    objects = [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::elsewhere/"]}]
    scene.neighbour(EventSelectors=[{"IncludeManagementEvents": False, "DataResources": objects}])
    scene.prepare(_looked_at())
    # A write makes the operator look around; before and after it, it looks at its own trail.
    scene.stage.fault(operation=operation, error="ThrottlingException", skip=own, count=2)
    scene.stage.replace_spec(KEY, SPEC | {"tags": []})
    for _ in range(int(HEALED)):
        scene.stage.wait(1.0)
        assert not scene.condition("Advisory")
    assert scene.is_ready
    assert sum(call.error == "ThrottlingException" for call in scene.calls) >= 1
