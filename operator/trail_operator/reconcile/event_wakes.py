"""Reconciles objects because of events: when a series is due, within the limits of each object and each region."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.domain.event_routing import Outcome, is_older
from trail_operator.domain.wake_series import ReadBudget, WakeSeries
from trail_operator.kube.object_state import ObjectState
from trail_operator.metrics import Metrics
from trail_operator.reconcile.object_index import ObjectIndex
from trail_operator.runtime.clock import Clock

S = TypeVar("S", bound=ObjectState)
_Region = tuple[str, str]


@dataclass
class _Wakes:
    """What events caused of one object."""

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


class EventWakes(Generic[S]):
    """Wakes the objects of one kind. Bounded by their number, however many events arrive."""

    def __init__(
        self,
        index: ObjectIndex[S, Any],
        enqueue: Callable[[str], None],
        reads_per_second: int,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        """`enqueue`: requests a reconcile of the object with a UID.

        `reads_per_second`: what a region allows of each read. A reconcile makes each once, and events may use half.
        """
        self._index = index
        self._enqueue = enqueue
        self._reconciles_per_second = reads_per_second / 2
        self._metrics = metrics
        self._clock = clock
        self._wakes: dict[str, _Wakes] = {}
        self._budgets: dict[_Region, ReadBudget] = {}

    def wake(self, event: CloudTrailEvent) -> Outcome | None:
        """Read the objects that a call concerns; return None if there are none."""
        called_at = self._clock.monotonic() - (self._clock.now() - event.event_time).total_seconds()
        found = [self._wake(state, called_at) for state in self._index.find(event)]
        if not found:
            return None
        return Outcome.WOKEN if any(found) else Outcome.KNOWN

    def wake_once(self, state: S) -> None:
        """Reconcile an object because of a call on something that it depends on, within the same limits."""
        if wakes := self._wakes.get(state.uid):  # otherwise it has gone, or its first reconcile is due
            wakes.region = self._index.region_of(state)
            wakes.series.request(self._clock.monotonic())
            self._schedule(state.uid, wakes)

    def find(self, event: CloudTrailEvent) -> list[S]:
        """Return the objects that a call concerns."""
        return self._index.find(event)

    async def observed(self, state: S, reconcile: Awaitable[float | None]) -> float | None:
        """Await a reconcile, for any reason, and learn from it when the next read is due."""
        began, written = self._clock.monotonic(), state.last_write_at
        drift_count = state.drift_count
        wakes = self._wakes.setdefault(state.uid, _Wakes())
        is_due = wakes.series.begin(began)
        if is_due:
            wakes.is_requested = False
            _cancel(wakes)
        try:
            return await reconcile
        finally:
            if state.last_read_at is not None and state.last_read_at >= began:
                wakes.read_began = began
            if self._wakes.get(state.uid) is wakes:  # the object has not gone during the reconcile
                self._index.update(state)
            has_written = state.last_write_at != written
            if has_written:
                self._record_correction(state, wakes)
            if is_due:
                wakes.series.end(has_found=has_written or state.drift_count != drift_count)
            is_in_sync = state.drift_count == wakes.drift_count
            if wakes.series.due is None and (is_in_sync or state.observe_only):
                wakes.called_at = None  # there is nothing to correct
            self._schedule(state.uid, wakes)

    def add(self, state: S) -> None:
        """Have events find a new object."""
        self._index.update(state)

    def remove(self, state: S) -> None:
        """Forget an object that no longer exists."""
        self._index.remove(state)
        if wakes := self._wakes.pop(state.uid, None):
            _cancel(wakes)

    def _wake(self, state: S, called_at: float) -> bool:
        """Start the series of an object again, unless AWS has been read since the call."""
        wakes = self._wakes.setdefault(state.uid, _Wakes())
        if is_older(called_at, wakes.read_began):
            return False
        if wakes.called_at is None:
            wakes.called_at, wakes.drift_count = called_at, state.drift_count
        wakes.region = self._index.region_of(state)
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
        budget = self._budgets.setdefault(wakes.region, ReadBudget(self._reconciles_per_second))
        self._call_at(wakes, budget.reserve(self._clock.monotonic()), lambda: self._enqueue(uid))

    def _call_at(self, wakes: _Wakes, time: float, function: Callable[[], None]) -> None:
        delay = max(0.0, time - self._clock.monotonic())
        wakes.due, wakes.timer = time, asyncio.get_running_loop().call_later(delay, function)

    def _record_correction(self, state: S, wakes: _Wakes) -> None:
        if wakes.called_at is not None and state.drift_count != wakes.drift_count:
            self._metrics.record_correction(max(0.0, self._clock.monotonic() - wakes.called_at))
            wakes.called_at = None


def _cancel(wakes: _Wakes) -> None:
    if wakes.timer:
        wakes.timer.cancel()
        wakes.timer = wakes.due = None
