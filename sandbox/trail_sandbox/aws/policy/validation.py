"""What AWS refuses to store, by kind of policy; what no kind may look like is refused where documents are read.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from trail_sandbox.aws.policy.document import MalformedPolicy, Statement, parse

_RESOURCE = re.compile(r"\A(\*|arn:[^:]+:[^:]+:[^:]*:[^:]*:.+)\Z", re.DOTALL)
_IDENTITY_SID = re.compile(r"\A[A-Za-z0-9]*\Z")


class PolicyKind(Enum):
    """What a policy is attached to: a resource (bucket, topic, key), an identity, or a role as whom to trust."""

    RESOURCE = "resource"
    IDENTITY = "identity"
    TRUST = "trust"


def validate(document: str | Mapping[str, Any], kind: PolicyKind = PolicyKind.RESOURCE) -> None:
    """Raise MalformedPolicy for what AWS would not store as a policy of this kind."""
    check = {
        PolicyKind.RESOURCE: _check_resource_statement,
        PolicyKind.IDENTITY: _check_identity_statement,
        PolicyKind.TRUST: _check_trust_statement,
    }[kind]
    policy = parse(document)
    for statement in policy.statements:
        check(statement)
    if kind is not PolicyKind.RESOURCE:
        _check_sids([statement.sid for statement in policy.statements if statement.sid])


def _check_resource_statement(statement: Statement) -> None:
    if statement.principals is None:
        raise MalformedPolicy("Missing required field Principal")
    if statement.resources is None:
        raise MalformedPolicy("Missing required field Resource")
    _check_resources(statement, "Policy has invalid resource")


def _check_identity_statement(statement: Statement) -> None:
    if statement.principals is not None:
        raise MalformedPolicy("Policy document should not specify a principal.")
    if statement.resources is None:
        raise MalformedPolicy("Policy statement must contain resources.")
    _check_resources(statement, 'Resource must be in ARN format or "*".')


def _check_trust_statement(statement: Statement) -> None:
    if statement.principals is None:
        raise MalformedPolicy("Missing required field Principal")
    if statement.principals.negated:
        raise MalformedPolicy("AssumeRolepolicy contained an invalid principal: NotPrincipal is not supported.")
    if statement.resources is not None:
        raise MalformedPolicy("Has prohibited field Resource")
    if not all(action.lower().startswith("sts:") for action in statement.actions.values):
        raise MalformedPolicy("AssumeRole policy may only specify STS AssumeRole actions.")


def _check_resources(statement: Statement, message: str) -> None:
    if statement.resources and not all(_RESOURCE.match(resource) for resource in statement.resources.values):
        raise MalformedPolicy(message)


def _check_sids(sids: list[str]) -> None:
    if len(sids) != len(set(sids)):
        raise MalformedPolicy("Statement IDs (SID) in a single policy must be unique.")
    if not all(_IDENTITY_SID.match(sid) for sid in sids):
        raise MalformedPolicy(
            "Statement IDs (SID) must be alpha-numeric. "
            "Check that your input satisfies the regular expression [0-9A-Za-z]*"
        )
