"""What the operator knows of an object between reconciles, whatever its kind."""

from dataclasses import dataclass
from typing import Any

from trail_operator.api.constants import RECONCILE_AT
from trail_operator.domain.drift_history import DriftHistory
from trail_operator.kube.managed_object import ManagedObject
from trail_operator.kube.unreportable import Refused


@dataclass(frozen=True)
class ReconcileContext:
    """What one reconcile works on. The object may change while it runs, the context does not."""

    generation: int
    """The generation of the spec."""
    requested_state: tuple[object, ...]
    """What users requested when it began. No write is sent once that has changed."""
    force: bool = False
    """Whether a user requested it with an annotation: cached decisions are ignored."""


@dataclass
class ObjectState(ManagedObject):
    """One object. A restart loses nothing but this cache: durable state is in Kubernetes and AWS."""

    started: float = 0.0
    """When this process first saw the object; on the monotonic clock, like all times here."""
    force_requested: bool = False
    """Whether a user requested a reconcile that ignores cached decisions."""
    failures: int = 0
    """Failed reconciles in a row."""
    refused: Refused | None = None
    """The last write that the API server refused."""
    drift_count: int = 0
    """How often drift was found."""

    def __post_init__(self) -> None:
        super().__post_init__()
        # The request may be from before this process started: serving it twice costs a few calls.
        self.force_requested = RECONCILE_AT in self.annotations

    @property
    def last_read_at(self) -> float | None:
        """When AWS last answered every read about the object; None if it never has."""
        raise NotImplementedError

    @property
    def last_write_at(self) -> float | None:
        """When the last write to AWS ended; None if this process has sent none."""
        raise NotImplementedError

    @property
    def drift_history(self) -> DriftHistory:
        """What is known of the last drift."""
        raise NotImplementedError

    def replace(self, body: dict[str, Any]) -> bool:
        """Replace the object by a newer version; return whether that requires a reconcile at once."""
        before, force = self.requested_state, self.annotations.get(RECONCILE_AT)
        if not self.update(body):
            return False
        self.force_requested = self.force_requested or self.annotations.get(RECONCILE_AT) not in (None, force)
        return before != self.requested_state
