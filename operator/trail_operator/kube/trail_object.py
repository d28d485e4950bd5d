"""A Trail as the API server holds it: read leniently, as an object may be stored that the models do not let in."""

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

# The fields of the spec that say which trail is meant.
_IDENTITY_FIELDS = ("name", "region", "accountRef", "isOrganizationTrail")


@dataclass
class TrailObject:
    """One Trail, in the newest state that the operator has seen."""

    body: dict[str, Any]
    _parsed: TrailStatus | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.body = _without_managed_fields(self.body)

    def update(self, body: dict[str, Any]) -> bool:
        """Take a newer state of the object; return False for one that is older than the present."""
        if resource_version(body) < resource_version(self.body):
            return False  # an event that was overtaken by the answer to our own write
        self.body, self._parsed = _without_managed_fields(body), None
        return True

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return Key(self.metadata["namespace"], self.metadata["name"])

    def about(self, **fields: Any) -> dict[str, Any]:
        """The `extra` of a log line about this Trail."""
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
        """Which state of the spec this is."""
        return int(self.metadata["generation"])

    @property
    def created(self) -> datetime:
        """When the object was made."""
        return datetime.fromisoformat(self.metadata["creationTimestamp"])

    @property
    def deleting(self) -> bool:
        """Whether the object is to go."""
        return "deletionTimestamp" in self.metadata

    @property
    def deletion_requested(self) -> datetime | None:
        """When the object was asked to go."""
        requested = self.metadata.get("deletionTimestamp")
        return datetime.fromisoformat(requested) if requested else None

    @property
    def paused(self) -> bool:
        """Whether the trail is to be let alone."""
        return self.annotations.get(PAUSED) == "true"

    @property
    def observe_only(self) -> bool:
        """Whether the trail is only to be looked at. Not through the model: it holds whatever else is wrong."""
        return bool(self.manifest.get("managementPolicy") == ManagementPolicy.OBSERVE)

    @property
    def annotations(self) -> dict[str, str]:
        """The object's annotations."""
        return self.metadata.get("annotations") or {}

    @property
    def has_finalizer(self) -> bool:
        """Whether our finalizer keeps the object."""
        return FINALIZER in self.finalizers

    @property
    def finalizers(self) -> list[str]:
        """All finalizers of the object, ours and others'."""
        return list(self.metadata.get("finalizers", []))

    @property
    def spec(self) -> TrailSpec:
        """The spec. Raises pydantic.ValidationError if the API server let something pass that the models don't."""
        return TrailSpec.model_validate(self.body.get("spec"))

    @property
    def manifest(self) -> dict[str, Any]:
        """The spec as it is written, which may be odd in each field; {} where it is no object."""
        spec = self.body.get("spec")
        return spec if isinstance(spec, dict) else {}

    def text(self, name: str) -> str | None:
        """A field of the spec that is a text; None where it is none, or empty."""
        value = self.manifest.get(name)
        return value if isinstance(value, str) and value else None

    @property
    def trail_name(self) -> str:
        """The name that the trail has in AWS. Not through the model: it holds whatever else is wrong."""
        return self.text("name") or self.key.name

    @property
    def account_name(self) -> str | None:
        """The AWSAccount that the spec names."""
        reference = self.manifest.get("accountRef")
        name = reference.get("name") if isinstance(reference, dict) else None
        return name if name and isinstance(name, str) else None

    @property
    def identity_problem(self) -> str | None:
        """What is wrong with the spec so that nobody can know which trail it means."""
        try:
            _ = self.spec
        except ValidationError as error:
            return problems(error, _IDENTITY_FIELDS) or None
        return None

    @property
    def recorded_arn(self) -> str | None:
        """The ARN on record, if it can be that of the trail that the spec names: the name never changes."""
        arn = self.status.arn
        return arn if arn and Arn.parse(arn).name == self.trail_name else None

    @property
    def is_on_record(self) -> bool:
        """Whether the status says where the trail is, or was to be made."""
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
        """All by which users say what they want."""
        theirs = tuple(of_other_controllers(self.annotations).items())
        return self.generation, self.deleting, self.paused, self.annotations.get(RECONCILE_AT), theirs


def _without_managed_fields(body: dict[str, Any]) -> dict[str, Any]:
    """The object without its managed fields: half of its size, and nothing that is looked at."""
    return body | {"metadata": {name: value for name, value in body["metadata"].items() if name != "managedFields"}}
