"""Who makes a request: the credentials it is signed with, and whose they are.

An access key id of 12 digits is an administrator of the account of that number; every other one is what IAM or STS
issued, and moto keeps it. Signatures are not checked.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from moto.iam.models import AccessKey, iam_backends
from moto.sts.models import AssumedRole, sts_backends

from trail_sandbox.aws.events import Caller
from trail_sandbox.aws.http import HttpRequest

_ACCOUNT = re.compile(r"\A[0-9]{12}\Z")
_SIGNATURE = re.compile(r"\AAWS4-[A-Z0-9-]+ +Credential=(?P<credential>[^,\s]+)")


@dataclass(frozen=True)
class Scope:
    """What a signature tells: the access key, and the region and service that it is for."""

    access_key_id: str
    region: str
    service: str


def scope_of(request: HttpRequest) -> Scope | None:
    """Read a request's signature, from its header or (presigned) from its query; None if it is not signed."""
    header = _SIGNATURE.match(request.headers.get("authorization", ""))
    if header:
        return _scope(header["credential"])
    if "X-Amz-Credential=" in request.query:
        return _scope(parse_qs(request.query)["X-Amz-Credential"][0])
    return None


def _scope(credential: str) -> Scope | None:
    parts = credential.rsplit("/", 4)
    if len(parts) != len(("key", "date", "region", "service", "aws4_request")):
        return None
    return Scope(access_key_id=parts[0], region=parts[2], service=parts[3])


def session_token(request: HttpRequest) -> str | None:
    """The session token that a request carries, in its header or (presigned) in its query."""
    if "X-Amz-Security-Token=" in request.query:
        return parse_qs(request.query)["X-Amz-Security-Token"][0]
    return request.headers.get("x-amz-security-token")


class Session(AssumedRole):
    """A session of AssumeRole, kept among moto's, with what moto would forget of it."""

    def __init__(
        self,
        *,
        key: AccessKey,
        account: str,
        role_arn: str,
        role_id: str,
        name: str,
        seconds: float,
        policies: Sequence[str],
        tags: Mapping[str, str],
        transitive_tags: frozenset[str],
        source_identity: str | None,
    ) -> None:
        super().__init__(account, role_arn.split(":")[1], key, name, role_arn, "", 0, "")
        self.expiration += timedelta(seconds=seconds)
        self.role_id = role_id
        self.policies = tuple(policies)
        """The session's own policies as JSON: what it may is cut down to these."""
        self.tags = tags
        self.transitive_tags = transitive_tags
        """Of the tags, those that sessions made by this one inherit."""
        self.source_identity = source_identity

    @property
    def user_id(self) -> str:
        """The id of the role that was assumed, which a new role of the same name does not have."""
        return f"{self.role_id}:{self.session_name}"


@dataclass(frozen=True)
class Lease:
    """What limits the use of temporary credentials."""

    token: str
    expiration: datetime


def caller_of(access_key_id: str, partition: str) -> Caller | None:
    """Tell whose an access key is in a partition; None if it is nobody's there."""
    if _ACCOUNT.match(access_key_id):
        return administrator(access_key_id, partition)
    for account, backends in list(iam_backends.items()):
        iam = backends.get(partition)
        if iam is not None and access_key_id in iam.access_keys:
            return _issued(account, partition, iam, access_key_id)
    return None


def administrator(account: str, partition: str) -> Caller:
    """The signer with an account's number: its root user."""
    return Caller(account, f"arn:{partition}:iam::{account}:root", account, account)


def lease_of(caller: Caller) -> Lease | None:
    """What limits a session's use; None for a user's own keys."""
    session = _moto_session(caller)
    if session is None:
        return None
    return Lease(session.session_token, session.expiration.replace(tzinfo=UTC))


def session_of(caller: Caller) -> Session | None:
    """The session of AssumeRole that a caller has."""
    session = _moto_session(caller)
    return session if isinstance(session, Session) else None


def end_sessions(account: str | None) -> None:
    """End all sessions of roles, or those of one account, before the time that STS answered."""
    now = datetime.now(UTC).replace(tzinfo=None)
    for number, backends in list(sts_backends.items()):
        if account in (None, number):
            for session in [one for sts in list(backends.values()) for one in sts.assumed_roles]:
                session.expiration = min(session.expiration, now)


def _moto_session(caller: Caller) -> AssumedRole | None:
    if caller.role_arn is None:
        return None
    return sts_backends[caller.account][caller.partition].get_assumed_role_from_access_key(caller.access_key_id)


def _issued(account: str, partition: str, iam: Any, access_key_id: str) -> Caller | None:
    session = sts_backends[account][partition].get_assumed_role_from_access_key(access_key_id)
    if session is not None:
        source = session.source_identity if isinstance(session, Session) else None
        return Caller(account, session.arn, session.user_id, access_key_id, session.role_arn, source)
    user = iam.get_user_from_access_key_id(access_key_id)
    if user is None or iam.access_keys[access_key_id].status != "Active":
        return None
    return Caller(account, user.arn, user.id, access_key_id)
