"""What is said of a drift after it was found: when, what differed, when it was corrected, and who caused it."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest

from tests.statemachine.aws import ACCOUNT, ALICE, OPERATOR, REGIONS, Call
from tests.statemachine.error_table import GENERIC, Error, name_of
from tests.statemachine.event_bus import EventBus, event
from tests.statemachine.kubernetes import at
from tests.statemachine.raw import Raw
from tests.statemachine.rest import FORCE
from tests.statemachine.stage import RESYNC, VirtualStage
from trail_sandbox.aws.events import Caller

KEY = "team-a/alpha"
SPEC = {"s3BucketName": "logs-one"}
ARN = f"arn:aws:cloudtrail:{REGIONS[0]}:{ACCOUNT}:trail/alpha"
LONGEST_RESYNC = 1.2 * RESYNC
# After a drift was found: when event history has been asked first, and last.
FIRST, LAST = 64.0, 15 * 60.0 + 4.0
BOB = Caller(
    ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/bob", "AROAADMIN:bob", "ASIABOB", source_identity="b@x"
)
ELSEWHERE = Caller(ACCOUNT, OPERATOR.arn, OPERATOR.principal_id, "AKIAELSEWHERE")
"""Somebody who uses the operator's own identity."""


def with_a_trail(stage: VirtualStage) -> VirtualStage:
    """Have one Trail that is Ready, for longer than the calls of its creation count."""
    stage.create(KEY, SPEC)
    stage.wait(2 * LONGEST_RESYNC)
    stage.server.events.clear()
    return stage


@pytest.fixture
def stage(empty: VirtualStage) -> VirtualStage:
    return with_a_trail(empty)


@pytest.fixture
def stage_of() -> Iterator[Callable[..., VirtualStage]]:
    """Worlds with one Trail and other settings."""
    made: list[VirtualStage] = []

    def make(**settings: Any) -> VirtualStage:
        made.append(VirtualStage(0, **settings))
        return with_a_trail(made[-1])

    yield make
    for stage in made:
        stage.close()


def last_drift(stage: VirtualStage) -> dict[str, Any]:
    found: dict[str, Any] = stage.objects[KEY]["status"].get("lastDrift", {})
    return found


def named(stage: VirtualStage) -> tuple[str, str] | None:
    """Who is named as the cause of the last drift, and the source."""
    found = last_drift(stage).get("changedBy")
    return (found["principal"], found["source"]) if found else None


def by(stage: VirtualStage, caller: Caller, operation: str, **parameters: Any) -> None:
    """What somebody does."""
    stage.aws.somebody = caller
    assert stage.by_hand(REGIONS[0], operation, **parameters)


def stop(stage: VirtualStage, caller: Caller = ALICE) -> None:
    by(stage, caller, "StopLogging", Name=ARN)


def lookups(stage: VirtualStage) -> int:
    return stage.aws.asked["LookupEvents"]


def found(stage: VirtualStage) -> None:
    """Let time pass until the drift is found."""
    before = last_drift(stage)
    for _ in range(round(LONGEST_RESYNC) + 5):
        stage.wait(1.0)
        if last_drift(stage) != before:
            return
    raise AssertionError("no drift was found")


def test_a_corrected_drift_stays_in_status_with_its_times(stage_of: Callable[..., VirtualStage]) -> None:
    stage = stage_of(drift_attribution="None")
    assert "lastDrift" not in stage.objects[KEY]["status"]
    stop(stage)
    stopped, writes = stage.time, stage.server.writes
    stage.wait(LONGEST_RESYNC)
    found = last_drift(stage)
    assert found["paths"] == ["isLogging"]
    assert at(stopped).strftime("%Y-%m-%dT%H:%M:%SZ") <= found["detectionTime"] <= found["correctionTime"]
    assert "changedBy" not in found
    assert stage.server.writes - writes == 2, "one Event and one status"
    stage.wait(3 * LONGEST_RESYNC)
    assert last_drift(stage) == found
    assert stage.server.writes - writes == 2


