"""CloudTrail's event records, version 1.11.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from trail_sandbox.aws.delivery.classification import is_management, is_read_only, region_of
from trail_sandbox.aws.delivery.event import ApiEvent

EVENT_VERSION = "1.11"
# Parameters that AWS writes without their upper-case beginning, though lowering the first letter would not do.
_SPELLINGS = {"s3": {"Bucket": "bucketName"}}


def record(event: ApiEvent) -> dict[str, Any]:
    """Write an event up as CloudTrail does."""
    read_only = is_read_only(event)
    members: dict[str, Any] = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": user_identity(event.caller_arn, event.access_key_id, event.time),
        "eventTime": timestamp(event.time),
        "eventSource": f"{event.service}.amazonaws.com",
        "eventName": event.operation,
        "awsRegion": region_of(event),
        "sourceIPAddress": event.source_ip,
        "userAgent": event.user_agent,
    }
    if event.error_code:
        members["errorCode"] = event.error_code
        if event.error_message:
            members["errorMessage"] = event.error_message
    members |= {
        "requestParameters": _parameters(event),
        "responseElements": None if read_only or event.error_code else _members(event.response),
        "requestID": event.request_id,
        "eventID": str(uuid.uuid4()),
        "readOnly": read_only,
        "eventType": "AwsApiCall",
        "managementEvent": is_management(event),
        "recipientAccountId": event.account,
        "eventCategory": "Management" if is_management(event) else "Data",
    }
    return members


def timestamp(seconds: float) -> str:
    """Write a moment in records and digests: UTC, whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user_identity(caller_arn: str, access_key_id: str, now: float) -> dict[str, Any]:
    """Tell who made the request, from the ARN that GetCallerIdentity would give."""
    account, _, resource = caller_arn.split(":", 4)[4].partition(":")
    kind, _, name = resource.partition("/")
    identity = {"arn": caller_arn, "accountId": account, "accessKeyId": access_key_id}
    if kind == "root":
        return {"type": "Root", "principalId": account, **identity}
    if kind == "assumed-role":
        return _assumed_role(identity, name, now)
    name = name.rpartition("/")[2]
    return {"type": "IAMUser", "principalId": _unique_id("AIDA", caller_arn), **identity, "userName": name}


def _assumed_role(identity: dict[str, Any], role_and_session: str, now: float) -> dict[str, Any]:
    role, _, session = role_and_session.partition("/")
    partition, account = identity["arn"].split(":")[1], identity["accountId"]
    role_arn = f"arn:{partition}:iam::{account}:role/{role}"
    role_id = _unique_id("AROA", role_arn)
    issuer = {"type": "Role", "principalId": role_id, "arn": role_arn, "accountId": account, "userName": role}
    return {
        "type": "AssumedRole",
        "principalId": f"{role_id}:{session}",
        **identity,
        "sessionContext": {
            "sessionIssuer": issuer,
            "attributes": {"creationDate": timestamp(now), "mfaAuthenticated": "false"},
        },
    }


def _unique_id(prefix: str, arn: str) -> str:
    """Make a stable id of the form that IAM gives to users and roles."""
    return prefix + hashlib.sha256(arn.encode()).hexdigest()[:17].upper()


def _parameters(event: ApiEvent) -> Any:
    spellings = _SPELLINGS.get(event.service, {})
    return _members({spellings.get(name, name): value for name, value in (event.parameters or {}).items()})


def _members(members: Mapping[str, Any] | None) -> Any:
    """Spell an input or output as records do, with lower-case beginnings; nothing at all is null."""
    return _value(members) if members else None


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name[:1].lower() + name[1:]: _value(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    if isinstance(value, datetime):
        return timestamp(value.timestamp())
    if isinstance(value, date):
        return value.isoformat()
    # Blobs are what a request carries rather than what it asks for.
    return "HIDDEN_DUE_TO_SECURITY_REASONS" if isinstance(value, bytes) else value
