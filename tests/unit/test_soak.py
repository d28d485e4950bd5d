"""The soak can fail: what it judges by, given what must not be."""

import pytest
from benchmarks.honesty import READS, Call, Judge, StatusChange
from benchmarks.soak import Figures, problems

ARN = "arn:aws:cloudtrail:us-east-1:200000000000:trail/trail-00000"
RESYNC = 10.0
# The longest time between two observations, and a moment more.
SILENCE = 3 * 1.2 * RESYNC + 10.0


def ready(judge: Judge, at: float, is_ready: bool = True) -> None:
    judge.see(StatusChange(at, ARN, is_ready))


def call(judge: Judge, at: float, operation: str, *, by_others: bool = False, is_whole: bool = True) -> None:
    judge.see(Call(at, ARN, operation, by_others=by_others, is_whole=is_whole, may_have_taken_effect=is_whole))


def observe(judge: Judge, at: float, garbled: str = "") -> None:
    for number, operation in enumerate(READS):
        call(judge, at + number * 0.01, operation, is_whole=operation != garbled)


@pytest.fixture
def judge() -> Judge:
    """Of a Trail that is Ready, and was observed."""
    result = Judge(RESYNC)
    observe(result, 0.0)
    ready(result, 1.0)
    return result


def test_a_trail_that_is_observed_is_ready(judge: Judge) -> None:
    for number in range(1, 100):
        observe(judge, number * RESYNC)
        judge.tick(number * RESYNC + 5.0)
    assert judge.false_ready == []
    assert judge.observations == 100


def test_ready_without_a_whole_observation_for_three_resyncs_is_false(judge: Judge) -> None:
    for number in range(1, 6):
        observe(judge, number * RESYNC, garbled="ListTags")
    judge.tick(SILENCE - 1.0)
    assert judge.false_ready == []
    judge.tick(SILENCE + 1.0)
    judge.tick(SILENCE + 2.0)
    (message,) = judge.false_ready
    assert message == f"{ARN} is Ready 47 s after its last observation"


def test_an_observation_counts_from_its_end_where_aws_is_slow(judge: Judge) -> None:
    for number, operation in enumerate(READS):
        call(judge, RESYNC + number * 8.0, operation)
    end = RESYNC + (len(READS) - 1) * 8.0
    judge.tick(end + SILENCE - 1.0)
    assert judge.false_ready == []
    judge.tick(end + SILENCE + 1.0)
    assert len(judge.false_ready) == 1


def test_what_is_no_longer_called_ready_may_be_silent(judge: Judge) -> None:
    ready(judge, 30.0, is_ready=False)
    judge.tick(1000.0)
    assert judge.false_ready == []


def test_ready_in_spite_of_what_was_seen_is_false(judge: Judge) -> None:
    call(judge, 5.0, "StopLogging", by_others=True)
    for number in range(2, 5):
        observe(judge, number * RESYNC)
    (message,) = judge.false_ready
    assert message == f"{ARN} is Ready, and 3 observations have shown StopLogging"


@pytest.mark.parametrize(
    ("operation", "by_others", "is_whole"),
    [("StartLogging", False, True), ("StartLogging", False, False), ("UpdateTrail", False, True)],
)
def test_only_the_correction_ends_a_drift(judge: Judge, operation: str, by_others: bool, is_whole: bool) -> None:
    call(judge, 5.0, "StopLogging", by_others=True)
    call(judge, 6.0, operation, by_others=by_others, is_whole=is_whole)
    for number in range(2, 5):
        observe(judge, number * RESYNC)
    assert bool(judge.false_ready) == ((operation, is_whole) != ("StartLogging", True))


def test_what_was_not_seen_contradicts_nothing(judge: Judge) -> None:
    call(judge, 5.0, "StopLogging", by_others=True)
    for number in range(2, 5):
        observe(judge, number * RESYNC, garbled="GetTrailStatus")
    assert judge.false_ready == []


def test_a_drift_that_did_not_take_effect_contradicts_nothing(judge: Judge) -> None:
    call(judge, 5.0, "StopLogging", by_others=True, is_whole=False)
    for number in range(2, 5):
        observe(judge, number * RESYNC)
    assert (judge.false_ready, judge.drifts) == ([], 0)


def test_reads_of_different_passes_are_no_observation(judge: Judge) -> None:
    call(judge, 10.0, "GetTrail")
    for operation in READS[1:]:
        call(judge, 11.0, operation)
    assert judge.observations == 1


STEADY = [150.0] * 9 + [160.0] * 21


def test_a_soak_without_a_problem() -> None:
    figures = Figures([*STEADY[:-1], 175.9])
    assert (figures.first, problems(figures)) == (10, [])


@pytest.mark.parametrize(
    ("figures", "problem"),
    [
        (Figures([*STEADY[:-1], 176.0]), "memory has grown by 10.0% since minute 10"),
        (Figures([100.0, 110.0, 110.0]), "memory has grown by 10.0% since minute 1"),
        (Figures(STEADY, false_ready=["a is Ready"]), "false Ready: 1, such as a is Ready"),
        (Figures(STEADY, internal_errors={"b", "a"}), "InternalError: 2, such as a"),
        (Figures(STEADY, tracebacks=1), "the log has 1 tracebacks"),
        (Figures(STEADY, has_ended=True), "the operator has exited"),
        (Figures(has_ended=True), "the operator has exited"),
        (Figures(STEADY, unready={"a"}), "not Ready at the end: 1, such as a"),
        (Figures(STEADY, unlike={"a"}), "different from the spec at the end: 1, such as a"),
    ],
)
def test_each_problem_fails_the_soak(figures: Figures, problem: str) -> None:
    assert problems(figures) == [problem]
