"""What the models of all resources share: their base classes, and helpers for CEL rules."""

import re
from collections.abc import Collection
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

REGION_PATTERN = r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$"
REGION = f"self.matches(r'{REGION_PATTERN}')"
"""CEL expression for an AWS region code."""


def rule(expression: str, message: str) -> dict[str, str]:
    """Return a CEL validation rule. `message` says what to write instead."""
    return {"rule": expression, "message": message}


def no_control_characters(what: str) -> dict[str, str]:
    """Return a CEL rule against control characters, which could mislead readers of logs and messages."""
    return rule(
        r"!self.matches(r'[\p{Cc}\p{Zl}\p{Zp}]')",
        f"{what} must not contain control characters, such as line breaks: remove them",
    )


def rules(*entries: dict[str, str], **schema: Any) -> dict[str, Any]:
    """Return schema extras of a field or model: CEL rules and further OpenAPI keywords."""
    return {"x-kubernetes-validations": list(entries), **schema}


def list_map(key: str, longest: int | None = None) -> dict[str, Any]:
    """Return schema extras of a list whose entries a field identifies, so that clients merge it entry by entry.

    https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
    """
    extras = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
    return extras if longest is None else {**extras, "maxItems": longest}


def matching(*patterns: str) -> AfterValidator:
    """Return a validator for strings that match one of the patterns.

    Objects stored before a CEL rule existed are checked only here.
    """

    def check(text: str | None) -> str | None:
        if text is not None and not any(re.fullmatch(pattern, text) for pattern in patterns):
            raise ValueError("does not match the format that the CRD requires for this field")
        return text

    return AfterValidator(check)


def problems(error: ValidationError, fields: Collection[str] = ()) -> str:
    """Return the errors on one line, restricted to `fields` if given."""
    return "; ".join(
        f"{'.'.join(map(str, entry['loc'])) or 'spec'}: {entry['msg']}"
        for entry in error.errors()
        if not fields or not entry["loc"] or entry["loc"][0] in fields
    )


class Resource(BaseModel):
    """Base of all models: camelCase in manifests; unknown fields, as of a newer CRD, are ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,  # errors may be logged, and inputs may be secret
    )


class Status(Resource):
    """Base of the status models."""

    observed_generation: Annotated[int, Field(description="Generation that the conditions refer to.")] = -1

    @classmethod
    def parse(cls, status: dict[str, Any] | None) -> Self:
        """Parse the status of an object, whichever version of the operator wrote it.

        Invalid fields, and invalid entries of lists, are omitted, so that the pinned identity is not lost with them.
        The rest counts as not observed yet, so that the operator rewrites the whole status.
        """
        try:
            return cls.model_validate(status or {})
        except ValidationError as error:
            return cls.model_validate(cls._readable(status, error) | {"observedGeneration": -1})

    @classmethod
    def _readable(cls, status: Any, error: ValidationError) -> dict[str, Any]:
        if not isinstance(status, dict):
            return {}
        odd = {entry["loc"][:2] for entry in error.errors()}
        omitted = {loc[0] for loc in odd if len(loc) == 1 or not isinstance(status.get(str(loc[0])), list)}
        return {
            name: [entry for at, entry in enumerate(value) if (name, at) not in odd]
            if isinstance(value, list)
            else value
            for name, value in status.items()
            if name not in omitted and name in {field.alias for field in cls.model_fields.values()}
        }
