"""Writes the finalizer and the status of a TrailAlarmSet. The answer of the API server replaces the known object."""

from collections.abc import Callable, Collection

from trail_operator.alarms.state import AlarmSetState
from trail_operator.api.conditions import Condition
from trail_operator.api.trail_alarm_set_status import TrailAlarmSetStatus
from trail_operator.api.trail_status import LastDrift
from trail_operator.domain.alarms.alarm import FilterKey
from trail_operator.domain.alarms.result import AlarmSetIdentity, AlarmSyncResult
from trail_operator.domain.alarms.status import compute_status, paused, pinned_status, transitions
from trail_operator.domain.failure import Failure
from trail_operator.kube.client import ALARM_SETS, KubeClient
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.reconcile.object_writer import ObjectWriter
from trail_operator.runtime.clock import Clock

_PINNED = ("accountID", "accountName", "region", "namePrefix", "filters")


class AlarmSetStatusWriter(ObjectWriter[AlarmSetState, TrailAlarmSetStatus]):
    """Writes TrailAlarmSets, only where something changes. All methods may raise ApiException."""

    resource = ALARM_SETS

    def __init__(
        self, kubernetes: KubeClient, events: EventRecorder, enqueue: Callable[[str], None], clock: Clock
    ) -> None:
        """`enqueue`: called with the UID of an object whose spec has changed, as the answer to a write shows."""
        super().__init__(kubernetes, events, enqueue)
        self._clock = clock

    def status_of(self, state: AlarmSetState) -> TrailAlarmSetStatus:
        """Return the status as last seen."""
        return state.status

    def last_drift_of(self, state: AlarmSetState) -> LastDrift | None:
        """Return the last drift that this or an earlier process has found."""
        return state.last_drift

    def transitions(self, old: TrailAlarmSetStatus, new: TrailAlarmSetStatus) -> list[Condition]:
        """Return the conditions to report when the status changes."""
        return transitions(old, new)

    async def pin(
        self,
        state: AlarmSetState,
        context: ReconcileContext,
        identity: AlarmSetIdentity,
        filters: Collection[FilterKey],
    ) -> Failure | None:
        """Record where filters and alarms are, and the filters to be created.

        Returns a failure if the API server does not keep that.
        """
        status = pinned_status(state.status, context.generation, identity, filters, self._clock.now())
        return await self._pin(state, status, _PINNED)

    async def write_paused(self, state: AlarmSetState) -> bool:
        """Report that the object is paused; return False if it is gone."""
        return await self._write_status(state, paused(state.status, state.generation, self._clock.now()))

    async def write_result(self, state: AlarmSetState, result: AlarmSyncResult) -> bool:
        """Report the result of a sync; return False if the object is gone."""
        request_id = result.failure.request_id if result.failure else ""
        status = compute_status(state.status, result, self._clock.now())
        return await self._write_status(state, status, request_id)