def test_a_drift_that_cannot_be_corrected_has_no_time_of_correction_until_it_is(stage: VirtualStage) -> None:
    stage.fault(operation="StartLogging", error="AccessDeniedException")
    stop(stage)
    stage.wait(LONGEST_RESYNC + 30.0)
    found = last_drift(stage)
    assert found["paths"] == ["isLogging"]
    assert "correctionTime" not in found
    stage.heal()
    stage.wait(60.0)
    assert last_drift(stage)["detectionTime"] == found["detectionTime"]
    assert last_drift(stage)["correctionTime"] > found["detectionTime"]


def test_a_restart_keeps_the_last_drift_and_its_correction(stage: VirtualStage) -> None:
    stage.fault(operation="StartLogging", error="AccessDeniedException")
    stop(stage)
    stage.wait(LONGEST_RESYNC)
    found = last_drift(stage)
    stage.stop()
    stage.heal()
    stage.restart()
    stage.wait(60.0)
    assert last_drift(stage) == found | {"correctionTime": last_drift(stage)["correctionTime"]}


def test_a_later_drift_takes_the_place_of_the_earlier_one(stage: VirtualStage) -> None:
    stop(stage)
    stage.wait(LONGEST_RESYNC)
    first = last_drift(stage)
    stage.by_hand(REGIONS[0], "UpdateTrail", Name=ARN, S3KeyPrefix="x", EnableLogFileValidation=False)
    stage.wait(LONGEST_RESYNC)
    assert last_drift(stage)["paths"] == ["s3KeyPrefix", "enableLogFileValidation"]
    assert last_drift(stage)["detectionTime"] > first["detectionTime"]


def test_a_deleted_trail_is_a_drift(stage: VirtualStage) -> None:
    stage.by_hand(REGIONS[0], "DeleteTrail", Name=ARN)
    stage.wait(LONGEST_RESYNC)
    assert last_drift(stage)["paths"] == ["trail"]
    assert "correctionTime" in last_drift(stage)


def test_a_change_of_the_spec_is_no_drift(stage: VirtualStage) -> None:
    stage.replace_spec(KEY, SPEC | {"isLogging": False})
    stage.wait(30.0)
    stage.replace_spec(KEY, SPEC | {"managementPolicy": "Observe"})
    stage.wait(LONGEST_RESYNC)
    assert last_drift(stage) == {}


def test_an_observed_drift_is_reported_once_and_ends_when_somebody_corrects_it(stage: VirtualStage) -> None:
    stage.replace_spec(KEY, SPEC | {"managementPolicy": "Observe"})
    stage.wait(30.0)
    stop(stage)
    stage.wait(3 * LONGEST_RESYNC)
    assert stage.notes("DriftDetected") == ["Detected drift: isLogging is false, not true"]
    found = last_drift(stage)
    assert "correctionTime" not in found
    stage.by_hand(REGIONS[0], "StartLogging", Name=ARN)
    stage.wait(LONGEST_RESYNC)
    assert last_drift(stage) == found | {"correctionTime": last_drift(stage)["correctionTime"]}


def test_at_most_32_paths_are_kept(stage: VirtualStage) -> None:
    tags = [{"Key": f"key-{number:02}"} for number in range(40)]
    stage.by_hand(REGIONS[0], "AddTags", ResourceId=ARN, TagsList=tags)
    stage.wait(LONGEST_RESYNC)
    assert last_drift(stage)["paths"] == [f"tags[key-{number:02}]" for number in range(32)]


# Who caused it, by event history.


def test_the_caller_is_named_a_minute_later(stage: VirtualStage) -> None:
    stop(stage)
    found(stage)
    assert stage.notes("DriftCorrected") == ["Corrected drift: isLogging false -> true (StartLogging)"]
    stage.wait(50.0)
    assert (lookups(stage), named(stage)) == (0, None)
    stage.wait(FIRST - 50.0)
    assert named(stage) == (ALICE.arn, "EventHistory")
    sentence = f"StopLogging was called by {ALICE.arn} (event history)."
    assert stage.notes("DriftAttributed") == [f"Attributed drift: isLogging. {sentence}"]
    assert lookups(stage) == 3, "CreateTrail, StartLogging, StopLogging"
    known = last_drift(stage)
    stage.wait(2 * LAST)
    assert lookups(stage) == 3
    assert last_drift(stage) == known
    assert len(stage.notes("DriftAttributed")) == 1


