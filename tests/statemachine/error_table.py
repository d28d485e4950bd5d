"""What AWS can answer to each operation that the operator calls, and how the operator is to meet it.

Which errors an operation has is botocore's word, in its service model; what they mean is told by CloudTrail's
documentation, operation by operation, and what any operation may answer by
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/CommonErrors.html. How each is met is written down here by
hand, and shares nothing with the operator's own table. Only which operations there are is the operator's word.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

import botocore.session

from trail_operator.aws.grants import DEPENDENCIES, EVENT_HISTORY, FOR_ALARMS, OTHER_TRAILS, TRAILS, Grant
from trail_operator.aws.operations import Operation, Read, Write


class Met(Enum):
    """How an error is met."""

    PASSING = "waited out: tried again soon, and a Ready that nothing contradicts stays"
    BUSY = "waited out for minutes, as AWS asks; a Ready that nothing contradicts stays"
    WAITING = "what the trail needs is to be mended: tried again slowly"
    DENIED = "who may do what is to be mended: tried again slowly"
    REFUSED = "the spec is to be changed: the same write is never tried again"
    ELSEWHERE = "another trail stands in the way: looked at again at each resync"
    NOTHING = "no error at all"


@dataclass(frozen=True)
class Meeting:
    """How an error is met, and the reason that Ready gives meanwhile."""

    met: Met
    reason: str = ""


@dataclass(frozen=True)
class Error:
    """What AWS answers. Without a code no answer comes: the connection breaks, or nothing is heard for too long."""

    code: str | None
    message: str = "In AWS's words."
    delay: float = 0.0


@dataclass(frozen=True)
class Entry:
    """One operation, one error, and how it is met."""

    service: str
    operation: str
    error: Error
    meeting: Meeting

    def __str__(self) -> str:
        return f"{self.operation}-{name_of(self.error)}"


def name_of(error: Error) -> str:
    """What an error is called in the names of tests."""
    if error.code is None:
        return "silence" if error.delay else "lost-connection"
    if "service control policy" in error.message:
        return f"{error.code}-by-the-organization"
    return error.code + ("-access-denied" if error.message.startswith("Access denied") else "")


_THROTTLED = Meeting(Met.PASSING, "Throttled")
_PASSING = Meeting(Met.PASSING, "Progressing")
_CREDENTIALS = Meeting(Met.DENIED, "CredentialsUnavailable")
_ORGANIZATION = Meeting(Met.DENIED, "OrganizationNotReady")
_DENIED = Meeting(Met.DENIED, "AccessDenied")
_SPEC = Meeting(Met.REFUSED, "InvalidSpec")
_NOTHING = Meeting(Met.NOTHING)


def _waiting(reason: str) -> Meeting:
    return Meeting(Met.WAITING, reason)


_DENIAL = "User: arn:aws:iam::123456789012:user/operator is not authorized to perform: {} on resource: * "
GENERIC: tuple[tuple[Error, Meeting], ...] = (
    (Error("ThrottlingException", "Rate exceeded"), _THROTTLED),
    (Error("Throttling", "Rate exceeded"), _THROTTLED),
    (Error("RequestLimitExceeded"), _THROTTLED),
    (Error("InternalFailure"), _PASSING),
    (Error("ServiceUnavailable"), _PASSING),
    (Error("503", "Service Unavailable"), _PASSING),  # what botocore makes of an answer without a code
    (Error(None), _PASSING),
    (Error(None, delay=60.0), _PASSING),
    (Error("AccessDeniedException", _DENIAL + "because no identity-based policy allows it"), _DENIED),
    (Error("AccessDenied", _DENIAL + "with an explicit deny in an identity-based policy"), _DENIED),
    (
        Error("AccessDeniedException", _DENIAL + "with an explicit deny in a service control policy"),
        Meeting(Met.DENIED, "DeniedByOrganization"),
    ),
    (Error("UnrecognizedClientException"), _CREDENTIALS),
    (Error("InvalidClientTokenId"), _CREDENTIALS),
    (Error("ExpiredTokenException"), _CREDENTIALS),
    (Error("SignatureDoesNotMatch"), _CREDENTIALS),
    (Error("IncompleteSignature"), _CREDENTIALS),
    (Error("RequestExpired"), _CREDENTIALS),
    (Error("NotAuthorized"), _DENIED),
    (Error("OptInRequired"), _DENIED),
    (Error("ValidationException"), _SPEC),
    (Error("ValidationError"), _SPEC),
    (Error("InvalidAction"), _SPEC),
    (Error("UnknownOperationException"), _SPEC),
)
"""What every operation may answer. Who may not call it is told by the operation's own name."""

