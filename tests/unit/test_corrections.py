"""The benchmark of drift by events: what it judges by, given what must not count."""

from typing import Any

import pytest
from benchmarks.corrections import Change, correction, problems, slow
from benchmarks.honesty import READS

NAME = "trail-00001"
STOP = Change("StopLogging", NAME, "request", 100.0)
ARRIVED = {"request": 100.5}
OPERATOR = "arn:aws:sts::200000000000:assumed-role/trail-operator/trail-operator"
OTHERS = "arn:aws:iam::200000000000:root"


def call(at: float, operation: str, /, *, name: str = NAME, caller: str = OPERATOR, error: str = "") -> dict[str, Any]:
    return {
        "time": f"1970-01-01T00:{int(at) // 60:02}:{at % 60:09.6f}+00:00",
        "operation": operation,
        "caller": caller,
        "error": error or None,
        "answered": True,
        "parameters": {"Name": f"arn:aws:cloudtrail:us-east-1:200000000000:trail/{name}"},
    }


def reads(at: float, **more: Any) -> list[dict[str, Any]]:
    return [call(at, operation, **more) for operation in READS]


def seconds(change: Change, calls: list[dict[str, Any]]) -> float | None:
    found = correction(change, ARRIVED, calls)
    return round(found.seconds, 6) if found else None


def test_the_time_is_from_the_arrival_to_the_call_that_corrects() -> None:
    assert seconds(STOP, [*reads(100.6), call(100.75, "StartLogging"), *reads(100.8)]) == 0.25


def test_the_reads_before_the_first_write_count() -> None:
    before = [*reads(90.0), *reads(100.6, name="trail-00002"), *reads(100.6, caller=OTHERS)]
    found = correction(STOP, ARRIVED, [*before, *reads(100.6), call(100.7, "StartLogging"), *reads(100.8)])
    assert found is not None
    assert found.reads == len(READS)


def test_a_throttled_write_ends_the_reads_and_not_the_time() -> None:
    calls = [*reads(100.6), call(100.7, "StartLogging", error="ThrottlingException"), *reads(101.6)]
    assert correction(STOP, ARRIVED, calls) is None
    found = correction(STOP, ARRIVED, [*calls, call(101.75, "StartLogging")])
    assert found is not None
    assert (round(found.seconds, 6), found.reads) == (1.25, len(READS))


def test_a_deleted_trail_is_corrected_when_it_is_recorded_again() -> None:
    deleted = Change("DeleteTrail", NAME, "request", 100.0)
    calls = [call(100.6, "GetTrail"), call(100.75, "CreateTrail")]
    assert correction(deleted, ARRIVED, calls) is None
    assert seconds(deleted, [*calls, call(101.0, "StartLogging")]) == 0.5


@pytest.mark.parametrize(
    "other",
    [
        call(100.7, "StartLogging", caller=OTHERS),
        call(100.7, "StartLogging", name="trail-00002"),
        call(99.0, "StartLogging"),
        call(100.7, "AddTags"),
    ],
    ids=["by others", "of another trail", "before the change", "of something else"],
)
def test_another_write_corrects_nothing(other: dict[str, Any]) -> None:
    assert seconds(STOP, [other]) is None


def test_without_its_event_a_change_is_not_corrected_by_it() -> None:
    assert correction(STOP, {}, [call(100.7, "StartLogging")]) is None


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (19, 19), (20, 19), (40, 38)])
def test_of_twenty_the_second_slowest_is_the_95th_percentile(count: int, expected: int) -> None:
    assert slow([float(number) for number in range(count, 0, -1)]) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([0.1] * 19 + [9.0], []),
        ([0.1] * 18 + [2.5, 9.0], ["the 95th percentile is 2.50 s, more than 2 s"]),
        ([0.1] * 18 + [None, None], ["no reaction to 2 of 20"]),
        ([None], ["no reaction to 1 of 1"]),
    ],
    ids=["one in twenty is slow", "two are", "two have no reaction", "none has"],
)
def test_what_misses_the_goal_is_wrong(found: list[float | None], expected: list[str]) -> None:
    assert problems(found, 2.0) == expected
