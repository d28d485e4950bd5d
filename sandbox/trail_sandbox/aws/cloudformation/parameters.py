"""The values of a template's parameters: what is given, kept or by default, held to the parameter's constraints.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

import re
from collections.abc import Mapping
from typing import Any

from trail_sandbox.aws.cloudformation.template import Template, invalid

_TYPES = ("String", "Number", "CommaDelimitedList")


def texts_of(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """Return the value of every parameter as text; raises AwsError for one that is missing, unknown or invalid."""
    unknown = sorted(set(given) - set(template.parameters))
    if unknown:
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    texts = {name: given.get(name, _default(slot)) for name, slot in template.parameters.items()}
    missing = [name for name, text in texts.items() if text is None]
    if missing:
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    found = {name: str(text) for name, text in texts.items()}
    for name, slot in template.parameters.items():
        _check(name, slot, found[name])
    return found


def values_of(template: Template, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return what a Ref to each parameter is: a list, or text (numbers, too)."""
    return {name: _parts(template.parameters[name], text) for name, text in texts.items()}


def _default(slot: Mapping[str, Any]) -> str | None:
    default = slot.get("Default")
    if isinstance(default, bool):
        return str(default).lower()
    return None if default is None else str(default)


def _parts(slot: Mapping[str, Any], text: str) -> str | list[str]:
    """Split a list. Of no text it is a list of one empty text, as in AWS."""
    return [part.strip() for part in text.split(",")] if slot["Type"] == "CommaDelimitedList" else text


def _check(name: str, slot: Mapping[str, Any], text: str) -> None:
    if slot.get("Type") not in _TYPES:
        raise invalid(f"The emulated AWS has no parameters of type {slot.get('Type')}, only {', '.join(_TYPES)}")
    parts = _parts(slot, text)
    for part in parts if isinstance(parts, list) else [parts]:
        problem = _problem(slot, part)
        if problem:
            reason = slot.get("ConstraintDescription", problem)
            raise invalid(f"Parameter {name} failed to satisfy constraint: {reason}")


def _problem(slot: Mapping[str, Any], text: str) -> str | None:
    pattern, allowed = slot.get("AllowedPattern"), slot.get("AllowedValues")
    if pattern is not None and not re.fullmatch(pattern, text):
        return f"must match pattern {pattern}"
    if allowed is not None and text not in [str(one) for one in allowed]:
        return f"must be one of [{', '.join(map(str, allowed))}]"
    if len(text) < int(slot.get("MinLength", 0)):
        return f"must contain at least {slot['MinLength']} characters"
    if "MaxLength" in slot and len(text) > int(slot["MaxLength"]):
        return f"must contain at most {slot['MaxLength']} characters"
    return _problem_of_number(slot, text) if slot["Type"] == "Number" else None


def _problem_of_number(slot: Mapping[str, Any], text: str) -> str | None:
    try:
        number = float(text)
    except ValueError:
        return "must be a number"
    if "MinValue" in slot and number < float(slot["MinValue"]):
        return f"must be a number not less than {slot['MinValue']}"
    if "MaxValue" in slot and number > float(slot["MaxValue"]):
        return f"must be a number not greater than {slot['MaxValue']}"
    return None
