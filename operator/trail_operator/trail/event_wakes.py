"""Reconciles Trails because of events: when a series is due, and within the limits of each Trail and each region."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from trail_operator.aws.rate_limit import READS_PER_SECOND
from trail_operator.domain.cloudtrail_resources import ResourceRef
from trail_operator.domain.event_routing import Outcome, is_older
from trail_operator.domain.wake_series import ReadBudget, WakeSeries
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock
from trail_operator.trail.state import TrailState
from trail_operator.trail.trail_index import TrailIndex

# A reconcile makes each read of CloudTrail once, and events may use at most half of what a region allows.
_RECONCILES_PER_SECOND = READS_PER_SECOND / 2

_Region = tuple[str, str]


@dataclass
class _Wakes:
    """What events caused of one Trail."""

    series: WakeSeries = field(default_factory=WakeSeries)
    region: _Region = ("", "")
    """Account and region whose budget its reads use."""
    timer: asyncio.TimerHandle | None = None
    due: float | None = None
    """When the timer fires."""
    is_requested: bool = False
    """Whether the read that is due has its slot in the budget of the region, or is queued."""
    read_began: float | None = None
    """When the last reconcile began in which AWS answered every read."""
    called_at: float | None = None
    """When the first call was made whose effect is not corrected."""
    drift_count: int = 0
    """How often drift had been found when its event arrived."""


class EventWakes:
    """Wakes Trails. Bounded by the number of Trails, however many events arrive."""

    def __init__(self, index: TrailIndex, enqueue: Callable[[str], None], metrics: Metrics, clock: Clock) -> None:
        """`enqueue`: requests a reconcile of the Trail with a UID."""
        self._index = index
        self._enqueue = enqueue
        self._metrics = metrics
        self._clock = clock
        self._wakes: dict[str, _Wakes] = {}
        self._budgets: dict[_Region, ReadBudget] = {}

    def wake(self, trails: Collection[ResourceRef], called: datetime) -> Outcome | None:
        """Handle a call on trails, made at this time; return None if no Trail manages or observes one of them."""
        called_at = self._clock.monotonic() - (self._clock.now() - called).total_seconds()
        found = [self._wake(state, called_at) for ref in trails for state in self._index.find(ref)]
        if not found:
            return None
        return Outcome.WOKEN if any(found) else Outcome.KNOWN

    def wake_once(self, state: TrailState) -> None:
        """Reconcile a Trail because of a call on something else than its trail, within the same limits."""
        if wakes := self._wakes.get(state.uid):  # otherwise it has gone, or its first reconcile is due
            wakes.region = self._index.place_of(state)
            wakes.series.request(self._clock.monotonic())
            self._schedule(state.uid, wakes)

    def find(self, trails: Collection[ResourceRef]) -> list[TrailState]:
        """Return the Trails of some trails."""
        return [state for ref in trails for state in self._index.find(ref)]

    async def observed(self, state: TrailState, reconcile: Awaitable[float | None]) -> float | None:
        """Await a reconcile, for any reason, and learn from it when the next read is due."""
        began, written = self._clock.monotonic(), state.writes.last_at
        drift_count = state.facts.drift_count
        wakes = self._wakes.setdefault(state.uid, _Wakes())
        is_due = wakes.series.begin(began)
        if is_due:
            wakes.is_requested = False
            _cancel(wakes)
        try:
            return await reconcile
        finally:
            if state.reads.last_at is not None and state.reads.last_at >= began:
                wakes.read_began = began
            if self._wakes.get(state.uid) is wakes:  # the Trail has not gone during the reconcile
                self._index.update(state)
            has_written = state.writes.last_at != written
            if has_written:
                self._record_correction(state, wakes)
            if is_due:
                wakes.series.end(has_found=has_written or state.facts.drift_count != drift_count)
            is_in_sync = state.facts.drift_count == wakes.drift_count
            if wakes.series.due is None and (is_in_sync or state.observe_only):
                wakes.called_at = None  # there is nothing to correct
            self._schedule(state.uid, wakes)

    def add(self, state: TrailState) -> None:
        """Have events find a new Trail."""
        self._index.update(state)

    def remove(self, state: TrailState) -> None:
        """Forget a Trail that no longer exists."""
        self._index.remove(state)
        if wakes := self._wakes.pop(state.uid, None):
            _cancel(wakes)

    def _wake(self, state: TrailState, called_at: float) -> bool:
        """Start the series of a Trail again, unless the trail has been read since the call."""
        wakes = self._wakes.setdefault(state.uid, _Wakes())
        if is_older(called_at, wakes.read_began):
            return False
        if wakes.called_at is None:
            wakes.called_at, wakes.drift_count = called_at, state.facts.drift_count
        wakes.region = self._index.place_of(state)
        wakes.series.restart(self._clock.monotonic())
        self._schedule(state.uid, wakes)
        return True

    def _schedule(self, uid: str, wakes: _Wakes) -> None:
        """Set the timer of the next read, unless the read is requested already."""
        due = wakes.series.due
        if wakes.is_requested or self._wakes.get(uid) is not wakes or due == wakes.due:
            return
        _cancel(wakes)
        if due is not None:
            self._call_at(wakes, due, lambda: self._request(uid, wakes))

    def _request(self, uid: str, wakes: _Wakes) -> None:
        """Request the read that is due, in the next slot of the region's budget."""
        wakes.is_requested = True
        budget = self._budgets.setdefault(wakes.region, ReadBudget(_RECONCILES_PER_SECOND))
        self._call_at(wakes, budget.reserve(self._clock.monotonic()), lambda: self._enqueue(uid))

    def _call_at(self, wakes: _Wakes, time: float, function: Callable[[], None]) -> None:
        delay = max(0.0, time - self._clock.monotonic())
        wakes.due, wakes.timer = time, asyncio.get_running_loop().call_later(delay, function)

    def _record_correction(self, state: TrailState, wakes: _Wakes) -> None:
        if wakes.called_at is not None and state.facts.drift_count != wakes.drift_count:
            self._metrics.record_correction(max(0.0, self._clock.monotonic() - wakes.called_at))
            wakes.called_at = None


def _cancel(wakes: _Wakes) -> None:
    if wakes.timer:
        wakes.timer.cancel()
        wakes.timer = wakes.due = None
