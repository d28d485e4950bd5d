"""The error taxonomy: from what boto3 raises to a class, a reason and words for the user. One table, a test per code.

What the codes mean: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html#API_CreateTrail_Errors
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    InvalidRegionError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from trail_operator.api.reasons import Reason
from trail_operator.aws.answers import InvalidResponseError
from trail_operator.aws.connection_errors import hindrance
from trail_operator.aws.executor import DEADLINE, DeadlineError
from trail_operator.aws.operations import ORGANIZATION, ORGANIZATION_ROLE, Internal, Write, actions_of
from trail_operator.aws.service_account import named, service_account
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.domain.texts import clean

NOT_FOUND = frozenset({"TrailNotFoundException", "ResourceNotFoundException"})
ALREADY_EXISTS = "TrailAlreadyExistsException"
# "Wait a few minutes, and then try the operation again":
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StartLogging.html#API_StartLogging_Errors
_BUSY = "ConflictException"
ASSUME_ROLE = str(Internal.AssumeRole)
INSIGHTS_OFF = "InsightNotEnabledException"
INVALID_INSIGHTS = "InvalidInsightSelectorsException"
# The account of the topic is.
SUSPENDED = "CloudTrailInvalidClientTokenIdException"

THROTTLED = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "TooManyRequestsException",
        "SlowDown",
        "LimitExceededException",
    }
)
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})
_CREDENTIALS = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "ExpiredToken",
        "ExpiredTokenException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "AuthFailure",
        "RequestExpired",  # by the caller's clock
    }
)
_ACCESS = frozenset(
    {
        "AccessDeniedException",
        "AccessDenied",
        "UnauthorizedOperation",
        "NotAuthorized",
        "AuthorizationError",
        "AuthorizationErrorException",
        "OptInRequired",
        "403",
        "InsufficientIAMAccessPermissionException",
    }
)
_NOT_THE_MANAGEMENT_ACCOUNT = ("NotOrganizationMasterAccountException", "NotOrganizationManagementAccountException")
_NOT_MANAGEMENT = (
    "only the organization's management account and delegated administrators of CloudTrail may do this: use such an "
    "account, or register this one (aws cloudtrail register-organization-delegated-admin)"
)
# Of UpdateTrail, which a delegated administrator may call for all else:
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-delegated-administrator.html
_ONLY_MANAGEMENT_CONVERTS = (
    "only the organization's management account may turn a trail into an organization trail, or back: put "
    "isOrganizationTrail back as it was, or make a second Trail and delete this one once that is Ready"
)
*_FIRST, _LAST = (*actions_of(ORGANIZATION_ROLE), *actions_of(ORGANIZATION))
# What an organization trail lacks, and the remedy.
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html
_ORGANIZATION = {
    "OrganizationsNotInUseException": "the account is in no organization: set isOrganizationTrail to false",
    "AWSOrganizationsNotInUseException": "the account is in no organization: set isOrganizationTrail to false",
    **dict.fromkeys(_NOT_THE_MANAGEMENT_ACCOUNT, _NOT_MANAGEMENT),
    "OrganizationNotInAllFeaturesModeException": "enable all features in AWS Organizations",
    "CloudTrailAccessNotEnabledException": (
        "enable trusted access for CloudTrail: aws organizations enable-aws-service-access --service-principal "
        "cloudtrail.amazonaws.com"
    ),
    "NoManagementAccountSLRExistsException": (
        "the management account lacks the service-linked role AWSServiceRoleForCloudTrail: make it there, by aws iam "
        "create-service-linked-role --aws-service-name cloudtrail.amazonaws.com"
    ),
    "InsufficientDependencyServiceAccessPermissionException": (
        f"the operator's identity needs {', '.join(_FIRST)} and {_LAST}"
    ),
}
# Asked again, these can succeed without a change of the spec: what they need lives outside it.
_DEPENDENCIES = {
    "S3BucketDoesNotExistException": Reason.BUCKET_NOT_FOUND,
    "InsufficientS3BucketPolicyException": Reason.BUCKET_POLICY_DENIES,
    "InsufficientSnsTopicPolicyException": Reason.TOPIC_POLICY_DENIES,
    SUSPENDED: Reason.TOPIC_POLICY_DENIES,
    "InsufficientEncryptionPolicyException": Reason.KEY_POLICY_DENIES,
    "KmsKeyNotFoundException": Reason.KEY_NOT_FOUND,
    "KmsException": Reason.KEY_DISABLED,
    "KmsKeyDisabledException": Reason.KEY_DISABLED,
    "InvalidCloudWatchLogsLogGroupArnException": Reason.LOG_GROUP_NOT_FOUND,
    "InvalidCloudWatchLogsRoleArnException": Reason.ROLE_NOT_TRUSTED,
    "MaximumNumberOfTrailsExceededException": Reason.QUOTA_EXCEEDED,
}
_TERMINAL = {
    "InvalidTrailNameException": Reason.INVALID_SPEC,
    "InvalidS3BucketNameException": Reason.INVALID_SPEC,
    "InvalidS3PrefixException": Reason.INVALID_SPEC,
    "InvalidSnsTopicNameException": Reason.INVALID_SPEC,
    "InvalidKmsKeyIdException": Reason.INVALID_SPEC,
    "InvalidEventSelectorsException": Reason.INVALID_SPEC,
    INVALID_INSIGHTS: Reason.INVALID_SPEC,
    "InvalidParameterException": Reason.INVALID_SPEC,
    "InvalidParameterCombinationException": Reason.INVALID_SPEC,
    "InvalidTagParameterException": Reason.INVALID_SPEC,
    "TagsLimitExceededException": Reason.INVALID_SPEC,
    "CloudTrailARNInvalidException": Reason.INVALID_SPEC,
    "CloudWatchLogsDeliveryUnavailableException": Reason.INVALID_SPEC,
    "OperationNotPermittedException": Reason.INVALID_SPEC,
    "UnsupportedOperationException": Reason.INVALID_SPEC,
    "UnknownOperationException": Reason.INVALID_SPEC,
    "InvalidAction": Reason.INVALID_SPEC,
    "InvalidArnException": Reason.INVALID_SPEC,  # of KMS
    "ValidationException": Reason.INVALID_SPEC,
    "ValidationError": Reason.INVALID_SPEC,
    "InvalidHomeRegionException": Reason.WRONG_HOME_REGION,
    ALREADY_EXISTS: Reason.CONFLICT,
}
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
_REMEDIES = {
    str(Internal.AssumeRoleWithWebIdentity): (
        "check that the annotation eks.amazonaws.com/role-arn of its service account names a role that is there, that "
        "the cluster's OIDC provider is in IAM, and that the role's trust policy allows it "
        "sts:AssumeRoleWithWebIdentity for sub system:serviceaccount:NAMESPACE:SERVICEACCOUNT and aud sts.amazonaws.com"
    ),
}
_PASSING_OF_OIDC = "IDPCommunicationError"
_SERVER_ERROR = 500
# What is looked for and not there.
_ABSENT = frozenset({"NoSuchBucket", "NoSuchBucketPolicy", "NoSuchEntity", "NotFound", "NotFoundException"})
_KNOWN = THROTTLED | _CREDENTIALS | _ACCESS | _ABSENT | NOT_FOUND | {INSIGHTS_OFF}
_KNOWN |= _ORGANIZATION.keys() | _DEPENDENCIES.keys() | _TERMINAL.keys()
_LONGEST_CODE, _LONGEST_MESSAGE = 128, 800
# How calls are counted that AWS did not answer with an error of its own.
OK, NO_ANSWER, OTHER = "ok", "no-answer", "other"


class OwnCredentialsError(ClientError):
    """What AWS answered when the operator asked for its own credentials, such as those of IRSA."""


class InvalidEndpointError(Exception):
    """botocore takes the address that it is to call for none."""


class UnexpectedError(Exception):
    """What botocore raises and should not. Only its type is told: its text may quote a request or an answer."""


@dataclass
class AWSError(FailureError):
    """An answer of AWS that is an error. `action` is the call, such as `cloudtrail:CreateTrail`."""

    action: str
    region: str
    code: str
    message: str
    status: int
    request_id: str = ""
    """By which AWS's support finds the request."""
    own: bool = False
    """Whether it is about the operator's own credentials, which all accounts are entered with."""
    account: str = ""
    """Whose the credentials were, as far as STS has said."""

    @property
    def failure(self) -> Failure:
        """Its class, reason and message."""
        return replace(_failure_of(self), request_id=self.request_id)

    @property
    def may_have_taken_effect(self) -> bool:
        """Whether AWS failed rather than refused: the request may have been carried out, or come to be."""
        return self.status >= 500

    def __str__(self) -> str:
        return f"{self.action} in {self.region}: {self.code}: {self.message}"


