"""Parses a policy document into statements, without evaluating them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


class MalformedPolicyError(Exception):
    """The text is not a valid policy; the message says why."""


@dataclass(frozen=True)
class Condition:
    """One entry of a Condition block: an operator, a key and the values to compare with it."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Principals:
    """The Principal of a statement (NotPrincipal if negated), as pairs of type and name."""

    names: tuple[tuple[str, str], ...]
    negated: bool


@dataclass(frozen=True)
class Texts:
    """The Action or Resource of a statement (NotAction or NotResource if negated)."""

    texts: tuple[str, ...]
    negated: bool


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    label: str
    allows: bool
    principals: Principals | None
    actions: Texts
    resources: Texts | None
    conditions: tuple[Condition, ...]
    variables: bool  # policy variables exist since version 2012-10-17; before, `${` is plain text
    sid: str | None
    policy: str = ""  # which of several policies it is in, such as "policy P of role R"
    instead: str = ""  # what to do if its policy cannot be changed, because AWS manages it


def is_managed_by_aws(policy_arn: str) -> bool:
    """Return whether AWS manages a policy, so that customers cannot change it."""
    return ":iam::aws:policy/" in policy_arn


def parse(document: str, policy: str = "", instead: str = "") -> tuple[Statement, ...]:
    """Parse a policy; raise MalformedPolicyError if AWS would not have stored it.

    `policy`, `instead`: set on each statement.
    """
    try:
        content = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise MalformedPolicyError(f"it is not valid JSON: {error}") from error
    if not isinstance(content, dict) or "Statement" not in content:
        raise MalformedPolicyError("it is not an object with a Statement")
    statements = content["Statement"] if isinstance(content["Statement"], list) else [content["Statement"]]
    variables = content.get("Version") == "2012-10-17"
    read = (_statement(raw, number, variables) for number, raw in enumerate(statements, start=1))
    return tuple(replace(one, policy=policy, instead=instead) for one in read)


def _statement(raw: Any, number: int, variables: bool) -> Statement:
    if not isinstance(raw, dict):
        raise MalformedPolicyError(f"statement {number} is not an object")
    sid = raw["Sid"] if isinstance(raw.get("Sid"), str) and raw["Sid"] else None
    label = f"statement '{sid}'" if sid else f"statement {number}"
    if raw.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicyError(f'{label} has neither "Effect": "Allow" nor "Effect": "Deny"')
    actions = _texts(raw, "Action", label)
    if actions is None:
        raise MalformedPolicyError(f"{label} has neither Action nor NotAction")
    return Statement(
        label=label,
        allows=raw["Effect"] == "Allow",
        principals=_principals(raw, label),
        actions=actions,
        resources=_texts(raw, "Resource", label),
        conditions=_conditions(raw.get("Condition", {}), label),
        variables=variables,
        sid=sid,
    )


def _texts(raw: Mapping[str, Any], name: str, label: str) -> Texts | None:
    """Parse an element that may be present as `name` or as its negation, but not both."""
    if name in raw and f"Not{name}" in raw:
        raise MalformedPolicyError(f"{label} has both {name} and Not{name}")
    for element, negated in ((name, False), (f"Not{name}", True)):
        if element in raw:
            return Texts(_strings(raw[element], f"{element} of {label}"), negated)
    return None


def _principals(raw: Mapping[str, Any], label: str) -> Principals | None:
    if "Principal" in raw and "NotPrincipal" in raw:
        raise MalformedPolicyError(f"{label} has both Principal and NotPrincipal")
    for element, negated in (("Principal", False), ("NotPrincipal", True)):
        if element in raw:
            return Principals(_principal_names(raw[element], f"{element} of {label}"), negated)
    return None


def _principal_names(value: Any, where: str) -> tuple[tuple[str, str], ...]:
    if value == "*":
        return (("AWS", "*"),)  # AWS: "Principal": "*" and "Principal": {"AWS": "*"} are the same
    if not isinstance(value, dict):
        raise MalformedPolicyError(f'{where} is neither "*" nor an object')
    return tuple((kind, name) for kind, names in value.items() for name in _strings(names, where))


def _conditions(block: Any, label: str) -> tuple[Condition, ...]:
    if not isinstance(block, dict) or not all(isinstance(keys, dict) for keys in block.values()):
        raise MalformedPolicyError(f"Condition of {label} is not an object of objects")
    return tuple(
        Condition(operator, key, _strings(values, f"Condition of {label}"))
        for operator, keys in block.items()
        for key, values in keys.items()
    )


def _strings(value: Any, where: str) -> tuple[str, ...]:
    """Parse a value or a list of values; AWS reads true and 1 as "true" and "1"."""
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | bool | int | float) for one in values):
        raise MalformedPolicyError(f"{where} is neither a string nor a list of strings")
    return tuple(one if isinstance(one, str) else json.dumps(one) for one in values)
