"""A Trail as stored by the API server. Read leniently: a stored object may be one that the models refuse."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from trail_operator.api.constants import FINALIZER, PAUSED, RECONCILE_AT
from trail_operator.api.schema import problems
from trail_operator.api.trail import ManagementPolicy, TrailSpec
from trail_operator.api.trail_status import TrailStatus
from trail_operator.domain.annotations import of_other_controllers
from trail_operator.domain.arns import Arn
from trail_operator.kube.client import Key, resource_version
from trail_operator.runtime.logs import about

# The fields of the spec that identify the trail in AWS.
_IDENTITY_FIELDS = ("name", "region", "accountRef", "isOrganizationTrail")


@dataclass
class TrailObject:
    """One Trail, in the newest version that the operator has seen."""

    body: dict[str, Any]
    _parsed: TrailStatus | None = field(default=None, init=False, repr=False)

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
        return Key(self.metadata["namespace"], self.metadata["name"])

    def about(self, **fields: Any) -> dict[str, Any]:
        """Return the `extra` of a log line about this Trail."""
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
    def needs_finalizer(self) -> bool:
        """Whether the object must have the operator's finalizer.

        A Trail that only observes needs none, but keeps it once it may have created a trail: the account is recorded
        before that, the ARN only after AWS has shown the trail. It would go unnoticed if spec were back at Manage and
        the Trail deleted before the operator reads it again.
        """
        return not self.observe_only or (self.has_finalizer and self.status.account_id is not None)

    @property
    def finalizers(self) -> list[str]:
        """All finalizers of the object, also those of other controllers."""
        return list(self.metadata.get("finalizers", []))

    @property
    def spec(self) -> TrailSpec:
        """The spec. Raises pydantic.ValidationError if the stored object is one that the models refuse."""
        return TrailSpec.model_validate(self.body.get("spec"))

    @property
    def manifest(self) -> dict[str, Any]:
        """The spec as stored, of which each field may be malformed; {} if it is not an object."""
        spec = self.body.get("spec")
        return spec if isinstance(spec, dict) else {}

    def text(self, name: str) -> str | None:
        """Return a field of the spec if it is a string that is not empty, else None."""
        value = self.manifest.get(name)
        return value if isinstance(value, str) and value else None

    @property
    def trail_name(self) -> str:
        """The name of the trail in AWS. Read without the model: valid even if other fields are not."""
        return self.text("name") or self.key.name

    @property
    def account_name(self) -> str | None:
        """The AWSAccount in spec.accountRef."""
        reference = self.manifest.get("accountRef")
        name = reference.get("name") if isinstance(reference, dict) else None
        return name if name and isinstance(name, str) else None

    @property
    def identity_problem(self) -> str | None:
        """What is wrong with the fields that identify the trail, or None."""
        try:
            _ = self.spec
        except ValidationError as error:
            return problems(error, _IDENTITY_FIELDS) or None
        return None

    @property
    def recorded_arn(self) -> str | None:
        """The ARN recorded in status, if its name is that of the spec: the name of a trail never changes."""
        arn = self.status.arn
        return arn if arn and Arn.parse(arn).name == self.trail_name else None

    @property
    def is_on_record(self) -> bool:
        """Whether status records where the trail is, or where it was about to be created."""
        status = self.status
        return status.arn is not None or (status.account_id is not None and status.home_region is not None)

    @property
    def status(self) -> TrailStatus:
        """The status as last seen."""
        if self._parsed is None:
            self._parsed = TrailStatus.parse(self.body.get("status"))
        return self._parsed

    @property
    def requested_state(self) -> tuple[object, ...]:
        """Everything by which users request something: spec, deletion, and annotations."""
        others = tuple(of_other_controllers(self.annotations).items())
        return self.generation, self.deleting, self.paused, self.annotations.get(RECONCILE_AT), others


def _without_managed_fields(body: dict[str, Any]) -> dict[str, Any]:
    """Return the object without its managed fields, which are half of its size and never read."""
    return body | {"metadata": {name: value for name, value in body["metadata"].items() if name != "managedFields"}}
