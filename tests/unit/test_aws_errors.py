"""The error taxonomy: every code has a class and a reason, and no message tells a secret."""

import base64
import json
from pathlib import Path

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.session import get_session

from trail_operator.api.reasons import Reason
from trail_operator.aws.errors import AWSError, translate
from trail_operator.aws.unanswered import failure_without_answer
from trail_operator.domain.failure import FailureClass, FailureError

T, D, X, A = FailureClass.TRANSIENT, FailureClass.DEPENDENCY, FailureClass.TERMINAL, FailureClass.AUTHORITY
TABLE = {
    "ThrottlingException": (T, Reason.THROTTLED),
    "Throttling": (T, Reason.THROTTLED),
    "RequestLimitExceeded": (T, Reason.THROTTLED),
    "ConflictException": (T, Reason.PROGRESSING),
    "InternalFailure": (T, Reason.PROGRESSING),
    "ServiceUnavailable": (T, Reason.PROGRESSING),
    "SomethingNew": (T, Reason.PROGRESSING),
    "S3BucketDoesNotExistException": (D, Reason.BUCKET_NOT_FOUND),
    "InsufficientS3BucketPolicyException": (D, Reason.BUCKET_POLICY_DENIES),
    "InsufficientSnsTopicPolicyException": (D, Reason.TOPIC_POLICY_DENIES),
    "CloudTrailInvalidClientTokenIdException": (D, Reason.TOPIC_POLICY_DENIES),
    "InsufficientEncryptionPolicyException": (D, Reason.KEY_POLICY_DENIES),
    "KmsKeyNotFoundException": (D, Reason.KEY_NOT_FOUND),
    "KmsException": (D, Reason.KEY_DISABLED),
    "KmsKeyDisabledException": (D, Reason.KEY_DISABLED),
    "InvalidCloudWatchLogsLogGroupArnException": (D, Reason.LOG_GROUP_NOT_FOUND),
    "InvalidCloudWatchLogsRoleArnException": (D, Reason.ROLE_NOT_TRUSTED),
    "MaximumNumberOfTrailsExceededException": (D, Reason.QUOTA_EXCEEDED),
    "InvalidTrailNameException": (X, Reason.INVALID_SPEC),
    "InvalidS3BucketNameException": (X, Reason.INVALID_SPEC),
    "InvalidS3PrefixException": (X, Reason.INVALID_SPEC),
    "InvalidSnsTopicNameException": (X, Reason.INVALID_SPEC),
    "InvalidKmsKeyIdException": (X, Reason.INVALID_SPEC),
    "InvalidEventSelectorsException": (X, Reason.INVALID_SPEC),
    "InvalidInsightSelectorsException": (X, Reason.INVALID_SPEC),
    "InvalidParameterException": (X, Reason.INVALID_SPEC),
    "InvalidParameterCombinationException": (X, Reason.INVALID_SPEC),
    "InvalidTagParameterException": (X, Reason.INVALID_SPEC),
    "TagsLimitExceededException": (X, Reason.INVALID_SPEC),
    "CloudTrailARNInvalidException": (X, Reason.INVALID_SPEC),
    "CloudWatchLogsDeliveryUnavailableException": (X, Reason.INVALID_SPEC),
    "OperationNotPermittedException": (X, Reason.INVALID_SPEC),
    "UnsupportedOperationException": (X, Reason.INVALID_SPEC),
    "UnknownOperationException": (X, Reason.INVALID_SPEC),
    "InvalidAction": (X, Reason.INVALID_SPEC),
    "InvalidArnException": (X, Reason.INVALID_SPEC),
    "InvalidHomeRegionException": (X, Reason.WRONG_HOME_REGION),
    "TrailAlreadyExistsException": (X, Reason.CONFLICT),
    "AccessDeniedException": (A, Reason.ACCESS_DENIED),
    "AccessDenied": (A, Reason.ACCESS_DENIED),
    "InsufficientIAMAccessPermissionException": (A, Reason.ACCESS_DENIED),
    "OrganizationsNotInUseException": (A, Reason.ORGANIZATION_NOT_READY),
    "AWSOrganizationsNotInUseException": (A, Reason.ORGANIZATION_NOT_READY),
    "NotOrganizationMasterAccountException": (A, Reason.ORGANIZATION_NOT_READY),
    "NotOrganizationManagementAccountException": (A, Reason.ORGANIZATION_NOT_READY),
    "OrganizationNotInAllFeaturesModeException": (A, Reason.ORGANIZATION_NOT_READY),
    "CloudTrailAccessNotEnabledException": (A, Reason.ORGANIZATION_NOT_READY),
    "NoManagementAccountSLRExistsException": (A, Reason.ORGANIZATION_NOT_READY),
    "InsufficientDependencyServiceAccessPermissionException": (A, Reason.ORGANIZATION_NOT_READY),
    "UnrecognizedClientException": (A, Reason.CREDENTIALS_UNAVAILABLE),
    "InvalidClientTokenId": (A, Reason.CREDENTIALS_UNAVAILABLE),
    "ExpiredTokenException": (A, Reason.CREDENTIALS_UNAVAILABLE),
    "RequestExpired": (A, Reason.CREDENTIALS_UNAVAILABLE),
    "OptInRequired": (A, Reason.ACCESS_DENIED),
    "SignatureDoesNotMatch": (A, Reason.CREDENTIALS_UNAVAILABLE),
}


