"""A TrailAlarmSet and its filters and alarms in AWS as one sync read them: the input of the checks and the plan."""

from dataclasses import dataclass
from functools import cached_property

from trail_operator.alarms.resolve import ResolvedAlarmSet
from trail_operator.alarms.state import AlarmSetState
from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.trail_status import Difference
from trail_operator.domain.alarms.alarm import DesiredAlarmSet, ObservedAlarmSet
from trail_operator.domain.alarms.diff import differences
from trail_operator.domain.alarms.plan import AlarmPlan, plan
from trail_operator.inventory.account_client import AccountClient
from trail_operator.kube.object_state import ReconcileContext


@dataclass(frozen=True)
class AlarmComparison:
    """What a sync knows before it decides what to write."""

    state: AlarmSetState
    context: ReconcileContext
    resolved: ResolvedAlarmSet
    observed: ObservedAlarmSet

    @property
    def client(self) -> AccountClient:
        """The client of the trail's account."""
        return self.resolved.scope.client

    @property
    def desired(self) -> DesiredAlarmSet:
        """The filters and alarms that the spec asks for."""
        return self.resolved.desired

    @property
    def former_owners(self) -> set[str]:
        """The owner tags with former names of the cluster that alarms of the set have."""
        scope = self.resolved.scope
        shown = {(alarm.tags or {}).get(OWNER_TAG, "") for alarm in self.observed.alarms.values()}
        return shown & (scope.owners - {scope.owner})

    @cached_property
    def drift(self) -> tuple[Difference, ...]:
        """The differences between the spec and AWS."""
        return differences(self.desired, self.observed, self.state.pinned_filters)

    @cached_property
    def plan(self) -> AlarmPlan:
        """What would bring AWS to the spec."""
        return plan(self.desired, self.observed, self.state.pinned_filters)
