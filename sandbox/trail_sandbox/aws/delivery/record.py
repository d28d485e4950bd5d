"""The parts of CloudTrail's event records, version 1.11.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from trail_sandbox.aws.delivery.resources import HIDDEN
from trail_sandbox.aws.events import ApiEvent, Caller

EVENT_VERSION = "1.11"
# Parameters that AWS writes without their upper-case beginning, though lowering the first letter would not do.
_SPELLINGS = {"s3": {"Bucket": "bucketName"}}
# Calls that S3 records by another name: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
_NAMES_OF_S3 = {
    "GetBucketLifecycleConfiguration": "GetBucketLifecycle",
    "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
}


def event_name(event: ApiEvent) -> str:
    """Name the event of a call: as the call, but for some of S3's."""
    return _NAMES_OF_S3.get(event.operation, event.operation) if event.service == "s3" else event.operation


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
    invoked = {"invokedBy": caller.invoked_by} if caller.invoked_by else {}
    if kind == "root":
        return {"type": "Root", **identity, **invoked}
    if kind == "assumed-role":
        role, _, _ = name.partition("/")
        return {"type": "AssumedRole", **identity, "sessionContext": _session(caller, role, now), **invoked}
    return {"type": "IAMUser", **identity, "userName": name.rpartition("/")[2], **invoked}


def stranger(caller: Caller) -> dict[str, Any]:
    """Tell another account who made the request."""
    return {"type": "AWSAccount", "principalId": caller.principal_id, "accountId": caller.account}


def _session(caller: Caller, role: str, now: datetime) -> dict[str, Any]:
    partition = caller.arn.split(":")[1]
    source = {"sourceIdentity": caller.source_identity} if caller.source_identity else {}
    return {
        "sessionIssuer": {
            "type": "Role",
            "principalId": caller.principal_id.partition(":")[0],
            "arn": caller.role_arn or f"arn:{partition}:iam::{caller.account}:role/{role}",
            "accountId": caller.account,
            "userName": role,
        },
        "attributes": {"creationDate": timestamp(now), "mfaAuthenticated": "false"},
        **source,
    }


def parameters(event: ApiEvent) -> Any:
    """Spell a request's parameters as records do."""
    spellings = _SPELLINGS.get(event.service, {})
    if (event.service, event.operation) == ("s3", "PutBucketPolicy"):
        return _bucket_policy(event)
    return members({spellings.get(name, name): value for name, value in (event.parameters or {}).items()})


def _bucket_policy(event: ApiEvent) -> dict[str, Any]:
    """Tell a policy as S3 does: read, and beside it the name of the subresource, which has no value."""
    try:
        policy: Any = json.loads(event.parameters.get("Policy") or "")
    except ValueError:
        policy = None
    host = f"s3.{event.region}.amazonaws.com"
    return {"bucketPolicy": policy, "bucketName": event.parameters.get("Bucket"), "Host": host, "policy": ""}


def members(given: Mapping[str, Any] | None) -> Any:
    """Spell an input or output as records do, with lower-case beginnings; nothing at all is null."""
    return _value(given) if given else None


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
