"""What the services refuse to store and moto does not: malformed policies.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (MalformedPolicy) and the errors of SNS's
SetTopicAttributes and of KMS's PutKeyPolicy.
"""

from trail_sandbox.aws import policy
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.models import Operation
from trail_sandbox.aws.policy import MalformedPolicy


def check_policies(service: str, operation: Operation, partition: str) -> None:
    """Refuse a call that would store a policy which is none."""
    given = operation.parameters
    if service == "s3" and operation.name == "PutBucketPolicy":
        _check_bucket_policy(str(given.get("Policy", "")), str(given.get("Bucket", "")), partition)
    elif service == "kms" and "Policy" in given:
        _check_policy(given["Policy"], "MalformedPolicyDocumentException")
    elif service == "sns" and given.get("AttributeName") == "Policy":
        _check_policy(given.get("AttributeValue", ""), "InvalidParameter", "Invalid parameter: Policy Error: ")


def _check_bucket_policy(document: str, bucket: str, partition: str) -> None:
    try:
        policy.validate_bucket_policy(document, bucket, partition)
    except MalformedPolicy as error:
        raise AwsError("MalformedPolicy", str(error)) from error


def _check_policy(document: str, code: str, beginning: str = "") -> None:
    try:
        policy.validate(document)
    except MalformedPolicy as error:
        raise AwsError(code, f"{beginning}{error}") from error
