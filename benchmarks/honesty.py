"""Whether a Trail was ever called Ready falsely: judged from what AWS recorded and what a watch told. Pure.

False Ready is: True after a pass that read, in a whole answer, something that contradicts it; or True for more than
three resyncs after the last whole look. Seen from outside, what is not certain counts in the operator's favour.
"""

from dataclasses import dataclass, field

READS = ("GetTrail", "GetTrailStatus", "ListTags", "GetEventSelectors", "GetInsightSelectors", "GetEventConfiguration")
# What somebody does by hand so that a trail is not as its spec says, and what the operator does against it.
REMEDIES = {
    "StopLogging": "StartLogging",
    "UpdateTrail": "UpdateTrail",
    "AddTags": "RemoveTags",
    "PutEventSelectors": "PutEventSelectors",
}
# The reads of one look come together.
_TOGETHER = 0.4
# A pass looks, writes and looks again, and says then what it saw: a third look is another pass's.
_LOOKS = 3
# Each resync is up to a fifth longer; a status takes a moment to be written and to be watched.
_LONGER, _MOMENT = 1.2, 10.0


@dataclass(frozen=True)
class Call:
    """A call of AWS about one trail, as AWS recorded it."""

    at: float
    """When it arrived, in seconds."""
    arn: str
    operation: str
    by_hand: bool
    is_whole: bool
    """Whether AWS itself answered it, without an error."""
    may_have_taken_effect: bool


@dataclass(frozen=True)
class Told:
    """What the watch told of a Trail."""

    at: float
    arn: str
    is_ready: bool


@dataclass
class _Trail:
    is_ready: bool = False
    ready_since: float = 0.0
    last: dict[str, float] = field(default_factory=dict)
    """When each read was last answered whole."""
    looked: float = float("-inf")
    """When the last whole look was over."""
    contradicted: dict[str, int] = field(default_factory=dict)
    """By what was done by hand: how many whole looks there were since."""
    done: dict[str, float] = field(default_factory=dict)
    """When it was done."""
    is_silent: bool = False


class Judge:
    """Is told all that happens, in the order of time."""

    def __init__(self, resync: float) -> None:
        self._silence = 3 * _LONGER * resync + _MOMENT
        self._trails: dict[str, _Trail] = {}
        self.false_ready: list[str] = []
        """Each false Ready that was seen, in words."""
        self.looks = 0
        """How many whole looks were seen."""
        self.by_hand = 0
        """How many changes by hand were seen."""

    def see(self, event: Call | Told) -> None:
        """Something happened."""
        trail = self._trails.setdefault(event.arn, _Trail())
        if isinstance(event, Told):
            if event.is_ready and not trail.is_ready:
                trail.ready_since = event.at
            trail.is_ready = event.is_ready
        elif event.by_hand:
            self._see_hand(trail, event)
        elif event.operation in READS:
            self._see_read(trail, event)
        elif event.may_have_taken_effect:
            for hand in [hand for hand in trail.done if REMEDIES[hand] == event.operation]:
                del trail.done[hand], trail.contradicted[hand]

    def tick(self, now: float) -> None:
        """So much time has passed."""
        for arn, trail in self._trails.items():
            last = min(trail.last.get(read, trail.ready_since) for read in READS)
            is_silent = trail.is_ready and now - last > self._silence
            if is_silent and not trail.is_silent:
                self.false_ready.append(f"{arn} is Ready {now - last:.0f} s after it was last looked at")
            trail.is_silent = is_silent

    def _see_hand(self, trail: _Trail, call: Call) -> None:
        if call.operation in REMEDIES and call.is_whole:
            self.by_hand += 1
            trail.done[call.operation], trail.contradicted[call.operation] = call.at, 0

    def _see_read(self, trail: _Trail, call: Call) -> None:
        if not call.is_whole:
            return
        trail.last[call.operation] = call.at
        first, last = min(trail.last.get(read, float("-inf")) for read in READS), call.at
        if last - first > _TOGETHER or first <= trail.looked:
            return
        trail.looked = last
        self.looks += 1
        for hand, since in trail.done.items():
            if first <= since + _MOMENT:  # a slow call takes effect late
                continue
            trail.contradicted[hand] += 1
            if trail.contradicted[hand] == _LOOKS and trail.is_ready:
                self.false_ready.append(f"{call.arn} is Ready, and {_LOOKS} looks have shown {hand} by hand")
