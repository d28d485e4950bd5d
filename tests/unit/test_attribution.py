"""Which call caused a drift: exactly one candidate is named, and event history only where it returned the event."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builders import ARN, LOCATION
from trail_operator.api.trail_status import AttributionSource, ChangedBy, Difference, LastDrift
from trail_operator.domain.attribution import (
    Attribution,
    AttributionMode,
    Attributor,
    DetectedDrift,
    HistoryAnswer,
    attribute,
    newly_attributed,
    sentence,
    trail_ref,
    window_start,
)
from trail_operator.domain.cloudtrail_event import Actor, CloudTrailEvent
from trail_operator.domain.drift_causes import causes_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
IN_SYNC = NOW - timedelta(minutes=8)
ALICE = "arn:aws:sts::123456789012:assumed-role/admin/alice"
BOB = "arn:aws:iam::123456789012:user/bob"
STOPPED = Difference(path="isLogging", desired="true", observed="false")
HISTORY, QUEUE = AttributionSource.EVENT_HISTORY, AttributionSource.QUEUE
MOVED = Difference(path="s3BucketName", desired="a", observed="b")


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def actor(principal: str = ALICE, **more: str) -> Actor:
    known = {"source_identity": "", "on_behalf_of": "", "source_ip_address": "203.0.113.7", "user_agent": "aws-cli/2"}
    return Actor(principal=principal, **known | more)


def event(name: str = "StopLogging", *, by: str = ALICE, number: int = 1, **more: Any) -> CloudTrailEvent:
    values: dict[str, Any] = {
        "account": LOCATION.account,
        "region": LOCATION.region,
        "event_source": "cloudtrail.amazonaws.com",
        "event_name": name,
        "event_time": NOW - seconds(3),
        "event_id": f"event-{number}",
        "request_id": f"request-{number}",
        "error_code": "",
        "resources": frozenset({trail_ref(ARN)}),
        "actor": actor(by),
    }
    return CloudTrailEvent(**values | more)


def drift(*differences: Difference, since: datetime | None = IN_SYNC) -> DetectedDrift:
    found = differences or (STOPPED,)
    return DetectedDrift(
        frozenset({trail_ref(ARN)}), tuple(entry.path for entry in found), causes_of(found), since, NOW
    )


def answer(*events: CloudTrailEvent, complete: bool = True, final: bool = False) -> HistoryAnswer:
    return HistoryAnswer(LOCATION.account, LOCATION.region, events, complete, final)


def attributed(
    queued: Collection[CloudTrailEvent] = (),
    history: HistoryAnswer | None = None,
    *,
    of: DetectedDrift | None = None,
    own: Collection[str] = (),
) -> tuple[str, AttributionSource] | None:
    """The principal that is named, and by which source."""
    found = attribute(of or drift(), queued, history, own.__contains__)
    return (found.event.actor.principal, found.source) if found else None


def test_the_only_candidate_is_named_with_its_source() -> None:
    assert attributed([event()]) == (ALICE, QUEUE)
    assert attributed([], answer(event())) == (ALICE, HISTORY)
    assert attributed([event()], answer(event())) == (ALICE, HISTORY)
    assert attributed() is None


@pytest.mark.parametrize(
    "other",
    [
        event(number=2, by=BOB),
        event(number=2),
        event("StartLogging", number=2),
        event("CreateTrail", number=2),
        event(number=1, by=BOB),
        event(number=2, event_time=NOW - seconds(60)),
    ],
    ids=["another caller", "the same caller", "an undoing call", "a new trail", "the same ID", "another time"],
)
def test_two_candidates_are_never_one_name(other: CloudTrailEvent) -> None:
    assert attributed([event(), other]) is None
    assert attributed([other, event()]) is None
    if other.event_id != "event-1":
        assert attributed([], answer(event(), other)) is None
        assert attributed([other], answer(event(), final=True)) is None


@pytest.mark.parametrize(
    "other",
    [
        event("UpdateTrail", number=2),
        event(number=2, error_code="AccessDenied"),
        event(number=2, resources=frozenset({trail_ref(f"{ARN}-2")})),
        event(number=2, resources=frozenset({trail_ref(ARN.replace("123456789012", "210987654321"))})),
        event(number=2, event_source="example.amazonaws.com"),
        event(number=2, event_time=IN_SYNC - seconds(1)),
        event(number=2, event_time=NOW + seconds(1)),
        event(number=2, request_id="own"),
    ],
    ids=["another field", "failed", "another trail", "another account", "another service", "before", "after", "own"],
)
def test_what_cannot_have_caused_it_is_no_candidate(other: CloudTrailEvent) -> None:
    assert attributed([other], own=["own"]) is None
    assert attributed([event(), other], own=["own"]) == (ALICE, QUEUE)
    assert attributed([], answer(event(), other), own=["own"]) == (ALICE, HISTORY)


def test_the_operators_role_is_named_if_this_process_did_not_call() -> None:
    operator = "arn:aws:sts::123456789012:assumed-role/trail-operator/trail-operator@prod"
    assert attributed([event(by=operator, request_id="elsewhere")], own=["own"]) == (operator, QUEUE)


@pytest.mark.parametrize("number", [1, 2, 10])
def test_an_event_that_is_delivered_repeatedly_is_one_candidate(number: int) -> None:
    assert attributed([event()] * number) == (ALICE, QUEUE)


def test_a_call_recorded_in_two_accounts_is_one_candidate() -> None:
    copy = event(number=2, account="210987654321", request_id="request-1")
    assert attributed([event(), copy]) == (ALICE, QUEUE)
    assert attributed([event(), copy], answer(event())) == (ALICE, HISTORY)


def test_an_undoing_call_alone_is_not_the_cause() -> None:
    assert attributed([event("StartLogging")]) is None


def test_a_call_that_can_have_produced_a_part_is_not_the_cause() -> None:
    both = drift(STOPPED, MOVED)
    assert attributed([event()], of=both) is None
    assert attributed([event("CreateTrail")], of=both) == (ALICE, QUEUE)
    assert attributed([event("CreateTrail"), event("UpdateTrail", number=2)], of=both) is None


def test_unknown_without_an_earlier_read_in_sync_or_with_causes_that_have_no_record() -> None:
    assert attributed([event()], answer(event()), of=drift(since=None)) is None
    region = Difference(path="region", desired="eu-central-1", observed="eu-west-1")
    assert attributed([event()], answer(event()), of=drift(region)) is None


def test_a_caller_without_a_name_is_unknown() -> None:
    assert attributed([event(by="")]) is None


def test_an_incomplete_answer_names_nobody() -> None:
    assert attributed([], answer(event(), complete=False)) is None
    assert attributed([event()], answer(event(), complete=False)) == (ALICE, QUEUE)
    assert attributed([event()], answer(event(number=2), complete=False)) is None


def test_a_complete_answer_refutes_an_event_of_its_place_only_at_the_end() -> None:
    assert attributed([event()], answer()) == (ALICE, QUEUE)
    assert attributed([event()], answer(final=True)) is None
    assert attributed([event()], answer(final=True, complete=False)) == (ALICE, QUEUE)
    elsewhere = event(account="210987654321")
    assert attributed([elsewhere], answer(final=True)) == (ALICE, QUEUE)


def test_event_history_has_the_record_of_a_forged_message_as_it_was() -> None:
    forged = event(by=BOB)
    assert attributed([forged], answer(event())) == (ALICE, HISTORY)


EVENTS = st.builds(
    event,
    st.sampled_from(["StopLogging", "StartLogging", "CreateTrail", "UpdateTrail", "DeleteTrail"]),
    by=st.sampled_from([ALICE, BOB, ""]),
    number=st.integers(1, 3),
    request_id=st.sampled_from(["", "own", "request-1", "request-2"]),
    event_time=st.integers(-700, 60).map(lambda delay: NOW + seconds(delay)),
    error_code=st.sampled_from(["", "", "AccessDenied"]),
    account=st.sampled_from([LOCATION.account, "210987654321"]),
)
ANSWERS = st.builds(
    lambda events, complete, final: answer(*events, complete=complete, final=final),
    st.lists(EVENTS, max_size=4, unique_by=lambda one: one.event_id),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(EVENTS, max_size=5), st.none() | ANSWERS)
def test_laws_of_attribution(queued: list[CloudTrailEvent], history: HistoryAnswer | None) -> None:
    found = attribute(drift(), queued, history, "own".__eq__)
    if found is None:
        return
    event, listed = found.event, history.events if history else ()
    assert event.event_name in ("StopLogging", "CreateTrail")
    assert not event.error_code
    assert event.request_id != "own"
    assert IN_SYNC <= event.event_time <= NOW
    # A message is reported as event history only if event history has it.
    assert found.source is QUEUE or (history is not None and history.complete and event in listed)
    assert found.source is HISTORY or event.event_id in {one.event_id for one in queued}
    known = {one.event_id for one in listed}
    others = [
        one
        for one in (*listed, *(one for one in queued if one.event_id not in known))
        if drift().is_candidate(one) and one.request_id != "own"
    ]
    assert {one.actor for one in others} == {event.actor}


@given(st.lists(EVENTS, max_size=5), st.none() | ANSWERS, st.randoms(use_true_random=False))
def test_order_and_repetition_of_messages_do_not_matter(
    queued: list[CloudTrailEvent], history: HistoryAnswer | None, random: Any
) -> None:
    again = [*queued, *queued]
    random.shuffle(again)
    first, second = (attribute(drift(), some, history, "own".__eq__) for some in (queued, again))
    assert (first and (first.event.actor, first.source)) == (second and (second.event.actor, second.source))


@pytest.mark.parametrize(
    ("in_sync_at", "paths", "previous", "expected"),
    [
        (None, ["isLogging"], None, None),
        (NOW, ["isLogging"], None, NOW - seconds(60)),
        (NOW, ["isLogging"], drift(MOVED), NOW - seconds(60)),
        (NOW + seconds(2), ["isLogging"], drift(), NOW + seconds(1)),
        (NOW + seconds(90), ["isLogging"], drift(), NOW + seconds(30)),
        (NOW + seconds(2), ["tags[a]"], replace(drift(), paths=("tags[b]",)), NOW + seconds(1)),
        (NOW + seconds(2), ["eventSelectors[0].x"], replace(drift(), paths=("eventSelectors",)), NOW + seconds(1)),
    ],
    ids=["no read in sync", "margin", "another field", "the same field", "long ago", "a tag", "selectors"],
)
def test_where_the_window_of_candidates_begins(
    in_sync_at: datetime | None, paths: list[str], previous: DetectedDrift | None, expected: datetime | None
) -> None:
    differences = [Difference(path=path, desired="a", observed="b") for path in paths]
    assert window_start(in_sync_at, differences, previous) == expected


def test_a_call_that_caused_an_earlier_drift_does_not_hide_who_repeats_it() -> None:
    first, second = event(), event(number=2, by=BOB, event_time=NOW + seconds(4))
    later = replace(drift(), since=window_start(NOW + seconds(1), [STOPPED], drift()), detected_at=NOW + seconds(5))
    assert attributed([first, second], of=later) == (BOB, QUEUE)
    assert attributed([first], of=later) is None


@pytest.mark.parametrize(
    ("mode", "address", "user_agent"),
    [(AttributionMode.PRINCIPAL, None, None), (AttributionMode.FULL, "203.0.113.7", "aws-cli/2")],
)
def test_what_status_shows_of_the_caller(mode: AttributionMode, address: str | None, user_agent: str | None) -> None:
    caller = actor(source_identity="alice@example.com", on_behalf_of="user-1")
    found = Attribution(event(actor=caller, event_time=NOW + timedelta(microseconds=5)), HISTORY)
    shown = Attributor(mode, lambda _: False).changed_by(found)
    assert shown is not None
    assert shown.model_dump(mode="json", by_alias=True) == {
        "principal": ALICE,
        "sourceIdentity": "alice@example.com",
        "onBehalfOf": "user-1",
        "sourceIPAddress": address,
        "userAgent": user_agent,
        "eventName": "StopLogging",
        "eventTime": "2026-01-02T03:04:05Z",
        "eventID": "event-1",
        "source": "EventHistory",
    }


def test_nobody_is_named_with_mode_none() -> None:
    attributor = Attributor(AttributionMode.NONE, lambda _: False)
    assert not attributor.is_enabled
    assert attributor.attribute(drift(), [event()], answer(event())) is None
    assert attributor.changed_by(None) is None


@pytest.mark.parametrize(
    ("source", "words"), [(QUEUE, "event queue, not verified"), (HISTORY, "event history")], ids=["queue", "history"]
)
def test_the_sentence_has_neither_time_nor_id(source: AttributionSource, words: str) -> None:
    changed_by = Attribution(event(), source).changed_by(full=True)
    assert sentence(changed_by) == f"StopLogging was called by {ALICE} ({words})."
    assert sentence(None) == ""


def last(changed_by: ChangedBy | None = None, *, paths: tuple[str, ...] = ("isLogging",)) -> LastDrift:
    return LastDrift(detection_time=NOW, paths=paths, changed_by=changed_by)


def test_only_what_becomes_known_of_a_reported_drift_is_news() -> None:
    by_queue, by_history = (Attribution(event(), source).changed_by(full=False) for source in (QUEUE, HISTORY))
    assert newly_attributed(None, last(by_queue)) is None
    assert newly_attributed(last(), None) is None
    assert newly_attributed(last(), last(by_queue)) == by_queue
    assert newly_attributed(last(by_queue), last(by_history)) == by_history
    assert newly_attributed(last(by_queue), last(by_queue)) is None
    assert newly_attributed(last(by_queue), last()) is None
    assert newly_attributed(last(), last(by_queue, paths=("tags[a]",))) is None