def error(code: str, message: str = "text", status: int = 400) -> AWSError:
    return AWSError("cloudtrail:CreateTrail", "us-east-1", code, message, status)


@pytest.mark.parametrize("code", TABLE)
def test_class_and_reason(code: str) -> None:
    failure = error(code).failure
    assert (failure.kind, failure.reason) == TABLE[code]


@pytest.mark.parametrize(
    "operation",
    [
        *("CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging", "GetTrail", "GetTrailStatus"),
        *("AddTags", "RemoveTags", "ListTags", "PutEventSelectors", "GetEventSelectors", "PutInsightSelectors"),
        *("GetInsightSelectors", "PutEventConfiguration", "GetEventConfiguration", "ListTrails", "DescribeTrails"),
    ],
)
def test_every_modelled_error_of_what_we_call_is_in_the_table_or_about_existence(operation: str) -> None:
    model = get_session().get_service_model("cloudtrail").operation_model(operation)
    known = TABLE.keys() | {
        # handled where they arise
        "TrailNotFoundException",
        "ResourceNotFoundException",
        "InactiveEventDataStoreException",
        "EventDataStoreNotFoundException",
        "EventDataStoreARNInvalidException",
        "ChannelNotFoundException",
        "ChannelARNInvalidException",
        "InvalidTokenException",
        "TrailNotProvidedException",
        "ResourceTypeNotSupportedException",
        "InsightNotEnabledException",
        "InvalidEventDataStoreCategoryException",
        "InvalidEventDataStoreStatusException",
    }
    assert {shape.name for shape in model.error_shapes} <= known


def test_a_denial_names_the_action_that_was_denied_not_the_one_that_was_called() -> None:
    told = (
        "User: arn:aws:iam::1:user/u is not authorized to perform: iam:PassRole on resource: r because no policy allows"
    )
    assert "not allowed to perform iam:PassRole" in error("AccessDeniedException", told).failure.message


def test_a_denial_by_the_organization_has_its_own_reason() -> None:
    told = "not authorized to perform: cloudtrail:CreateTrail with an explicit deny in a service control policy"
    failure = error("AccessDeniedException", told).failure
    assert (failure.kind, failure.reason) == (A, Reason.DENIED_BY_ORGANIZATION)


def test_messages_about_credentials_do_not_quote_the_request() -> None:
    told = "The Canonical String should have been … x-amz-security-token:SECRET"
    assert "SECRET" not in error("SignatureDoesNotMatch", told, 403).failure.message


def test_an_unknown_error_of_a_server_passes() -> None:
    assert error("500", "oops", 500).failure.kind is T


def test_an_error_of_aws_is_met_like_any_failure() -> None:
    with pytest.raises(FailureError) as raised:
        raise AWSError("cloudtrail:CreateTrail", "us-east-1", "ThrottlingException", "text", 400, request_id="R")
    failure = raised.value.failure
    assert (failure.kind, failure.reason, failure.request_id) == (T, Reason.THROTTLED, "R")


