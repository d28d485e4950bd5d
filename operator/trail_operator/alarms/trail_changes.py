"""Reconciles TrailAlarmSets when what they depend on of their Trail changes."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from trail_operator.api.reasons import ConditionType
from trail_operator.kube.client import Key
from trail_operator.trail.state import TrailState

T = TypeVar("T")


class TrailChanges:
    """Compares what Trails show before and after each of their reconciles."""

    def __init__(self, on_change: Callable[[Key], None]) -> None:
        """`on_change`: called with the Trail."""
        self._on_change = on_change

    async def observed(self, state: TrailState, reconcile: Awaitable[T]) -> T:
        """Await a reconcile of a Trail, and report a change."""
        before = _relevant(state)
        try:
            return await reconcile
        finally:
            if _relevant(state) != before:
                self._on_change(state.key)


def _relevant(state: TrailState) -> tuple[object, ...]:
    """Return all of a Trail that decides what is written for its alarms, and what is said of them."""
    observed, ready = state.reads.observed, state.status.condition(ConditionType.READY)
    shown = observed and (
        observed.arn,
        observed.owner,
        observed.configuration,
        observed.is_logging,
        observed.event_selectors,
    )
    return shown, state.paused, state.deleting, state.status.observed_generation, ready and ready.reason
