"""The error codes of AWS: which failure each means, and how to correct it.

What they mean: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html#API_CreateTrail_Errors
"""

from trail_operator.api.reasons import Reason
from trail_operator.aws.alarm_error_codes import CODES as ALARM_CODES
from trail_operator.aws.grants import ORGANIZATION, ORGANIZATION_ROLE
from trail_operator.aws.operations import actions_of

NOT_FOUND = frozenset({"TrailNotFoundException", "ResourceNotFoundException", "ResourceNotFound"})
ALREADY_EXISTS = "TrailAlreadyExistsException"
# "Wait a few minutes, and then try the operation again":
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StartLogging.html#API_StartLogging_Errors
BUSY = "ConflictException"
INSIGHTS_OFF = "InsightNotEnabledException"
INVALID_INSIGHTS = "InvalidInsightSelectorsException"
# Of the account that owns the SNS topic.
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
CREDENTIALS = frozenset(
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
        "RequestExpired",  # the clock of the caller is wrong
    }
)
ACCESS_DENIED = frozenset(
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
NOT_THE_MANAGEMENT_ACCOUNT = ("NotOrganizationMasterAccountException", "NotOrganizationManagementAccountException")
_NO_ORGANIZATION = "the account does not belong to an organization: set isOrganizationTrail to false"
_NOT_MANAGEMENT = (
    "only the organization's management account and delegated administrators of CloudTrail may do this: use one of "
    "these accounts, or register this one (aws cloudtrail register-organization-delegated-admin)"
)
# For UpdateTrail, which a delegated administrator may call for every other change:
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-delegated-administrator.html
ONLY_MANAGEMENT_CONVERTS = (
    "only the organization's management account may convert a trail to an organization trail, or back: restore "
    "isOrganizationTrail, or create a second Trail and delete this one when the second is Ready"
)
*_FIRST, _LAST = (*actions_of(ORGANIZATION_ROLE), *actions_of(ORGANIZATION))
# Why an organization trail is refused: the remedy of each code.
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html
ORGANIZATION_NOT_READY = {
    **dict.fromkeys(("OrganizationsNotInUseException", "AWSOrganizationsNotInUseException"), _NO_ORGANIZATION),
    **dict.fromkeys(NOT_THE_MANAGEMENT_ACCOUNT, _NOT_MANAGEMENT),
    "OrganizationNotInAllFeaturesModeException": "enable all features in AWS Organizations",
    "CloudTrailAccessNotEnabledException": (
        "enable trusted access for CloudTrail: aws organizations enable-aws-service-access --service-principal "
        "cloudtrail.amazonaws.com"
    ),
    "NoManagementAccountSLRExistsException": (
        "the management account lacks the service-linked role AWSServiceRoleForCloudTrail: create it there with "
        "aws iam create-service-linked-role --aws-service-name cloudtrail.amazonaws.com"
    ),
    "InsufficientDependencyServiceAccessPermissionException": (
        f"the operator's identity needs {', '.join(_FIRST)} and {_LAST}"
    ),
}
# A later attempt can succeed without a change of the spec: what is missing is outside of it.
DEPENDENCIES = {
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
TERMINAL = {
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
IDENTITY_PROVIDER_UNREACHABLE = "IDPCommunicationError"
# Of SQS: the codes in AWS's older protocol, and in its present one.
NO_SUCH_QUEUE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
QUEUE_KEY_DENIED = frozenset({"KMS.AccessDeniedException", "KmsAccessDenied"})
# Something that a diagnosis reads does not exist.
_ABSENT = frozenset({"NoSuchBucket", "NoSuchBucketPolicy", "NoSuchEntity", "NotFound", "NotFoundException"})
_KNOWN = THROTTLED | CREDENTIALS | ACCESS_DENIED | _ABSENT | NOT_FOUND | NO_SUCH_QUEUE | {INSIGHTS_OFF}
_KNOWN |= ALARM_CODES
_KNOWN |= QUEUE_KEY_DENIED | ORGANIZATION_NOT_READY.keys() | DEPENDENCIES.keys() | TERMINAL.keys()

OK, NO_ANSWER, OTHER = "ok", "no-answer", "other"
"""The label of calls without an error code of AWS, and of all codes that are not listed here."""


def code_label(code: str) -> str:
    """Return the label under which metrics count a code: AWS may return codes without bound."""
    return code if code in _KNOWN or code in (OK, NO_ANSWER) else OTHER