def test_an_attribution_costs_one_status_and_one_event(stage: VirtualStage) -> None:
    stop(stage)
    found(stage)
    writes = stage.server.writes
    stage.wait(LAST)
    assert stage.server.writes - writes == 2


def test_event_history_is_asked_once_more_if_it_shows_events_late(stage: VirtualStage) -> None:
    stage.aws.settings.lookup_lag = 600.0
    stop(stage)
    found(stage)
    stage.wait(LAST - 60.0)
    assert (lookups(stage), named(stage)) == (3, None)
    stage.wait(60.0)
    assert (lookups(stage), named(stage)) == (6, (ALICE.arn, "EventHistory"))
    stage.wait(2 * LAST)
    assert lookups(stage) == 6


def test_an_earlier_call_is_not_named_while_event_history_may_not_show_a_later_one(stage: VirtualStage) -> None:
    by(stage, ALICE, "UpdateTrail", Name=ARN, S3BucketName="logs-one")  # changes nothing
    stage.wait(40.0)
    by(stage, BOB, "UpdateTrail", Name=ARN, S3KeyPrefix="bob")
    found(stage)
    stage.aws.settings.lookup_lag = FIRST + 1.0
    stage.wait(FIRST)
    assert named(stage) is None
    stage.wait(LAST)
    assert named(stage) is None, "there are two candidates"
    assert stage.notes("DriftAttributed") == []


@pytest.mark.parametrize("other", [ALICE, BOB])
def test_two_candidates_are_never_one_name(stage: VirtualStage, other: Caller) -> None:
    stop(stage, other)
    stage.wait(1.0)
    stop(stage)
    found(stage)
    stage.wait(LAST)
    assert named(stage) is None
    assert "correctionTime" in last_drift(stage)


def test_who_repeats_a_call_is_named_as_well(stage: VirtualStage) -> None:
    for caller in (ALICE, BOB, ELSEWHERE):
        stop(stage, caller)
        found(stage)
        stage.wait(FIRST)
        assert named(stage) == (caller.arn, "EventHistory")
    assert last_drift(stage)["changedBy"].get("sourceIdentity") is None
    assert len(stage.notes("DriftAttributed")) == 3


def test_drift_soon_after_the_operators_own_calls_has_its_caller(empty: VirtualStage) -> None:
    empty.create(KEY, SPEC)
    empty.wait(15.0)
    stop(empty, BOB)
    found(empty)
    empty.wait(FIRST)
    assert named(empty) == (BOB.arn, "EventHistory")
    assert last_drift(empty)["changedBy"]["sourceIdentity"] == "b@x"


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("DeleteTrail", {"Name": ARN}),
        ("UpdateTrail", {"Name": ARN, "IsMultiRegionTrail": False}),
        ("PutEventSelectors", {"TrailName": ARN, "EventSelectors": [{"ReadWriteType": "WriteOnly"}]}),
        ("PutInsightSelectors", {"TrailName": ARN, "InsightSelectors": [{"InsightType": "ApiCallRateInsight"}]}),
        ("AddTags", {"ResourceId": ARN, "TagsList": [{"Key": "a"}]}),
    ],
)
def test_each_call_is_named(stage: VirtualStage, operation: str, parameters: dict[str, Any]) -> None:
    by(stage, BOB, operation, **parameters)
    found(stage)
    stage.wait(FIRST)
    assert named(stage) == (BOB.arn, "EventHistory")
    assert last_drift(stage)["changedBy"]["eventName"] == operation


def test_drift_that_is_only_observed_has_its_caller(stage: VirtualStage) -> None:
    stage.replace_spec(KEY, SPEC | {"managementPolicy": "Observe"})
    stage.wait(30.0)
    stop(stage, BOB)
    found(stage)
    stage.wait(FIRST)
    assert named(stage) == (BOB.arn, "EventHistory")
    assert "correctionTime" not in last_drift(stage)


