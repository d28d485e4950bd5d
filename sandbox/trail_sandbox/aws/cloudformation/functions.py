"""Intrinsic functions and conditions. One that is not here is refused by its name.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trail_sandbox.aws.cloudformation.template import Template, invalid

NO_VALUE = "AWS::NoValue"
_SUBSTITUTE = re.compile(r"\$\{(!?)([^}]+)\}")
_MOST_ALTERNATIVES = 10

Attribute = Callable[[str, str], str]


class _NoValue:
    """What a reference to AWS::NoValue is: the property or member is left out."""


_NOTHING = _NoValue()


def text_of(value: Any) -> str:
    """Write a scalar as CloudFormation does."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def references(value: Any) -> Iterator[str]:
    """Find the names that a part of a template refers to, by Ref, Fn::GetAtt and Fn::Sub."""
    if isinstance(value, list):
        for one in value:
            yield from references(one)
    elif isinstance(value, dict):
        for name, argument in value.items():
            if name == "Ref" and len(value) == 1:
                yield str(argument)
            elif name == "Fn::GetAtt":
                yield str(argument[0])
            elif name == "Fn::Sub":
                text, own = argument if isinstance(argument, list) else (argument, {})
                names = (found[2].partition(".")[0] for found in _SUBSTITUTE.finditer(text) if not found[1])
                yield from (one for one in names if one not in own)
                yield from references(own)
            else:
                yield from references(argument)


class Evaluator:
    """Computes the values of one template, for given parameters and resources."""

    def __init__(self, template: Template, values: Mapping[str, Any], attribute: Attribute) -> None:
        """`values`: what a Ref to each name is. `attribute`: of a resource by its name and the attribute's."""
        self._template = template
        self._values = values
        self._attribute = attribute
        self._conditions: dict[str, bool | None] = {}
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
            "Fn::FindInMap": self._find_in_map,
        }

    def resolve(self, value: Any) -> Any:
        """Replace the functions in a value. Members without a value are left out; None if it is the value itself."""
        resolved = self._resolve(value)
        return None if resolved is _NOTHING else resolved

    def condition(self, name: str) -> bool:
        """Say whether a condition of the template holds."""
        if name not in self._template.conditions:
            raise invalid(f"Template format error: Unresolved condition dependency {name}")
        if name not in self._conditions:
            self._conditions[name] = None
            self._conditions[name] = self.holds(self._template.conditions[name])
        found = self._conditions[name]
        if found is None:
            raise invalid(f"Template format error: Circular dependency of condition {name}")
        return found

    def holds(self, expression: Any) -> bool:
        """Evaluate a condition function."""
        if not isinstance(expression, dict) or len(expression) != 1:
            raise invalid("Template format error: Every condition must be one condition function.")
        [(name, argument)] = expression.items()
        match name:
            case "Condition":
                return self.condition(argument)
            case "Fn::Equals":
                first, second = (self._resolve(one) for one in argument)
                return text_of(first) == text_of(second)
            case "Fn::Not":
                [only] = argument
                return not self.holds(only)
            case "Fn::And" | "Fn::Or" if 2 <= len(argument) <= _MOST_ALTERNATIVES:
                return (all if name == "Fn::And" else any)(self.holds(one) for one in argument)
        raise invalid(f"Template error: the emulated AWS has no condition function {name}")

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [one for one in map(self._resolve, value) if one is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref":
                return self._ref(argument)
            if name in self._functions:
                return self._functions[name](argument)
            if name.startswith("Fn::"):
                raise invalid(f"Template error: the emulated AWS has no function {name}")
        members = {name: self._resolve(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member is not _NOTHING}

    def _ref(self, name: str) -> Any:
        if name == NO_VALUE:
            return _NOTHING
        if name not in self._values:
            raise invalid(f"Template format error: Unresolved resource dependencies [{name}]")
        return self._values[name]

    def _get_att(self, argument: list[str]) -> str:
        name, attribute = argument
        return self._attribute(name, attribute)

    def _if(self, argument: list[Any]) -> Any:
        name, if_true, if_false = argument
        return self._resolve(if_true if self.condition(name) else if_false)

    def _join(self, argument: list[Any]) -> str:
        separator, parts = argument
        return str(separator).join(text_of(part) for part in self._resolve(parts))

    def _select(self, argument: list[Any]) -> Any:
        index, parts = argument
        found = self._resolve(parts)
        if not 0 <= int(index) < len(found):
            raise invalid("Template error: Fn::Select cannot select nonexistent value at index " + str(index))
        return found[int(index)]

    def _split(self, argument: list[Any]) -> list[str]:
        separator, text = argument
        return str(self._resolve(text)).split(separator)

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})

        def replace(found: re.Match[str]) -> str:
            is_literal, name = found[1], found[2]
            if is_literal:
                return f"${{{name}}}"
            if name in own:
                return text_of(self._resolve(own[name]))
            resource, _, attribute = name.partition(".")
            return text_of(self._attribute(resource, attribute) if attribute else self._ref(name))

        return _SUBSTITUTE.sub(replace, text)

    def _find_in_map(self, argument: list[Any]) -> Any:
        name, first, second = (self._resolve(one) for one in argument)
        try:
            return self._template.mappings[name][first][second]
        except KeyError as error:
            raise invalid(f"Template error: Unable to get mapping for {name}::{first}::{second}") from error