def translate(error: ClientError, action: str, region: str, account: str = "") -> AWSError:
    """Return the error response behind an exception of boto3."""
    if is_from_assume_role(error):
        action = f"sts:{error.operation_name}"
    answer, metadata = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    return AWSError(
        action=action,
        region=region,
        code=clean(str(answer.get("Code", "")), _LONGEST_CODE),
        message=clean(str(answer.get("Message", "")), _LONGEST_MESSAGE),
        status=int(metadata.get("HTTPStatusCode", 0)),
        request_id=str(metadata.get("RequestId", "")),
        own=isinstance(error, OwnCredentialsError),
        account=account,
    )


@contextmanager
def raise_failures(action: str, region: str, account: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Raise FailureError for each exception of botocore, AWSError for an error response. Others pass unchanged."""
    try:
        yield
    except ClientError as error:
        raise translate(error, action, region, account()) from None
    except Exception as error:
        failure = failure_without_answer(error, action, region)
        if failure is None:
            raise
        raise FailureError(failure) from None


def is_expired(error: ClientError) -> bool:
    """Whether the credentials of the request have expired."""
    return error.response.get("Error", {}).get("Code") in EXPIRED


def is_from_assume_role(error: ClientError) -> bool:
    """Whether a role could not be assumed. Any call can raise this: it assumes the role if it is the first."""
    return error.operation_name.startswith("AssumeRole")


def counted(code: str) -> str:
    """A code as calls are counted by it: what AWS may come to answer some day has no end."""
    return code if code in _KNOWN or code in (OK, NO_ANSWER) else OTHER


def _failure_of(error: AWSError) -> Failure:
    code = error.code
    if code in THROTTLED:
        return _failure(FailureClass.TRANSIENT, Reason.THROTTLED, f"AWS throttles {error.action} in {error.region}")
    if error.own and error.status < _SERVER_ERROR and code != _PASSING_OF_OIDC:
        # Nor is AWS's own message repeated here: it may quote the token.
        return _failure(
            FailureClass.AUTHORITY,
            Reason.CREDENTIALS_UNAVAILABLE,
            f"the operator gets no credentials of its own ({code} on {error.action}): {_remedy(error.action)}",
        )
    if code in _CREDENTIALS:
        # AWS's own message is not repeated: that of a wrong signature quotes the request, session token included.
        return _failure(
            FailureClass.AUTHORITY,
            Reason.CREDENTIALS_UNAVAILABLE,
            f"AWS does not accept the operator's credentials in {error.region} ({code} on {error.action}). If it does "
            f"in other regions, enable {error.region} in {_account(error)} where it is an opt-in region, or correct "
            f"spec.region; else check the role of {named()}: its annotation eks.amazonaws.com/role-arn or its EKS Pod "
            "Identity association",
        )
    if code in _DEPENDENCIES:
        reason = _DEPENDENCIES[code]
        if reason is Reason.LOG_GROUP_NOT_FOUND and error.message.startswith("Access denied"):
            reason = Reason.ROLE_POLICY_DENIES
        return _failure(FailureClass.DEPENDENCY, reason, f"{error.action}: {error.message} ({code})")
    if code in _ORGANIZATION:
        is_conversion = code in _NOT_THE_MANAGEMENT_ACCOUNT and error.action == str(Write.UpdateTrail)
        remedy = _ONLY_MANAGEMENT_CONVERTS if is_conversion else _ORGANIZATION[code]
        message = f"{error.action}: {error.message} ({code}): {remedy}"
        return _failure(FailureClass.AUTHORITY, Reason.ORGANIZATION_NOT_READY, message)
    if code == _BUSY:
        return Failure(
            FailureClass.TRANSIENT,
            Reason.PROGRESSING,
            f"AWS is not done with the trail, and takes no {error.action} meanwhile: {error.message} ({code})",
            slowly=True,
        )
    if code in _TERMINAL:
        return _failure(FailureClass.TERMINAL, _TERMINAL[code], f"{error.action}: {error.message} ({code})")
    if code in _ACCESS or error.status == 403:
        return _access_denied(error)
    return _failure(
        FailureClass.TRANSIENT,
        Reason.PROGRESSING,
        f"{error.action} failed in {error.region}: {code} {error.message}",
    )


def is_shut_out(error: AWSError) -> bool:
    """Whether AWS does not let us assume an account's role, and does not tell why."""
    return error.action == ASSUME_ROLE and not error.own and error.failure.reason is Reason.ACCESS_DENIED


def failure_without_answer(error: Exception, action: str, region: str) -> Failure | None:
    """The failure behind a boto3 exception to which AWS gave no answer; None for what is a fault of ours."""
    if isinstance(error, InvalidResponseError):
        return _failure(FailureClass.TRANSIENT, Reason.PROGRESSING, _not_whole(error, action, region))
    if isinstance(error, DeadlineError):
        message = f"no whole answer from AWS to {action} in {region} within {DEADLINE:.0f} seconds"
        return _failure(FailureClass.TRANSIENT, Reason.PROGRESSING, message)
    if isinstance(error, CredentialRetrievalError) and _is_garbled(error):
        message = (
            "the answer of the source of the operator's credentials cannot be read: check the EKS Pod Identity Agent"
        )
        return _failure(FailureClass.TRANSIENT, Reason.PROGRESSING, message)
    if isinstance(error, ParamValidationError):
        return _failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, f"{action}: {error}")
    if isinstance(
        error,
        NoCredentialsError
        | PartialCredentialsError
        | CredentialRetrievalError
        | TokenRetrievalError
        | NoAuthTokenError
        | ProfileNotFound
        | SSOError
        | FileNotFoundError  # the token of IRSA
        | PermissionError,
    ):
        return _failure(
            FailureClass.AUTHORITY,
            Reason.CREDENTIALS_UNAVAILABLE,
            f"the operator has no AWS credentials ({type(error).__name__}): give {named()} a role (IRSA or EKS Pod "
            "Identity), or set AWS_* variables",
        )
    if isinstance(error, InvalidEndpointError):
        return _failure(
            FailureClass.AUTHORITY,
            Reason.INVALID_SPEC,
            f"{action} can't be sent: the AWSAccount's endpointURL is no address that can be called; correct it",
        )
    if isinstance(error, BotoCoreError | OSError):
        message = f"no answer from AWS to {action} in {region} ({type(error).__name__})"
        if told := hindrance(error, "the file that AWS_CA_BUNDLE names"):
            message += f": {told}"
        elif isinstance(
            error, EndpointConnectionError | NoRegionError | InvalidRegionError
        ):  # as of a name without address
            message += f": {_not_reached(error, region)}"
        return _failure(FailureClass.TRANSIENT, Reason.PROGRESSING, message)
    return None


