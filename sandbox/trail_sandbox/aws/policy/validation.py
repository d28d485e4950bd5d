"""What AWS refuses to store, by kind of policy; what no kind may look like is refused where documents are read.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from trail_sandbox.aws.policy.document import MalformedPolicy, Statement, parse
from trail_sandbox.aws.policy.patterns import expand, like

_RESOURCE = re.compile(r"\A(\*|arn:[^:]+:[^:]+:[^:]*:[^:]*:.+)\Z", re.DOTALL)
_BUCKET_RESOURCE = re.compile(
    r"\Aarn:(?P<partition>[^:]+):s3:[^:]*:[^:]*:(?P<bucket>[^/]*)(?P<object>/.*)?\Z", re.DOTALL
)
# Actions on objects; the rest are on buckets. Of the names with "Object", those of the bucket's own settings say so.
_OBJECT_ACTION = re.compile(
    r"\As3:((?!.*Bucket)\w*Object\w*|ObjectOwnerOverrideToBucketOwner|AbortMultipartUpload|ListMultipartUploadParts"
    r"|Bypass\w+|Replicate\w+)\Z",
    re.IGNORECASE,
)
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


def validate_bucket_policy(document: str | Mapping[str, Any], bucket: str, partition: str = "aws") -> None:
    """Raise MalformedPolicy for what Amazon S3 would not store for this bucket of a partition."""
    validate(document)
    for statement in parse(document).statements:
        _check_bucket_statement(statement, bucket, partition)


def _check_bucket_statement(statement: Statement, bucket: str, partition: str) -> None:
    actions, resources = statement.actions.values, statement.resources.values if statement.resources else ()
    if not all(action == "*" or action.lower().startswith("s3:") for action in actions):
        raise MalformedPolicy("Policy has invalid action")
    if not all(resource == "*" or _may_mean(resource, bucket, partition) for resource in resources):
        raise MalformedPolicy("Policy has invalid resource")
    if statement.actions.negated or (statement.resources and statement.resources.negated):
        return
    for action in actions:
        if not any(_applies_to(action, resource) for resource in resources):
            raise MalformedPolicy("Action does not apply to any resource(s) in statement")


def _may_mean(resource: str, bucket: str, partition: str) -> bool:
    """Say whether an ARN, with its wildcards and variables, can be of the bucket or of an object in it."""
    parts = _BUCKET_RESOURCE.match(resource)
    if parts is None or not like(expand(parts["partition"], {}, variables=False) or "", partition):
        return False
    pattern = expand(parts["bucket"], {}, variables=True)
    return pattern is None or like(pattern, bucket)


def _applies_to(action: str, resource: str) -> bool:
    """Say whether an action on objects has objects to act on, and one on buckets a bucket."""
    if "*" in action or "?" in action:
        return True
    if _OBJECT_ACTION.match(action):
        return "/" in resource or resource.endswith("*")
    return "/" not in resource


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
