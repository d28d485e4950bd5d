"""The policies that IAM keeps for a caller, as moto has them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#access_policy-types
"""

from dataclasses import dataclass
from typing import Any

from moto.iam.models import iam_backends

from trail_sandbox.aws.events import Caller
from trail_sandbox.aws.identity import session_of
from trail_sandbox.aws.roles import boundary_of, documents


@dataclass(frozen=True)
class Grants:
    """What a caller may by IAM: what its own policies allow, cut down to the boundary and to the session's policies."""

    own: tuple[str, ...]
    """Inline and attached, of the user and its groups, or of the role."""
    boundary: str | None
    session: tuple[str, ...]
    """Policies given to AssumeRole; none leave the role's permissions whole."""
    tags: dict[str, str]
    """aws:PrincipalTag/…: the role's or user's, and over them the session's."""


def grants_of(caller: Caller) -> Grants:
    """Collect the policies of a user or a role session. A deleted one has none."""
    return _of_session(caller, caller.role_arn) if caller.role_arn else _of_user(caller)


def _of_session(caller: Caller, role_arn: str) -> Grants:
    session = session_of(caller)
    policies, tags = (session.policies, session.tags) if session else ((), {})
    role_id = caller.principal_id.partition(":")[0]
    roles = list(iam_backends[caller.account][caller.partition].roles.values())
    role = next((one for one in roles if one.arn == role_arn and one.id == role_id), None)
    if role is None:
        return Grants((), None, policies, dict(tags))
    boundary = boundary_of(caller.partition, caller.account, role)
    return Grants(documents(role), boundary, policies, {tag["Key"]: tag["Value"] for tag in role.tags} | dict(tags))


def _of_user(caller: Caller) -> Grants:
    iam = iam_backends[caller.account][caller.partition]
    user = next((one for one in list(iam.users.values()) if one.arn == caller.arn), None)
    if user is None:
        return Grants((), None, (), {})
    holders: list[Any] = [user, *(group for group in list(iam.groups.values()) if user in group.users)]
    tags = iam.tagger.get_tag_dict_for_resource(user.arn)
    return Grants(tuple(text for holder in holders for text in documents(holder)), None, (), tags)
