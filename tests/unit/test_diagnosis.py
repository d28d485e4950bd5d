"""Why AWS refuses, where that can't be looked at: a permission is called missing only where AWS says so."""

import asyncio
from typing import Any

import pytest

from tests.unit.builders import FULL, desired, observed
from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Destination
from trail_operator.aws.caller import CallerIdentity
from trail_operator.aws.diagnosis import Diagnosis
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.domain.iam_policy import prescribed

NOTHING = '{"Version": "2012-10-17", "Statement": []}'
TRUST = prescribed.policy_document([prescribed.role_trust_statement()])
ANSWERS: dict[str, dict[str, Any]] = {
    "GetBucketPolicy": {"Policy": NOTHING},
    "GetBucketLocation": {"LocationConstraint": "eu-central-1"},
    "GetBucketEncryption": {},
    "GetBucketRequestPayment": {"Payer": "BucketOwner"},
    "GetTopicAttributes": {"Attributes": {"Policy": NOTHING}},
    "DescribeKey": {"KeyMetadata": {"KeyState": "Enabled"}},
    "GetKeyPolicy": {"Policy": NOTHING},
    "DescribeLogGroups": {"logGroups": [{"logGroupName": "trail"}]},
    "GetRole": {"Role": {"AssumeRolePolicyDocument": TRUST}},
    "ListRolePolicies": {"PolicyNames": []},
    "ListAttachedRolePolicies": {"AttachedPolicies": []},
    "DescribeTrails": {"trailList": []},
}
NO_ANSWER = FailureError(Failure(FailureClass.TRANSIENT, Reason.PROGRESSING, "No answer from AWS (ReadTimeoutError)"))
PASSING = ("ThrottlingException", "SlowDown", "InternalFailure", "ServiceUnavailable", "KMSInternalException", None)
# What AWS refuses with, and what is asked then.
LOOKS = [
    ("InsufficientS3BucketPolicyException", "s3:GetBucketPolicy"),
    ("InsufficientSnsTopicPolicyException", "sns:GetTopicAttributes"),
    ("InsufficientEncryptionPolicyException", "kms:DescribeKey"),
    ("InsufficientEncryptionPolicyException", "kms:GetKeyPolicy"),
    ("KmsKeyDisabledException", "kms:DescribeKey"),
    ("InvalidCloudWatchLogsRoleArnException", "iam:GetRole"),
    ("InvalidCloudWatchLogsRoleArnException", "iam:ListRolePolicies"),
    ("InvalidCloudWatchLogsRoleArnException", "iam:ListAttachedRolePolicies"),
    ("MaximumNumberOfTrailsExceededException", "cloudtrail:DescribeTrails"),
]


class AWS:
    """An AWS in which one call fails: with a code, or without an answer."""

    def __init__(self, failing: str, code: str | None) -> None:
        self._failing = failing
        self._code = code

    async def call(self, operation: Read, region: str, **_: Any) -> dict[str, Any]:
        if str(operation) != self._failing:
            return ANSWERS[operation.name]
        if self._code is None:
            raise NO_ANSWER
        raise AWSError(str(operation), region, self._code, "words", 405 if self._code == "MethodNotAllowed" else 400)

    async def identity(self, _: str) -> CallerIdentity:
        return CallerIdentity("123456789012", "aws", "arn:aws:iam::123456789012:role/operator")


def refusal(code: str) -> AWSError:
    return AWSError("cloudtrail:CreateTrail", "eu-central-1", code, "AWS's own words", 400)


def explained(code: str, failing: str, with_code: str | None) -> Failure:
    diagnosis = Diagnosis(AWS(failing, with_code))  # type: ignore[arg-type]
    return asyncio.run(diagnosis.explain(refusal(code), desired(FULL)))


@pytest.mark.parametrize("code", PASSING)
@pytest.mark.parametrize(("refused", "action"), LOOKS)
def test_where_aws_does_not_let_itself_be_looked_at_its_refusal_stands(
    refused: str, action: str, code: str | None
) -> None:
    failure, own = explained(refused, action, code), refusal(refused).failure
    assert (failure.kind, failure.reason) == (own.kind, own.reason)
    assert failure.message.startswith(own.message)
    assert "The cause is not known yet: " in failure.message
    assert (f"{action} failed with {code}" if code else "ReadTimeoutError") in failure.message
    assert "lacks" not in failure.message


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "AuthorizationError", "MethodNotAllowed"])
@pytest.mark.parametrize(("refused", "action"), LOOKS[:-1])
def test_a_permission_that_is_missing_is_named(refused: str, action: str, code: str) -> None:
    failure = explained(refused, action, code)
    if code == "MethodNotAllowed" and action == "s3:GetBucketPolicy":
        assert "the bucket is not in account 123456789012" in failure.message
    else:
        assert f"lacks {action}" in failure.message
    assert failure.kind is FailureClass.DEPENDENCY
    if action == "kms:DescribeKey":
        assert failure.reason is refusal(refused).failure.reason


@pytest.mark.parametrize(
    ("destination", "action"),
    [
        (Destination.S3, "kms:DescribeKey"),
        (Destination.SNS, "sns:GetTopicAttributes"),
        (Destination.CLOUD_WATCH_LOGS, "iam:GetRole"),
    ],
)
@pytest.mark.parametrize("code", PASSING)
def test_advice_on_delivery_claims_no_more_than_is_known(
    destination: Destination, action: str, code: str | None
) -> None:
    failing = observed(FULL, delivery_errors={destination: "AccessDenied"})
    diagnosis = Diagnosis(AWS(action, code))  # type: ignore[arg-type]
    advice = asyncio.run(diagnosis.delivery_advice(desired(FULL), failing)).message
    assert "The cause is not known yet: " in advice
    assert "lacks" not in advice
