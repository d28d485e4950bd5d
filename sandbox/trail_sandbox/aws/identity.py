"""Who makes a request: the credentials it is signed with, and whose they are.

An access key id of 12 digits is an administrator of the account of that number; every other one is what IAM or STS
issued, and moto knows it. Signatures are not checked.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from trail_sandbox.aws.events import Caller
from trail_sandbox.aws.http import HttpRequest
from trail_sandbox.aws.trails import PARTITION

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


def caller_of(access_key_id: str) -> Caller | None:
    """Tell whose an access key is; None if it is nobody's."""
    if _ACCOUNT.match(access_key_id):
        return administrator(access_key_id)
    for account, backends in list(iam_backends.items()):
        iam = backends.get(PARTITION)
        if iam is not None and access_key_id in iam.access_keys:
            return _issued(account, iam, access_key_id)
    return None


def administrator(account: str) -> Caller:
    """Whoever signs with an account's number: its root user."""
    return Caller(account, f"arn:{PARTITION}:iam::{account}:root", account, account)


def _issued(account: str, iam: Any, access_key_id: str) -> Caller | None:
    session = sts_backends[account][PARTITION].get_assumed_role_from_access_key(access_key_id)
    if session is not None:
        return Caller(account, session.arn, session.user_id, access_key_id)
    user = iam.get_user_from_access_key_id(access_key_id)
    return Caller(account, user.arn, user.id, access_key_id) if user else None
