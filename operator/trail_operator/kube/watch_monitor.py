"""Detects a watch that has stopped without an error: lists show objects that it never reported."""

import math
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from trail_operator.kube.object_state import ObjectState

S = TypeVar("S", bound=ObjectState)


class WatchMonitor:
    """Compares what the watch has reported with what lists show."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last_event = -math.inf
        self._reported: set[str] = set()
        self._listed: set[str] = set()

    def on_event(self, uid: str) -> None:
        """Record that the watch reported an object."""
        self._last_event = self._clock()
        self._reported.add(uid)

    def find_missed(self, states: Iterable[S], listed: Collection[str]) -> S | None:
        """Return an object that two lists in a row show, if the watch has reported nothing since the first of them.

        `listed`: the UIDs in the latest list.
        """
        missed, present = None, set()
        for state in states:
            is_unreported = state.uid in self._listed and state.uid not in self._reported
            if is_unreported and self._last_event < state.started:
                missed = state
            present.add(state.uid)
        self._listed = present & (self._listed | set(listed))
        self._reported &= present
        return missed