MEETINGS = {
    "ConflictException": Meeting(Met.BUSY, "Progressing"),
    # Shown to be there, or to have gone, a moment before: AWS shows writes with a delay.
    "TrailNotFoundException": _PASSING,
    "ResourceNotFoundException": _PASSING,
    "TrailAlreadyExistsException": _PASSING,
    "S3BucketDoesNotExistException": _waiting("BucketNotFound"),
    "InsufficientS3BucketPolicyException": _waiting("BucketPolicyDenies"),
    "InsufficientSnsTopicPolicyException": _waiting("TopicPolicyDenies"),
    "CloudTrailInvalidClientTokenIdException": _waiting("TopicPolicyDenies"),
    "InsufficientEncryptionPolicyException": _waiting("KeyPolicyDenies"),
    "KmsKeyNotFoundException": _waiting("KeyNotFound"),
    "KmsException": _waiting("KeyDisabled"),
    "KmsKeyDisabledException": _waiting("KeyDisabled"),
    "InvalidCloudWatchLogsLogGroupArnException": _waiting("LogGroupNotFound"),
    "InvalidCloudWatchLogsRoleArnException": _waiting("RoleNotTrusted"),
    "MaximumNumberOfTrailsExceededException": _waiting("QuotaExceeded"),
    "CloudTrailAccessNotEnabledException": _ORGANIZATION,
    "InsufficientDependencyServiceAccessPermissionException": _ORGANIZATION,
    "NotOrganizationMasterAccountException": _ORGANIZATION,
    "OrganizationsNotInUseException": _ORGANIZATION,
    "OrganizationNotInAllFeaturesModeException": _ORGANIZATION,
    "NoManagementAccountSLRExistsException": _ORGANIZATION,
    "InsufficientIAMAccessPermissionException": _DENIED,
    "CloudTrailARNInvalidException": _SPEC,
    "CloudWatchLogsDeliveryUnavailableException": _SPEC,
    "InvalidEventSelectorsException": _SPEC,
    "InvalidInsightSelectorsException": _SPEC,
    "InvalidKmsKeyIdException": _SPEC,
    "InvalidParameterCombinationException": _SPEC,
    "InvalidParameterException": _SPEC,
    "InvalidS3BucketNameException": _SPEC,
    "InvalidS3PrefixException": _SPEC,
    "InvalidSnsTopicNameException": _SPEC,
    "InvalidTagParameterException": _SPEC,
    "InvalidTrailNameException": _SPEC,
    "OperationNotPermittedException": _SPEC,
    "TagsLimitExceededException": _SPEC,
    "UnsupportedOperationException": _SPEC,
    "InvalidHomeRegionException": Meeting(Met.ELSEWHERE, "WrongHomeRegion"),
    # Of Organizations and KMS.
    "AWSOrganizationsNotInUseException": _ORGANIZATION,
    "ConcurrentModificationException": _PASSING,
    "ServiceException": _PASSING,
    "TooManyRequestsException": _THROTTLED,
    "NotFoundException": _waiting("KeyNotFound"),
    "InvalidArnException": _SPEC,
    "DependencyTimeoutException": _PASSING,
    "KMSInternalException": _PASSING,
}
"""Every error of the service model that a call about a trail can come to."""

SAID = {
    "InvalidCloudWatchLogsLogGroupArnException": (
        Error("InvalidCloudWatchLogsLogGroupArnException", "Access denied. Check the permissions for your role."),
        _waiting("RolePolicyDenies"),
    ),
}
"""What means something else in other words, by which Terraform's provider tells them apart as well.

https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/cloudtrail/trail.go
"""

NEVER = {
    # Event data stores and channels: the operator names trails only.
    *("ChannelARNInvalidException", "ChannelNotFoundException", "EventDataStoreARNInvalidException"),
    *("EventDataStoreNotFoundException", "InactiveEventDataStoreException", "ResourceTypeNotSupportedException"),
    *("InvalidEventDataStoreCategoryException", "InvalidEventDataStoreStatusException"),
    # "This exception is no longer in use", and one that AWS reserves for itself.
    *("TrailNotProvidedException", "InvalidTokenException"),
}
"""Errors of the service model that no call of the operator can come to."""

OTHERWISE = {
    ("GetInsightSelectors", "InsightNotEnabledException"): _NOTHING,
    # Where AWS does not offer insights or aggregation there are none.
    ("GetInsightSelectors", "UnsupportedOperationException"): _NOTHING,
    ("GetInsightSelectors", "UnknownOperationException"): _NOTHING,
    ("GetEventConfiguration", "UnsupportedOperationException"): _NOTHING,
    ("GetEventConfiguration", "UnknownOperationException"): _NOTHING,
    ("DeleteTrail", "TrailNotFoundException"): _NOTHING,
}
"""What is met otherwise in one operation than in others."""


def _granted_by(*grants: Grant) -> tuple[Operation, ...]:
    return tuple(one for one in Read if one.permissions and one.permissions[0].grant in grants)


WRITES: tuple[Operation, ...] = tuple(one for one in Write if one.service == "cloudtrail")
READS = _granted_by(TRAILS)
BACKGROUND = _granted_by(OTHER_TRAILS)
"""What only warnings rest on."""
DIAGNOSIS = _granted_by(DEPENDENCIES)
"""What only messages rest on: an error of these hides why another call was refused, and nothing else."""
ATTRIBUTION = _granted_by(EVENT_HISTORY)
"""What only the name of a caller rests on: test_attribution has its errors."""
OF_ALARMS = _granted_by(*FOR_ALARMS)
"""What only alarms rest on."""
OTHERS = tuple(one for one in Read if one not in (*READS, *BACKGROUND, *DIAGNOSIS, *ATTRIBUTION, *OF_ALARMS))


def entries() -> Iterator[Entry]:
    """The whole table."""
    for called in (*WRITES, *READS, *BACKGROUND, *OTHERS):
        service, operation = called.service, called.name
        for code, meeting in _modelled(called).items():
            yield Entry(service, operation, Error(code), meeting)
            if code in SAID:
                yield Entry(service, operation, *SAID[code])
        for error, meeting in GENERIC:
            told = replace(error, message=error.message.format(called))
            otherwise = _NOTHING if called in BACKGROUND else OTHERWISE.get((operation, str(error.code)))
            yield Entry(service, operation, told, otherwise or meeting)


_GENERIC_CODES = {error.code for error, _ in GENERIC}


def _modelled(called: Operation) -> dict[str, Meeting]:
    model = botocore.session.get_session().get_service_model(called.service).operation_model(called.name)
    codes = [str(shape.name) for shape in model.error_shapes if shape.name not in NEVER | _GENERIC_CODES]
    if called in BACKGROUND:
        return dict.fromkeys(codes, _NOTHING)
    return {code: OTHERWISE.get((called.name, code)) or MEETINGS[code] for code in codes}
