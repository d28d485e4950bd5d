"""What is known of the last drift of one object, and of the calls that may have caused it."""

from dataclasses import dataclass, field
from datetime import datetime

from trail_operator.api.trail_status import LastDrift
from trail_operator.domain.attribution import DetectedDrift, HistoryAnswer, sentence
from trail_operator.domain.recent_events import RecentEvents


@dataclass
class DriftHistory:
    """The drift that this process has found. Written by the recorder of drift of each kind, and by DriftAttribution."""

    began_at: datetime | None = None
    """When the last reconcile began."""
    in_sync_at: datetime | None = None
    """When the last reconcile began in which AWS matched the spec: what it read may be as old as that."""
    detected: DetectedDrift | None = None
    """The last drift."""
    last: LastDrift | None = None
    """The last drift for status; None if only an earlier process has found any."""
    followed: DetectedDrift | None = None
    """The last drift about which event history is asked."""
    answer: HistoryAnswer | None = None
    """What event history has answered about the last drift."""
    events: RecentEvents = field(default_factory=RecentEvents)
    """What the event queue has delivered about the object."""

    @property
    def caller(self) -> str:
        """A sentence that says who caused the last drift; "" if that is unknown."""
        return sentence(self.last.changed_by) if self.last else ""
