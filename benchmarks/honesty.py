"""Judges from AWS's recorded calls and the status changes whether a Trail was ever Ready falsely. Pure.

A Ready is false if it is True after a reconcile that read a contradiction in a complete answer, or for more than three
resyncs after the last complete observation. What cannot be decided from outside counts in the operator's favour.
"""

from dataclasses import dataclass, field

READS = ("GetTrail", "GetTrailStatus", "ListTags", "GetEventSelectors", "GetInsightSelectors", "GetEventConfiguration")
WRITES = (
    *("CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "AddTags", "RemoveTags"),
    *("PutEventSelectors", "PutInsightSelectors", "PutEventConfiguration"),
)
# Calls of others that cause drift, and the call with which the operator corrects it.
REMEDIES = {
    "StopLogging": "StartLogging",
    "UpdateTrail": "UpdateTrail",
    "AddTags": "RemoveTags",
    "PutEventSelectors": "PutEventSelectors",
}
# Seconds between the first and the last read of one observation.
_TOGETHER = 0.4
# A reconcile observes, writes, observes again and reports; a third observation is of the next one.
_OBSERVATIONS = 3
# A resync is up to a fifth longer; a status takes some seconds to be written and watched.
_LONGER, _MOMENT = 1.2, 10.0


@dataclass(frozen=True)
class Call:
    """A call about one trail, as AWS recorded it."""

    at: float
    """When it arrived, in seconds."""
    arn: str
    operation: str
    by_others: bool
    is_whole: bool
    """Whether AWS answered it completely, without an error."""
    may_have_taken_effect: bool


@dataclass(frozen=True)
class StatusChange:
    """A status of a Trail, from a watch."""

    at: float
    arn: str
    is_ready: bool


@dataclass
class _Trail:
    is_ready: bool = False
    ready_since: float = 0.0
    last: dict[str, float] = field(default_factory=dict)
    """When each read was last answered completely."""
    observed: float = float("-inf")
    """When the last complete observation ended."""
    drifted: dict[str, float] = field(default_factory=dict)
    """By the call that caused drift: when it was."""
    observations: dict[str, int] = field(default_factory=dict)
    """By the same call: the number of complete observations since."""
    unread: set[str] = field(default_factory=lambda: set(READS))
    """What was not read since the last observation ended."""
    ended: float | None = None
    """When the last observation ended, however long it took."""
    is_silent: bool = False


class Judge:
    """Judges events in chronological order."""

    def __init__(self, resync: float) -> None:
        self._silence = 3 * _LONGER * resync + _MOMENT
        self._trails: dict[str, _Trail] = {}
        self.false_ready: list[str] = []
        """Each false Ready, in words."""
        self.observations = 0
        """The number of complete observations."""
        self.drifts = 0
        """The number of drifts."""

    def see(self, event: Call | StatusChange) -> None:
        """Judge an event."""
        trail = self._trails.setdefault(event.arn, _Trail())
        if isinstance(event, StatusChange):
            if event.is_ready and not trail.is_ready:
                trail.ready_since = event.at
            trail.is_ready = event.is_ready
        elif event.by_others:
            self._see_drift(trail, event)
        elif event.operation in READS:
            self._see_read(trail, event)
        elif event.may_have_taken_effect:
            for drift in [drift for drift in trail.drifted if REMEDIES[drift] == event.operation]:
                del trail.drifted[drift], trail.observations[drift]

    def tick(self, now: float) -> None:
        """Judge that no event has happened until now."""
        for arn, trail in self._trails.items():
            last = trail.ready_since if trail.ended is None else trail.ended
            is_silent = trail.is_ready and now - last > self._silence
            if is_silent and not trail.is_silent:
                self.false_ready.append(f"{arn} is Ready {now - last:.0f} s after its last observation")
            trail.is_silent = is_silent

    def _see_drift(self, trail: _Trail, call: Call) -> None:
        if call.operation in REMEDIES and call.is_whole:
            self.drifts += 1
            trail.drifted[call.operation], trail.observations[call.operation] = call.at, 0

    def _see_read(self, trail: _Trail, call: Call) -> None:
        if not call.is_whole:
            return
        trail.unread.discard(call.operation)
        if not trail.unread:
            trail.ended, trail.unread = call.at, set(READS)
        trail.last[call.operation] = call.at
        first, last = min(trail.last.get(read, float("-inf")) for read in READS), call.at
        if last - first > _TOGETHER or first <= trail.observed:
            return
        trail.observed = last
        self.observations += 1
        for drift, since in trail.drifted.items():
            if first <= since + _MOMENT:  # a slow call takes effect late
                continue
            trail.observations[drift] += 1
            if trail.observations[drift] == _OBSERVATIONS and trail.is_ready:
                self.false_ready.append(f"{call.arn} is Ready, and {_OBSERVATIONS} observations have shown {drift}")
