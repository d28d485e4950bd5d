"""Whether a Trail was ever Ready falsely: judged from the calls that AWS recorded and the status changes. Pure.

False Ready is: True after a pass that read, in a whole answer, something that contradicts it; or True for more than
three resyncs after the last whole observation. Seen from outside, what is not certain counts in the operator's favour.
"""

from dataclasses import dataclass, field

READS = ("GetTrail", "GetTrailStatus", "ListTags", "GetEventSelectors", "GetInsightSelectors", "GetEventConfiguration")
# The calls of others that make a trail drift from its spec, and the call by which the operator corrects each.
REMEDIES = {
    "StopLogging": "StartLogging",
    "UpdateTrail": "UpdateTrail",
    "AddTags": "RemoveTags",
    "PutEventSelectors": "PutEventSelectors",
}
# The reads of one observation come together.
_TOGETHER = 0.4
# A pass observes, writes and observes again, and then reports: a third observation is another pass's.
_OBSERVATIONS = 3
# Each resync is up to a fifth longer; a status takes a moment to be written and to be watched.
_LONGER, _MOMENT = 1.2, 10.0


@dataclass(frozen=True)
class Call:
    """A call of AWS about one trail, as AWS recorded it."""

    at: float
    """When it arrived, in seconds."""
    arn: str
    operation: str
    by_others: bool
    is_whole: bool
    """Whether AWS itself answered it, without an error."""
    may_have_taken_effect: bool


@dataclass(frozen=True)
class StatusChange:
    """A status of a Trail, as a watch delivered it."""

    at: float
    arn: str
    is_ready: bool


@dataclass
class _Trail:
    is_ready: bool = False
    ready_since: float = 0.0
    last: dict[str, float] = field(default_factory=dict)
    """When each read was last answered whole."""
    observed: float = float("-inf")
    """When the last whole observation ended."""
    drifted: dict[str, float] = field(default_factory=dict)
    """By the call that made it drift: when that was."""
    observations: dict[str, int] = field(default_factory=dict)
    """By the same: how many whole observations there were since."""
    unread: set[str] = field(default_factory=lambda: set(READS))
    """What was not read yet since the last observation ended, however long that takes where AWS is slow."""
    ended: float | None = None
    """When that was."""
    is_silent: bool = False


class Judge:
    """Judges events, which it is given in the order of time."""

    def __init__(self, resync: float) -> None:
        self._silence = 3 * _LONGER * resync + _MOMENT
        self._trails: dict[str, _Trail] = {}
        self.false_ready: list[str] = []
        """Each false Ready that was seen, in words."""
        self.observations = 0
        """How many whole observations there were."""
        self.drifts = 0
        """How often a trail was made to drift."""

    def see(self, event: Call | StatusChange) -> None:
        """Take one event into account."""
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
        """Take into account that it is this late."""
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
