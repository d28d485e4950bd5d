"""Metrics of the state of Trails and AWSAccounts, computed from the objects when Prometheus scrapes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from trail_operator import metric_families as metrics
from trail_operator.api.aws_account import AWSAccountStatus
from trail_operator.api.reasons import ConditionType
from trail_operator.api.trail_status import Destination
from trail_operator.inventory.registry import Account
from trail_operator.reconcile.state_metrics import add_ready, counter, gauge, single
from trail_operator.trail.state import TrailState


class StateCollector(Collector):
    """Collects the state of all Trails and AWSAccounts."""

    def __init__(
        self,
        states: Callable[[], Iterable[TrailState]],
        accounts: Callable[[], Iterable[Account]],
        unattended: Callable[[], int],
        own_events: Callable[[], bool | None],
    ) -> None:
        """`unattended`: returns the number of Trails that are not reconciled.

        `own_events`: whether events of the account of the operator's own identity arrive, None if unknown.
        """
        self._states = states
        self._accounts = accounts
        self._unattended = unattended
        self._own_events = own_events

    def collect(self) -> Iterator[Metric]:
        """Return all metric families with their present values."""
        yield from _of_trails(self._states())
        yield from _of_accounts(self._accounts(), self._own_events())
        yield single(metrics.UNATTENDED, self._unattended())


def _of_trails(states: Iterable[TrailState]) -> list[Metric]:
    ready, reason = gauge(metrics.TRAIL_READY), gauge(metrics.TRAIL_REASON)
    logging, desired = gauge(metrics.TRAIL_LOGGING), gauge(metrics.TRAIL_LOGGING_DESIRED)
    delivered, failing = gauge(metrics.TRAIL_DELIVERED), gauge(metrics.TRAIL_FAILING)
    dependencies = gauge(metrics.TRAIL_DEPENDENCIES_READY)
    drift = counter(metrics.TRAIL_DRIFT)
    for state in states:
        key = (state.key.namespace, state.key.name)
        spec, status = state.manifest, state.status
        add_ready(ready, reason, key, status.condition(ConditionType.READY))
        if isinstance(is_desired := spec.get("isLogging", True), bool):
            desired.add_metric(key, is_desired)
        drift.add_metric(key, state.drift_count)
        is_logging = state.facts.other_trail_is_logging if status.is_logging is None else status.is_logging
        if is_logging is not None:
            logging.add_metric(key, is_logging)
        if status.is_logging is not None:
            errors = {entry.destination for entry in status.delivery}
            for destination in _destinations(spec) | errors:
                failing.add_metric((*key, destination), destination in errors)
        found = status.condition(ConditionType.DEPENDENCIES_READY)
        if found is not None and found.status != "Unknown":
            dependencies.add_metric(key, found.status == "True")
        for destination, seconds in state.facts.delivered.items():
            delivered.add_metric((*key, destination), seconds)
    return [ready, reason, logging, desired, delivered, failing, dependencies, drift]


def _of_accounts(accounts: Iterable[Account], own_events: bool | None) -> list[Metric]:
    ready, reason = gauge(metrics.ACCOUNT_READY), gauge(metrics.ACCOUNT_REASON)
    trails, unmanaged = gauge(metrics.ACCOUNT_TRAILS), gauge(metrics.ACCOUNT_UNMANAGED)
    arriving = gauge(metrics.EVENTS_ARRIVING)
    if own_events is not None:
        arriving.add_metric(("",), own_events)
    for account in accounts:
        key, parsed = (account.name,), _status_of(account)
        add_ready(ready, reason, key, parsed.condition(ConditionType.READY))
        events = parsed.condition(ConditionType.EVENTS_ARRIVING)
        if events is not None and events.status in ("True", "False"):
            arriving.add_metric(key, events.status == "True")
        for family, count in ((trails, parsed.trail_count), (unmanaged, parsed.unmanaged_count)):
            if count is not None:
                family.add_metric(key, count)
    return [ready, reason, trails, unmanaged, arriving]


def _status_of(account: Account) -> AWSAccountStatus:
    """Return the status without the list of trails, of which there may be a thousand."""
    status = account.body.get("status")
    status = status if isinstance(status, dict) else {}
    return AWSAccountStatus.parse({name: value for name, value in status.items() if name != "trails"})


def _destinations(spec: dict[str, Any]) -> set[str]:
    """Return the destinations that the spec configures."""
    configured = {
        Destination.S3: True,
        Destination.DIGEST: spec.get("enableLogFileValidation", True) is not False,
        Destination.SNS: spec.get("snsTopicName"),
        Destination.CLOUD_WATCH_LOGS: spec.get("cloudWatchLogsLogGroupARN"),
    }
    return {str(destination) for destination, is_configured in configured.items() if is_configured}
