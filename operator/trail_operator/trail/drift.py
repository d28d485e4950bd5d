"""Records drift: in metrics, in `status.lastDrift`, and in Events under managementPolicy: Observe.

Nothing here decides what is written to AWS.
"""

from trail_operator.api.constants import KIND
from trail_operator.api.trail_status import Difference, LastDrift
from trail_operator.domain.attribution import DetectedDrift, trail_ref, window_start
from trail_operator.domain.diff import field_of, fields_of
from trail_operator.domain.drift_causes import causes_of
from trail_operator.domain.sync_result import SyncResult
from trail_operator.kube.events import EventRecorder
from trail_operator.metrics import Metrics
from trail_operator.reconcile.attribution import DriftAttribution
from trail_operator.runtime.clock import Clock
from trail_operator.trail.state import TrailState

# The limit of the CRD.
_MOST_PATHS = 32


class DriftRecorder:
    """Records each drift once, however many reads show it until it is corrected."""

    def __init__(
        self, events: EventRecorder, metrics: Metrics, attribution: DriftAttribution[TrailState], clock: Clock
    ) -> None:
        self._events = events
        self._metrics = metrics
        self._attribution = attribution
        self._clock = clock

    def record_begin(self, state: TrailState) -> None:
        """Record that a reconcile begins to read the trail."""
        state.reads.drift.began_at = self._clock.now()

    def record_detected(self, state: TrailState, arn: str, drift: tuple[Difference, ...]) -> tuple[Difference, ...]:
        """Record what has changed in AWS; return the differences that are new."""
        new = fields_of(drift) - fields_of(state.status.drift)
        if not new:
            return ()
        state.drift_count += 1
        self._metrics.record_drift(KIND, new)
        found = tuple(entry for entry in drift if field_of(entry) in new)
        history, now = state.reads.drift, self._clock.now()
        paths = tuple(entry.path for entry in found)
        causes = causes_of(found, by_alias="alias/" in (state.text("kmsKeyID") or ""))
        since = window_start(history.in_sync_at, found, history.detected)
        history.last = LastDrift(detection_time=now, paths=paths[:_MOST_PATHS])
        self._attribution.begin(state, DetectedDrift(frozenset({trail_ref(arn)}), paths, causes, since, now))
        return found

    async def report_detected(self, state: TrailState, found: tuple[Difference, ...]) -> None:
        """Record new differences that are not corrected in an Event."""
        if found:
            await self._events.record_drift(state.body, found, state.reads.drift.caller)

    def record_result(self, state: TrailState, result: SyncResult) -> None:
        """Record when the trail was in sync, and thus when its last drift was corrected."""
        self._attribution.follow(state)
        if not (result.known and result.observed) or result.drift or result.failure:
            return
        history, last, now = state.reads.drift, state.last_drift, self._clock.now()
        history.in_sync_at = history.began_at or now
        if last is not None and last.correction_time is None:
            history.last = last.model_copy(update={"correction_time": now})
