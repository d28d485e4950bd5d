"""What the services refuse and moto does not: malformed policies, and strangers to a bucket.

A bucket's own account is not held to its policy here.
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

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


def check_call(world: World, caller: Caller, service: str, operation: Operation) -> None:
    """Refuse what AWS would refuse; what is left is for moto to answer."""
    given = operation.parameters
    if service == "s3":
        _check_s3_call(world, caller, operation)
    elif service == "kms" and "Policy" in given:
        _check_policy(given["Policy"], "MalformedPolicyDocumentException")
    elif service == "sns" and given.get("AttributeName") == "Policy":
        _check_policy(given.get("AttributeValue", ""), "InvalidParameter", "Invalid parameter: Policy Error: ")


def _check_s3_call(world: World, caller: Caller, operation: Operation) -> None:
    bucket = world.bucket(str(operation.parameters.get("Bucket", "")))
    if bucket is None or operation.name == "CreateBucket":
        return
    if operation.parameters.get("ExpectedBucketOwner", bucket.account) != bucket.account:
        raise _denied()
    if caller.account != bucket.account:
        _check_stranger(bucket, caller, operation)
    if operation.name == "PutBucketPolicy":
        try:
            policy.validate_bucket_policy(str(operation.parameters.get("Policy", "")), bucket.name)
        except MalformedPolicy as error:
            raise AwsError("MalformedPolicy", str(error)) from error


def _check_policy(document: str, code: str, beginning: str = "") -> None:
    try:
        policy.validate(document)
    except MalformedPolicy as error:
        raise AwsError(code, f"{beginning}{error}") from error


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
