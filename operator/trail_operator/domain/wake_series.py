"""When a Trail is read because of events: at once, and again while AWS may still return the state before the call.

Pure: callers pass the time, in seconds of any clock. Bounded: a Trail keeps a few numbers, however many events arrive.
"""

# Seconds after the first read that shows no difference. CloudTrail's reads are eventually consistent.
REPEATS = (1.0, 3.0, 10.0)
# At most one read a second; after ten reads within a minute, one in ten seconds.
_SHORT, _LONG = 1.0, 10.0
_MANY, _PERIOD = 10, 60.0
# A timer may fire a moment before its time.
_TOLERANCE = 0.001


class WakeSeries:
    """The reads of one Trail that events cause."""

    def __init__(self) -> None:
        self._wanted: float | None = None
        self._repeats: tuple[float, ...] = ()
        self._first = 0.0
        self._is_first = False
        self._recent: tuple[float, ...] = ()

    def restart(self, now: float) -> None:
        """Handle an event: read now, and repeat the read as after a first event."""
        if self._wanted is None or self._wanted > now:
            self._wanted = now
        self._repeats, self._is_first = REPEATS, True

    def request(self, now: float) -> None:
        """Read once, now. The repeats after an event stay due."""
        if self._wanted is not None and self._wanted > now and not self._is_first:
            self._repeats = (self._wanted - self._first, *self._repeats)
        if self._wanted is None or self._wanted > now:
            self._wanted = now

    @property
    def due(self) -> float | None:
        """When the next read is due; None if none is."""
        if self._wanted is None:
            return None
        return max(self._wanted, self._allowed_at(self._wanted))

    def begin(self, now: float) -> bool:
        """Handle a read that begins, for any reason; return whether it is the one that was due."""
        if self.due is None or now < self.due - _TOLERANCE:
            return False
        self._recent = (*self._recent, now)[-_MANY:]
        self._wanted = None
        if self._is_first:
            self._first, self._is_first = now, False
        return True

    def end(self, *, has_found: bool) -> None:
        """Handle the result of a read that was due. `has_found`: whether it showed a difference, which ends the series.

        An event that arrived during the read causes another one regardless of it.
        """
        if self._wanted is not None:
            return
        if has_found or not self._repeats:
            self._repeats = ()
            return
        after, *rest = self._repeats
        self._wanted, self._repeats = self._first + after, tuple(rest)

    def _allowed_at(self, time: float) -> float:
        """Return when the limits allow the next read, if it is wanted at this time."""
        if not self._recent:
            return time
        is_full = len(self._recent) == _MANY and time - self._recent[0] < _PERIOD
        return self._recent[-1] + (_LONG if is_full else _SHORT)


class ReadBudget:
    """Spreads the reads that events cause in one region: so many a second at most."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1.0 / per_second
        self._next = 0.0

    def reserve(self, now: float) -> float:
        """Take the next slot; return its time, which is not before `now`."""
        slot = max(now, self._next)
        self._next = slot + self._interval
        return slot