def test_drift_that_was_found_right_after_a_start_is_nobodys(stage: VirtualStage) -> None:
    stage.stop()
    stop(stage)
    stage.wait(5.0)
    stage.restart()
    found(stage)
    stage.wait(LAST)
    assert (lookups(stage), named(stage)) == (0, None)
    stop(stage)
    found(stage)
    stage.wait(FIRST)
    assert named(stage) == (ALICE.arn, "EventHistory")


def test_more_events_than_a_page_shows_make_the_caller_unknown(stage: VirtualStage) -> None:
    for _ in range(51):
        stage.by_hand(REGIONS[0], "StopLogging", Name="absent")
    stop(stage)
    found(stage)
    stage.wait(LAST)
    assert named(stage) is None


def test_a_new_drift_ends_the_search_for_who_caused_the_last_one(stage: VirtualStage) -> None:
    stop(stage)
    found(stage)
    by(stage, BOB, "UpdateTrail", Name=ARN, S3KeyPrefix="x")
    found(stage)
    stage.wait(FIRST)
    assert named(stage) == (BOB.arn, "EventHistory")
    stage.wait(LAST)
    assert lookups(stage) <= 3 + 2


def test_a_trail_that_is_deleted_is_not_asked_about(stage: VirtualStage) -> None:
    stop(stage)
    found(stage)
    stage.delete(KEY)
    stage.wait(LAST)
    assert KEY not in stage.objects
    assert lookups(stage) == 0


# What the settings allow.


def test_nothing_is_looked_up_or_named_with_mode_none(stage_of: Callable[..., VirtualStage]) -> None:
    stage = stage_of(drift_attribution="None")
    stop(stage)
    found(stage)
    stage.wait(LAST)
    assert (lookups(stage), named(stage)) == (0, None)
    assert last_drift(stage)["paths"] == ["isLogging"]


@pytest.mark.parametrize(("mode", "more"), [("Principal", {}), ("Full", {"sourceIPAddress": "203.0.113.7"})])
def test_address_and_user_agent_are_kept_only_in_full(
    stage_of: Callable[..., VirtualStage], mode: str, more: dict[str, str]
) -> None:
    stage = stage_of(drift_attribution=mode)
    stop(stage)
    found(stage)
    stage.wait(FIRST)
    shown = last_drift(stage)["changedBy"]
    assert {"sourceIPAddress", "userAgent"} & shown.keys() == ({"sourceIPAddress", "userAgent"} if more else set())
    assert shown.items() >= more.items()
    assert ALICE.access_key_id not in str(stage.objects) + str(stage.server.events)


# Event history that does not answer.


def _errors() -> list[Error]:
    model = botocore.session.get_session().get_service_model("cloudtrail").operation_model("LookupEvents")
    generic = [error for error, _ in GENERIC]
    return [*generic, *(Error(shape.name) for shape in model.error_shapes if shape.name != "InvalidTokenException")]


@pytest.mark.parametrize("error", _errors(), ids=name_of)
def test_an_error_of_event_history_costs_the_name_and_nothing_else(stage: VirtualStage, error: Error) -> None:
    fault = {"drop": True} if error.code is None else {"error": error.code}
    message = error.message.format("cloudtrail:LookupEvents")
    stage.fault(operation="LookupEvents", message=message, delay=error.delay, **fault)
    stop(stage)
    found(stage)
    writes, conditions = stage.server.writes, stage.objects[KEY]["status"]["conditions"]
    stage.wait(LAST + 60.0)
    assert 2 <= lookups(stage) <= 4, "once after a minute, once at the end; again if credentials have expired"
    assert named(stage) is None
    assert stage.objects[KEY]["status"]["conditions"] == conditions
    assert stage.server.writes == writes
    assert all(trail.is_logging for trail in stage.aws.trails.all())


def test_a_second_drift_is_named_once_event_history_answers(stage: VirtualStage) -> None:
    stage.fault(operation="LookupEvents", error="AccessDeniedException")
    stop(stage)
    found(stage)
    stage.wait(FIRST)
    stage.heal()
    stage.wait(LAST)
    assert named(stage) == (ALICE.arn, "EventHistory"), "the last question was answered"


