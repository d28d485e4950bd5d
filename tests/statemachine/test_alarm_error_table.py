"""Every error of every operation about alarms: what the set says, how often AWS is called, and that it heals."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.statemachine.alarm_error_table import CHECKS, DELETION, OPTIONAL, READS, WRITES, entries
from tests.statemachine.alarm_scene import REGION, SET, SPEC, TOPIC, A, B, comes_to_rest, settled
from tests.statemachine.alarm_stage import AlarmStage, until
from tests.statemachine.aws import Call
from tests.statemachine.error_table import Entry, Met
from tests.statemachine.kubernetes import Manifest
from tests.statemachine.rest import FORCE
from tests.statemachine.test_error_table import HEALED, MINUTE, PASSING, TRIES
from trail_operator.aws.operations import Operation

# An hour passes before what AWS refuses is sent again.
_NEVER_AGAIN = 5 * MINUTE
# A pass over the set, and one over its Trail with the trails around it.
CALLS_A_PASS = 30
DENIED = ("AccessDenied", "DeniedByOrganization", "InvalidSpec")
ONE = {"alarms": [A], "actions": {"alarm": [TOPIC]}}
TWO = {"alarms": [A, B], "actions": {"alarm": [TOPIC]}}


@dataclass(frozen=True)
class Occasion:
    """What makes the operator call an operation: the spec at first, if any, and what is done then."""

    before: Manifest | None
    act: Callable[[AlarmStage], None]


def _changed(before: Manifest, after: Manifest) -> Occasion:
    return Occasion(before, lambda stage: stage.sets.replace_spec(SET, SPEC | after))


_CREATED = Occasion(None, lambda stage: stage.sets.create(SET, SPEC | ONE))
_REQUESTED = Occasion(ONE, lambda stage: stage.sets.annotate(SET, FORCE, "now"))
OCCASIONS = {
    "PutMetricFilter": _CREATED,
    "PutMetricAlarm": _CREATED,
    "TestMetricFilter": _CREATED,
    "DescribeLogGroups": _CREATED,
    "DeleteMetricFilter": _changed(TWO, ONE),
    "DeleteAlarms": _changed(TWO, ONE),
    "TagResource": _changed(ONE, ONE | {"tags": [*SPEC["tags"], {"key": "env", "value": "b"}]}),
    "UntagResource": _changed(ONE, ONE | {"tags": []}),
    **dict.fromkeys(("DescribeMetricFilters", "DescribeAlarms", "ListTagsForResource"), _REQUESTED),
    **dict.fromkeys(("GetResources", "GetTopicAttributes"), Occasion(TWO, _REQUESTED.act)),
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
        most += 2 if entry.operation == "DescribeLogGroups" else 0  # the Trail's dependencies are evaluated, too
        if entry.error.delay:
            least = min(least, 2)
        if entry.error.code == "ExpiredTokenException":
            least, most = 2 * least, 2 * most  # each is made once more, with new credentials
        assert least <= self.tries <= most
        assert self.calls <= (self.tries + 2) * CALLS_A_PASS


class Scene:
    """A stage, with a note of every call to AWS."""

    def __init__(self, stage: AlarmStage) -> None:
        self.stage = stage
        self.calls: list[Call] = []
        request = stage.aws.request

        async def noted(call: Call, point: Callable[[], None]) -> Any:
            self.calls.append(call)
            return await request(call, point)

        stage.aws.request = noted  # type: ignore[method-assign]

    def prepare(self, occasion: Occasion) -> Manifest:
        """Bring about what there is at first; its status."""
        if occasion.before is not None:
            settled(self.stage, **occasion.before)
            self.stage.wait(MINUTE)
        return self.status

    def meet(self, entry: Entry, act: Callable[[AlarmStage], None]) -> Minute:
        """Let the error come, and a minute pass from its first coming."""
        since = self.stage.time
        fault: dict[str, Any] = {"service": entry.service, "operation": entry.operation, "message": entry.error.message}
        if entry.error.code is None:
            self.stage.fault(**fault, drop=True, when="before", delay=entry.error.delay)
        else:
            self.stage.fault(**fault, error=entry.error.code)
        act(self.stage)
        until(self.stage, lambda: bool(self.calls_of(entry.operation, since)))
        first = self.calls_of(entry.operation, since)[0].begun
        self.stage.wait(first + MINUTE - self.stage.time)
        calls = [call for call in self.calls if call.begun >= first]
        return Minute(first, sum(call.operation == entry.operation for call in calls), len(calls))

    def calls_of(self, operation: str, since: float) -> list[Call]:
        """The calls of an operation since a moment."""
        return [call for call in self.calls if call.operation == operation and call.begun >= since]

    def heal(self) -> None:
        """End the error."""
        self.stage.heal()
        self.stage.wait(HEALED)

    @property
    def status(self) -> Manifest:
        """The status of the set."""
        found = self.stage.sets.objects.get(SET, {})
        return copy.deepcopy(found.get("status", {}))

    def has(self, kind: str) -> bool:
        """Whether the set has a condition."""
        return any(one["type"] == kind for one in self.status["conditions"])

    def writes(self, since: float) -> list[Call]:
        """All writes about alarms that AWS has carried out since a moment."""
        return [call for call in self.calls if call.is_write and call.error is None and call.begun >= since]


@pytest.fixture
def scene(alarm_stage: AlarmStage) -> Scene:
    """A Trail with a log group, and no set."""
    return Scene(alarm_stage)


def of(*operations: Operation) -> pytest.MarkDecorator:
    """Parametrize a test with all errors of some operations."""
    chosen = list(entries(*operations))
    return pytest.mark.parametrize("entry", chosen, ids=map(str, chosen))


def _is_reported(scene: Scene, entry: Entry) -> None:
    assert scene.stage.ready(SET) == ("False", entry.meeting.reason)
    if (entry.operation, entry.error.code) == ("TestMetricFilter", "InvalidParameterException"):
        assert "alarms[A].filterPattern: In AWS's words" in scene.stage.message(SET)
    elif entry.meeting.reason in DENIED:
        prefix = {"resourcegroupstaggingapi": "tag"}.get(entry.service, entry.service)
        assert f"{prefix}:{entry.operation}" in scene.stage.message(SET)


@pytest.mark.sampled
@of(*WRITES)
def test_a_write_fails(scene: Scene, entry: Entry) -> None:
    stage, how = scene.stage, entry.meeting.met
    scene.prepare(OCCASIONS[entry.operation])
    minute = scene.meet(entry, OCCASIONS[entry.operation].act)
    if how is Met.NOTHING:  # nor is it believed while AWS shows what was to be deleted
        assert 1 <= minute.tries <= 7
        assert stage.ready(SET)[0] == "False"
    else:
        minute.judge(entry, how)
        _is_reported(scene, entry)
        assert scene.has("Stalled") == (how is Met.REFUSED)
        assert scene.has("Reconciling") == (how in PASSING)
    if entry.operation == "PutMetricFilter":
        assert not stage.alarms, "no alarm watches a metric that nothing feeds"
    if entry.operation == "DeleteAlarms" and how is not Met.NOTHING:
        assert len(stage.filters) == 2, "the filter of an alarm that is left is left"
    if how is Met.REFUSED:
        assert entry.error.message in stage.message(SET)
        stage.wait(_NEVER_AGAIN)
        assert len(scene.calls_of(entry.operation, minute.first)) == 1
        stage.heal()
        stage.sets.annotate(SET, FORCE, "again")
    scene.heal()
    assert stage.ready(SET) == ("True", "InSync")
    assert not scene.has("Stalled")
    assert not scene.has("Reconciling")
    comes_to_rest(stage)


@pytest.mark.sampled
@of(*READS)
def test_a_read_fails(scene: Scene, entry: Entry) -> None:
    how = entry.meeting.met
    before = scene.prepare(OCCASIONS[entry.operation])
    minute = scene.meet(entry, OCCASIONS[entry.operation].act)
    minute.judge(entry, Met.ELSEWHERE if how is Met.REFUSED else how)
    if how in PASSING:
        assert scene.status == before
    else:
        _is_reported(scene, entry)
        assert scene.has("Stalled") == (how is Met.REFUSED)
    scene.heal()
    assert scene.stage.ready(SET) == ("True", "InSync")
    assert not scene.has("Stalled")
    assert not scene.writes(minute.first)


@pytest.mark.sampled
@of(*CHECKS)
def test_a_check_fails(scene: Scene, entry: Entry) -> None:
    """Nothing is written before the check is answered. The class of the log group is checked if that is allowed."""
    how, stage = entry.meeting.met, scene.stage
    minute = scene.meet(entry, OCCASIONS[entry.operation].act)
    if entry.operation == "DescribeLogGroups" and entry.meeting.reason in DENIED[:2]:
        assert stage.ready(SET) == ("True", "InSync")
        return
    minute.judge(entry, Met.ELSEWHERE if how is Met.REFUSED else how)
    _is_reported(scene, entry)
    assert scene.has("Stalled") == (how is Met.REFUSED)
    assert not stage.filters
    assert not stage.alarms
    stage.heal()
    stage.sets.annotate(SET, FORCE, "again")
    scene.heal()
    assert stage.ready(SET) == ("True", "InSync")


@pytest.mark.sampled
@of(*OPTIONAL)
def test_what_the_operator_can_do_without_fails(scene: Scene, entry: Entry) -> None:
    """No error of an optional call is a condition: tags are read one by one, and nothing is said of the topic."""
    before = scene.prepare(OCCASIONS[entry.operation])
    minute = scene.meet(entry, OCCASIONS[entry.operation].act)
    assert minute.calls <= (minute.tries + 2) * CALLS_A_PASS
    if entry.operation == "GetTopicAttributes" and entry.error.code == "NotFoundException":
        assert "do not exist" in scene.stage.message(SET, "Advisory")
    else:
        assert scene.status == before
    assert not scene.writes(minute.first)
    scene.heal()
    assert scene.stage.ready(SET) == ("True", "InSync")


@pytest.mark.sampled
@of(*DELETION)
def test_a_deletion_fails(scene: Scene, entry: Entry) -> None:
    how, stage = entry.meeting.met, scene.stage
    if (entry.operation, entry.error.code) == ("DescribeMetricFilters", "ResourceNotFoundException"):
        pytest.skip("the log group is gone, and its filters with it")
    scene.prepare(Occasion(TWO, lambda _: None))
    minute = scene.meet(entry, lambda stage: stage.sets.delete(SET))
    is_silent = how is Met.NOTHING or (entry.operation == "ListTagsForResource" and how in PASSING)
    if is_silent:  # AWS still shows what was to be deleted, or not yet whose it is
        assert 1 <= minute.tries <= 20
    else:
        # Who deletes a set cannot change its spec: it is tried again, slowly.
        minute.judge(entry, Met.DENIED if how in (Met.REFUSED, Met.ELSEWHERE) else how)
        _is_reported(scene, entry)
        assert "set deletionPolicy: Retain" in stage.message(SET)
    assert stage.sets.objects
    scene.heal()
    assert not stage.sets.objects
    assert not stage.filters
    assert not stage.alarms


def test_there_is_an_occasion_for_every_operation() -> None:
    assert OCCASIONS.keys() == {operation.name for operation in (*WRITES, *READS, *CHECKS, *OPTIONAL)}


def test_the_region_is_that_of_the_trail(scene: Scene) -> None:
    scene.prepare(Occasion(TWO, lambda _: None))
    services = ("logs", "cloudwatch", "resourcegroupstaggingapi")
    assert {call.region for call in scene.calls if call.service in services} == {REGION}
