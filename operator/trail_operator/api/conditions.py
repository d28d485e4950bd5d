"""The condition that all resources share, and the statuses that have conditions."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from trail_operator.api.reasons import ConditionType
from trail_operator.api.schema import Resource, Status


class Condition(Resource):
    """A condition according to the Kubernetes API conventions."""

    # Plain strings, so that a status written by a newer version can be parsed.
    type: str
    status: Annotated[str, Field(json_schema_extra={"enum": ["True", "False", "Unknown"]})]
    reason: Annotated[str, Field(description="One of the reasons that the documentation of the kind lists.")]
    message: Annotated[str, StringConstraints(max_length=32768)]
    last_transition_time: datetime
    observed_generation: int


class StatusWithConditions(Status):
    """Base of the status models that have conditions."""

    conditions: tuple[Condition, ...] = ()

    def condition(self, kind: ConditionType) -> Condition | None:
        """Return the condition of that type, if present."""
        return next((entry for entry in self.conditions if entry.type == kind), None)
