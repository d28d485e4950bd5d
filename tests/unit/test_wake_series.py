"""When events cause reads of one Trail, in tables and laws."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trail_operator.domain.wake_series import ReadBudget, WakeSeries


def read(series: WakeSeries, has_found: bool = False) -> float | None:
    """Make the next read when it is due; return when that was."""
    due = series.due
    if due is not None:
        assert series.begin(due)
        series.end(has_found=has_found)
    return due


def test_a_read_without_a_difference_is_repeated_after_1_3_and_10_seconds() -> None:
    series = WakeSeries()
    assert series.due is None
    series.restart(5.0)
    assert [read(series) for _ in range(5)] == [5.0, 6.0, 8.0, 15.0, None]


def test_a_difference_ends_the_series() -> None:
    series = WakeSeries()
    series.restart(5.0)
    assert [read(series), read(series, has_found=True), read(series)] == [5.0, 6.0, None]


def test_a_new_event_restarts_the_series() -> None:
    series = WakeSeries()
    series.restart(0.0)
    assert [read(series), read(series)] == [0.0, 1.0]
    series.restart(2.5)
    assert [read(series) for _ in range(5)] == [2.5, 3.5, 5.5, 12.5, None]


def test_events_that_arrive_before_the_read_cause_one_read() -> None:
    series = WakeSeries()
    for now in (0.0, 0.1, 0.2):
        series.restart(now)
    assert [read(series), read(series)] == [0.0, 1.0]


@pytest.mark.parametrize("has_found", [True, False])
def test_an_event_during_a_read_causes_another_whatever_the_read_shows(has_found: bool) -> None:
    series = WakeSeries()
    series.restart(0.0)
    assert series.begin(0.0)
    series.restart(0.5)
    series.end(has_found=has_found)
    assert [read(series) for _ in range(5)] == [1.0, 2.0, 4.0, 11.0, None]


def test_a_read_for_another_reason_before_the_due_one_does_not_count() -> None:
    series = WakeSeries()
    series.restart(0.0)
    assert read(series) == 0.0
    assert not series.begin(0.5)
    assert series.due == 1.0


def test_a_read_that_begins_late_is_repeated_from_its_begin() -> None:
    series = WakeSeries()
    series.restart(0.0)
    assert series.begin(7.0)
    series.end(has_found=False)
    assert [read(series) for _ in range(4)] == [8.0, 10.0, 17.0, None]


def test_after_ten_reads_in_a_minute_there_is_one_in_ten_seconds() -> None:
    series, reads = WakeSeries(), list[float]()
    for _ in range(15):
        series.restart(reads[-1] if reads else 0.0)
        reads.append(read(series, has_found=True) or 0.0)
    assert reads[:13] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 19.0, 29.0, 39.0]


@given(st.lists(st.floats(0.0, 30.0), max_size=200), st.lists(st.booleans(), max_size=400))
def test_reads_are_never_closer_than_a_second_nor_more_than_fifteen_in_a_minute(
    gaps: list[float], results: list[bool]
) -> None:
    series, reads, now, found = WakeSeries(), list[float](), 0.0, iter(results)
    for gap in [*gaps, math.inf]:
        while (due := series.due) is not None and due <= now + gap:
            reads.append(due)
            assert series.begin(due)
            series.end(has_found=next(found, False))
        now += gap
        if gap < math.inf:
            series.restart(now)
    assert all(later - earlier > 0.999 for earlier, later in pairwise(reads))
    assert all(sum(start <= one < start + 60.0 for one in reads) <= 15 for start in reads)
    assert series.due is None


@given(st.lists(st.floats(0.0, 5.0), min_size=1, max_size=50))
def test_an_event_is_followed_by_a_read_within_ten_seconds(gaps: list[float]) -> None:
    series, now = WakeSeries(), 0.0
    for gap in gaps:
        now += gap
        while (due := series.due) is not None and due < now:
            assert series.begin(due)
            series.end(has_found=False)
        series.restart(now)
        assert series.due is not None
        assert now <= series.due <= now + 10.0


def test_a_read_that_is_requested_once_is_not_repeated() -> None:
    series = WakeSeries()
    series.request(5.0)
    series.request(5.5)
    assert [read(series), read(series)] == [5.0, None]


def test_a_read_that_is_requested_once_takes_no_repeat_from_an_event() -> None:
    series = WakeSeries()
    series.restart(0.0)
    assert [read(series), read(series)] == [0.0, 1.0]
    series.request(2.5)
    assert [read(series) for _ in range(4)] == [2.5, 3.5, 10.0, None]


def test_reads_that_are_requested_once_keep_the_limits() -> None:
    series, reads, now = WakeSeries(), list[float](), 0.0
    while now < 60.0:
        series.request(now)
        while (due := series.due) is not None and due <= now:
            reads.append(now)
            assert series.begin(now)
            series.end(has_found=False)
        now += 0.25
    assert len(reads) == 15
    assert all(later - earlier > 0.999 for earlier, later in pairwise(reads))


def test_a_budget_gives_each_read_its_own_slot() -> None:
    budget = ReadBudget(5.0)
    assert [budget.reserve(10.0) for _ in range(3)] == pytest.approx([10.0, 10.2, 10.4])
    assert budget.reserve(20.0) == 20.0


@given(st.lists(st.floats(0.0, 1.0), max_size=100))
def test_no_second_has_more_slots_than_the_budget(gaps: list[float]) -> None:
    budget, slots, now = ReadBudget(5.0), list[float](), 0.0
    for gap in gaps:
        now += gap
        slots.append(budget.reserve(now))
    assert all(later - earlier > 0.199 for earlier, later in pairwise(slots))