def test_a_denial_is_logged_once_an_hour(stage: VirtualStage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "trail_operator")
    stage.fault(operation="LookupEvents", error="AccessDeniedException", message="not authorized")
    for hour in range(1, 4):
        for _ in range(3):
            stop(stage)
            stage.wait(1200.0)
        lines = [record.message for record in caplog.records if "cannot find out who" in record.message]
        assert len(lines) == hour, lines
    assert "LookupEvents" in lines[0]
    assert (
        stage.life.metrics.registry.get_sample_value("trail_operator_drift_lookups_total", {"result": "denied"}) == 18
    )


# It never changes what is written to AWS, nor names anybody who did not call.

OPERATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("StopLogging", {"Name": ARN}),
    ("StartLogging", {"Name": ARN}),
    ("DeleteTrail", {"Name": ARN}),
    ("UpdateTrail", {"Name": ARN, "S3KeyPrefix": "x"}),
    ("UpdateTrail", {"Name": ARN, "S3BucketName": "logs-one"}),
    ("PutEventSelectors", {"TrailName": ARN, "EventSelectors": [{"ReadWriteType": "WriteOnly"}]}),
    ("AddTags", {"ResourceId": ARN, "TagsList": [{"Key": "a"}]}),
)


def _at_random(stage: VirtualStage, seed: int) -> Iterator[None]:
    """Let people change the trail at random, with event history late or silent."""
    chance = random.Random(seed)
    for _ in range(12):
        stage.aws.settings.lookup_lag = chance.choice([0.0, 0.0, 30.0, 90.0, 700.0])
        if chance.random() < 0.2:
            stage.fault(operation="LookupEvents", error="ThrottlingException", count=chance.randint(1, 3))
        for _ in range(chance.randint(1, 3)):
            operation, parameters = chance.choice(OPERATIONS)
            stage.aws.somebody = chance.choice([ALICE, BOB, ELSEWHERE])
            stage.by_hand(REGIONS[0], operation, **parameters)
            stage.wait(chance.choice([0.0, 1.0, 5.0, 30.0, 100.0]))
        stage.wait(chance.choice([10.0, 70.0, 130.0, 1000.0]))
        yield


@pytest.mark.parametrize("seed", range(15))
def test_whoever_is_named_made_the_only_call(stage: VirtualStage, seed: int) -> None:
    for _ in _at_random(stage, seed):
        drift = last_drift(stage)
        if not (shown := drift.get("changedBy")):
            continue
        detected = drift["detectionTime"]
        entries = stage.aws.history.newest_first(ACCOUNT, REGIONS[0])
        (entry,) = [entry for entry in entries if entry.id == shown["eventID"]]
        assert entry.event.caller.arn == shown["principal"]
        assert entry.event.caller.access_key_id != OPERATOR.access_key_id, "the operator did it"
        assert entry.name == shown["eventName"]
        assert shown["eventTime"] == entry.record["eventTime"] <= detected
        corrected = [one.record["eventTime"] for one in entries if one.event.caller is OPERATOR]
        before = max((time for time in corrected if time < shown["eventTime"]), default="")
        same = [
            one
            for one in entries
            if one.name == entry.name and not one.event.error_code and one.event.caller is not OPERATOR
            if before < one.record["eventTime"] <= detected
        ]
        assert same == [entry], "others did the same since the operator's last correction"


@pytest.mark.parametrize("seed", range(5))
def test_event_history_is_asked_only_after_the_correction(stage: VirtualStage, seed: int) -> None:
    made: dict[int, list[tuple[float, str]]] = {}

    def note(call: Call, sent: Raw) -> Raw:
        made.setdefault(id(call.by), []).append((call.begun, call.operation))
        return sent

    stage.aws.garble = note
    for _ in _at_random(stage, seed):
        stage.wait(LONGEST_RESYNC)
        assert all(trail.is_logging for trail in stage.aws.trails.all())
    assert lookups(stage)
    for calls in made.values():
        asked = [begun for begun, operation in calls if operation == "LookupEvents"]
        others = [begun for begun, operation in calls if operation != "LookupEvents"]
        assert not asked or max(others) + 60.0 <= min(asked)


