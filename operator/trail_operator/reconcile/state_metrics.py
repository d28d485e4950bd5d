"""What the metrics of the state of all kinds have in common. A status is read through its model, which drops invalid
fields: one invalid object must not break the scrape.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trail_operator import metric_families as metrics
from trail_operator.api.conditions import Condition
from trail_operator.kube.unreportable import Refused
from trail_operator.metric_families import Family


class Refusable(Protocol):
    """An object that the API server may refuse to write."""

    @property
    def refused(self) -> Refused | None:
        """The last write that the API server refused."""


class UnreportableCollector(Collector):
    """Counts the objects of each kind that the API server refuses to write."""

    def __init__(self, objects: Mapping[str, Callable[[], Iterable[Refusable]]]) -> None:
        """`objects`: returns those of a kind, by its name."""
        self._objects = objects

    def collect(self) -> Iterator[Metric]:
        """Return the present numbers."""
        unreportable = gauge(metrics.UNREPORTABLE)
        for kind, objects in self._objects.items():
            count = sum(entry.refused is not None and entry.refused.reported for entry in objects())
            unreportable.add_metric((kind,), count)
        yield unreportable


def gauge(family: Family) -> GaugeMetricFamily:
    """Return a gauge without samples."""
    return GaugeMetricFamily(family.name, family.meaning, labels=family.labels)


def counter(family: Family) -> CounterMetricFamily:
    """Return a counter without samples."""
    return CounterMetricFamily(family.name, family.meaning, labels=family.labels)


def single(family: Family, value: float) -> GaugeMetricFamily:
    """Return a gauge without labels."""
    found = gauge(family)
    found.add_metric((), value)
    return found


def add_ready(
    ready: GaugeMetricFamily, reason: GaugeMetricFamily, key: tuple[str, ...], condition: Condition | None
) -> None:
    """Add what the condition Ready says."""
    ready.add_metric(key, condition is not None and condition.status == "True")
    if condition is not None:
        reason.add_metric((*key, condition.reason), 1)
