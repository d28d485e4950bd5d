"""The answer of one policy to one request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html. One document is judged alone:
the caller combines the answers of several policies. An account named as principal of an Allow stands for
everyone in it; whether their own policies must allow as well is the asker's to know.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from trail_sandbox.aws.policy.document import (
    Document,
    Element,
    MalformedPolicy,
    PrincipalElement,
    Statement,
    parse,
)
from trail_sandbox.aws.policy.patterns import Context, expand, like
from trail_sandbox.aws.policy.request import Principal, Request


class Decision(Enum):
    """What a policy says: an explicit Deny wins over any Allow, and NONE is that no statement matched."""

    ALLOW = "allow"
    DENY = "deny"
    NONE = "none"


def evaluate(document: str | Mapping[str, Any], request: Request) -> Decision:
    """Judge a request by a policy. A document that cannot be read says nothing."""
    try:
        policy = parse(document)
    except MalformedPolicy:
        return Decision.NONE
    effects = {statement.effect for statement in policy.statements if _applies(policy, statement, request)}
    if "Deny" in effects:
        return Decision.DENY
    return Decision.ALLOW if effects else Decision.NONE


def _applies(policy: Document, statement: Statement, request: Request) -> bool:
    context, variables = request.condition_keys, policy.has_variables
    return (
        _covers_action(statement.actions, request.action)
        and _covers_principal(statement.principals, request.principal)
        and _covers_resource(statement.resources, request.resource, context, variables)
        and all(condition.holds(context, variables=variables) for condition in statement.conditions)
    )


def _covers_action(actions: Element, action: str) -> bool:
    listed = any(like(expand(one, {}, variables=False) or "", action, ignore_case=True) for one in actions.values)
    return listed != actions.negated


def _covers_resource(resources: Element | None, resource: str, context: Context, variables: bool) -> bool:
    """Match the resource; a trust policy names none, since the role is the resource."""
    if resources is None:
        return True
    patterns = (expand(value, context, variables=variables) for value in resources.values)
    listed = any(pattern is not None and like(pattern, resource) for pattern in patterns)
    return listed != resources.negated


def _covers_principal(principals: PrincipalElement | None, principal: Principal) -> bool:
    """Match the principal; an identity policy names none, since it applies to its owner."""
    if principals is None:
        return True
    if principals.negated:
        return not _is_exempt(principals, principal)
    return any(_names(kind, value, principal) for kind, value in principals.values)


def _names(kind: str, value: str, principal: Principal) -> bool:
    """Say whether a principal of a policy stands for this one: itself, its role, its account, or everybody."""
    if (kind, value) == ("AWS", "*"):
        return True
    if kind == "Service":
        return principal.service_name is not None and value in ("*", principal.service_name)
    return kind == "AWS" and any(_is(value, identity) for identity in principal.identities)


def _is_exempt(principals: PrincipalElement, principal: Principal) -> bool:
    """Say whether a NotPrincipal leaves this one out: its account, its role and itself must all be named.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    """
    if ("AWS", "*") in principals.values:
        return True
    if principal.service_name is not None:
        return any(_names(kind, value, principal) for kind, value in principals.values)
    named = [value for kind, value in principals.values if kind == "AWS"]
    identities = principal.identities
    return bool(identities) and all(any(_is(value, identity) for value in named) for identity in identities)


def _is(value: str, identity: str) -> bool:
    """Say whether a principal of a policy is this one: an account by its number or root, a role without its path."""
    if value.isdigit():
        return identity.endswith(f":iam::{value}:root")
    prefix, _, resource = value.rpartition(":")
    if resource.startswith("role/"):
        return identity == f"{prefix}:role/{resource.rpartition('/')[2]}"
    return identity == value