def test_an_event_history_that_does_not_answer_delays_no_correction(stage: VirtualStage) -> None:
    stage.fault(operation="LookupEvents", delay=60.0, drop=True)
    stop(stage)
    found(stage)
    stage.wait(FIRST - 1.0)
    assert lookups(stage) == 1, "it is under way"
    stop(stage, BOB)
    stage.annotate(KEY, FORCE, "now")
    stage.wait(2.0)
    assert all(trail.is_logging for trail in stage.aws.trails.all())
    assert last_drift(stage)["correctionTime"] >= at(stage.time - 2.0).strftime("%Y-%m-%dT%H:%M:%SZ")


# Who caused it, by the event queue.

BY_QUEUE = f"StopLogging was called by {ALICE.arn} (event queue, not verified)."
MALLORY = f"arn:aws:iam::{ACCOUNT}:user/mallory"


def bus_of(stage: VirtualStage) -> EventBus:
    assert stage.aws.bus is not None
    return stage.aws.bus


def forge(stage: VirtualStage, operation: str = "StopLogging", age: float = 1.0, **more: Any) -> None:
    """Send an event of a call that nobody made."""
    body = event(stage.time - age, REGIONS[0], operation, {"Name": ARN}, number=random.getrandbits(32), **more)
    bus_of(stage).put(body)


@pytest.fixture
def queued(stage_of: Callable[..., VirtualStage]) -> VirtualStage:
    """A world with an event queue."""
    return stage_of(event_queue="events", drift_attribution="Full")


def test_the_event_of_the_correction_names_the_caller(queued: VirtualStage) -> None:
    stop(queued)
    queued.wait(5.0)
    assert queued.notes("DriftCorrected") == [f"Corrected drift: isLogging false -> true (StartLogging). {BY_QUEUE}"]
    assert named(queued) == (ALICE.arn, "Queue")
    assert last_drift(queued)["changedBy"]["sourceIPAddress"] == "203.0.113.7"
    assert queued.notes("DriftAttributed") == []
    queued.wait(FIRST)
    assert named(queued) == (ALICE.arn, "EventHistory")
    assert queued.notes("DriftAttributed") == [
        f"Attributed drift: isLogging. StopLogging was called by {ALICE.arn} (event history)."
    ]


def test_the_event_of_an_observed_drift_names_the_caller(queued: VirtualStage) -> None:
    queued.replace_spec(KEY, SPEC | {"managementPolicy": "Observe"})
    queued.wait(30.0)
    stop(queued)
    queued.wait(5.0)
    assert queued.notes("DriftDetected") == [f"Detected drift: isLogging is false, not true. {BY_QUEUE}"]


def test_without_event_history_the_queue_is_the_source(queued: VirtualStage) -> None:
    queued.fault(operation="LookupEvents", error="AccessDeniedException")
    stop(queued)
    queued.wait(LAST + 10.0)
    assert named(queued) == (ALICE.arn, "Queue")
    assert queued.notes("DriftAttributed") == []


def test_an_event_that_is_late_is_reported_when_it_arrives(queued: VirtualStage) -> None:
    queued.fault(operation="LookupEvents", error="AccessDeniedException")
    bus_of(queued).slowest, bus_of(queued).soonest = 200.0, 190.0
    stop(queued)
    found(queued)
    assert named(queued) is None
    queued.wait(200.0)
    assert named(queued) == (ALICE.arn, "Queue")
    assert queued.notes("DriftAttributed") == [f"Attributed drift: isLogging. {BY_QUEUE}"]


def test_two_events_are_nobody_though_one_is_late(queued: VirtualStage) -> None:
    queued.fault(operation="LookupEvents", error="AccessDeniedException")
    stop(queued)
    forge(queued)
    queued.wait(20.0)
    assert named(queued) is None


