"""Default values of metric filters, minute by minute.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from moto.cloudwatch.models import MetricDatum, cloudwatch_backends
from moto.logs.models import LogGroup, LogsBackend, logs_backends

from trail_sandbox.aws import metric_filters

REGION = "us-east-1"
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
STOP, OTHER = {"eventName": "StopLogging"}, {"eventName": "GetTrail"}


class Logs:
    """A log group with a metric filter, in an account of its own."""

    def __init__(self, default: float | None) -> None:
        self.account = str(uuid4().int)[:12]
        self.backend: LogsBackend = logs_backends[self.account][REGION]
        self.backend.create_log_group("group", {})
        self.group: LogGroup = self.backend.groups["group"]
        self.put(default)

    def put(self, default: float | None) -> None:
        transformation: dict[str, Any] = {"metricName": "stops", "metricNamespace": "test", "metricValue": "1"}
        if default is not None:
            transformation["defaultValue"] = default
        metric_filters.filters_of(self.group)["filter"] = {
            "filterPattern": "{$.eventName=StopLogging}",
            "metricTransformations": [transformation],
        }

    def come(self, *events: dict[str, str], second: int) -> None:
        metric_filters.count(self.backend, self.group, list(events), NOON + timedelta(seconds=second))

    def wait(self, second: int) -> None:
        metric_filters.publish_defaults(NOON + timedelta(seconds=second))

    def values(self) -> list[float]:
        data = cloudwatch_backends[self.account][REGION].metric_data
        return [one.value for one in data if isinstance(one, MetricDatum)]


@pytest.fixture
def logs() -> Logs:
    return Logs(default=0.0)


def test_a_minute_without_a_match_has_one_default_value_once_it_is_over(logs: Logs) -> None:
    logs.come(OTHER, OTHER, second=3)
    logs.come(OTHER, second=59)
    logs.wait(59)
    assert logs.values() == []
    logs.wait(60)
    logs.wait(61)
    assert logs.values() == [0.0]


def test_a_minute_with_a_match_has_no_default_value(logs: Logs) -> None:
    logs.come(OTHER, second=3)
    logs.come(STOP, second=4)
    logs.come(OTHER, second=5)
    logs.wait(90)
    assert logs.values() == [1.0]


def test_a_minute_without_events_has_no_data(logs: Logs) -> None:
    logs.come(OTHER, second=3)
    logs.come(OTHER, second=183)
    logs.wait(400)
    assert logs.values() == [0.0, 0.0]


def test_the_default_value_of_a_minute_comes_before_the_data_of_the_next(logs: Logs) -> None:
    logs.come(OTHER, second=3)
    logs.come(STOP, STOP, second=63)
    assert logs.values() == [0.0, 1.0, 1.0]


def test_no_default_value_is_published_where_there_is_none() -> None:
    logs = Logs(default=None)
    logs.come(OTHER, second=3)
    logs.wait(90)
    assert logs.values() == []


def test_a_filter_that_was_deleted_publishes_nothing(logs: Logs) -> None:
    logs.come(OTHER, second=3)
    del metric_filters.filters_of(logs.group)["filter"]
    logs.wait(90)
    assert logs.values() == []
