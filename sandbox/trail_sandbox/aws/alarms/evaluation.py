"""The state that an alarm has by its metric.

Unlike AWS's, periods end now, not at full minutes, and those before the evaluation periods do not count.
"""

import operator
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.cloudwatch.models import Alarm, MetricAggregatedDatum

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}

_WORDS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


def can_evaluate(alarm: Alarm) -> bool:
    """Say whether an alarm is of a kind that is known here: neither composite nor on percentiles or bands."""
    return alarm.rule is None and bool(alarm.statistic) and alarm.comparison_operator in _OPERATORS


def state_of(alarm: Alarm, data: Sequence[Any], now: datetime, period: float | None) -> tuple[str, str]:
    """Give the state and its reason; `period`: how many seconds a period lasts, if not as long as it says."""
    points = _points(alarm, data, now, timedelta(seconds=period or alarm.period))
    known = [one for one in points if one is not None]
    treat = alarm.treat_missing_data or "missing"
    if not known and treat == "ignore":
        return str(alarm.state_value), str(alarm.state_reason)
    if not known and treat == "missing":
        return "INSUFFICIENT_DATA", f"Insufficient Data: {len(points)} datapoints were unknown."
    breaches = _OPERATORS[alarm.comparison_operator]
    breaching = sum(breaches(one, alarm.threshold) for one in known)
    if treat == "breaching":
        breaching += len(points) - len(known)
    needed = alarm.datapoints_to_alarm or alarm.evaluation_periods
    state = "ALARM" if breaching >= needed else "OK"
    crossed = f"{breaching} out of the last {len(points)} datapoints {known} were"
    return state, f"Threshold Crossed: {crossed} {_WORDS[alarm.comparison_operator]} the threshold ({alarm.threshold})."


def _points(alarm: Alarm, data: Sequence[Any], now: datetime, period: timedelta) -> list[float | None]:
    """Give the data point of each period, the latest first; None where there are no data."""
    own = [(_time(one), one) for one in data if _is_of(alarm, one)]
    points: list[float | None] = []
    for number in range(alarm.evaluation_periods):
        end = now - number * period
        within = [one for at, one in own if end - period < at <= end]
        points.append(_statistic(str(alarm.statistic), within) if within else None)
    return points


def _is_of(alarm: Alarm, datum: Any) -> bool:
    named = {(one.name, one.value) for one in alarm.dimensions}
    return (
        (datum.namespace, datum.name) == (alarm.namespace, alarm.metric_name)
        and {(one.name, one.value) for one in datum.dimensions} == named
        and alarm.unit in (None, datum.unit)
    )


def _time(datum: Any) -> datetime:
    at: datetime = datum.timestamp
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _statistic(statistic: str, data: Sequence[Any]) -> float:
    parts = [
        (one.sample_count, one.sum, one.min, one.max)
        if isinstance(one, MetricAggregatedDatum)
        else (1.0, one.value, one.value, one.value)
        for one in data
    ]
    count, total = sum(one[0] for one in parts), sum(one[1] for one in parts)
    values: dict[str, float] = {
        "SampleCount": count,
        "Sum": total,
        "Average": total / count if count else 0.0,
        "Minimum": min(one[2] for one in parts),
        "Maximum": max(one[3] for one in parts),
    }
    return float(values[statistic])
