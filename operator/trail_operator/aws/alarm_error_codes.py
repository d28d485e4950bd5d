"""The error codes of CloudWatch, CloudWatch Logs and tagging about metric filters and alarms, and what each means.

Some have another meaning here than for CloudTrail. CloudWatch has codes of its former protocol and of its present one.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html#API_PutMetricFilter_Errors
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_TagResource.html#API_TagResource_Errors
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html
"""

from dataclasses import dataclass

from trail_operator.api.reasons import Reason
from trail_operator.aws.operations import Read, Write
from trail_operator.domain.failure import FailureClass

_SERVICES = ("logs", "cloudwatch", "tag")


@dataclass(frozen=True)
class Meaning:
    """What an error response means, and how to correct it."""

    kind: FailureClass
    reason: Reason
    remedy: str = ""


_QUOTA = ("LimitExceededException", "LimitExceededFault", "LimitExceeded")
_INVALID = Meaning(FailureClass.TERMINAL, Reason.INVALID_SPEC)
_BUSY = Meaning(
    FailureClass.TRANSIENT, Reason.PROGRESSING, "AWS is carrying out another change at the same time. It is retried"
)
_EXPIRED_PAGE = Meaning(FailureClass.TRANSIENT, Reason.PROGRESSING, "the list is read again from its first page")
_NO_LOG_GROUP = Meaning(
    FailureClass.DEPENDENCY,
    Reason.LOG_GROUP_NOT_FOUND,
    "create the log group, or correct cloudWatchLogsLogGroupARN of the Trail",
)
_UNSUITABLE = Meaning(
    FailureClass.DEPENDENCY,
    Reason.LOG_GROUP_UNSUITABLE,
    "metric filters need a log group of the class Standard: name such a one in cloudWatchLogsLogGroupARN of the Trail",
)
_IN_COMPOSITE = Meaning(
    FailureClass.DEPENDENCY, Reason.CONFLICT, "remove the alarm from the rule of the composite alarm, or delete that"
)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
_FULL_LOG_GROUP = Meaning(
    FailureClass.DEPENDENCY,
    Reason.QUOTA_EXCEEDED,
    "a log group has at most 100 metric filters, 5 of them with regular expressions, and no quota can be raised: "
    "delete filters that are not needed, or leave alarms out with exclude",
)
_FULL_ACCOUNT = Meaning(
    FailureClass.DEPENDENCY,
    Reason.QUOTA_EXCEEDED,
    "the account has as many alarms in this region as its quota allows: delete alarms that are not needed, or request "
    "a higher quota of CloudWatch in Service Quotas",
)
_CODES = {
    **dict.fromkeys(("InvalidParameterException", "InvalidParameterValue", "InvalidParameterValueException"), _INVALID),
    **dict.fromkeys(("InvalidParameterCombination", "InvalidParameterCombinationException"), _INVALID),
    **dict.fromkeys(("MissingParameter", "MissingRequiredParameterException"), _INVALID),
    **dict.fromkeys(("InvalidFormat", "InvalidFormatFault", "ValidationError", "ValidationException"), _INVALID),
    **dict.fromkeys(("OperationAbortedException", "ConcurrentModificationException", "ConflictException"), _BUSY),
    **dict.fromkeys(("InvalidNextToken", "PaginationTokenExpiredException"), _EXPIRED_PAGE),
}
_CODES_OF_OPERATIONS = {
    Write.PutMetricFilter: {
        **dict.fromkeys(_QUOTA, _FULL_LOG_GROUP),
        "ResourceNotFoundException": _NO_LOG_GROUP,
        "InvalidOperationException": _UNSUITABLE,
    },
    Read.DescribeMetricFilters: {"ResourceNotFoundException": _NO_LOG_GROUP},
    Write.PutMetricAlarm: dict.fromkeys(_QUOTA, _FULL_ACCOUNT),
    Write.DeleteAlarms: {"ResourceConflict": _IN_COMPOSITE},
}
_BY_CALL = {str(operation): codes for operation, codes in _CODES_OF_OPERATIONS.items()}
# Of DeleteAlarms, with the code ValidationError: https://github.com/cloud-custodian/cloud-custodian/issues/7763
_DEPENDING = "composite alarm"

CODES = frozenset({*_CODES, *(code for codes in _CODES_OF_OPERATIONS.values() for code in codes)})


def meaning_of(action: str, code: str, message: str) -> Meaning | None:
    """Return what an error response to a call such as `logs:PutMetricFilter` means; None if it is not special here."""
    if not action.startswith(tuple(f"{service}:" for service in _SERVICES)):
        return None
    if action == str(Write.DeleteAlarms) and _DEPENDING in message:
        return _IN_COMPOSITE
    return _BY_CALL.get(action, {}).get(code) or _CODES.get(code)
