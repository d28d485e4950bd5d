"""Metric filters and alarms as values: those that a TrailAlarmSet asks for, and those that AWS shows.

A filter and its alarm belong together: the filter counts matching events in a metric, the alarm watches that metric.
Knows no calls: `actions.py` has the writes, `aws/` the reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trail_operator.api.constants import OWNER_TAG
from trail_operator.domain.arns import Location


@dataclass(frozen=True, order=True)
class FilterKey:
    """What identifies a metric filter: filters have neither ARN nor tags."""

    log_group: str
    """The name of the log group, not its ARN."""
    name: str


@dataclass(frozen=True)
class FilterSettings:
    """All that PutMetricFilter sets: it replaces a filter as a whole."""

    pattern: str
    metric_name: str
    metric_namespace: str
    metric_value: str
    others: Mapping[str, str] = field(default_factory=dict)
    """Settings that the operator never makes, such as a default value, by the name that AWS gives them."""


@dataclass(frozen=True)
class AlarmSettings:
    """All that PutMetricAlarm sets but tags: it replaces an alarm as a whole. Actions are in the order of ARNs."""

    description: str
    metric_name: str
    metric_namespace: str
    statistic: str | None
    """None if the alarm has another kind of statistic, which `others` shows."""
    period: int | None
    """Seconds."""
    evaluation_periods: int | None
    datapoints_to_alarm: int | None
    """None means that all periods count."""
    threshold: float | None
    comparison_operator: str | None
    treat_missing_data: str
    actions_enabled: bool
    alarm_actions: tuple[str, ...]
    ok_actions: tuple[str, ...]
    insufficient_data_actions: tuple[str, ...]
    others: Mapping[str, str] = field(default_factory=dict)
    """Settings that the operator never makes, such as dimensions, by the name that AWS gives them."""

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions of all states."""
        return (*self.alarm_actions, *self.ok_actions, *self.insufficient_data_actions)


@dataclass(frozen=True)
class DesiredAlarm:
    """A metric filter and its alarm, which have the same name in AWS."""

    name: str
    """The name in the spec, such as `RootUsage`."""
    full_name: str
    """The name in AWS: `<cluster>/<namespace>/<set>/<name>`, with the cluster's name that was recorded."""
    filter: FilterSettings
    alarm: AlarmSettings
    is_custom: bool = False
    """Whether users wrote the pattern, so that AWS must accept it before anything is written."""


@dataclass(frozen=True)
class DesiredAlarmSet:
    """All filters and alarms of a TrailAlarmSet."""

    location: Location
    log_group: str
    """The name of the trail's log group."""
    name_prefix: str
    """What the names in AWS begin with: `<cluster>/<namespace>/<set>/`."""
    alarms: tuple[DesiredAlarm, ...]
    owner: str
    """The owner tag."""
    former_owners: frozenset[str] = frozenset()
    """Owner tags with former names of the cluster, which also are this set's."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """All tags of the alarms, without the owner tag."""
    ignored_tags: tuple[str, ...] = ()
    """Patterns of keys whose tags are left alone."""

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Return whether an alarm with these tags is this set's."""
        owner = tags.get(OWNER_TAG)
        return owner is not None and (owner == self.owner or owner in self.former_owners)


@dataclass(frozen=True)
class ObservedAlarm:
    """An alarm of whose name AWS has one."""

    name: str
    """The name in AWS."""
    arn: str
    settings: AlarmSettings | None
    """None for a composite alarm."""
    tags: Mapping[str, str] | None = None
    """None if they were not read."""
    state: str = ""
    """`OK`, `ALARM` or `INSUFFICIENT_DATA`; for metrics only."""


@dataclass(frozen=True)
class ObservedAlarmSet:
    """The filters and alarms in AWS whose names begin as those of the set, in the log groups that matter."""

    filters: Mapping[FilterKey, FilterSettings]
    alarms: Mapping[str, ObservedAlarm]
    """By the name in AWS."""
