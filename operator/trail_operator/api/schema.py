"""What all models of resources share: their base, and how rules for the API server are written."""

import re
from collections.abc import Collection
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

REGION_PATTERN = r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$"
REGION = f"self.matches(r'{REGION_PATTERN}')"
"""Whether a text is the code of an AWS region, as CEL."""


def rule(expression: str, message: str) -> dict[str, str]:
    """One CEL validation rule: `message` says what to write instead."""
    return {"rule": expression, "message": message}


def no_control_characters(what: str) -> dict[str, str]:
    """The CEL rule for a text in which AWS has no use for control characters: they would only mislead who reads it."""
    return rule(
        r"!self.matches(r'[\p{Cc}\p{Zl}\p{Zp}]')",
        f"{what} must not contain control characters, such as line breaks: remove them",
    )


def rules(*entries: dict[str, str], **schema: Any) -> dict[str, Any]:
    """Schema extras of a field or model: its CEL rules and any further OpenAPI keywords."""
    return {"x-kubernetes-validations": list(entries), **schema}


def matching(*patterns: str) -> AfterValidator:
    """Hold a text to one of these patterns: what was stored before the API server had a rule is judged here alone."""

    def check(text: str | None) -> str | None:
        if text is not None and not any(re.fullmatch(pattern, text) for pattern in patterns):
            raise ValueError("is not of the form that the API server's rule for this field describes")
        return text

    return AfterValidator(check)


def problems(error: ValidationError, fields: Collection[str] = ()) -> str:
    """What is wrong, in one line; `fields`: with these fields alone."""
    return "; ".join(
        f"{'.'.join(map(str, entry['loc'])) or 'spec'}: {entry['msg']}"
        for entry in error.errors()
        if not fields or not entry["loc"] or entry["loc"][0] in fields
    )


class Resource(BaseModel):
    """Base of all models: camelCase in manifests, unknown fields ignored (a newer API server may send more)."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,  # an error may be logged, and an input be secret
    )


class Status(Resource):
    """Base of all statuses."""

    observed_generation: Annotated[int, Field(description="The generation that the conditions are about.")] = -1

    @classmethod
    def parse(cls, status: dict[str, Any] | None) -> Self:
        """The status of an object as the API server gave it, whichever version wrote it.

        What this one can't read is left out, field by field, of lists entry by entry: no pin is lost with it.
        The rest counts as not observed yet, so that the whole status is written anew.
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
        return {
            name: [entry for at, entry in enumerate(value) if (name, at) not in odd]
            if isinstance(value, list)
            else value
            for name, value in status.items()
            if (name,) not in odd and name in {field.alias for field in cls.model_fields.values()}
        }
