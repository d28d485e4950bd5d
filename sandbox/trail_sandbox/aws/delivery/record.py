"""CloudTrail's event records, version 1.11.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from trail_sandbox.aws.delivery.classification import is_read_only
from trail_sandbox.aws.delivery.resources import HIDDEN
from trail_sandbox.aws.events import ApiEvent, Caller

if TYPE_CHECKING:
    from trail_sandbox.aws.delivery.entry import Entry

EVENT_VERSION = "1.11"
# Parameters that AWS writes without their upper-case beginning, though lowering the first letter would not do.
_SPELLINGS = {"s3": {"Bucket": "bucketName"}}


def record(entry: "Entry") -> dict[str, Any]:
    """Write an event up as CloudTrail does."""
    event = entry.event
    read_only = is_read_only(event)
    is_callers = entry.account == event.caller.account
    members: dict[str, Any] = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": user_identity(event.caller, event.time) if is_callers else stranger(event.caller),
        "eventTime": timestamp(event.time),
        "eventSource": f"{event.service}.amazonaws.com",
        "eventName": event.operation,
        "awsRegion": entry.region,
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
        "eventID": entry.id,
        "readOnly": read_only,
    }
    if entry.resources:
        members["resources"] = [one.describe(_owner(entry, one.account)) for one in entry.resources]
    members |= {
        "eventType": "AwsApiCall",
        "managementEvent": entry.is_management,
        "recipientAccountId": entry.account,
    }
    if entry.shared_id:
        members["sharedEventID"] = entry.shared_id
    return members | {"eventCategory": "Management" if entry.is_management else "Data"}


def _owner(entry: "Entry", account: str | None) -> str | None:
    """Tell whose a resource is, but not a stranger who was refused.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-receive-logs-from-multiple-accounts.html
    """
    is_refused = entry.event.error_code == "AccessDenied" and not entry.is_management
    return HIDDEN if account and account != entry.account and is_refused else account


def timestamp(moment: datetime) -> str:
    """Write a moment in records and digests: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user_identity(caller: Caller, now: datetime) -> dict[str, Any]:
    """Tell who made the request."""
    if caller.service:
        return {"type": "AWSService", "invokedBy": caller.service}
    identity = {
        "principalId": caller.principal_id,
        "arn": caller.arn,
        "accountId": caller.account,
        "accessKeyId": caller.access_key_id,
    }
    kind, _, name = caller.arn.split(":", 5)[5].partition("/")
    if kind == "root":
        return {"type": "Root", **identity}
    if kind == "assumed-role":
        role, _, _ = name.partition("/")
        return {"type": "AssumedRole", **identity, "sessionContext": _session(caller, role, now)}
    return {"type": "IAMUser", **identity, "userName": name.rpartition("/")[2]}


def stranger(caller: Caller) -> dict[str, Any]:
    """Tell another account who made the request."""
    return {"type": "AWSAccount", "principalId": caller.principal_id, "accountId": caller.account}


def _session(caller: Caller, role: str, now: datetime) -> dict[str, Any]:
    partition = caller.arn.split(":")[1]
    return {
        "sessionIssuer": {
            "type": "Role",
            "principalId": caller.principal_id.partition(":")[0],
            "arn": caller.role_arn or f"arn:{partition}:iam::{caller.account}:role/{role}",
            "accountId": caller.account,
            "userName": role,
        },
        "attributes": {"creationDate": timestamp(now), "mfaAuthenticated": "false"},
    }


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
        return timestamp(value)
    if isinstance(value, date):
        return value.isoformat()
    # Blobs are what a request carries rather than what it asks for.
    return HIDDEN if isinstance(value, bytes) else value
