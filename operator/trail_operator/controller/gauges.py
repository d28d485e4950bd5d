"""What the Trails and AWSAccounts are, as Prometheus is told of it: read off the objects at the moment it asks.

From the plain objects, not through the models: a scrape of thousands of Trails is a matter of a fraction of a second.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trail_operator.api.trail import Destination
from trail_operator.controller.accounts import Account
from trail_operator.controller.subject import Subject
from trail_operator.telemetry import metrics
from trail_operator.telemetry.metrics import Family


class Gauges(Collector):
    """The states of all Trails and AWSAccounts."""

    def __init__(
        self,
        subjects: Callable[[], Iterable[Subject]],
        accounts: Callable[[], Iterable[Account]],
        unattended: Callable[[], int],
    ) -> None:
        """`unattended`: how many Trails have no task or no pass."""
        self._subjects = subjects
        self._accounts = accounts
        self._unattended = unattended

    def collect(self) -> Iterator[Metric]:
        """All families, with what there is now."""
        yield from _of_trails(self._subjects())
        yield from _of_accounts(self._accounts())
        unattended = _gauge(metrics.UNATTENDED)
        unattended.add_metric((), self._unattended())
        yield unattended


def _of_trails(subjects: Iterable[Subject]) -> list[Metric]:
    ready, reason = _gauge(metrics.TRAIL_READY), _gauge(metrics.TRAIL_REASON)
    logging, desired = _gauge(metrics.TRAIL_LOGGING), _gauge(metrics.TRAIL_LOGGING_DESIRED)
    delivered, failing = _gauge(metrics.TRAIL_DELIVERED), _gauge(metrics.TRAIL_FAILING)
    family = metrics.TRAIL_DRIFT
    drift = CounterMetricFamily(family.name, family.meaning, labels=family.labels)
    for subject in subjects:
        key = (subject.key.namespace, subject.key.name)
        spec, status = subject.body["spec"], subject.body.get("status") or {}
        _add_ready(ready, reason, key, status)
        desired.add_metric(key, spec.get("isLogging", True))
        drift.add_metric(key, subject.drifts)
        is_logging = status.get("isLogging")
        if is_logging is not None:
            logging.add_metric(key, is_logging)
            errors = {entry["destination"] for entry in status.get("delivery", ())}
            for destination in _destinations(spec) | errors:
                failing.add_metric((*key, destination), destination in errors)
        for destination, seconds in subject.delivered.items():
            delivered.add_metric((*key, destination), seconds)
    return [ready, reason, logging, desired, delivered, failing, drift]


def _of_accounts(accounts: Iterable[Account]) -> list[Metric]:
    ready, reason = _gauge(metrics.ACCOUNT_READY), _gauge(metrics.ACCOUNT_REASON)
    trails, unmanaged = _gauge(metrics.ACCOUNT_TRAILS), _gauge(metrics.ACCOUNT_UNMANAGED)
    for account in accounts:
        key, status = (account.name,), account.body.get("status") or {}
        _add_ready(ready, reason, key, status)
        for family, field in ((trails, "trailCount"), (unmanaged, "unmanagedCount")):
            if status.get(field) is not None:
                family.add_metric(key, status[field])
    return [ready, reason, trails, unmanaged]


def _add_ready(
    ready: GaugeMetricFamily, reason: GaugeMetricFamily, key: tuple[str, ...], status: dict[str, Any]
) -> None:
    condition = next((entry for entry in status.get("conditions", ()) if entry["type"] == "Ready"), None)
    ready.add_metric(key, condition is not None and condition["status"] == "True")
    if condition is not None:
        reason.add_metric((*key, condition["reason"]), 1)


def _destinations(spec: dict[str, Any]) -> set[str]:
    """What the spec has AWS deliver to."""
    configured = {
        Destination.S3: True,
        Destination.DIGEST: spec.get("enableLogFileValidation", True),
        Destination.SNS: spec.get("snsTopicName"),
        Destination.CLOUD_WATCH_LOGS: spec.get("cloudWatchLogsLogGroupARN"),
    }
    return {str(destination) for destination, is_configured in configured.items() if is_configured}


def _gauge(family: Family) -> GaugeMetricFamily:
    return GaugeMetricFamily(family.name, family.meaning, labels=family.labels)
