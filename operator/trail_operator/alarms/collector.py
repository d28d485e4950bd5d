"""Metrics of the state of TrailAlarmSets and their alarms, computed from the objects when Prometheus scrapes."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from trail_operator import metric_families as metrics
from trail_operator.alarms.state import AlarmSetState
from trail_operator.api.reasons import ConditionType
from trail_operator.reconcile.state_metrics import add_ready, counter, gauge, single


class AlarmStateCollector(Collector):
    """Collects the state of all TrailAlarmSets."""

    def __init__(self, states: Callable[[], Iterable[AlarmSetState]], unattended: Callable[[], int]) -> None:
        """`unattended`: returns the number of TrailAlarmSets that are not reconciled."""
        self._states = states
        self._unattended = unattended

    def collect(self) -> Iterator[Metric]:
        """Return all metric families with their present values."""
        yield from _of_alarm_sets(self._states())
        yield single(metrics.UNATTENDED_ALARM_SETS, self._unattended())


def _of_alarm_sets(states: Iterable[AlarmSetState]) -> list[Metric]:
    ready, reason = gauge(metrics.ALARM_SET_READY), gauge(metrics.ALARM_SET_REASON)
    alarms, alarm_state = gauge(metrics.ALARM_SET_ALARMS), gauge(metrics.ALARM_STATE)
    drift = counter(metrics.ALARM_SET_DRIFT)
    for state in states:
        key = (state.key.namespace, state.key.name)
        status = state.status
        found = status.condition(ConditionType.READY)
        add_ready(ready, reason, key, found)
        drift.add_metric(key, state.drift_count)
        if status.alarm_count is not None:
            alarms.add_metric(key, status.alarm_count)
        if found is None or found.status == "Unknown":
            continue  # what AWS showed last may be long ago
        for alarm, shown in state.reads.states.items():
            alarm_state.add_metric((*key, alarm, shown), 1)
    return [ready, reason, alarms, alarm_state, drift]
