"""Records drift of filters and alarms: in metrics, in `status.lastDrift`, and in Events.

Nothing here decides what is written to AWS.
"""

from trail_operator.alarms.comparison import AlarmComparison
from trail_operator.alarms.state import AlarmSetState
from trail_operator.api.constants import ALARM_SET_KIND
from trail_operator.api.trail_status import Difference, LastDrift
from trail_operator.domain.alarms.actions import AlarmAction
from trail_operator.domain.alarms.diff import drift_field
from trail_operator.domain.alarms.drift_causes import causes_of, resources_of
from trail_operator.domain.alarms.event_notes import applied_note
from trail_operator.domain.alarms.result import AlarmSyncResult
from trail_operator.domain.attribution import DetectedDrift, trail_ref, window_start
from trail_operator.domain.status import MOST_DIFFERENCES
from trail_operator.kube.events import EventRecorder
from trail_operator.metrics import Metrics
from trail_operator.reconcile.attribution import DriftAttribution
from trail_operator.runtime.clock import Clock

# The limit of the CRD.
_MOST_PATHS = 32


class AlarmDriftRecorder:
    """Records each drift once, however many reads show it until it is corrected."""

    def __init__(
        self, events: EventRecorder, metrics: Metrics, attribution: DriftAttribution[AlarmSetState], clock: Clock
    ) -> None:
        self._events = events
        self._metrics = metrics
        self._attribution = attribution
        self._clock = clock

    def record_begin(self, state: AlarmSetState) -> None:
        """Record that a reconcile begins to read AWS."""
        state.reads.drift.began_at = self._clock.now()

    def record_detected(self, comparison: AlarmComparison) -> tuple[Difference, ...]:
        """Record what has changed in AWS; return the differences that are new."""
        state = comparison.state
        reported = {entry.path for entry in state.status.drift}
        found = tuple(entry for entry in comparison.drift if entry.path not in reported)
        # Those that the status has no room for are not new for that.
        if reported.issuperset(entry.path for entry in comparison.drift[:MOST_DIFFERENCES]):
            return ()
        state.drift_count += 1
        self._metrics.record_drift(ALARM_SET_KIND, {drift_field(entry.path) for entry in found})
        history, now = state.reads.drift, self._clock.now()
        paths = tuple(entry.path for entry in found)
        trail = trail_ref(comparison.resolved.observed_trail.arn)
        resources = resources_of(found, comparison.desired, trail)
        since = window_start(history.in_sync_at, found, history.detected)
        history.last = LastDrift(detection_time=now, paths=paths[:_MOST_PATHS])
        self._attribution.begin(state, DetectedDrift(resources, paths, causes_of(found), since, now))
        return found

    async def report_detected(self, state: AlarmSetState, found: tuple[Difference, ...]) -> None:
        """Record new differences that are not corrected in an Event."""
        if found:
            await self._events.record_drift(state.body, found, state.reads.drift.caller)

    async def record_applied(self, comparison: AlarmComparison, done: list[AlarmAction]) -> None:
        """Record the writes that took effect in an Event."""
        state = comparison.state
        is_drift = state.reads.is_drift(comparison.context.generation, comparison.desired.log_group)
        note = applied_note(done, is_drift=is_drift, caller=state.reads.drift.caller)
        await self._events.record(state.body, note.kind, note.reason, note.operations, note.text)

    def record_result(self, state: AlarmSetState, result: AlarmSyncResult) -> None:
        """Record when AWS matched the spec, and thus when the last drift was corrected."""
        self._attribution.follow(state)
        if not result.known or result.drift or result.failure:
            return
        history, last, now = state.reads.drift, state.last_drift, self._clock.now()
        history.in_sync_at = history.began_at or now
        if last is not None and last.correction_time is None:
            history.last = last.model_copy(update={"correction_time": now})
