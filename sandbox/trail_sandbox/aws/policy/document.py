"""Policy documents read into statements; whatever no kind of policy may look like is refused here.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html. The messages are those of Amazon S3's
MalformedPolicy where they are known.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from trail_sandbox.aws.policy.conditions import Condition, condition

VERSIONS = ("2012-10-17", "2008-10-17")
_DEFAULT_VERSION = "2008-10-17"
_PRINCIPAL_KINDS = ("AWS", "Service", "Federated", "CanonicalUser")
_FIELDS = ("Version", "Id", "Statement")
_STATEMENT_FIELDS = (
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"),
)
_ACTION = re.compile(r"\A(\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)\Z")
_AWS_PRINCIPAL = re.compile(
    r"\A(\*|[0-9]{12}"
    r"|arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role|federated-user)/[\w+=,.@/-]+)"
    r"|arn:aws[a-z-]*:iam::cloudfront:user/[\w +=,.@/-]+"
    r"|arn:aws[a-z-]*:sts::[0-9]{12}:(assumed-role/[\w+=,.@-]+/[\w+=,.@:-]+|federated-user/[\w+=,.@-]+|self))\Z"
)
_SERVICE_PRINCIPAL = re.compile(r"\A(\*|[a-z0-9-]+(\.[a-z0-9-]+)+)\Z")


class MalformedPolicy(Exception):  # noqa: N818 - the name of AWS's error
    """A document that AWS refuses to store; the message says why, in AWS's words where they are known."""


@dataclass(frozen=True)
class Element:
    """Actions or resources of a statement: it applies to these, or (NotAction, NotResource) to all but these."""

    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True)
class PrincipalElement:
    """Principals of a statement by kind; `"*"` is everybody, and NotPrincipal everybody but these."""

    values: tuple[tuple[str, str], ...]
    negated: bool = False


@dataclass(frozen=True)
class Statement:
    """One statement. Identity policies have no principal and trust policies no resource: those are None."""

    effect: str
    actions: Element
    resources: Element | None
    principals: PrincipalElement | None
    conditions: tuple[Condition, ...]
    sid: str | None = None


@dataclass(frozen=True)
class Document:
    """A policy. Only version 2012-10-17 knows policy variables; in 2008-10-17 they are plain text."""

    version: str
    statements: tuple[Statement, ...]

    @property
    def has_variables(self) -> bool:
        """Say whether `${…}` is a variable in this document."""
        return self.version == "2012-10-17"


def parse(document: str | Mapping[str, Any]) -> Document:
    """Read a policy, or say why it is none."""
    return _parse_text(document) if isinstance(document, str) else _read(document)


@lru_cache(maxsize=1024)
def _parse_text(text: str) -> Document:
    if not text.lstrip().startswith("{"):
        raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'")
    try:
        return _read(json.loads(text, object_pairs_hook=_without_duplicates))
    except json.JSONDecodeError as error:
        raise MalformedPolicy("This policy contains invalid Json") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        duplicate = next(name for name in names if names.count(name) > 1)
        raise MalformedPolicy(f"Duplicate field {duplicate}")
    return members


def _read(policy: Mapping[str, Any]) -> Document:
    _refuse_unknown(policy, _FIELDS)
    version = policy.get("Version", _DEFAULT_VERSION)
    if version not in VERSIONS:
        raise MalformedPolicy("The policy must contain a valid version string")
    if not isinstance(policy.get("Id", ""), str):
        raise MalformedPolicy("Invalid policy syntax.")
    if "Statement" not in policy:
        raise MalformedPolicy("Missing required field Statement")
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    if not statements:
        raise MalformedPolicy("Could not parse the policy: Statement is empty!")
    return Document(version, tuple(_statement(statement) for statement in statements))


def _statement(statement: object) -> Statement:
    if not isinstance(statement, Mapping):
        raise MalformedPolicy("Invalid policy syntax.")
    _refuse_unknown(statement, _STATEMENT_FIELDS)
    sid = statement.get("Sid")
    if sid is not None and not isinstance(sid, str):
        raise MalformedPolicy("Invalid policy syntax.")
    if "Effect" not in statement:
        raise MalformedPolicy("Missing required field Effect")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise MalformedPolicy(f"Invalid effect: {statement['Effect']}")
    actions = _element(statement, "Action")
    if actions is None:
        raise MalformedPolicy("Missing required field Action")
    if not all(_ACTION.match(action) for action in actions.values):
        raise MalformedPolicy("Policy has invalid action")
    return Statement(
        effect=statement["Effect"],
        actions=actions,
        resources=_element(statement, "Resource"),
        principals=_principals(statement),
        conditions=_conditions(statement.get("Condition", {})),
        sid=sid,
    )


def _refuse_unknown(members: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in members:
        if name not in known:
            raise MalformedPolicy(f"Unknown field {name}")


def _one_of(statement: Mapping[str, Any], name: str) -> tuple[Any, bool] | None:
    """Give the value of an element or of its negation, and whether it is the negation."""
    if name in statement and f"Not{name}" in statement:
        raise MalformedPolicy(f"Statement has both {name} and Not{name}")
    if f"Not{name}" in statement:
        return statement[f"Not{name}"], True
    return (statement[name], False) if name in statement else None


def _element(statement: Mapping[str, Any], name: str) -> Element | None:
    given = _one_of(statement, name)
    return Element(_strings(given[0]), given[1]) if given else None


def _strings(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, str) and one for one in values):
        raise MalformedPolicy("Invalid policy syntax.")
    return tuple(values)


def _principals(statement: Mapping[str, Any]) -> PrincipalElement | None:
    given = _one_of(statement, "Principal")
    if given is None:
        return None
    value, negated = given
    if value == "*":
        return PrincipalElement((("AWS", "*"),), negated)
    if not isinstance(value, Mapping) or not value:
        raise MalformedPolicy("Invalid policy syntax.")
    pairs = tuple((kind, name) for kind, names in value.items() for name in _strings(names))
    if not all(_is_principal(kind, name) for kind, name in pairs):
        raise MalformedPolicy("Invalid principal in policy")
    return PrincipalElement(pairs, negated)


def _is_principal(kind: str, name: str) -> bool:
    if kind == "AWS":
        return _AWS_PRINCIPAL.match(name) is not None
    if kind == "Service":
        return _SERVICE_PRINCIPAL.match(name) is not None
    return kind in _PRINCIPAL_KINDS


def _conditions(block: object) -> tuple[Condition, ...]:
    if not isinstance(block, Mapping):
        raise MalformedPolicy("Invalid policy syntax.")
    return tuple(
        _condition(operator, key, values) for operator, keys in block.items() for key, values in _members(keys)
    )


def _members(keys: object) -> Sequence[tuple[str, Any]]:
    if not isinstance(keys, Mapping):
        raise MalformedPolicy("Invalid policy syntax.")
    return list(keys.items())


def _condition(operator: str, key: str, values: object) -> Condition:
    read = condition(operator, key, _scalars(values))
    if read is None:
        raise MalformedPolicy(f"Invalid Condition type : {operator}")
    return read


def _scalars(values: object) -> tuple[str, ...]:
    """Read condition values: text, or JSON's booleans and numbers, which mean the text they are written as."""
    each = values if isinstance(values, list) else [values]
    if not all(isinstance(one, str | bool | int | float) for one in each):
        raise MalformedPolicy("Invalid policy syntax.")
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in each)
