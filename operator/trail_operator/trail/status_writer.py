"""Writes the finalizer and the status of a Trail. The answer of the API server replaces the known object."""

from collections.abc import Callable
from typing import Any

from trail_operator.api.constants import FINALIZER
from trail_operator.api.trail import DeletionPolicy
from trail_operator.api.trail_status import TrailStatus
from trail_operator.domain.annotations import ignored_annotations
from trail_operator.domain.attribution import newly_attributed, sentence
from trail_operator.domain.conditions import State
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
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.logs import logger
from trail_operator.trail.state import TrailState


class StatusWriter:
    """Writes Trails, only where something changes. All methods may raise ApiException."""

    def __init__(
        self,
        kubernetes: KubeClient,
        events: EventRecorder,
        default_deletion_policy: DeletionPolicy,
        enqueue: Callable[[str], None],
        clock: Clock,
    ) -> None:
        """`enqueue`: called with the UID of a Trail whose spec has changed, as the answer to a write shows."""
        self._kubernetes = kubernetes
        self._events = events
        self._default_deletion_policy = default_deletion_policy
        self._enqueue = enqueue
        self._clock = clock

    async def add_finalizer(self, state: TrailState) -> bool:
        """Add the finalizer, before anything is created in AWS; return False if the Trail is gone."""
        return await self._write_finalizers(state, [*state.finalizers, FINALIZER])

    async def remove_finalizer(self, state: TrailState) -> bool:
        """Remove the finalizer; return False if the Trail is gone."""
        return await self._write_finalizers(state, [name for name in state.finalizers if name != FINALIZER])

    async def pin_identity(
        self, state: TrailState, context: ReconcileContext, desired: DesiredTrail, observed: ObservedTrail | None
    ) -> None:
        """Record account and region in status, before the trail is created or first written."""
        await self._write_status(
            state, pinned_status(state.status, context.generation, desired, observed, self._clock.now())
        )

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

    async def refresh(self, state: TrailState) -> bool:
        """Read the Trail again; return False if it is gone."""
        return self._replace(state, await self._kubernetes.get(TRAILS, state.key))

    def _ignored_annotations(self, state: TrailState) -> Advice | None:
        return ignored_annotations(
            state.annotations, state.manifest.get("deletionPolicy"), self._default_deletion_policy
        )

    async def _write_finalizers(self, state: TrailState, finalizers: list[str]) -> bool:
        version = state.metadata["resourceVersion"]
        return self._replace(state, await self._kubernetes.patch_finalizers(TRAILS, state.key, finalizers, version))

    async def _write_status(self, state: TrailState, status: TrailStatus, request_id: str = "") -> bool:
        old, status = state.status, status.model_copy(update={"last_drift": state.last_drift})
        if status == old:
            return True
        body = await self._kubernetes.patch_status(TRAILS, state.key, _manifest(status))
        if not self._replace(state, body):
            return False
        await self._record_transitions(state, old, status, request_id)
        return True

    async def _record_transitions(self, state: TrailState, old: TrailStatus, new: TrailStatus, request_id: str) -> None:
        for condition in transitions(old, new):
            fields = {condition.type.lower(): condition.status, "reason": condition.reason, "requestID": request_id}
            message = f"{condition.type}={condition.status} {condition.reason}: {condition.message}"
            logger.info(message, extra=state.about(**fields))
            await self._events.record_transition(state.body, condition)
        if new.last_drift and (changed_by := newly_attributed(old.last_drift, new.last_drift)):
            await self._events.record_attribution(state.body, new.last_drift.paths, sentence(changed_by))

    def _replace(self, state: TrailState, body: dict[str, Any] | None) -> bool:
        if body is None or body["metadata"]["uid"] != state.uid:
            return False
        if state.replace(body):
            self._enqueue(state.uid)
        return True


def _manifest(status: TrailStatus) -> dict[str, Any]:
    """Return the status as a merge patch, which removes empty fields."""
    manifest = status.model_dump(mode="json", by_alias=True)
    return {name: None if value == [] else value for name, value in manifest.items()}
