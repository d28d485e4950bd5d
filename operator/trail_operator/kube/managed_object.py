"""A namespaced object of a managed kind as stored by the API server. Read leniently: the models may refuse it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from trail_operator.api.constants import FINALIZER, PAUSED, RECONCILE_AT
from trail_operator.api.trail import ManagementPolicy
from trail_operator.domain.annotations import of_other_controllers
from trail_operator.kube.client import Key, resource_version
from trail_operator.runtime.logs import about

T = TypeVar("T")


@dataclass
class ManagedObject:
    """One object, in the newest version that the operator has seen."""

    body: dict[str, Any]
    _parsed: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.body = _without_managed_fields(self.body)

    def update(self, body: dict[str, Any]) -> bool:
        """Replace the object by a newer version; return False if the version is older."""
        if resource_version(body) < resource_version(self.body):
            return False  # an event that arrived after the response to a later write
        self.body, self._parsed = _without_managed_fields(body), None
        return True

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return key_of(self.body)

    def about(self, **fields: Any) -> dict[str, Any]:
        """Return the `extra` of a log line about this object."""
        return about(str(self.key), generation=self.generation, **fields)

    @property
    def metadata(self) -> dict[str, Any]:
        """The object's metadata."""
        result: dict[str, Any] = self.body["metadata"]
        return result

    @property
    def uid(self) -> str:
        """The object's UID."""
        return str(self.metadata["uid"])

    @property
    def generation(self) -> int:
        """The generation of the spec."""
        return int(self.metadata["generation"])

    @property
    def created(self) -> datetime:
        """When the object was created."""
        return datetime.fromisoformat(self.metadata["creationTimestamp"])

    @property
    def deleting(self) -> bool:
        """Whether the object is being deleted."""
        return "deletionTimestamp" in self.metadata

    @property
    def deletion_requested(self) -> datetime | None:
        """When the deletion of the object was requested."""
        requested = self.metadata.get("deletionTimestamp")
        return datetime.fromisoformat(requested) if requested else None

    @property
    def paused(self) -> bool:
        """Whether reconciling is paused by the annotation."""
        return self.annotations.get(PAUSED) == "true"

    @property
    def observe_only(self) -> bool:
        """Whether managementPolicy is Observe. Read without the model: valid even if other fields are not."""
        return bool(self.manifest.get("managementPolicy") == ManagementPolicy.OBSERVE)

    @property
    def annotations(self) -> dict[str, str]:
        """The object's annotations."""
        return self.metadata.get("annotations") or {}

    @property
    def has_finalizer(self) -> bool:
        """Whether the object has the operator's finalizer."""
        return FINALIZER in self.finalizers

    @property
    def finalizers(self) -> list[str]:
        """All finalizers of the object, also those of other controllers."""
        return list(self.metadata.get("finalizers", []))

    @property
    def manifest(self) -> dict[str, Any]:
        """The spec as stored, of which each field may be malformed; {} if it is not an object."""
        spec = self.body.get("spec")
        return spec if isinstance(spec, dict) else {}

    def text(self, name: str) -> str | None:
        """Return a field of the spec if it is a string that is not empty, else None."""
        value = self.manifest.get(name)
        return value if isinstance(value, str) and value else None

    def parsed_status(self, parse: Callable[[Any], T]) -> T:
        """Return the status, parsed once for each version of the object."""
        if self._parsed is None:
            self._parsed = parse(self.body.get("status"))
        result: T = self._parsed
        return result

    @property
    def requested_state(self) -> tuple[object, ...]:
        """Everything by which users request something: spec, deletion, and annotations."""
        others = tuple(of_other_controllers(self.annotations).items())
        return self.generation, self.deleting, self.paused, self.annotations.get(RECONCILE_AT), others


def key_of(body: dict[str, Any]) -> Key:
    """Return the namespace and name of a namespaced object."""
    return Key(body["metadata"]["namespace"], body["metadata"]["name"])


def _without_managed_fields(body: dict[str, Any]) -> dict[str, Any]:
    """Return the object without its managed fields, which are half of its size and never read."""
    return body | {"metadata": {name: value for name, value in body["metadata"].items() if name != "managedFields"}}
