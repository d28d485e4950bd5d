"""Refusals in the words of AWS's services.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from trail_sandbox.aws.access.judgement import Layer, Refusal
from trail_sandbox.aws.access.needs import Need
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.events import Caller

# The JSON services answer AccessDeniedException with 400; these do not.
_CODES = {
    **dict.fromkeys(("s3", "iam", "sts", "sqs", "cloudformation"), "AccessDenied"),
    "sns": "AuthorizationError",
}


def refused(service: str, caller: Caller, need: Need, refusal: Refusal, *, is_foreign: bool) -> AwsError:
    """Say that a caller may not do what it asks for, and which kind of policy says so."""
    message = _message(service, caller, need, refusal, is_foreign=is_foreign)
    if service == "sqs" and need.action.startswith("kms:"):
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
        return AwsError("KMS.AccessDeniedException", message)
    if service in _CODES:
        return AwsError(_CODES[service], message, 403)
    return AwsError("AccessDeniedException", message)


def _message(service: str, caller: Caller, need: Need, refusal: Refusal, *, is_foreign: bool) -> str:
    if service == "s3" and is_foreign:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html: why, only to the owner's.
        return "Access Denied"
    resource = f'"{need.resource}"' if service == "s3" else need.resource
    beginning = f"User: {caller.arn} is not authorized to perform: {need.action} on resource: {resource}"
    if service == "kms" and is_foreign and refusal.layer is Layer.RESOURCE:
        return (
            f"{beginning} because the resource does not exist in this Region, no resource-based policies allow access, "
            "or a resource-based policy explicitly denies access"
        )
    if service == "sts" and refusal.layer is Layer.RESOURCE and refusal.is_explicit:
        return f"{beginning} with an explicit deny in the role trust policy"
    if service == "sts" and refusal.layer is not Layer.GUARDRAIL and not refusal.is_explicit:
        # The answer is the same for a missing role, a trust policy that does not match and a wrong external id.
        return beginning
    return f"{beginning} {_reason(refusal, need.action)}"


def _reason(refusal: Refusal, action: str) -> str:
    kind = refusal.layer.value
    if refusal.is_explicit:
        return f"with an explicit deny in {'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    return f"because no {kind} allows the {action} action"
