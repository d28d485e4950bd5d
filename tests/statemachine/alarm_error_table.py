"""What AWS can answer to each operation about filters and alarms, and how the operator is to meet it.

As error_table.py: which errors there are is the word of the service models, how each is met is written by hand.
"""

from collections.abc import Iterator
from dataclasses import replace

from tests.statemachine import raw
from tests.statemachine.error_table import GENERIC, Entry, Error, Meeting, Met
from trail_operator.aws.operations import Operation, Read, Write

_PASSING = Meeting(Met.PASSING, "Progressing")
_THROTTLED = Meeting(Met.PASSING, "Throttled")
_SPEC = Meeting(Met.REFUSED, "InvalidSpec")
_QUOTA = Meeting(Met.WAITING, "QuotaExceeded")
_NO_GROUP = Meeting(Met.WAITING, "LogGroupNotFound")
_NOTHING = Meeting(Met.NOTHING)

WRITES: tuple[Operation, ...] = (
    *(Write.PutMetricFilter, Write.DeleteMetricFilter, Write.PutMetricAlarm, Write.DeleteAlarms),
    *(Write.TagResource, Write.UntagResource),
)
READS: tuple[Operation, ...] = (Read.DescribeMetricFilters, Read.DescribeAlarms, Read.ListTagsForResource)
CHECKS: tuple[Operation, ...] = (Read.TestMetricFilter, Read.DescribeLogGroups)
"""What is read before something is written."""
OPTIONAL: tuple[Operation, ...] = (Read.GetResources, Read.GetTopicAttributes)
"""What the operator can do without."""
DELETION: tuple[Operation, ...] = (
    *(Write.DeleteAlarms, Write.DeleteMetricFilter, Read.DescribeAlarms, Read.DescribeMetricFilters),
    Read.ListTagsForResource,
)
"""What a deletion takes."""

MEETINGS = {
    "InvalidParameterException": _SPEC,
    "InvalidParameterValueException": _SPEC,
    "ResourceNotFoundException": _PASSING,
    "OperationAbortedException": _PASSING,
    "ServiceUnavailableException": _PASSING,
    "ConcurrentModificationException": _PASSING,
    "ConflictException": _PASSING,
    "InternalServiceFault": _PASSING,
    "InternalServiceException": _PASSING,
    "InvalidNextToken": _PASSING,
    "PaginationTokenExpiredException": _PASSING,
    "ThrottledException": _THROTTLED,
    "InternalErrorException": _PASSING,
    "NotFoundException": _PASSING,
    "AuthorizationErrorException": Meeting(Met.DENIED, "AccessDenied"),
    "InvalidSecurityException": _PASSING,
}
"""Every error of the service models."""
OTHERWISE = {
    ("PutMetricFilter", "LimitExceededException"): _QUOTA,
    ("PutMetricFilter", "ResourceNotFoundException"): _NO_GROUP,
    ("PutMetricFilter", "InvalidOperationException"): Meeting(Met.WAITING, "LogGroupUnsuitable"),
    ("DescribeMetricFilters", "ResourceNotFoundException"): _NO_GROUP,
    ("PutMetricAlarm", "LimitExceededFault"): _QUOTA,
    ("DeleteMetricFilter", "ResourceNotFoundException"): _NOTHING,
    ("DeleteAlarms", "ResourceNotFound"): _NOTHING,
    ("DeleteAlarms", "ResourceConflict"): Meeting(Met.WAITING, "Conflict"),
}
"""What is met otherwise in one operation than in others."""


def entries(*operations: Operation) -> Iterator[Entry]:
    """All errors of some operations."""
    for called in operations:
        service, operation = called.service, called.name
        generic = {error.code for error, _ in GENERIC}
        shapes = raw.model(service).operation_model(operation).error_shapes
        for code in (str(shape.name) for shape in shapes if shape.name not in generic):
            yield Entry(service, operation, Error(code), OTHERWISE.get((operation, code)) or MEETINGS[code])
        for error, meeting in GENERIC:
            told = replace(error, message=error.message.format(called))
            yield Entry(service, operation, told, meeting)
