"""What AWS answers to calls about metric filters and alarms: each code of each operation has a class and a reason."""

import pytest
from botocore.session import get_session

from trail_operator.api.reasons import ALARM_SET_REASONS, Reason
from trail_operator.aws.alarm_error_codes import CODES
from trail_operator.aws.error_codes import NOT_FOUND, code_label
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Operation, Read, Write
from trail_operator.domain.failure import Failure, FailureClass

T, D, X, A = FailureClass.TRANSIENT, FailureClass.DEPENDENCY, FailureClass.TERMINAL, FailureClass.AUTHORITY
INVALID, PASSING, THROTTLED = (X, Reason.INVALID_SPEC), (T, Reason.PROGRESSING), (T, Reason.THROTTLED)
QUOTA, NO_GROUP = (D, Reason.QUOTA_EXCEEDED), (D, Reason.LOG_GROUP_NOT_FOUND)
# That of CommonErrors and of both protocols, which any operation of the service may answer.
LOGS = {
    "InvalidParameterException": INVALID,
    "ServiceUnavailableException": PASSING,
    "ThrottlingException": THROTTLED,
    "AccessDeniedException": (A, Reason.ACCESS_DENIED),
    "UnrecognizedClientException": (A, Reason.CREDENTIALS_UNAVAILABLE),
}
CLOUDWATCH = {
    "InvalidParameterValue": INVALID,
    "InvalidParameterValueException": INVALID,
    "InvalidParameterCombination": INVALID,
    "InvalidParameterCombinationException": INVALID,
    "MissingParameter": INVALID,
    "MissingRequiredParameterException": INVALID,
    "InvalidFormat": INVALID,
    "InvalidFormatFault": INVALID,
    "ValidationError": INVALID,
    "ValidationException": INVALID,
    "InternalServiceError": PASSING,
    "InternalServiceFault": PASSING,
    "Throttling": THROTTLED,
    "ThrottlingException": THROTTLED,
    "AccessDenied": (A, Reason.ACCESS_DENIED),
    "InvalidClientTokenId": (A, Reason.CREDENTIALS_UNAVAILABLE),
}
TAGS = CLOUDWATCH | {
    "ResourceNotFoundException": PASSING,
    "ConcurrentModificationException": PASSING,
    "ConflictException": PASSING,
}
TABLE: dict[Operation, dict[str, tuple[FailureClass, Reason]]] = {
    Write.PutMetricFilter: LOGS
    | {
        "ResourceNotFoundException": NO_GROUP,
        "OperationAbortedException": PASSING,
        "LimitExceededException": QUOTA,
        "InvalidOperationException": (D, Reason.LOG_GROUP_UNSUITABLE),
    },
    Write.DeleteMetricFilter: LOGS | {"ResourceNotFoundException": PASSING, "OperationAbortedException": PASSING},
    Read.DescribeMetricFilters: LOGS | {"ResourceNotFoundException": NO_GROUP},
    Read.TestMetricFilter: LOGS,
    Read.DescribeLogGroups: LOGS,
    Write.PutMetricAlarm: CLOUDWATCH
    | {"LimitExceeded": QUOTA, "LimitExceededFault": QUOTA, "LimitExceededException": QUOTA},
    Write.DeleteAlarms: CLOUDWATCH | {"ResourceNotFound": PASSING, "ResourceConflict": (D, Reason.CONFLICT)},
    Read.DescribeAlarms: CLOUDWATCH | {"InvalidNextToken": PASSING},
    Write.TagResource: TAGS,
    Write.UntagResource: TAGS,
    Read.ListTagsForResource: TAGS,
    Read.GetResources: {
        "InvalidParameterException": INVALID,
        "ThrottledException": THROTTLED,
        "InternalServiceException": PASSING,
        "PaginationTokenExpiredException": PASSING,
        "AccessDeniedException": (A, Reason.ACCESS_DENIED),
    },
}
CASES = [(operation, code) for operation, codes in TABLE.items() for code in codes]


def failure(operation: Operation, code: str, message: str = "In AWS's words.") -> Failure:
    return AWSError(str(operation), "eu-west-1", code, message, 400).failure


@pytest.mark.parametrize(("operation", "code"), CASES, ids=str)
def test_class_and_reason(operation: Operation, code: str) -> None:
    found = failure(operation, code)
    assert (found.kind, found.reason) == TABLE[operation][code]
    assert found.reason in ALARM_SET_REASONS
    assert str(operation) in found.message
    is_ours = found.reason not in (Reason.THROTTLED, Reason.CREDENTIALS_UNAVAILABLE)
    assert ("In AWS's words." in found.message) == is_ours


@pytest.mark.parametrize("operation", TABLE, ids=str)
def test_every_modelled_error_is_in_the_table(operation: Operation) -> None:
    model = get_session().get_service_model(operation.service).operation_model(operation.name)
    for shape in model.error_shapes:
        codes = {shape.name, shape.metadata.get("error", {}).get("code", shape.name)}
        assert codes & TABLE[operation].keys(), shape.name


def test_every_call_about_alarms_is_in_the_table() -> None:
    services = ("logs", "cloudwatch", "resourcegroupstaggingapi")
    assert TABLE.keys() == {one for one in (*Read, *Write) if one.service in services}


def test_every_code_is_a_label_of_metrics() -> None:
    assert {code_label(code) for code in CODES} == CODES
    assert {code_label(code) for code in NOT_FOUND} == NOT_FOUND


@pytest.mark.parametrize(
    ("operation", "code", "remedy"),
    [
        (Write.PutMetricFilter, "LimitExceededException", "at most 100 metric filters"),
        (Write.PutMetricFilter, "InvalidOperationException", "of the class Standard"),
        (Write.PutMetricAlarm, "LimitExceeded", "request a higher quota"),
        (Write.DeleteAlarms, "ResourceConflict", "remove the alarm from the rule of the composite alarm"),
        (Write.PutMetricFilter, "OperationAbortedException", "It is retried"),
    ],
)
def test_a_message_says_what_to_do(operation: Operation, code: str, remedy: str) -> None:
    found = failure(operation, code)
    assert remedy in found.message
    assert found.message.startswith(f"{operation}: In AWS's words. ({code}): ")


def test_an_alarm_in_a_composite_alarm_is_not_deleted_and_the_spec_is_not_to_blame() -> None:
    words = "Cannot delete prod/team/audit/a as there are composite alarm(s) depending on it."
    found = failure(Write.DeleteAlarms, "ValidationError", words)
    assert (found.kind, found.reason) == (D, Reason.CONFLICT)
    assert "prod/team/audit/a" in found.message


def test_cloudtrail_means_something_else_by_a_limit_and_a_conflict() -> None:
    assert failure(Write.CreateTrail, "LimitExceededException").reason is Reason.THROTTLED
    assert failure(Write.CreateTrail, "ConflictException").long_backoff
    assert not failure(Write.TagResource, "ConflictException").long_backoff
