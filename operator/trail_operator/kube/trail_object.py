"""A Trail as stored by the API server. Read leniently: a stored object may be one that the models refuse."""

from dataclasses import dataclass

from pydantic import ValidationError

from trail_operator.api.schema import problems
from trail_operator.api.trail import TrailSpec
from trail_operator.api.trail_status import TrailStatus
from trail_operator.domain.arns import Arn
from trail_operator.kube.managed_object import ManagedObject

# The fields of the spec that identify the trail in AWS.
_IDENTITY_FIELDS = ("name", "region", "accountRef", "isOrganizationTrail")


@dataclass
class TrailObject(ManagedObject):
    """One Trail."""

    @property
    def needs_finalizer(self) -> bool:
        """Whether the object must have the operator's finalizer.

        A Trail that only observes needs none, but keeps it once it may have created a trail: the account is recorded
        before that, the ARN only after AWS has shown the trail. It would go unnoticed if spec were back at Manage and
        the Trail deleted before the operator reads it again.
        """
        return not self.observe_only or (self.has_finalizer and self.status.account_id is not None)

    @property
    def spec(self) -> TrailSpec:
        """The spec. Raises pydantic.ValidationError if the stored object is one that the models refuse."""
        return TrailSpec.model_validate(self.body.get("spec"))

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
        return self.parsed_status(TrailStatus.parse)
