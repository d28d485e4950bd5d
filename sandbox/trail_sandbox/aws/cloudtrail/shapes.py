"""Input held to botocore's service model as AWS's own front does; output as JSON 1.1 writes it."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape

from trail_sandbox.aws.errors import AwsError

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "timestamp": (int, float),
    "list": (list,),
    "structure": (dict,),
}
_NAMES = {"string": "String", "boolean": "Boolean", "integer": "Integer", "long": "Long", "timestamp": "Date"}


@cache
def service_model() -> ServiceModel:
    """CloudTrail's service model."""
    return botocore.session.get_session().get_service_model("cloudtrail")


@cache
def operation_model(operation: str) -> OperationModel:
    """The model of one operation."""
    return service_model().operation_model(operation)


def parse_input(operation: str, body: object) -> dict[str, Any]:
    """Give the input of an operation; what is null or unknown to the model is left out, as AWS does.

    The answers are those of AWS's JSON front: a wrong type is a SerializationException, all else a ValidationException
    that lists what is wrong.
    """
    shape = operation_model(operation).input_shape or StructureShape("Nothing", {"type": "structure", "members": {}})
    if not isinstance(body, dict):
        raise AwsError("SerializationException", "Start of structure or map found where not expected.")
    complaints: list[str] = []
    value: dict[str, Any] = _parse(shape, body, "", complaints)
    if complaints:
        plural = "s" if len(complaints) > 1 else ""
        raise AwsError(
            "ValidationException",
            f"{len(complaints)} validation error{plural} detected: {'; '.join(complaints)}",
        )
    return value


def fits(shape: Shape, value: object) -> bool:
    """Whether a JSON value is of a shape's type; its members are not checked."""
    return isinstance(value, _KINDS[shape.type_name]) and (shape.type_name == "boolean" or not isinstance(value, bool))


def _parse(shape: Shape, value: Any, path: str, complaints: list[str]) -> Any:
    if not fits(shape, value):
        raise AwsError("SerializationException", _wrong_type(shape, value))
    if isinstance(shape, StructureShape):
        return _parse_structure(shape, value, path, complaints)
    if isinstance(shape, ListShape):
        value = [_parse(shape.member, one, f"{path}.{at}.member", complaints) for at, one in enumerate(value, 1)]
    if shape.type_name in ("string", "list"):
        _check_length(shape, value, path, complaints)
    return value


def _parse_structure(
    shape: StructureShape, value: Mapping[str, Any], path: str, complaints: list[str]
) -> dict[str, Any]:
    given = {name: one for name, one in value.items() if one is not None and name in shape.members}
    complaints += [
        f"Value null at '{_member(path, name)}' failed to satisfy constraint: Member must not be null"
        for name in shape.required_members
        if name not in given
    ]
    return {name: _parse(shape.members[name], one, _member(path, name), complaints) for name, one in given.items()}


def _check_length(shape: Shape, value: str | list[Any], path: str, complaints: list[str]) -> None:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if len(value) < least:
        constraint = f"Member must have length greater than or equal to {least}"
    elif most is not None and len(value) > most:
        constraint = f"Member must have length less than or equal to {most}"
    else:
        return
    complaints.append(f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}")


def _member(path: str, name: str) -> str:
    spelt = name[0].lower() + name[1:]
    return f"{path}.{spelt}" if path else spelt


def _wrong_type(shape: Shape, value: object) -> str:
    if isinstance(value, dict | list):
        return "Start of structure or map found where not expected."
    given = {bool: "TRUE_VALUE", str: "STRING_VALUE"}.get(type(value), "NUMBER_VALUE")
    if shape.type_name in ("list", "structure"):
        return "Unexpected field type"
    return f"{given} can not be converted to {'an' if shape.type_name == 'integer' else 'a'} {_NAMES[shape.type_name]}"


def to_json(value: Any) -> Any:
    """Write output: no member that is None, times as seconds of the epoch."""
    if isinstance(value, Mapping):
        return {name: to_json(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [to_json(one) for one in value]
    return value.timestamp() if isinstance(value, datetime) else value
