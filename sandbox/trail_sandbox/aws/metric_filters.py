"""The metrics that metric filters make of log events.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
Unlike AWS's, they have the time at which the log events came, not that of the events.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.cloudwatch.models import MetricDatum, cloudwatch_backends
from moto.logs.models import LogGroup, LogsBackend, logs_backends

from trail_sandbox.aws.filter_patterns import parse

NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_MINUTE_SECONDS = 60

Filter = dict[str, Any]


@dataclass
class _Minute:
    """The last minute in which log events came to a group, as one of its filters knows it."""

    number: int
    has_matched: bool = False


def filters_of(group: LogGroup) -> dict[str, Filter]:
    """Give the metric filters of a group by their names; they end with it."""
    filters: dict[str, Filter] = group.__dict__.setdefault("metric_filters", {})
    return filters


def event_of(message: str) -> Any:
    """Read a log event; None if it is not JSON."""
    try:
        return json.loads(message)
    except ValueError:
        return None


def text_of(value: Any) -> str | None:
    """Write what a selector has found as a text; None if it is neither a text nor a number."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else None


def count(logs: LogsBackend, group: LogGroup, events: list[Any], now: datetime) -> None:
    """Publish the metrics of log events that have come to a group."""
    _publish_defaults(logs, group, now)
    minutes = _minutes(group)
    for name, one in list(filters_of(group).items()):
        expression = parse(one["filterPattern"])
        matching = [event for event in events if expression.matches(event)]
        minute = minutes.setdefault(name, _Minute(_number(now)))
        minute.has_matched = minute.has_matched or bool(matching)
        _publish(logs, [datum for event in matching for datum in _data(one, event, now)])


def publish_defaults(now: datetime) -> None:
    """Publish the default values of minutes that are over, once for each: of those in which events came, none matching.

    Not verified: at what time after the minute, and that a minute of the clock is meant.
    """
    for regions in list(logs_backends.values()):
        for logs in list(regions.values()):
            for group in list(logs.groups.values()):
                _publish_defaults(logs, group, now)


def _publish_defaults(logs: LogsBackend, group: LogGroup, now: datetime) -> None:
    minutes, filters = _minutes(group), filters_of(group)
    for name in [name for name, minute in list(minutes.items()) if minute.number < _number(now)]:
        minute = minutes.pop(name, None)
        if minute is None or minute.has_matched or name not in filters:
            continue
        [transformation] = filters[name]["metricTransformations"]
        if transformation.get("defaultValue") is not None:
            _publish(logs, [_datum(transformation, transformation["defaultValue"], [], now)])


def _minutes(group: LogGroup) -> dict[str, _Minute]:
    minutes: dict[str, _Minute] = group.__dict__.setdefault("metric_minutes", {})
    return minutes


def _number(now: datetime) -> int:
    return int(now.timestamp() // _MINUTE_SECONDS)


def _publish(logs: LogsBackend, data: list[MetricDatum]) -> None:
    if data:
        cloudwatch_backends[logs.account_id][logs.region_name].metric_data.extend(data)


def _data(one: Filter, event: Any, now: datetime) -> Iterator[MetricDatum]:
    """Give the data that a filter makes of an event that matches: none where a field for it is missing."""
    [transformation] = one["metricTransformations"]
    value = _value(transformation["metricValue"], event)
    dimensions = {name: text_of(_found(text, event)) for name, text in transformation.get("dimensions", {}).items()}
    if value is not None and None not in dimensions.values():
        yield _datum(
            transformation, value, [{"Name": key, "Value": str(text)} for key, text in dimensions.items()], now
        )


def _datum(transformation: Filter, value: float, dimensions: list[dict[str, str]], now: datetime) -> MetricDatum:
    name, namespace, unit = transformation["metricName"], transformation["metricNamespace"], transformation.get("unit")
    return MetricDatum(namespace, name, float(value), dimensions, now, unit)


def _value(text: str, event: Any) -> float | None:
    if NUMBER.fullmatch(text):
        return float(text)
    found = _found(text, event)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _found(text: str, event: Any) -> Any:
    [selector] = parse(f"{{ {text} NOT EXISTS }}").selectors()
    return selector.find(event)
