"""What one account may do with another's bucket, key or topic: what the resource's policy allows, and no more.

moto lets everybody into every bucket, and knows no key or topic of another account. The policies of the callers
themselves, and a resource's own account, are not looked at here.
"""

from collections.abc import Callable

from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.events import Caller
from trail_sandbox.aws.models import Operation
from trail_sandbox.aws.policy import Decision, Principal, Request, evaluate
from trail_sandbox.aws.world import World

_POLICY_OPERATIONS = frozenset({"GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"})
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html: else the operation's own name.
_S3_ACTIONS = {
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
# https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html, column Cross-account use.
_KMS_OPERATIONS = frozenset(
    {
        *("DescribeKey", "Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
        *("CreateGrant", "ListGrants", "RevokeGrant", "GetKeyRotationStatus", "GetPublicKey"),
    }
)


Decide = Callable[[World, Caller, Operation], str]


def account_to_ask(world: World, caller: Caller, service: str, operation: Operation) -> str:
    """Give the account that a call is about, or refuse it to a stranger."""
    decide: Decide = {"s3": _of_bucket, "kms": _of_key, "sns": _of_topic}.get(service, _of_caller)
    return decide(world, caller, operation)


def _of_caller(_: World, caller: Caller, __: Operation) -> str:
    return caller.account


def _of_bucket(world: World, caller: Caller, operation: Operation) -> str:
    """Hold a stranger to the bucket's policy; the policy itself is not for strangers even so (405).

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html
    """
    bucket = world.bucket(str(operation.parameters.get("Bucket", "")))
    if bucket is None or operation.name == "CreateBucket":
        return caller.account
    if operation.parameters.get("ExpectedBucketOwner", bucket.account) != bucket.account:
        raise AwsError("AccessDenied", "Access Denied", 403)
    if caller.account == bucket.account:
        return caller.account
    key = operation.parameters.get("Key")
    resource = f"arn:aws:s3:::{bucket.name}" + (f"/{key}" if key else "")
    if not _allows(bucket.policy, caller, f"s3:{_S3_ACTIONS.get(operation.name, operation.name)}", resource):
        raise AwsError("AccessDenied", "Access Denied", 403)
    if operation.name in _POLICY_OPERATIONS:
        raise AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)
    return caller.account


def _of_key(world: World, caller: Caller, operation: Operation) -> str:
    arn = str(operation.parameters.get("KeyId", ""))
    key = world.key(arn, caller.account, "") if arn.startswith("arn:") else None
    if key is None or key.account == caller.account:
        return caller.account
    action = f"kms:{operation.name}"
    if operation.name not in _KMS_OPERATIONS or not _allows(key.policy, caller, action, key.arn):
        raise AwsError(
            "AccessDeniedException",
            f"User: {caller.arn} is not authorized to perform: {action} on resource: {key.arn} because the resource "
            "does not exist in this Region, no resource-based policies allow access, or a resource-based policy "
            "explicitly denies access",
        )
    return key.account


def _of_topic(world: World, caller: Caller, operation: Operation) -> str:
    arn = str(operation.parameters.get("TopicArn", ""))
    topic = world.topic(arn)
    if topic is None or topic.account == caller.account:
        return caller.account
    if not _allows(topic.policy, caller, f"SNS:{operation.name}", topic.arn):
        raise AwsError(
            "AuthorizationError",
            f"User: {caller.arn} is not authorized to perform: SNS:{operation.name} on resource: {topic.arn} "
            f"because no resource-based policy allows the SNS:{operation.name} action",
            403,
        )
    return topic.account


def _allows(policy: str | None, caller: Caller, action: str, resource: str) -> bool:
    request = Request(Principal.arn(caller.arn), action, resource, {})
    return policy is not None and evaluate(policy, request) is Decision.ALLOW
