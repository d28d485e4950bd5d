"""STS AssumeRole: who may have a session of a role, and for how long.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from trail_sandbox.aws.access.attached import Attached
from trail_sandbox.aws.access.authorizer import Permissions
from trail_sandbox.aws.access.needs import Keys, Need, tag_keys
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.identity import Session, session_of
from trail_sandbox.aws.policy import MalformedPolicy, PolicyKind, validate
from trail_sandbox.aws.roles import as_json, default_document, find_role, managed_policy

_SHORTEST, _USUAL, _LONGEST = 900, 3600, 43200
_LONGEST_IN_A_CHAIN = 3600
_ROLE_ARN = re.compile(r"\Aarn:(?P<partition>aws[a-z-]*):iam::(?P<account>[0-9]{12}):role/(?:.*/)?(?P<name>[^/]+)\Z")
_NAME = re.compile(r"\A[\w+=,.@-]{2,64}\Z", re.ASCII)
_EXTERNAL_ID = re.compile(r"\A[\w+=,.@:/-]{2,1224}\Z", re.ASCII)


def assume_role(given: Mapping[str, Any], permissions: Permissions, session_seconds: float | None) -> dict[str, Any]:
    """Make a session of a role and give STS's output, or refuse."""
    arn, name = _checked(given)
    seconds = int(given.get("DurationSeconds", _USUAL))
    parent = session_of(permissions.caller)
    inherited = {key: parent.tags[key] for key in parent.transitive_tags} if parent else {}
    tags = inherited | {str(tag.get("Key")): str(tag.get("Value", "")) for tag in given.get("Tags", [])}
    source = given.get("SourceIdentity") or (parent.source_identity if parent else None)
    role = _trusting_role(arn, given, tags, source, permissions)
    if permissions.caller.role_arn and seconds > _LONGEST_IN_A_CHAIN:
        raise _invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    if seconds > int(role.max_session_duration or _USUAL):
        raise _invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    partition, account = arn.split(":")[1], arn.split(":")[4]
    policies = _session_policies(partition, account, given)
    session = Session(
        key=iam_backends[account][partition].create_temp_access_key(),
        account=account,
        role_arn=arn,
        role_id=role.id,
        name=name,
        seconds=seconds if session_seconds is None else min(seconds, session_seconds),
        policies=policies,
        tags=tags,
        transitive_tags=frozenset([*given.get("TransitiveTagKeys", []), *inherited]),
        source_identity=source,
    )
    sts_backends[account][partition].assumed_roles.append(session)
    return _output(session)


def _checked(given: Mapping[str, Any]) -> tuple[str, str]:
    """Refuse parameters that cannot be, as STS's own validation does."""
    arn, name = str(given.get("RoleArn", "")), str(given.get("RoleSessionName", ""))
    if not _NAME.match(name):
        raise _constraint(name, "roleSessionName", "Member must satisfy regular expression pattern: [\\w+=,.@-]*")
    external = given.get("ExternalId")
    if external is not None and not _EXTERNAL_ID.match(str(external)):
        raise _constraint(external, "externalId", "Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*")
    seconds = int(given.get("DurationSeconds", _USUAL))
    if seconds < _SHORTEST:
        raise _constraint(seconds, "durationSeconds", f"Member must have value greater than or equal to {_SHORTEST}")
    if seconds > _LONGEST:
        raise _constraint(seconds, "durationSeconds", f"Member must have value less than or equal to {_LONGEST}")
    if not arn.startswith("arn:"):
        raise _invalid(f"{arn} is invalid")
    return arn, name


def _trusting_role(
    arn: str, given: Mapping[str, Any], tags: Mapping[str, str], source: str | None, permissions: Permissions
) -> Any:
    """Return the role if it trusts the caller and the caller may assume it; a refusal does not say which failed.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html#troubleshoot_roles_cant-assume-role
    """
    match = _ROLE_ARN.match(arn)
    role = find_role(match["partition"], match["account"], match["name"]) if match else None
    if role is not None and (role.arn != arn or arn.split(":")[1] != permissions.caller.partition):
        role = None
    account = match["account"] if match else ""
    trust = as_json(role.assume_role_policy_document) if role else None
    attached = Attached(account, trust, is_sole=True, must_name_root=True)
    keys = _keys(given, tags, source, role)
    actions = ["sts:AssumeRole", *(["sts:TagSession"] if tags else []), *(["sts:SetSourceIdentity"] if source else [])]
    for action in actions:
        permissions.require(Need(action, arn, keys), attached)
    return role


def _keys(given: Mapping[str, Any], tags: Mapping[str, str], source: str | None, role: Any) -> Keys:
    keys = {
        "sts:ExternalId": given.get("ExternalId"),
        "sts:RoleSessionName": given.get("RoleSessionName"),
        "sts:SourceIdentity": source,
        "sts:TransitiveTagKeys": given.get("TransitiveTagKeys"),
    }
    of_role = {tag["Key"]: tag["Value"] for tag in role.tags} if role else {}
    return {
        **{key: value for key, value in keys.items() if value},
        **tag_keys({"Tags": dict(tags)}),
        **{f"{service}:ResourceTag/{key}": value for key, value in of_role.items() for service in ("aws", "iam")},
    }


def _session_policies(partition: str, account: str, given: Mapping[str, Any]) -> list[str]:
    policies = []
    if given.get("Policy"):
        try:
            validate(given["Policy"], PolicyKind.IDENTITY)
        except MalformedPolicy as error:
            raise AwsError("MalformedPolicyDocument", str(error)) from error
        policies.append(str(given["Policy"]))
    for arn in [str(one.get("arn", "")) for one in given.get("PolicyArns", [])]:
        policy = managed_policy(partition, account, arn)
        if policy is None:
            raise _invalid(f"Policy {arn} does not exist.")
        policies.append(default_document(policy))
    return policies


def _output(session: Session) -> dict[str, Any]:
    return {
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.session_token,
            "Expiration": session.expiration.replace(tzinfo=UTC),
        },
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
    }


def _constraint(value: object, name: str, rule: str) -> AwsError:
    return _invalid(f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {rule}")


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
