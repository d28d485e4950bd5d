"""The latest events of the event queue about one trail: whatever arrives, only a few are kept."""

from datetime import datetime

from trail_operator.domain.attribution import DetectedDrift
from trail_operator.domain.cloudtrail_event import CloudTrailEvent

# More than one candidate makes the cause of a drift unknown. An event has up to 4 KB.
_MOST_EVENTS = 8


class RecentEvents:
    """Events that may explain a drift."""

    def __init__(self) -> None:
        self._events: list[CloudTrailEvent] = []
        self._dropped_until: datetime | None = None
        """The latest time of an event that was dropped because there were too many."""

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: CloudTrailEvent, oldest: datetime | None, now: datetime) -> bool:
        """Keep an event; return whether it is new. Those of before `oldest` are no longer needed.

        Not one from the future: then its sender or a clock is wrong.
        """
        if event.event_time > now or event in self._events:
            return False
        if oldest is not None:
            self._events = [kept for kept in self._events if kept.event_time >= oldest]
        self._events.append(event)
        if len(self._events) > _MOST_EVENTS:
            dropped = self._events.pop(0)
            self._dropped_until = max(dropped.event_time, self._dropped_until or dropped.event_time)
        return True

    def about(self, drift: DetectedDrift) -> tuple[CloudTrailEvent, ...]:
        """Return the events that may have caused a drift; none if one of them was dropped."""
        dropped, since = self._dropped_until, drift.since
        if dropped is not None and since is not None and dropped >= since:
            return ()
        return tuple(event for event in self._events if drift.is_candidate(event))
