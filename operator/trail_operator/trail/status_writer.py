"""Writes the finalizer and the status of a Trail. The answer of the API server replaces the known object."""

from collections.abc import Callable

from trail_operator.api.conditions import Condition
from trail_operator.api.trail import DeletionPolicy
from trail_operator.api.trail_status import LastDrift, TrailStatus
from trail_operator.domain.annotations import ignored_annotations
from trail_operator.domain.conditions import State
from trail_operator.domain.failure import Failure
from trail_operator.domain.sync_result import SyncResult
from trail_operator.domain.trail import DesiredTrail, ObservedTrail
from trail_operator.domain.trail_status import (
    compute_status,
    paused,
    pinned_status,
    transitions,
    with_dependencies,
    with_warnings,
)
from trail_operator.domain.warnings import Advice
from trail_operator.kube.client import TRAILS, KubeClient
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.reconcile.object_writer import ObjectWriter
from trail_operator.runtime.clock import Clock
from trail_operator.trail.state import TrailState


class StatusWriter(ObjectWriter[TrailState, TrailStatus]):
    """Writes Trails, only where something changes. All methods may raise ApiException."""

    resource = TRAILS

    def __init__(
        self,
        kubernetes: KubeClient,
        events: EventRecorder,
        default_deletion_policy: DeletionPolicy,
        enqueue: Callable[[str], None],
        clock: Clock,
    ) -> None:
        """`enqueue`: called with the UID of a Trail whose spec has changed, as the answer to a write shows."""
        super().__init__(kubernetes, events, enqueue)
        self._default_deletion_policy = default_deletion_policy
        self._clock = clock

    def status_of(self, state: TrailState) -> TrailStatus:
        """Return the status as last seen."""
        return state.status

    def last_drift_of(self, state: TrailState) -> LastDrift | None:
        """Return the last drift that this or an earlier process has found."""
        return state.last_drift

    def transitions(self, old: TrailStatus, new: TrailStatus) -> list[Condition]:
        """Return the conditions to report when the status changes."""
        return transitions(old, new)

    async def pin_identity(
        self, state: TrailState, context: ReconcileContext, desired: DesiredTrail, observed: ObservedTrail | None
    ) -> Failure | None:
        """Record account and region in status, before the trail is created or first written.

        Returns a failure if the API server does not keep them.
        """
        status = pinned_status(state.status, context.generation, desired, observed, self._clock.now())
        return await self._pin(state, status, ("accountID", "homeRegion"))

    async def clear_identity(self, state: TrailState) -> bool:
        """Clear the recorded trail, which was only observed or is wrong; return False if the Trail is gone."""
        nothing = dict.fromkeys(("arn", "account_id", "home_region", "owner_tag"))
        return await self._write_status(state, state.status.model_copy(update=nothing))

    async def write_paused(self, state: TrailState) -> bool:
        """Report that the Trail is paused; return False if it is gone."""
        return await self._write_status(state, paused(state.status, state.generation, self._clock.now()))

    async def write_result(self, state: TrailState, result: SyncResult) -> bool:
        """Report the result of a sync; return False if the Trail is gone."""
        request_id = result.failure.request_id if result.failure else ""
        status = compute_status(state.status, result, self._clock.now(), self._ignored_annotations(state))
        return await self._write_status(state, status, request_id)

    async def write_update(self, state: TrailState, advice: tuple[Advice, ...] | None) -> bool:
        """Report other warnings, None if they are not known, and the last drift; return False if the Trail is gone."""
        status = state.status
        if advice is not None:
            status = with_warnings(status, advice, self._ignored_annotations(state), self._clock.now())
        return await self._write_status(state, status)

    async def write_dependencies(self, state: TrailState, dependencies: State) -> bool:
        """Report what the dependencies allow; return False if the Trail is gone."""
        return await self._write_status(state, with_dependencies(state.status, dependencies, self._clock.now()))

    def _ignored_annotations(self, state: TrailState) -> Advice | None:
        return ignored_annotations(
            state.annotations, state.manifest.get("deletionPolicy"), self._default_deletion_policy
        )
