"""What an API request to the emulated AWS was: the raw material of CloudTrail's event records.

Knows nothing of trails: whether and where a request is recorded is for `delivery` to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Caller:
    """Who made a request, as AWS names them in an event's userIdentity."""

    account: str
    arn: str
    """arn:aws:iam::ACCOUNT:root, …:user/NAME, or arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION."""
    principal_id: str
    access_key_id: str
    role_arn: str | None = None
    """The role behind a session: unlike the session's own ARN, this has the role's path."""
    source_identity: str | None = None
    """Who is behind a session, as AssumeRole was given it."""
    invoked_by: str | None = None
    """The AWS service that makes the request for this caller, such as cloudformation.amazonaws.com."""
    service: str | None = None
    """The AWS service that makes the request on its own, such as cloudtrail.amazonaws.com: then nothing else but the
    account is known, which is whose resource it uses."""

    @property
    def partition(self) -> str:
        """The partition that the caller is of; of a service nothing is known but that it is in AWS."""
        return self.arn.split(":")[1] if self.arn else "aws"

    @property
    def is_root(self) -> bool:
        """Say whether this is the account's administrator, whom no policy of IAM's binds."""
        return self.arn.endswith(":root")


@dataclass(frozen=True)
class ApiEvent:
    """One finished request. Neither its parameters nor its response hold secrets or bodies of objects."""

    time: datetime
    region: str
    """The region of the endpoint that was called."""
    service: str
    """By its name in a credential scope: cloudtrail, s3, iam, …"""
    operation: str
    parameters: Mapping[str, Any]
    """By the names of the service model; times are ISO 8601."""
    response: Mapping[str, Any] | None
    """By the names of the service model; None where nothing of it is known."""
    caller: Caller
    source_ip: str
    user_agent: str
    request_id: str
    error_code: str | None = None
    error_message: str | None = None
