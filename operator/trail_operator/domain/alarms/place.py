"""Where the filters and alarms of a TrailAlarmSet are in AWS, and which calls concern them."""

from dataclasses import dataclass, replace

from trail_operator.domain.cloudtrail_calls import Kind
from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.domain.cloudtrail_resources import ResourceRef

_OF_LOG_GROUP = frozenset({"CreateLogGroup", "DeleteLogGroup"})
# A trail that delivers to another log group.
_OF_TRAIL = frozenset({"CreateTrail", "UpdateTrail"})


@dataclass(frozen=True)
class AlarmPlace:
    """Where the filters and alarms of one set are."""

    account: str
    region: str
    name_prefix: str
    log_groups: frozenset[str]
    """All in which it has filters, or will have."""
    trail: ResourceRef | None = None
    """The trail that delivers to the log group, if it is known."""

    def with_log_groups(self, log_groups: frozenset[str]) -> "AlarmPlace":
        """Return the place with further log groups."""
        return replace(self, log_groups=self.log_groups | log_groups)

    def concerns(self, event: CloudTrailEvent) -> bool:
        """Whether a call may have changed a filter or an alarm of the set, or the log group that it uses."""
        groups = {ResourceRef(Kind.LOG_GROUP, self.account, self.region, group) for group in self.log_groups}
        if event.event_name in _OF_LOG_GROUP and not groups.isdisjoint(event.resources):
            return True
        if event.event_name in _OF_TRAIL and self.trail in event.resources:
            return True
        return any(self._has(resource) for resource in event.resources)

    def _has(self, resource: ResourceRef) -> bool:
        """Whether a filter or an alarm has a name of the set."""
        beginnings = {
            Kind.ALARM: (self.name_prefix,),
            Kind.METRIC_FILTER: tuple(f"{group}:{self.name_prefix}" for group in self.log_groups),
        }
        is_here = (resource.account, resource.region) == (self.account, self.region)
        return is_here and resource.kind in beginnings and resource.name.startswith(beginnings[resource.kind])
