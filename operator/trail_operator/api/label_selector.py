"""Label selectors of Kubernetes."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from trail_operator.api.schema import Resource

_ATOMIC = {"x-kubernetes-list-type": "atomic"}


class LabelSelectorRequirement(Resource):
    """A requirement on one label."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=317), Field(description="Key of the label.")]
    operator: Annotated[
        Literal["In", "NotIn", "Exists", "DoesNotExist"], Field(description="Relation of the label to the values.")
    ]
    values: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=63)], ...],
        Field(max_length=100, description="Values for In and NotIn.", json_schema_extra=_ATOMIC),
    ] = ()


class LabelSelector(Resource):
    """A label selector of Kubernetes. An empty one selects everything."""

    match_labels: Annotated[
        dict[str, str],
        Field(description="Required labels with their values.", json_schema_extra={"maxProperties": 100}),
    ] = Field(default_factory=dict)
    match_expressions: Annotated[
        tuple[LabelSelectorRequirement, ...],
        Field(max_length=100, description="Further requirements, all of which must match.", json_schema_extra=_ATOMIC),
    ] = ()

    def selects(self, labels: dict[str, str]) -> bool:
        """Return whether the labels match."""
        return self.match_labels.items() <= labels.items() and all(
            _holds(entry, labels) for entry in self.match_expressions
        )


def _holds(requirement: LabelSelectorRequirement, labels: dict[str, str]) -> bool:
    match requirement.operator:
        case "In":
            return labels.get(requirement.key) in requirement.values
        case "NotIn":
            return labels.get(requirement.key) not in requirement.values
        case "Exists":
            return requirement.key in labels
        case "DoesNotExist":
            return requirement.key not in labels
