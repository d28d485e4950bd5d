"""Label selectors, as everywhere in Kubernetes."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from trail_operator.api.schema import Resource

_ATOMIC = {"x-kubernetes-list-type": "atomic"}


class LabelSelectorRequirement(Resource):
    """A condition on one label."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=317), Field(description="The label's key.")]
    operator: Annotated[
        Literal["In", "NotIn", "Exists", "DoesNotExist"], Field(description="How the label relates to the values.")
    ]
    values: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=63)], ...],
        Field(max_length=100, description="The values of In and NotIn.", json_schema_extra=_ATOMIC),
    ] = ()


class LabelSelector(Resource):
    """A selector as everywhere in Kubernetes; an empty one selects all."""

    match_labels: Annotated[
        dict[str, str], Field(description="Labels with these values.", json_schema_extra={"maxProperties": 100})
    ] = Field(default_factory=dict)
    match_expressions: Annotated[
        tuple[LabelSelectorRequirement, ...],
        Field(max_length=100, description="Further conditions; all must hold.", json_schema_extra=_ATOMIC),
    ] = ()

    def selects(self, labels: dict[str, str]) -> bool:
        """Whether these labels satisfy it."""
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
