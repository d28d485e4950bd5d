"""What several controllers use."""

from dataclasses import dataclass

from trail_operator.alarms.controller import AlarmSetStore
from trail_operator.alarms.state import AlarmSetState
from trail_operator.api.trail import DeletionPolicy
from trail_operator.aws.own_requests import OwnRequests
from trail_operator.domain.attribution import AttributionMode, Attributor
from trail_operator.domain.ownership import Cluster
from trail_operator.inventory.event_arrivals import EventArrivals
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.kube.client import KubeClient
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.unreportable import Unreportable
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock
from trail_operator.settings import Settings
from trail_operator.trail.controller import TrailStore
from trail_operator.trail.state import TrailState


@dataclass(frozen=True)
class Shared:
    """What several controllers use."""

    settings: Settings
    cluster: Cluster
    kubernetes: KubeClient
    metrics: Metrics
    clock: Clock
    events: EventRecorder
    unreportable: Unreportable
    registry: AccountRegistry
    inventory: AccountInventory
    own_requests: OwnRequests
    arrivals: EventArrivals
    trails: TrailStore
    alarm_sets: AlarmSetStore

    @property
    def resync(self) -> float:
        """Seconds between two resyncs."""
        return self.settings.resync.total_seconds()

    @property
    def deletion_policy(self) -> DeletionPolicy:
        """The policy of objects that name none."""
        return DeletionPolicy(self.settings.default_deletion_policy)

    @property
    def attributor(self) -> Attributor:
        """What decides who caused a drift."""
        mode = AttributionMode(self.settings.drift_attribution)
        return Attributor(mode, self.own_requests.__contains__)

    def own_trails(self) -> list[TrailState]:
        """Return the Trails that are not another operator's."""
        return [state for state in self.trails.values() if not self.registry.managed_elsewhere(state)]

    def own_alarm_sets(self) -> list[AlarmSetState]:
        """Return the TrailAlarmSets that are not another operator's."""
        return [state for state in self.alarm_sets.values() if not self.registry.is_excluded(self.account_of(state))]

    def account_of(self, state: AlarmSetState) -> str | None:
        """Return the AWSAccount of a TrailAlarmSet: that of its Trail, and without the Trail the recorded one."""
        trail = self.trails.get(state.trail_key)
        return self.registry.name_for(trail) if trail else state.status.account_name

    def users_of(self, account: str) -> list[str]:
        """Return the namespaces of the objects that use an AWSAccount; one for each object."""
        trails = [state for state in self.trails.values() if self.registry.name_for(state) == account]
        pinned = [state for state in self.alarm_sets.values() if state.holds_account(account)]
        return [state.key.namespace for state in (*trails, *pinned)]
