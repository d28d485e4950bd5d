"""What the services refuse to store and moto does not: malformed policies.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (MalformedPolicy) and the errors of SNS's
SetTopicAttributes, of KMS's PutKeyPolicy and of SQS's SetQueueAttributes. Which error EventBridge's PutPermission
answers is not verified.
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
    elif service == "sqs" and (given.get("Attributes") or {}).get("Policy"):
        _check_policy(given["Attributes"]["Policy"], "InvalidAttributeValue", "Invalid value for parameter Policy: ")
    elif service == "events" and operation.name == "PutPermission" and given.get("Policy"):
        _check_policy(given["Policy"], "ValidationException")


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
