"""Which Trails a change of a dependency concerns, and how often a dependency is read again because of changes.

A change is a reason to read, and nothing else: the report of one may be wrong.
"""

import asyncio
from collections.abc import Callable

from trail_operator.api.reasons import Reason
from trail_operator.aws.dependency_reads import SHORTEST_AGE, DependencyCache
from trail_operator.domain.arns import Arn
from trail_operator.domain.cloudtrail_calls import Kind
from trail_operator.domain.cloudtrail_resources import ResourceRef
from trail_operator.runtime.clock import Clock
from trail_operator.trail.controller import TrailStore
from trail_operator.trail.dependency_updates import DependencyUpdates, Wake, ready_reason
from trail_operator.trail.state import TrailState

# Seconds between the evaluations that one change causes: each costs some milliseconds of CPU.
_INTERVAL = 0.02
# Seconds in which changes are collected: one change often causes several events.
_PAUSE = 0.1
_ORGANIZATION_REASONS = (Reason.ORGANIZATION_NOT_READY, Reason.DENIED_BY_ORGANIZATION)


class DependencyChanges:
    """Has Trails evaluated when a dependency changes. Bounded by what Trails depend on, however many changes come."""

    def __init__(self, trails: TrailStore, wake: Wake, updates: DependencyUpdates, clock: Clock) -> None:
        self._trails = trails
        self._wake = wake
        self._updates = updates
        self._clock = clock
        self._others: list[Callable[[frozenset[ResourceRef]], frozenset[ResourceRef]]] = []
        self._changed: set[ResourceRef] = set()
        self._applied: dict[ResourceRef, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def subscribe(self, on_change: Callable[[frozenset[ResourceRef]], frozenset[ResourceRef]]) -> None:
        """Have this called with changed resources, each at most every 10 seconds; it returns those that it reads."""
        self._others.append(on_change)

    def on_change(self, resource: ResourceRef) -> None:
        """Evaluate the Trails that depend on a resource, because a call has changed it.

        Each resource is read again at most every 10 seconds, once for all its Trails. A Trail is reconciled only if the
        result is new, or if Ready has a dependency's reason.
        """
        self._changed.add(resource)
        self._apply_within(_PAUSE)

    def _apply_within(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None and self._timer.when() <= loop.time() + seconds:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._apply_changes)

    def _apply_changes(self) -> None:
        self._timer = None
        now, loop = self._clock.monotonic(), asyncio.get_running_loop()
        self._applied = {resource: at for resource, at in self._applied.items() if now - at < SHORTEST_AGE}
        due = frozenset(self._changed - self._applied.keys())
        self._changed -= due
        affected = self._invalidate(due)
        for index, state in enumerate(affected):
            loop.call_later(index * _INTERVAL, self._updates.on_change, state, self._wake)
        self._enqueue_by_spec(due)
        for on_change in self._others:
            self._applied |= dict.fromkeys(on_change(due), now)
        if self._changed:
            first = min(self._applied[resource] for resource in self._changed)
            self._apply_within(max(first + SHORTEST_AGE - now, _PAUSE))

    def _invalidate(self, changed: frozenset[ResourceRef]) -> list[TrailState]:
        """Have the changed resources read again; return the Trails that depend on one of them."""
        affected: list[TrailState] = []
        stale: dict[DependencyCache, frozenset[ResourceRef]] = {}
        for state in self._trails.values():
            reads = state.reads.dependencies.reads
            if reads is not None and (found := reads.resources & changed):
                affected.append(state)
                stale[reads.cache] = stale.get(reads.cache, found) | found
        for cache, resources in stale.items():
            cache.invalidate(resources)
            self._applied |= dict.fromkeys(resources, self._clock.monotonic())
        return affected

    def _enqueue_by_spec(self, changed: frozenset[ResourceRef]) -> None:
        """Reconcile the Trails for which a change means something that no evaluation reads."""
        aliases = {resource.name for resource in changed if resource.kind is Kind.ALIAS}
        is_organization = any(resource.kind is Kind.ORGANIZATION for resource in changed)
        for state in self._trails.values():
            if _key_name(state) in aliases or (is_organization and ready_reason(state) in _ORGANIZATION_REASONS):
                self._wake(state)

    def close(self) -> None:
        """Handle no further changes, and stop all evaluations."""
        if self._timer:
            self._timer.cancel()
        self._updates.close()


def _key_name(state: TrailState) -> str:
    """Return the spec's key without region and account."""
    key = state.text("kmsKeyID") or ""
    arn = Arn.try_parse(key)
    return arn.resource if arn else key
