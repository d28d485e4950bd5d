"""Calls of others on filters and alarms, in virtual time: what they cause, how often, and who is named."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.statemachine.alarm_scene import PREFIX, REGION, SET, SPEC, TOPIC, TRAIL, TRAIL_SPEC
from tests.statemachine.alarm_stage import AlarmStage, until
from tests.statemachine.aws import ACCOUNT, ALICE, REGIONS, Aws, Call, topic_arn
from tests.statemachine.event_bus import EventBus, event
from tests.statemachine.operator_life import Pass
from tests.statemachine.test_attribution import BOB, FIRST, LAST
from tests.unit.test_metrics import of, samples

WITH_ACTION = SPEC | {"actions": {"alarm": [TOPIC]}}
NAME = f"{PREFIX}A"
ARN = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{NAME}"
FAR = timedelta(hours=1)
_NOT_PARAMETERS = ("AlarmArn", "StateValue", "Tags")


class Watched:
    """A world with a set that is InSync, and all calls of its operator about filters, alarms and topics."""

    def __init__(self, patch: pytest.MonkeyPatch, *keys: str, spec: Mapping[str, Any], **settings: Any) -> None:
        self.calls: list[Call] = []
        request = Aws.request

        async def watched(aws: Aws, call: Call, point: Any) -> Mapping[str, Any]:
            if aws is self.stage.aws and (call.service in ("logs", "cloudwatch") or call.operation == "GetResources"):
                self.calls.append(call)
            return await request(aws, call, point)

        patch.setattr(Aws, "request", watched)
        settings = {"resync": FAR, "dependency_resync": FAR, "event_queue": "events", **settings}
        self.stage = AlarmStage(0, **settings)
        self.stage.create(TRAIL, TRAIL_SPEC)
        self.stage.wait(20.0)
        for key in keys or (SET,):
            self.stage.sets.create(key, dict(spec))
            until(self.stage, lambda key=key: self.stage.ready(key)[0] == "True")  # type: ignore[misc]
        self.stage.wait(90.0)
        self.stage.server.events.clear()
        self.calls.clear()
        self.before = (self.stage.filters, {place: _settings(one) for place, one in self.stage.alarms.items()})
        self.counted = self.outcomes()

    @property
    def bus(self) -> EventBus:
        bus = self.stage.aws.bus
        assert bus is not None
        return bus

    @property
    def writes(self) -> list[str]:
        """The writes of the operator."""
        return [one.operation for one in self.calls if one.is_write]

    def by(self, caller: Any, operation: str, **parameters: Any) -> None:
        """What somebody does."""
        self.stage.aws.somebody = caller
        assert self.stage.by_hand_on_alarms(REGION, operation, **parameters)

    def put(self, operation: str, parameters: Mapping[str, Any], *, age: float = 0.0, **more: Any) -> None:
        """Send the event of a call that nobody made."""
        more = {"source": "monitoring", **more}
        self.bus.put(event(self.stage.time - age, REGION, operation, parameters, **more))

    def passes(self) -> list[float]:
        """When passes over the set began to read."""
        return [one.begun for one in self.calls if one.operation == "DescribeAlarms" and of_set(one) == SET]

    def outcomes(self) -> dict[str, float]:
        """How many messages caused what, since the set was InSync."""
        name = "trail_operator_event_queue_messages_total"
        found = samples(self.stage.life.metrics)
        counted = {next(iter(labels)): count for (one, labels), count in found.items() if one == name}
        before = getattr(self, "counted", {})
        return {one: count - before.get(one, 0.0) for one, count in counted.items() if count != before.get(one, 0.0)}

    def is_restored(self) -> bool:
        """Whether filters and alarms are as they were."""
        filters = {place: one["filterPattern"] for place, one in self.stage.filters.items()}
        alarms = {place: _settings(one) for place, one in self.stage.alarms.items()}
        return (filters, alarms) == (
            {place: one["filterPattern"] for place, one in self.before[0].items()},
            self.before[1],
        )

    def last_drift(self) -> dict[str, Any]:
        found: dict[str, Any] = self.stage.status(SET).get("lastDrift", {})
        return found

    def named(self) -> tuple[str, str, str] | None:
        """Who is named as the cause of the last drift, the call, and the source."""
        found = self.last_drift().get("changedBy")
        return (found["principal"], found["eventName"], found["source"]) if found else None


def _settings(alarm: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in alarm.items() if value not in ([], ())}


def of_set(call: Call) -> str:
    return call.by.key if isinstance(call.by, Pass) else ""


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., Watched]]:
    """Worlds with other sets or settings."""
    caplog.set_level(logging.CRITICAL, "trail_operator")
    made: list[Watched] = []

    def build(*keys: str, spec: Mapping[str, Any] = WITH_ACTION, **settings: Any) -> Watched:
        made.append(Watched(monkeypatch, *keys, spec=spec, **settings))
        return made[-1]

    yield build
    for world in made:
        world.stage.close()


@pytest.fixture
def world(make: Callable[..., Watched]) -> Watched:
    return make()


@dataclass(frozen=True)
class Change:
    """A call of somebody, and the path that then differs."""

    operation: str
    parameters: Mapping[str, Any]
    path: str
    of_alarm: bool = False
    """Whether the parameters replace those of PutMetricAlarm."""


def of_alarm(path: str, **parameters: Any) -> Change:
    return Change("PutMetricAlarm", parameters, path, of_alarm=True)


_FILTER = {"logGroupName": "one", "filterName": NAME}
_METRIC = {"metricName": "A", "metricNamespace": "CloudTrail/alpha/alarms", "metricValue": "1"}
_PATTERN = {**_FILTER, "filterPattern": "", "metricTransformations": [_METRIC]}
CHANGES = {
    "threshold": of_alarm("threshold", Threshold=100.0),
    "actions emptied": of_alarm("actions.alarm", AlarmActions=[]),
    "statistic": of_alarm("statistic", Statistic="Average"),
    "missing data": of_alarm("treatMissingData", TreatMissingData="missing"),
    "period": of_alarm("period", Period=60),
    "actions disabled": Change("DisableAlarmActions", {"AlarmNames": [NAME]}, "actionsEnabled"),
    "pattern": Change("PutMetricFilter", _PATTERN, "filterPattern"),
    "filter deleted": Change("DeleteMetricFilter", _FILTER, "filter"),
    "alarm deleted": Change("DeleteAlarms", {"AlarmNames": [NAME]}, "alarm"),
    "tag added": Change("TagResource", {"ResourceARN": ARN, "Tags": [{"Key": "a", "Value": "b"}]}, "tags[a]"),
    "tag removed": Change("UntagResource", {"ResourceARN": ARN, "TagKeys": ["team"]}, "tags[team]"),
    "all alarms deleted": Change("DeleteAlarms", {"AlarmNames": [NAME, f"{PREFIX}B"]}, "alarm"),
}


def made(world: Watched, change: Change, caller: Any = ALICE) -> None:
    """Have somebody make a change."""
    parameters = dict(change.parameters)
    if change.of_alarm:
        present = world.stage.alarms[REGION, NAME]
        parameters = {name: value for name, value in present.items() if name not in _NOT_PARAMETERS} | parameters
    world.by(caller, change.operation, **parameters)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_by_another_is_corrected_within_seconds_and_named(world: Watched, change: str) -> None:
    made(world, CHANGES[change])
    assert not world.is_restored()
    world.stage.wait(4.0)
    assert world.is_restored()
    first = next(index for index, one in enumerate(world.calls) if one.is_write)
    assert first <= 5, "filters, alarms, and tags of changed alarms, also right before a write"
    assert of(world.stage.life.metrics, "time_to_correct_seconds_count") == 1
    called = CHANGES[change].operation
    assert world.named() == (ALICE.arn, called, "Queue")
    assert world.last_drift()["paths"][0] == f"alarms[A].{CHANGES[change].path}"
    (note,) = world.stage.notes("DriftCorrected")
    assert note.endswith(f". {called} was called by {ALICE.arn} (event queue, not verified).")
    world.stage.wait(60.0)
    assert world.outcomes()["woken"] == 1
    assert world.bus.is_empty
    world.stage.wait(FIRST)
    assert world.named() == (ALICE.arn, called, "EventHistory")
    assert len(world.stage.notes("DriftAttributed")) == 1


@pytest.mark.parametrize("change", CHANGES)
def test_without_a_queue_event_history_names_the_caller(make: Callable[..., Watched], change: str) -> None:
    world = make(event_queue="", resync=timedelta(seconds=60), dependency_resync=timedelta(seconds=60))
    made(world, CHANGES[change], BOB)
    until(world.stage, lambda: "correctionTime" in world.last_drift())
    assert world.is_restored()
    assert world.named() is None
    world.stage.wait(FIRST)
    called = CHANGES[change].operation
    assert world.named() == (BOB.arn, called, "EventHistory")
    (note,) = world.stage.notes("DriftAttributed")
    assert note.endswith(f"{called} was called by {BOB.arn} (event history).")
    asked = world.stage.aws.asked["LookupEvents"]
    world.stage.wait(2 * LAST)
    assert world.stage.aws.asked["LookupEvents"] == asked


def test_a_composite_alarm_of_the_name_is_a_conflict_and_is_not_written(world: Watched) -> None:
    world.by(ALICE, "DeleteAlarms", AlarmNames=[NAME])
    world.by(ALICE, "PutCompositeAlarm", AlarmName=NAME, AlarmRule="TRUE")
    world.stage.wait(5.0)
    assert world.stage.ready(SET) == ("False", "Conflict")
    world.stage.wait(LAST)
    assert "AlarmRule" in world.stage.alarms[REGION, NAME]
    assert world.writes == []
    assert world.named() is None, "two calls made the difference"


def test_an_alarm_that_another_made_again_without_the_owner_tag_is_a_conflict(world: Watched) -> None:
    """It differs in nothing but its tags, which are cached."""
    alarm = {name: value for name, value in world.stage.alarms[REGION, NAME].items() if name not in _NOT_PARAMETERS}
    world.by(ALICE, "DeleteAlarms", AlarmNames=[NAME])
    world.by(ALICE, "PutMetricAlarm", **alarm)
    world.stage.wait(5.0)
    assert world.stage.ready(SET) == ("False", "Conflict")
    assert world.writes == []


def test_a_tag_that_aws_does_not_show_yet_is_found_by_the_repeated_reads(world: Watched) -> None:
    world.stage.stale(4.0)
    changed = world.stage.time
    made(world, CHANGES["tag added"])
    world.stage.wait(14.0)
    write = next(one for one in world.calls if one.is_write)
    assert 4.0 < write.begun - changed < 14.0
    assert world.is_restored()


def test_a_tag_of_before_the_last_read_is_found_if_that_took_tags_from_the_cache(world: Watched) -> None:
    world.bus.lost = 1.0
    made(world, CHANGES["tag added"])
    world.stage.wait(30.0)
    world.stage.sets.replace_spec(
        SET, WITH_ACTION | {"alarms": [*SPEC["alarms"], {"name": "C", "filterPattern": "{ $.a = 1 }"}]}
    )
    world.stage.wait(20.0)
    tags = world.stage.alarms[REGION, NAME]["Tags"]
    assert tags["a"] == "b"
    world.put("TagResource", {"resourceARN": ARN}, age=50.0)
    world.stage.wait(5.0)
    assert "a" not in world.stage.alarms[REGION, NAME]["Tags"]


def test_a_deleted_log_group_is_reported_within_seconds_and_its_filters_return_with_it(world: Watched) -> None:
    world.by(ALICE, "DeleteLogGroup", logGroupName="one")
    world.stage.wait(3.0)
    assert world.stage.ready(SET) == ("False", "LogGroupNotFound")
    world.stage.wait(300.0)
    world.by(ALICE, "CreateLogGroup", logGroupName="one")
    world.stage.wait(5.0)
    assert world.is_restored()
    assert world.named() == (ALICE.arn, "DeleteLogGroup", "Queue")


def test_a_moved_log_group_of_the_trail_is_no_drift_and_stays_recorded(world: Watched) -> None:
    two = TRAIL_SPEC["cloudWatchLogsLogGroupARN"].replace(":one", ":two")
    trail = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/alpha"
    assert world.stage.by_hand(
        REGION,
        "UpdateTrail",
        Name=trail,
        CloudWatchLogsLogGroupArn=f"{two}:*",
        CloudWatchLogsRoleArn=TRAIL_SPEC["cloudWatchLogsRoleARN"],
    )
    world.stage.wait(20.0)
    assert world.is_restored(), "the Trail takes it back"
    assert [one["logGroup"] for one in world.stage.status(SET)["filters"]] == ["one", "one"]


def test_an_event_without_a_difference_causes_four_passes_and_no_write(world: Watched) -> None:
    world.put("PutMetricAlarm", {"alarmName": NAME})
    begun = world.stage.time
    world.stage.wait(300.0)
    assert [round(one - begun, 1) for one in world.passes()] == pytest.approx([0.0, 1.0, 3.0, 10.0], abs=0.3)
    assert Counter(one.operation for one in world.calls) == {
        "DescribeAlarms": 4,
        "DescribeMetricFilters": 4,
        "ListTagsForResource": 4,
    }
    assert of(world.stage.life.metrics, "time_to_correct_seconds_count") == 0
    world.calls.clear()
    world.stage.wait(3800.0)
    assert "GetResources" in {one.operation for one in world.calls}, "at the resync, all tags are read together"


@pytest.mark.parametrize("slowest", [0.0, 0.5, 5.0])
def test_the_operators_own_calls_cause_no_read_also_if_their_events_come_before_the_answers(
    make: Callable[..., Watched], slowest: float
) -> None:
    counts = []
    for queue in ("events", ""):
        world = make(event_queue=queue)
        if queue:
            world.bus.slowest = slowest
        world.stage.sets.replace_spec(SET, WITH_ACTION | {"alarms": [SPEC["alarms"][0]], "tags": []})
        world.stage.wait(60.0)
        counts.append(Counter(one.operation for one in world.calls))
        if queue:
            assert world.outcomes().keys() == {"own"}
    assert counts[0] == counts[1]
    assert counts[0]["DeleteAlarms"] == 1


NOTHING: dict[str, tuple[str, dict[str, Any]]] = {
    "failed": ("PutMetricAlarm", {"error": "AccessDenied"}),
    "unknown-account": ("PutMetricAlarm", {"account": "999999999999"}),
    "unmanaged": ("PutMetricAlarm", {"parameters": {"alarmName": "of-another"}}),
    "irrelevant": ("SetAlarmState", {}),
    "contradictory": ("PutMetricAlarm", {"source": "cloudwatch"}),
    "dependency": ("PutRetentionPolicy", {"source": "logs", "parameters": {"logGroupName": "one"}}),
}


@pytest.mark.parametrize("outcome", NOTHING)
def test_what_changes_no_alarm_of_the_operator_causes_no_call(world: Watched, outcome: str) -> None:
    operation, more = NOTHING[outcome]
    more = {"parameters": {"alarmName": NAME}} | more
    parameters = more.pop("parameters")
    world.put(operation, parameters, **more)
    world.stage.wait(120.0)
    assert [one for one in world.calls if one.by is not None] == []
    expected = "irrelevant" if outcome == "contradictory" else outcome
    assert world.outcomes() == {expected: 1}


def test_an_event_from_before_the_last_read_causes_no_call(world: Watched) -> None:
    world.put("PutMetricAlarm", {"alarmName": NAME}, age=3000.0)
    world.stage.wait(120.0)
    assert world.calls == []
    assert world.outcomes() == {"known": 1}


def test_a_paused_set_is_not_read(world: Watched) -> None:
    world.stage.sets.annotate(SET, "trail-operator.dev/paused", "true")
    world.stage.wait(5.0)
    world.calls.clear()
    made(world, CHANGES["threshold"])
    world.stage.wait(60.0)
    assert world.calls == []


def test_an_observed_set_reports_who_changed_it(make: Callable[..., Watched]) -> None:
    world = make()
    world.stage.sets.replace_spec(SET, WITH_ACTION | {"managementPolicy": "Observe"})
    world.stage.wait(30.0)
    world.stage.server.events.clear()
    made(world, CHANGES["threshold"])
    world.stage.wait(5.0)
    by = f"PutMetricAlarm was called by {ALICE.arn} (event queue, not verified)."
    assert world.stage.notes("DriftDetected") == [f"Detected drift: alarms[A].threshold is 100, not 1. {by}"]
    assert "correctionTime" not in world.last_drift()
    assert world.writes == []


def test_a_restarted_operator_finds_the_set_of_an_event_by_its_status(world: Watched) -> None:
    world.stage.stop()
    world.stage.restart()
    world.stage.wait(30.0)
    made(world, CHANGES["filter deleted"])
    world.stage.wait(4.0)
    assert world.is_restored()


def test_a_deleted_set_is_forgotten(world: Watched) -> None:
    world.stage.sets.delete(SET)
    world.stage.wait(30.0)
    world.calls.clear()
    world.put("PutMetricAlarm", {"alarmName": NAME})
    world.stage.wait(60.0)
    assert world.calls == []
    assert world.outcomes()["unmanaged"] == 1


def test_events_of_one_set_cause_one_pass_a_second_and_after_ten_one_in_ten_seconds(world: Watched) -> None:
    begun = world.stage.time
    for _ in range(600):
        world.put("PutMetricAlarm", {"alarmName": NAME})
        world.stage.wait(0.1)
    passes = [one - begun for one in world.passes()]
    assert all(later - earlier > 0.9 for earlier, later in pairwise(passes))
    assert len(passes) == 15


def test_events_of_many_sets_use_at_most_half_of_a_regions_reads(make: Callable[..., Watched]) -> None:
    keys = [f"team-a/set-{number}" for number in range(12)]
    world = make(*keys)
    for key in keys:
        world.put("PutMetricAlarm", {"alarmName": f"test/{key}/A"})
    world.stage.wait(40.0)
    begun = sorted(one.begun for one in world.calls if one.operation == "DescribeMetricFilters")
    assert len(begun) >= 24
    assert max(sum(start <= one < start + 1.0 for one in begun) for start in begun) <= 3


# Who caused it.


@pytest.mark.parametrize("other", [ALICE, BOB])
def test_two_candidates_are_never_one_name(world: Watched, other: Any) -> None:
    made(world, CHANGES["threshold"], other)
    made(world, CHANGES["period"])
    world.stage.wait(LAST + 5.0)
    assert world.is_restored()
    assert world.named() is None


def test_nobody_is_named_with_mode_none(make: Callable[..., Watched]) -> None:
    world = make(drift_attribution="None")
    made(world, CHANGES["threshold"])
    world.stage.wait(LAST)
    assert world.stage.notes("DriftCorrected") == ["Corrected drift: alarms[A].threshold 100 -> 1 (PutMetricAlarm)."]
    assert (world.named(), world.stage.aws.asked["LookupEvents"]) == (None, 0)


def test_a_denied_event_history_costs_the_name_and_nothing_else(make: Callable[..., Watched]) -> None:
    world = make(event_queue="", resync=timedelta(seconds=60))
    world.stage.fault(operation="LookupEvents", error="AccessDeniedException")
    made(world, CHANGES["threshold"])
    until(world.stage, lambda: "correctionTime" in world.last_drift())
    conditions = world.stage.status(SET)["conditions"]
    world.stage.wait(LAST + 60.0)
    assert world.named() is None
    assert world.stage.status(SET)["conditions"] == conditions
    denied = samples(world.stage.life.metrics)["trail_operator_drift_lookups_total", frozenset({"denied"})]
    assert denied == 2


# Topics.


def test_a_call_on_a_topic_has_it_read_again_at_most_every_ten_seconds(world: Watched) -> None:
    asked = world.stage.aws.asked
    assert world.stage.message(SET, "Advisory") == ""
    read = asked["GetTopicAttributes"]
    world.stage.aws.world.subscribers = "0"
    for _ in range(50):
        world.put("SetTopicAttributes", {"topicArn": TOPIC}, source="sns")
        world.stage.wait(0.1)
    assert "no confirmed subscription" in world.stage.message(SET, "Advisory")
    assert asked["GetTopicAttributes"] - read == 1
    world.stage.aws.world.subscribers = "1"
    world.stage.wait(10.0)
    assert asked["GetTopicAttributes"] - read == 2
    assert world.stage.message(SET, "Advisory") == ""
    world.stage.wait(60.0)
    assert asked["GetTopicAttributes"] - read == 2
    assert world.outcomes() == {"dependency": 50}


def test_a_topic_is_read_once_for_all_sets(make: Callable[..., Watched]) -> None:
    world = make("team-a/one", "team-a/two")
    asked = world.stage.aws.asked
    read = asked["GetTopicAttributes"]
    world.stage.aws.world.subscribers = "0"
    world.put("SetTopicAttributes", {"topicArn": TOPIC}, source="sns")
    world.stage.wait(5.0)
    for key in ("team-a/one", "team-a/two"):
        assert "no confirmed subscription" in world.stage.message(key, "Advisory")
    assert asked["GetTopicAttributes"] - read == 1


def test_a_call_on_another_topic_causes_no_call(world: Watched) -> None:
    read = world.stage.aws.asked["GetTopicAttributes"]
    world.put("SetTopicAttributes", {"topicArn": topic_arn("two", REGIONS[0])}, source="sns")
    world.stage.wait(60.0)
    assert world.calls == []
    assert world.stage.aws.asked["GetTopicAttributes"] == read
