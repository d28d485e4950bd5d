"""Asks event history about a drift. The permission is optional: without it, the cause stays unknown."""

from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar

from trail_operator.aws.event_history import EventHistory
from trail_operator.domain.attribution import MARGIN, DetectedDrift, HistoryAnswer, IsOwn
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.kube.object_state import ObjectState
from trail_operator.metrics import LookupResult, Metrics
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.logs import logger

S = TypeVar("S", bound=ObjectState)

_SECONDS_BETWEEN_LOG_LINES = timedelta(hours=1).total_seconds()
# More than one makes the cause unknown.
_MOST_CANDIDATES = 8


class HistoryLookups(Generic[S]):
    """Looks up the calls that may have caused a drift."""

    def __init__(self, history_for: Callable[[S], EventHistory], is_own: IsOwn, metrics: Metrics, clock: Clock) -> None:
        """`history_for`: raises FailureError if the object may use no account."""
        self._history_for = history_for
        self._is_own = is_own
        self._metrics = metrics
        self._clock = clock
        self._logged: dict[str, float] = {}

    async def ask(self, state: S, drift: DetectedDrift, *, final: bool) -> HistoryAnswer | None:
        """Return what event history shows of the calls that may have caused a drift; None if it does not answer.

        `final`: whether it is not asked again. Otherwise an answer is complete only once it shows the operator's own
        correction: event history shows events late, and perhaps not yet the one that matters.
        """
        if drift.causes is None or drift.since is None:
            return None
        region, until = drift.region, drift.detected_at + MARGIN
        try:
            history = self._history_for(state)
            found = await history.calls(drift.causes.all, region, drift.since, until)
        except FailureError as error:
            self._record_failure(state, drift.account, error.failure)
            return None
        is_current = (
            final
            or state.observe_only
            or any(event.event_time >= drift.detected_at and self._is_own(event.request_id) for event in found.events)
        )
        is_complete = found.is_complete and is_current
        self._metrics.record_lookup(LookupResult.COMPLETE if is_complete else LookupResult.INCOMPLETE)
        others = (event for event in found.events if not self._is_own(event.request_id))
        candidates = tuple(event for event in others if drift.is_candidate(event))[:_MOST_CANDIDATES]
        return HistoryAnswer(history.account, region, candidates, is_complete, final)

    def _record_failure(self, state: S, account: str, failure: Failure) -> None:
        is_denied = failure.kind is FailureClass.AUTHORITY
        self._metrics.record_lookup(LookupResult.DENIED if is_denied else LookupResult.FAILED)
        now = self._clock.monotonic()
        last = self._logged.get(account)
        if is_denied and (last is None or now - last >= _SECONDS_BETWEEN_LOG_LINES):
            self._logged[account] = now
            message = f"cannot find out who caused drift in account {account}: {failure.message}"
            logger.warning(message, extra=state.about(reason=failure.reason))