def test_translation() -> None:
    answer = {"Error": {"Code": "C", "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    raised = ClientError(answer, "CreateTrail")  # type: ignore[arg-type]
    assert translate(raised, "cloudtrail:CreateTrail", "us-east-1") == error("C", "m")


@pytest.mark.parametrize(
    ("raised", "kind", "reason"),
    [
        (NoCredentialsError(), A, Reason.CREDENTIALS_UNAVAILABLE),
        (EndpointConnectionError(endpoint_url="u"), T, Reason.PROGRESSING),
        (ConnectTimeoutError(endpoint_url="u"), T, Reason.PROGRESSING),
        (ReadTimeoutError(endpoint_url="u"), T, Reason.PROGRESSING),
        (ConnectionResetError(), T, Reason.PROGRESSING),
        (ParamValidationError(report="r"), X, Reason.INVALID_SPEC),
    ],
)
def test_no_answer(raised: Exception, kind: FailureClass, reason: Reason) -> None:
    failure = failure_without_answer(raised, "cloudtrail:GetTrail", "us-east-1")
    assert failure is not None
    assert (failure.kind, failure.reason) == (kind, reason)


@pytest.mark.parametrize(
    "raised",
    [EndpointConnectionError(endpoint_url="u"), NoRegionError(), InvalidRegionError(region_name="eu-centrall-1")],
)
def test_where_nobody_is_reached_the_region_may_be_misspelt(raised: Exception) -> None:
    failure = failure_without_answer(raised, "sts:GetCallerIdentity", "eu-centrall-1")
    assert failure is not None
    assert failure.kind is T
    assert "check that eu-centrall-1 is an AWS region (spec.region)" in failure.message


def test_where_an_endpoint_of_ones_own_is_not_reached_it_is_named() -> None:
    raised = EndpointConnectionError(endpoint_url="https://cloudtrail.proxy.example:8443/path")
    failure = failure_without_answer(raised, "sts:GetCallerIdentity", "eu-central-1")
    assert failure is not None
    assert "check that cloudtrail.proxy.example is correct (endpointURL of the AWSAccount" in failure.message
    assert "spec.region" not in failure.message


@pytest.mark.parametrize("host", ["sts.eu-central-1.amazonaws.com", "iam.amazonaws.com", "sts.eu-central-1.api.aws"])
def test_where_an_endpoint_of_aws_is_not_reached_the_region_is_named(host: str) -> None:
    raised = EndpointConnectionError(endpoint_url=f"https://{host}/")
    failure = failure_without_answer(raised, "sts:GetCallerIdentity", "eu-central-1")
    assert failure is not None
    assert "check that eu-central-1 is an AWS region (spec.region)" in failure.message


def test_a_fault_of_ours_is_not_a_failure_of_aws() -> None:
    assert failure_without_answer(TypeError(), "a", "r") is None


def test_a_log_group_that_the_role_may_not_write_to_is_about_the_role() -> None:
    words = "Access denied. Check the permissions for your role."
    failure = error("InvalidCloudWatchLogsLogGroupArnException", words).failure
    assert (failure.kind, failure.reason) == (D, Reason.ROLE_POLICY_DENIES)


def a_token(subject: object) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"sub": subject}).encode()).decode().rstrip("=")
    return f"header.{claims}.signature"


@pytest.mark.parametrize("variable", ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])
def test_refused_credentials_name_the_region_the_account_and_the_service_account(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text(a_token("system:serviceaccount:trails:trail-operator"))
    monkeypatch.setenv(variable, str(token))
    refused = error("InvalidClientTokenId")
    refused.account = "123456789012"
    message = refused.failure.message
    assert "enable us-east-1 in account 123456789012 if it is an opt-in region" in message
    assert "the role of service account trails/trail-operator: its annotation eks.amazonaws.com/role-arn" in message
    none = failure_without_answer(NoCredentialsError(), "sts:GetCallerIdentity", "us-east-1")
    assert none is not None
    assert "give service account trails/trail-operator a role" in none.message
    own = AWSError("sts:AssumeRoleWithWebIdentity", "us-east-1", "AccessDenied", "text", 403, own=True)
    assert "sub system:serviceaccount:trails:trail-operator and aud" in own.failure.message


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c", "a.!!.c", a_token(1), a_token("system:serviceaccount:A\x1b:b"), None]
)
def test_a_token_that_names_no_service_account_is_not_quoted(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    if text is not None:
        token.write_text(text)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    message = error("InvalidClientTokenId").failure.message
    assert "enable us-east-1 in the account if it is an opt-in region" in message
    assert "check the role of the operator's service account:" in message