def test_a_forged_event_is_never_reported_as_event_history(queued: VirtualStage) -> None:
    bus_of(queued).lost = 1.0
    stop(queued)
    forge(queued)
    queued.wait(5.0)
    assert named(queued) == (MALLORY, "Queue"), "as delivered, not verified"
    queued.wait(FIRST)
    assert named(queued) is None, "event history has another caller"
    queued.wait(LAST)
    assert named(queued) is None


def test_an_event_that_event_history_does_not_have_is_refuted(queued: VirtualStage) -> None:
    bus_of(queued).lost = 1.0
    stop(queued)
    queued.aws.history.clear()  # as if nobody had called
    forge(queued)
    queued.wait(FIRST + 5.0)
    assert named(queued) == (MALLORY, "Queue")
    queued.wait(LAST)
    assert named(queued) is None


@pytest.mark.parametrize("what", ["of the future", "of another account", "contradictory", "of before", "failed"])
def test_an_event_that_cannot_have_caused_it_names_nobody(queued: VirtualStage, what: str) -> None:
    bus_of(queued).lost = 1.0
    queued.fault(operation="LookupEvents", error="AccessDeniedException")
    match what:
        case "of the future":
            forge(queued, age=-30.0)
            queued.wait(35.0)
        case "of another account":
            body = event(queued.time - 1.0, REGIONS[0], "StopLogging", {"Name": "alpha"}, account="210987654321")
            bus_of(queued).put(body)
        case "contradictory":
            text = event(queued.time - 1.0, REGIONS[0], "StopLogging", {"Name": ARN})
            bus_of(queued).put(text.replace(f'"account": "{ACCOUNT}"', '"account": "210987654321"', 1))
        case "of before":
            forge(queued, age=600.0)
        case _:
            forge(queued, error="AccessDenied")
    stop(queued)
    queued.annotate(KEY, FORCE, "now")
    queued.wait(5.0)
    assert last_drift(queued)["paths"] == ["isLogging"]
    assert named(queued) is None


def test_a_flood_of_events_of_one_trail_names_nobody(queued: VirtualStage) -> None:
    queued.fault(operation="LookupEvents", error="AccessDeniedException")
    stop(queued)
    for _ in range(500):
        forge(queued, "UpdateTrail")
    stop(queued)
    queued.wait(60.0)
    assert last_drift(queued)["paths"] == ["isLogging"]
    assert all(trail.is_logging for trail in queued.aws.trails.all())


def test_nobody_is_named_by_the_queue_with_mode_none(stage_of: Callable[..., VirtualStage]) -> None:
    stage = stage_of(event_queue="events", drift_attribution="None")
    stop(stage)
    stage.wait(5.0)
    assert stage.notes("DriftCorrected") == ["Corrected drift: isLogging false -> true (StartLogging)"]
    assert named(stage) is None


@pytest.mark.parametrize("seed", range(10))
def test_whatever_the_queue_delivers_nobody_is_named_wrongly(queued: VirtualStage, seed: int) -> None:
    """Messages are lost, doubled, late, in any order, and forged."""
    bus = bus_of(queued)
    bus.lost, bus.doubled, bus.slowest = 0.3, 0.3, 60.0
    sent: set[tuple[str, str]] = set()
    put = bus.put

    def note(body: str) -> None:
        record = json.loads(body)["detail"]
        sent.add((record["eventID"], record["userIdentity"].get("arn", "")))
        put(body)

    bus.put = note  # type: ignore[method-assign]
    for number, _ in enumerate(_at_random(queued, seed)):
        if number % 3 == 0:
            forge(queued, random.Random(seed + number).choice(["StopLogging", "UpdateTrail"]), age=5.0)
            queued.wait(5.0)
        if not (shown := last_drift(queued).get("changedBy")):
            continue
        entries = queued.aws.history.newest_first(ACCOUNT, REGIONS[0])
        made = {(entry.id, entry.event.caller.arn) for entry in entries if entry.event.caller.access_key_id}
        who = (shown["eventID"], shown["principal"])
        assert who in (made if shown["source"] == "EventHistory" else sent)
        own = {entry.id for entry in entries if entry.event.caller is OPERATOR}
        assert shown["eventID"] not in own, "the operator did it"
