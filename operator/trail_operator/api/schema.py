"""What all models of resources share: their base, and how rules for the API server are written."""

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

REGION = r"self.matches(r'^[a-z]{2,}(-[a-z]+)+-[0-9]+$')"
"""Whether a text is the code of an AWS region, as CEL."""


def rule(expression: str, message: str) -> dict[str, str]:
    """One CEL validation rule: `message` says what to write instead."""
    return {"rule": expression, "message": message}


def rules(*entries: dict[str, str], **schema: Any) -> dict[str, Any]:
    """Schema extras of a field or model: its CEL rules and any further OpenAPI keywords."""
    return {"x-kubernetes-validations": list(entries), **schema}


class Resource(BaseModel):
    """Base of all models: camelCase in manifests, unknown fields ignored (a newer API server may send more)."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")
