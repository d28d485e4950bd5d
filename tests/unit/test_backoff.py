"""When to look again."""

import pytest

from trail_operator.domain.backoff import resync_delay, retry_delay
from trail_operator.domain.failure import FailureClass


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FailureClass.TRANSIENT, [1, 2, 4, 8, 16, 32, 60, 60]),
        (FailureClass.DEPENDENCY, [15, 30, 45, 45]),
        (FailureClass.AUTHORITY, [5, 10, 20, 40, 45]),
        (FailureClass.TERMINAL, [5, 10, 20, 40, 45]),
    ],
)
def test_delays_double_up_to_a_bound(kind: FailureClass, expected: list[float]) -> None:
    assert [retry_delay(kind, count + 1, 0.5) for count in range(len(expected))] == expected


def test_where_aws_asks_for_minutes_it_gets_them() -> None:
    assert [retry_delay(FailureClass.TRANSIENT, count, 0.5, long_backoff=True) for count in (1, 2, 3, 9)] == [
        30,
        60,
        120,
        120,
    ]


@pytest.mark.parametrize(("random", "factor"), [(0.0, 0.8), (0.5, 1.0), (0.9999999, 1.2)])
def test_delays_are_spread(random: float, factor: float) -> None:
    assert resync_delay(600, random) == pytest.approx(600 * factor, rel=1e-3)
    assert retry_delay(FailureClass.DEPENDENCY, 99, random) == pytest.approx(45 * factor, rel=1e-3)


def test_a_mended_dependency_is_noticed_within_a_minute() -> None:
    assert retry_delay(FailureClass.DEPENDENCY, 10**6, 0.9999999) < 60
