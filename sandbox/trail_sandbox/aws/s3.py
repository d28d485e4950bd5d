"""What S3 refuses and moto does not: malformed bucket policies, and strangers to a bucket.

The owner's own account is not held to the policy here. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

import json
from collections.abc import Mapping
from typing import Any

from trail_sandbox.aws import policy
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.events import Caller
from trail_sandbox.aws.models import Operation
from trail_sandbox.aws.policy import Decision, MalformedPolicy, Principal
from trail_sandbox.aws.world import Bucket, World

_POLICY_OPERATIONS = frozenset({"GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"})
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html: else the operation's own name.
_ACTIONS = {
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "HeadObject": "GetObject",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}


def check_s3_call(world: World, caller: Caller, operation: Operation, policy_text: str) -> None:
    """Refuse what S3 would refuse; what is left is for moto to answer."""
    bucket = world.bucket(str(operation.parameters.get("Bucket", "")))
    if bucket is None or operation.name == "CreateBucket":
        return
    if operation.parameters.get("ExpectedBucketOwner", bucket.account) != bucket.account:
        raise _denied()
    if caller.account != bucket.account:
        _check_stranger(bucket, caller, operation)
    if operation.name == "PutBucketPolicy":
        check_bucket_policy(policy_text, bucket.name)


def check_bucket_policy(text: str, bucket: str) -> None:
    """Refuse a document that S3 would not store as this bucket's policy."""
    try:
        policy.validate(text)
    except MalformedPolicy as error:
        raise AwsError("MalformedPolicy", str(error)) from error
    arn = f"arn:aws:s3:::{bucket}"
    for statement in _statements(json.loads(text)):
        for resource in _listed(statement, "Resource", "NotResource"):
            if resource not in (arn, "*") and not resource.startswith((f"{arn}/", f"{arn}*")):
                raise AwsError("MalformedPolicy", "Policy has invalid resource")
        for action in _listed(statement, "Action", "NotAction"):
            if action != "*" and not action.lower().startswith("s3:"):
                raise AwsError("MalformedPolicy", "Policy has invalid action")


def _check_stranger(bucket: Bucket, caller: Caller, operation: Operation) -> None:
    """Another account needs the bucket policy's leave, and may not touch the policy even so (405)."""
    action = f"s3:{_ACTIONS.get(operation.name, operation.name)}"
    key = operation.parameters.get("Key")
    resource = f"arn:aws:s3:::{bucket.name}" + (f"/{key}" if key else "")
    request = policy.Request(Principal.arn(caller.arn), action, resource, {})
    if bucket.policy is None or policy.evaluate(bucket.policy, request) is not Decision.ALLOW:
        raise _denied()
    if operation.name in _POLICY_OPERATIONS:
        raise AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)


def _denied() -> AwsError:
    return AwsError("AccessDenied", "Access Denied", 403)


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    statements = document["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _listed(statement: Mapping[str, Any], *names: str) -> list[str]:
    values = [statement[name] for name in names if name in statement]
    return [text for value in values for text in (value if isinstance(value, list) else [value])]
