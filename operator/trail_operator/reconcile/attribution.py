"""Finds out who caused a drift. It never delays or changes the correction: it reads AWS only afterwards.

The events of the event queue that have arrived by then are considered when a drift is found, so that the Event about it
names the caller; those that arrive later, when they do. Event history shows events minutes late: it is asked after a
minute and after a quarter of an hour. `object_writer.py` reports what is found out later by the Event DriftAttributed.
"""

from typing import Generic, TypeVar

from trail_operator.domain.attribution import MARGIN, Attributor, DetectedDrift, HistoryAnswer
from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.kube.object_state import ObjectState
from trail_operator.reconcile.history_lookups import HistoryLookups
from trail_operator.reconcile.status_updates import StatusUpdates
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.work_queue import WorkQueue

S = TypeVar("S", bound=ObjectState)

_FIRST_LOOKUP = 60.0
_LAST_LOOKUP = 15 * 60.0


class DriftAttribution(Generic[S]):
    """Attributes the last drift of each object of one kind."""

    def __init__(
        self,
        attributor: Attributor,
        lookups: HistoryLookups[S],
        updates: StatusUpdates[S],
        queue: WorkQueue,
        clock: Clock,
    ) -> None:
        self._attributor = attributor
        self._lookups = lookups
        self._updates = updates
        self._queue = queue
        self._clock = clock

    def begin(self, state: S, drift: DetectedDrift) -> None:
        """Attribute a drift that has just been found, by the events that are known."""
        history = state.drift_history
        history.detected, history.answer = drift, None
        self._evaluate(state)

    def follow(self, state: S) -> None:
        """Find out more about the last drift, now that the reconcile that has found it has ended."""
        history = state.drift_history
        drift = history.detected
        if drift is None or drift is history.followed or not self._attributor.is_enabled:
            return
        history.followed = drift
        self._update(state)
        if drift.causes is not None and drift.since is not None:
            self._queue.follow_up(state.uid, lambda: self._look_up(state, drift))

    def record_event(self, state: S, event: CloudTrailEvent) -> None:
        """Consider an event of the event queue that concerns an object."""
        if not self._attributor.is_enabled or event.error_code:
            return
        history = state.drift_history
        bounds = [history.detected.since if history.detected else None]
        bounds += [history.in_sync_at - MARGIN if history.in_sync_at else None]
        is_new = history.events.add(event, min(filter(None, bounds), default=None), self._clock.now())
        # During the reconcile that has found the drift, the Event about it may have been written.
        if is_new and history.followed is history.detected:
            self._update(state)

    async def _look_up(self, state: S, drift: DetectedDrift) -> None:
        await self._clock.sleep(_FIRST_LOOKUP)
        answer = await self._ask(state, drift, final=False)
        if answer is not None and answer.complete and answer.events:
            return
        await self._clock.sleep(_LAST_LOOKUP - _FIRST_LOOKUP)
        await self._ask(state, drift, final=True)

    async def _ask(self, state: S, drift: DetectedDrift, *, final: bool) -> HistoryAnswer | None:
        answer = await self._lookups.ask(state, drift, final=final)
        if answer is not None and state.drift_history.detected is drift:
            state.drift_history.answer = answer
            self._update(state)
        return answer

    def _update(self, state: S) -> None:
        """Evaluate again what is known of the last drift, and have a new result reported."""
        before = state.drift_history.last
        self._evaluate(state)
        if state.drift_history.last != before:
            self._updates.enqueue(state)

    def _evaluate(self, state: S) -> None:
        history = state.drift_history
        if history.detected is None or history.last is None:
            return
        found = self._attributor.attribute(history.detected, history.events.about(history.detected), history.answer)
        history.last = history.last.model_copy(update={"changed_by": self._attributor.changed_by(found)})
