"""Writes finalizers and status of the objects of one kind. The answer of the API server replaces the known object."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable
from typing import Any, Generic, TypeVar

from trail_operator.api.conditions import Condition
from trail_operator.api.constants import FINALIZER
from trail_operator.api.reasons import Reason
from trail_operator.api.trail_alarm_set_status import TrailAlarmSetStatus
from trail_operator.api.trail_status import LastDrift, TrailStatus
from trail_operator.domain.attribution import newly_attributed, sentence
from trail_operator.domain.failure import Failure, authority
from trail_operator.domain.texts import listed
from trail_operator.kube.client import KubeClient, Resource, kind_of
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.object_state import ObjectState
from trail_operator.runtime.logs import logger

S = TypeVar("S", bound=ObjectState)
T = TypeVar("T", TrailStatus, TrailAlarmSetStatus)


class ObjectWriter(ABC, Generic[S, T]):
    """Writes objects, only where something changes. All methods may raise ApiException."""

    resource: Resource
    """The resource of the objects."""

    def __init__(self, kubernetes: KubeClient, events: EventRecorder, enqueue: Callable[[str], None]) -> None:
        """`enqueue`: called with the UID of an object whose spec has changed, as the answer to a write shows."""
        self._kubernetes = kubernetes
        self._events = events
        self._enqueue = enqueue

    async def add_finalizer(self, state: S) -> bool:
        """Add the finalizer, before anything is created in AWS; return False if the object is gone."""
        return await self._write_finalizers(state, [*state.finalizers, FINALIZER])

    async def remove_finalizer(self, state: S) -> bool:
        """Remove the finalizer; return False if the object is gone."""
        return await self._write_finalizers(state, [name for name in state.finalizers if name != FINALIZER])

    async def refresh(self, state: S) -> bool:
        """Read the object again; return False if it is gone."""
        return self._replace(state, await self._kubernetes.get(self.resource, state.key))

    async def write_last_drift(self, state: S) -> bool:
        """Report what has become known of the last drift; return False if the object is gone."""
        return await self._write_status(state, self.status_of(state))

    @abstractmethod
    def status_of(self, state: S) -> T:
        """Return the status as last seen."""

    @abstractmethod
    def last_drift_of(self, state: S) -> LastDrift | None:
        """Return the last drift that this or an earlier process has found."""

    @abstractmethod
    def transitions(self, old: T, new: T) -> Iterable[Condition]:
        """Return the conditions to report when the status changes."""

    async def _pin(self, state: S, status: T, pinned: Collection[str]) -> Failure | None:
        """Write a status before the first write to AWS; return a failure if the API server drops what it pins.

        `pinned`: the names of these fields.
        """
        kind, dropped = kind_of(state.body), self._kubernetes.dropped
        fields = {name: value for name, value in _manifest(status).items() if name in pinned and value is not None}
        # What is dropped is not sent with conditions that announce a write. Alone it is sent, if that is long ago.
        if not _within(dropped.of(kind), fields) <= dropped.known(kind):
            self._replace(state, await self._kubernetes.patch_status(self.resource, state.key, fields))
        if not _within(dropped.of(kind), fields):
            await self._write_status(state, status)
        missing = _within(dropped.of(kind), fields)
        return _outdated(kind, sorted(missing)) if missing else None

    async def _write_finalizers(self, state: S, finalizers: list[str]) -> bool:
        version = state.metadata["resourceVersion"]
        body = await self._kubernetes.patch_finalizers(self.resource, state.key, finalizers, version)
        return self._replace(state, body)

    async def _write_status(self, state: S, status: T, request_id: str = "") -> bool:
        """Write the status, and report its transitions; return False if the object is gone."""
        old = self.status_of(state)
        new = status.model_copy(update={"last_drift": self.last_drift_of(state)})
        manifest = _manifest(new)
        if new == old or self._kubernetes.is_stored(state.body, manifest):
            return True
        body = await self._kubernetes.patch_status(self.resource, state.key, manifest)
        if not self._replace(state, body):
            return False
        await self._record_transitions(state, old, new, request_id)
        return True

    async def _record_transitions(self, state: S, old: T, new: T, request_id: str) -> None:
        for condition in self.transitions(old, new):
            fields = {condition.type.lower(): condition.status, "reason": condition.reason, "requestID": request_id}
            message = f"{condition.type}={condition.status} {condition.reason}: {condition.message}"
            logger.info(message, extra=state.about(**fields))
            await self._events.record_transition(state.body, condition)
        if new.last_drift and (changed_by := newly_attributed(old.last_drift, new.last_drift)):
            await self._events.record_attribution(state.body, new.last_drift.paths, sentence(changed_by))

    def _replace(self, state: S, body: dict[str, Any] | None) -> bool:
        if body is None or body["metadata"]["uid"] != state.uid:
            return False
        if state.replace(body):
            self._enqueue(state.uid)
        return True


def _within(paths: Collection[str], fields: Collection[str]) -> set[str]:
    """Return the paths that are, or are part of, one of these fields."""
    return {path for path in paths if path.partition(".")[0].removesuffix("[]") in fields}


def _outdated(kind: str, missing: list[str]) -> Failure:
    return authority(
        Reason.DEFINITION_OUTDATED,
        f"The CustomResourceDefinition of {kind} is older than the operator and does not keep "
        f"{listed([f'status.{name}' for name in missing])}. Nothing is written to AWS before it is recorded there: "
        "apply the definitions of the operator's version",
    )


def _manifest(status: TrailStatus | TrailAlarmSetStatus) -> dict[str, Any]:
    """Return the status as a merge patch, which removes empty fields."""
    manifest = status.model_dump(mode="json", by_alias=True)
    return {name: None if value == [] else value for name, value in manifest.items()}
