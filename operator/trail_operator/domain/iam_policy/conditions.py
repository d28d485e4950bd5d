"""Evaluates the Condition block of a statement against what is known of a request.

An unknown operator or key makes a condition UNKNOWN, never true or false.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trail_operator.domain.iam_policy.document import Condition
from trail_operator.domain.iam_policy.matching import Context, Target, possible_values, text_matches
from trail_operator.domain.iam_policy.ternary import Truth, all_of, any_of, unanimous

_NAME = re.compile(r"(?:(?P<quantifier>ForAllValues|ForAnyValue):)?(?P<base>[A-Za-z]+?)(?P<if_exists>IfExists)?$")
_COLON_OR_VARIABLE = re.compile(r":|\$\{[^{}]*\}")

# Whether a value of the policy matches the value sent. The last argument: whether policy variables are replaced.
_Comparison = Callable[[str, str, Context, bool], Truth]


@dataclass(frozen=True)
class _Operator:
    comparison: _Comparison
    negated: bool = False


def evaluate_condition(condition: Condition, context: Context, variables: bool) -> Truth:
    """Return whether the request meets the condition, for each possible value of the key."""
    possible = possible_values(condition.key, context)
    return unanimous(_evaluate_for(condition, sent, context, variables) for sent in possible)


def _evaluate_for(condition: Condition, sent: str | None, context: Context, variables: bool) -> Truth:
    if condition.operator == "Null":
        return any_of(_is_null(value, sent) for value in condition.values)
    name = _NAME.match(condition.operator)
    known = _OPERATORS.get(name["base"]) if name else None
    if name is None or known is None:
        return Truth.UNKNOWN
    if sent is None:
        return _evaluate_without_key(known, name["quantifier"], name["if_exists"] is not None)
    # Each key that is sent has one value, so ForAllValues and ForAnyValue are equivalent.
    matched = any_of(known.comparison(value, sent, context, variables) for value in condition.values)
    return matched.negated() if known.negated else matched


def _is_null(value: str, sent: str | None) -> Truth:
    wanted_absent = {"true": True, "false": False}.get(value.lower())
    return Truth.UNKNOWN if wanted_absent is None else Truth.of(wanted_absent == (sent is None))


def _evaluate_without_key(known: _Operator, quantifier: str | None, if_exists: bool) -> Truth:
    """Return the result of an operator for a request without the key."""
    if quantifier == "ForAllValues":
        return Truth.TRUE
    if quantifier == "ForAnyValue":
        return Truth.UNKNOWN if if_exists else Truth.FALSE  # AWS does not document this combination
    return Truth.of(if_exists or known.negated)


def _string_equals(value: str, sent: str, context: Context, variables: bool) -> Truth:
    return text_matches(value, Target(sent), context, variables=variables, wildcards=False)


def _string_equals_ignoring_case(value: str, sent: str, context: Context, variables: bool) -> Truth:
    lowered: Context = {
        key: tuple(one if one is None else one.lower() for one in values) for key, values in context.items()
    }
    return _string_equals(value.lower(), sent.lower(), lowered, variables)


def _string_like(value: str, sent: str, context: Context, variables: bool) -> Truth:
    return text_matches(value, Target(sent), context, variables=variables)


def _arn_like(value: str, sent: str, context: Context, variables: bool) -> Truth:
    """Compare two ARNs part by part, as AWS does: a star matches a colon only in the last part."""
    wanted, found = _arn_parts(value), _arn_parts(sent)
    if len(wanted) != 6:
        return Truth.UNKNOWN
    if len(found) != 6:
        return Truth.FALSE
    return all_of(
        text_matches(pattern, Target(part), context, variables=variables)
        for pattern, part in zip(wanted, found, strict=True)
    )


def _arn_parts(arn: str) -> list[str]:
    """Split an ARN at its first five colons, except those in the name of a variable."""
    colons = [found.start() for found in _COLON_OR_VARIABLE.finditer(arn) if found[0] == ":"][:5]
    starts, ends = [0, *(at + 1 for at in colons)], [*colons, len(arn)]
    return [arn[start:end] for start, end in zip(starts, ends, strict=True)]


def _bool(value: str, sent: str, _context: Context, _variables: bool) -> Truth:
    return Truth.of(value.lower() == sent.lower())


def _numeric(compare: Callable[[float, float], bool]) -> _Comparison:
    def comparison(value: str, sent: str, _context: Context, _variables: bool) -> Truth:
        try:
            return Truth.of(compare(float(sent), float(value)))
        except ValueError:
            return Truth.UNKNOWN

    return comparison


def _not_compared(_value: str, _sent: str, _context: Context, _variables: bool) -> Truth:
    """Return UNKNOWN: no known key has an address, a date or binary data."""
    return Truth.UNKNOWN


_OPERATORS: Mapping[str, _Operator] = {
    "StringEquals": _Operator(_string_equals),
    "StringNotEquals": _Operator(_string_equals, negated=True),
    "StringEqualsIgnoreCase": _Operator(_string_equals_ignoring_case),
    "StringNotEqualsIgnoreCase": _Operator(_string_equals_ignoring_case, negated=True),
    "StringLike": _Operator(_string_like),
    "StringNotLike": _Operator(_string_like, negated=True),
    "ArnEquals": _Operator(_arn_like),  # AWS: ArnEquals and ArnLike behave alike
    "ArnNotEquals": _Operator(_arn_like, negated=True),
    "ArnLike": _Operator(_arn_like),
    "ArnNotLike": _Operator(_arn_like, negated=True),
    "Bool": _Operator(_bool),
    "NumericEquals": _Operator(_numeric(operator.eq)),
    "NumericNotEquals": _Operator(_numeric(operator.eq), negated=True),
    "NumericLessThan": _Operator(_numeric(operator.lt)),
    "NumericLessThanEquals": _Operator(_numeric(operator.le)),
    "NumericGreaterThan": _Operator(_numeric(operator.gt)),
    "NumericGreaterThanEquals": _Operator(_numeric(operator.ge)),
    "IpAddress": _Operator(_not_compared),
    "NotIpAddress": _Operator(_not_compared, negated=True),
    "BinaryEquals": _Operator(_not_compared),
    "DateEquals": _Operator(_not_compared),
    "DateNotEquals": _Operator(_not_compared, negated=True),
    "DateLessThan": _Operator(_not_compared),
    "DateLessThanEquals": _Operator(_not_compared),
    "DateGreaterThan": _Operator(_not_compared),
    "DateGreaterThanEquals": _Operator(_not_compared),
}
