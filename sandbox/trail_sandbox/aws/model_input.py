"""What of a request does not fit botocore's service model, in the words that AWS's services have for it."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}


def validation_error(service: str, operation: str, given: Mapping[str, Any]) -> str | None:
    """Return the message that refuses the parameters of a call; None if they fit."""
    complaints = [*_complaints(_input_shape(service, operation), dict(given), "")]
    if not complaints:
        return None
    plural = "s" if len(complaints) > 1 else ""
    return f"{len(complaints)} validation error{plural} detected: {'; '.join(complaints)}"


@cache
def _input_shape(service: str, operation: str) -> Shape:
    model = botocore.session.get_session().get_service_model(service)
    return model.operation_model(operation).input_shape or StructureShape(
        "Nothing", {"type": "structure", "members": {}}
    )


def _fits(shape: Shape, value: Any) -> bool:
    kinds = _KINDS.get(shape.type_name, (object,))
    return isinstance(value, kinds) and (shape.type_name == "boolean" or not isinstance(value, bool))


def _complaints(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if not _fits(shape, value):
        yield _complaint(value, path, f"Member must be of type {shape.type_name}")
        return
    yield from _own_complaints(shape, value, path)
    if isinstance(shape, StructureShape):
        yield from _complaints_about_members(shape, value, path)
    elif isinstance(shape, ListShape):
        for number, one in enumerate(value, 1):
            yield from _complaints(shape.member, one, f"{path}.{number}.member")
    elif isinstance(shape, MapShape):
        for name, one in value.items():
            yield from _complaints(shape.key, name, f"{path}.key")
            yield from _complaints(shape.value, one, f"{path}.{name}.member")


def _complaints_about_members(shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{_member(path, name)}' failed to satisfy constraint: Member must not be null"
    for name, one in value.items():
        if one is not None and name in shape.members:
            yield from _complaints(shape.members[name], one, _member(path, name))


def _own_complaints(shape: Shape, value: Any, path: str) -> Iterator[str]:
    least, most, pattern = (shape.metadata.get(name) for name in ("min", "max", "pattern"))
    is_number = isinstance(value, int | float)
    size, measured = (value, "value") if is_number else (len(value), "length")
    if least is not None and size < least:
        yield _complaint(value, path, f"Member must have {measured} greater than or equal to {least}")
    if most is not None and size > most:
        yield _complaint(value, path, f"Member must have {measured} less than or equal to {most}")
    if pattern and isinstance(value, str) and not re.fullmatch(pattern, value):
        yield _complaint(value, path, f"Member must satisfy regular expression pattern: {pattern}")
    if "enum" in shape.metadata and value not in shape.metadata["enum"]:
        yield _complaint(value, path, f"Member must satisfy enum value set: [{', '.join(shape.metadata['enum'])}]")


def _complaint(value: Any, path: str, constraint: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"


def _member(path: str, name: str) -> str:
    spelt = name[0].lower() + name[1:]
    return f"{path}.{spelt}" if path else spelt
