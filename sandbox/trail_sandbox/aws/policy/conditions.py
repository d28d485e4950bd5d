"""The condition operators of policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
A positive operator is false where its key is absent, a negated one true; `…IfExists` is true where the key is absent;
`ForAllValues:` is true for no values, `ForAnyValue:` is false
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html).
"""

import base64
import binascii
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import TypeVar

from trail_sandbox.aws.policy.patterns import Context, arn_like, expand, like, literal

Comparable = TypeVar("Comparable", Decimal, datetime)
Match = Callable[[str, str], bool]


class Quantifier(Enum):
    """How an operator is applied to a key with several values."""

    ALL = "ForAllValues"
    ANY = "ForAnyValue"


@dataclass(frozen=True)
class Operator:
    """One comparison of a policy's value with a request's; negated operators hold when no value compares."""

    matches: Match
    negated: bool = False
    expands: bool = False  # policy variables and wildcards are only known to operators on strings and ARNs


def _with_negation(name: str, negated_name: str, matches: Match, *, expands: bool = False) -> dict[str, Operator]:
    return {name: Operator(matches, expands=expands), negated_name: Operator(matches, negated=True, expands=expands)}


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _date(text: str) -> datetime | None:
    """Read an ISO 8601 date or time, or seconds since the epoch."""
    seconds = _number(text)
    try:
        if seconds is not None:
            return datetime.fromtimestamp(float(seconds), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _compare(parse: Callable[[str], Comparable | None], holds: Callable[[Comparable, Comparable], bool]) -> Match:
    def matches(wanted: str, actual: str) -> bool:
        limit, value = parse(wanted), parse(actual)
        return limit is not None and value is not None and holds(value, limit)

    return matches


def _ordered(prefix: str, parse: Callable[[str], Comparable | None]) -> dict[str, Operator]:
    equals = _compare(parse, lambda value, limit: value == limit)
    return {
        **_with_negation(f"{prefix}Equals", f"{prefix}NotEquals", equals),
        f"{prefix}LessThan": Operator(_compare(parse, lambda value, limit: value < limit)),
        f"{prefix}LessThanEquals": Operator(_compare(parse, lambda value, limit: value <= limit)),
        f"{prefix}GreaterThan": Operator(_compare(parse, lambda value, limit: value > limit)),
        f"{prefix}GreaterThanEquals": Operator(_compare(parse, lambda value, limit: value >= limit)),
    }


def _in_network(wanted: str, actual: str) -> bool:
    try:
        return ipaddress.ip_address(actual) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _same_bytes(wanted: str, actual: str) -> bool:
    try:
        return base64.b64decode(wanted, validate=True) == base64.b64decode(actual, validate=True)
    except binascii.Error:
        return False


def _string_equals(wanted: str, actual: str) -> bool:
    return literal(wanted) == actual


def _string_equals_ignoring_case(wanted: str, actual: str) -> bool:
    return literal(wanted).casefold() == actual.casefold()


def _bool(wanted: str, actual: str) -> bool:
    return wanted.lower() == actual.lower()


NULL = "Null"
OPERATORS: dict[str, Operator] = {
    **_with_negation("StringEquals", "StringNotEquals", _string_equals, expands=True),
    **_with_negation("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", _string_equals_ignoring_case, expands=True),
    **_with_negation("StringLike", "StringNotLike", like, expands=True),
    # AWS: ArnEquals and ArnLike behave identically, and so do their negations.
    **_with_negation("ArnEquals", "ArnNotEquals", arn_like, expands=True),
    **_with_negation("ArnLike", "ArnNotLike", arn_like, expands=True),
    **_ordered("Numeric", _number),
    **_ordered("Date", _date),
    **_with_negation("IpAddress", "NotIpAddress", _in_network),
    "Bool": Operator(_bool),
    "BinaryEquals": Operator(_same_bytes),
}
_CANONICAL = {name.lower(): name for name in [*OPERATORS, NULL]}


@dataclass(frozen=True)
class Condition:
    """One key of a Condition block under one operator: its values are alternatives."""

    key: str
    values: tuple[str, ...]
    operator: Operator | None  # None is the operator Null, which looks only at the key's presence
    quantifier: Quantifier | None = None
    if_exists: bool = False

    def holds(self, context: Context, *, variables: bool) -> bool:
        """Say whether the request's keys satisfy this condition."""
        actual = context.get(self.key.lower(), ())
        if self.operator is None:
            return any((wanted.lower() == "true") == (not actual) for wanted in self.values)
        if not actual:
            return self._holds_without_key(self.operator)
        matches, negated = self.operator.matches, self.operator.negated
        wanted = self._wanted(self.operator, context, variables)
        found = [any(matches(text, value) for text in wanted) for value in actual]
        if self.quantifier is Quantifier.ALL:
            return all(one != negated for one in found)
        if self.quantifier is Quantifier.ANY:
            return any(one != negated for one in found)
        return any(found) != negated

    def _holds_without_key(self, operator: Operator) -> bool:
        if self.if_exists or self.quantifier is Quantifier.ALL:
            return True
        return operator.negated and self.quantifier is None

    def _wanted(self, operator: Operator, context: Context, variables: bool) -> Sequence[str]:
        if not operator.expands:
            return self.values
        expanded = (expand(value, context, variables=variables) for value in self.values)
        return [value for value in expanded if value is not None]


def condition(operator_name: str, key: str, values: Sequence[str]) -> Condition | None:
    """Make the condition that an operator's name, with its prefix and suffix, means; None for an unknown operator."""
    prefix, colon, bare = operator_name.rpartition(":")
    quantifier = next((one for one in Quantifier if one.value.lower() == prefix.lower()), None)
    if colon and quantifier is None:
        return None
    if_exists = bare.lower().endswith("ifexists")
    name = _CANONICAL.get(bare[: -len("IfExists")].lower() if if_exists else bare.lower())
    if name is None or (name == NULL and (if_exists or quantifier)):
        return None
    return Condition(key, tuple(values), OPERATORS.get(name), quantifier, if_exists)
