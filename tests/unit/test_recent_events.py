"""The events of the queue that are kept of each trail: few, none from the future, and none if too many came."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.test_attribution import IN_SYNC, NOW, drift, event, seconds
from trail_operator.domain.recent_events import RecentEvents


def kept(*events: Any, oldest: datetime | None = None) -> RecentEvents:
    result = RecentEvents()
    for one in events:
        result.add(one, oldest, NOW)
    return result


def test_an_event_is_kept_once() -> None:
    events = RecentEvents()
    assert events.add(event(), None, NOW)
    assert not events.add(event(), None, NOW)
    assert events.about(drift()) == (event(),)


@pytest.mark.parametrize("delay", [1, 3600])
def test_an_event_from_the_future_is_dropped_for_ever(delay: int) -> None:
    ahead = event(event_time=NOW + seconds(delay))
    events = RecentEvents()
    assert not events.add(ahead, None, NOW)
    assert events.about(drift()) == ()


def test_only_candidates_are_about_a_drift() -> None:
    others = event("UpdateTrail"), event(error_code="AccessDenied"), event(event_time=IN_SYNC - seconds(1))
    assert kept(*others, event(number=2)).about(drift()) == (event(number=2),)


def test_too_many_events_explain_nothing_until_they_are_too_old() -> None:
    many = [event("UpdateTrail", number=number) for number in range(9)]
    events = kept(*many, event())
    assert events.about(drift()) == ()
    assert events.about(drift(since=many[0].event_time + seconds(1))) == ()
    later = NOW + timedelta(minutes=5)
    assert events.add(event(number=100, event_time=later), NOW, later)
    found = events.about(drift(since=NOW))
    assert found == ()  # it was called after the detection
    assert len(events) < 10


def test_ten_thousand_events_take_no_more_memory_than_a_few() -> None:
    events = kept(*(event(number=number) for number in range(10_000)))
    assert len(events) <= 8


def test_events_that_are_too_old_make_room() -> None:
    old = [event(number=number, event_time=NOW - timedelta(hours=1)) for number in range(8)]
    assert kept(*old, event(number=100), oldest=IN_SYNC).about(drift()) == (event(number=100),)