def _not_reached(error: Exception, region: str) -> str:
    kept: dict[str, object] = getattr(error, "kwargs", {})
    host = urlsplit(str(kept.get("endpoint_url", ""))).hostname or ""
    if not host or ".amazonaws." in host or region in host:
        return f"check that {region} is an AWS region (spec.region) and that the network reaches it"
    return f"check that {host} is right (endpointURL of the AWSAccount, or AWS_ENDPOINT_URL) and can be reached"


def _account(error: AWSError) -> str:
    return f"account {error.account}" if error.account else "the account"


def _remedy(action: str) -> str:
    remedy = _REMEDIES.get(action, "check the role or profile that its AWS_* variables name")
    known = service_account()
    return remedy.replace("NAMESPACE:SERVICEACCOUNT", ":".join(known)) if known else remedy


def _not_whole(error: InvalidResponseError, action: str, region: str) -> str:
    if error.operation == "credentials":
        return f"the operator's credentials were not answered as AWS does: {error.problem}"
    if error.operation.startswith("AssumeRole"):  # within whatever call first needed the credentials
        action = f"sts:{error.operation}"
    return (
        f"what was answered to {action} in {region} is no answer of AWS ({error.problem}): a proxy or gateway in "
        "between may have sent it"
    )


def _is_garbled(error: BaseException | None) -> bool:
    """Whether it was raised over an answer that could not be read."""
    while error is not None:
        if isinstance(error, ValueError | HTTPClientError):
            return True
        error = error.__context__
    return False


def _access_denied(error: AWSError) -> Failure:
    # "User: … is not authorized to perform: cloudtrail:CreateTrail on resource: … because no identity-based policy …":
    # it may be a dependent action such as iam:PassRole. https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    named = re.search(r"perform: ([A-Za-z0-9-]+:[A-Za-z]+)", error.message)
    action = named.group(1) if named else error.action
    if "service control policy" in error.message.lower() or "resource control policy" in error.message.lower():
        return _failure(
            FailureClass.AUTHORITY,
            Reason.DENIED_BY_ORGANIZATION,
            f"a policy of the organization denies {action} to the operator in {error.region}",
        )
    return _failure(
        FailureClass.AUTHORITY,
        Reason.ACCESS_DENIED,
        f"the operator is not allowed to {action} in {error.region}: {error.message or error.code}",
    )


def _failure(kind: FailureClass, reason: Reason, message: str) -> Failure:
    return Failure(kind, reason, message)
