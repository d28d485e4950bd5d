"""Answers of AWS about filters and alarms that are none: none of them is taken for an answer, or ends in a fault.

What is no answer by the reference is refused; everything else is read, or refused, but never half.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from tests.statemachine.garbling import Case, cases
from tests.statemachine.raw import Raw, read, success
from trail_operator.api.constants import OWNER_TAG
from trail_operator.aws.alarms import Alarms
from trail_operator.aws.caller import CallerIdentity
from trail_operator.aws.client import AWSClient
from trail_operator.aws.errors import raise_failures
from trail_operator.aws.metric_filters import MetricFilters
from trail_operator.aws.operations import Read, Write
from trail_operator.aws.responses import check_subject
from trail_operator.domain.failure import Failure, FailureClass, FailureError

REGION, ACCOUNT, PREFIX, GROUP, OWNER = "eu-west-1", "123456789012", "prod/team/audit/", "trails", "prod/team/audit"
NAME = f"{PREFIX}RootUsage"
ARN = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{NAME}"
ALARM: dict[str, Any] = {
    "AlarmName": NAME,
    "AlarmArn": ARN,
    "ActionsEnabled": True,
    "AlarmActions": ["arn:aws:sns:eu-west-1:123456789012:alarms"],
    "StateValue": "OK",
    "MetricName": "RootUsage",
    "Namespace": "CloudTrail/audit/audit",
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}
TRANSFORMATION = {"metricName": "RootUsage", "metricNamespace": "CloudTrail/audit/audit", "metricValue": "1"}
FILTER = {
    "filterName": NAME,
    "filterPattern": "{$.a=1}",
    "metricTransformations": [TRANSFORMATION],
    "creationTime": 1469336277360,
    "logGroupName": GROUP,
}
TAGS = [{"Key": OWNER_TAG, "Value": OWNER}]


class OneAnswer:
    """A client that gets one answer on the wire to whatever it asks, read as the operator's own client does."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw

    async def call(self, operation: Read | Write, region: str, **parameters: Any) -> dict[str, Any]:
        with raise_failures(str(operation), region):
            answer = read(operation.service, operation.name, self._raw)
            check_subject(operation, region, parameters, answer)
            answer.pop("NextToken", None)  # an answer that is not the last one is the same again
            answer.pop("nextToken", None)
            answer.pop("PaginationToken", None)
            return answer

    async def identity(self, _: str) -> CallerIdentity:
        return CallerIdentity(ACCOUNT, "aws", f"arn:aws:iam::{ACCOUNT}:user/operator")


@dataclass(frozen=True)
class Question:
    """What is asked of AWS, how it answers, and what that means."""

    operation: Read
    answer: dict[str, Any]
    ask: Callable[[AWSClient], Awaitable[Any]]


QUESTIONS = (
    Question(
        Read.DescribeMetricFilters,
        {"metricFilters": [FILTER]},
        lambda aws: MetricFilters(aws).observe(GROUP, PREFIX, REGION),
    ),
    Question(
        Read.DescribeLogGroups,
        {"logGroups": [{"logGroupName": GROUP, "logGroupClass": "STANDARD"}]},
        lambda aws: MetricFilters(aws).log_group_class(GROUP, REGION),
    ),
    Question(Read.TestMetricFilter, {"matches": []}, lambda aws: MetricFilters(aws).test_pattern("{$.a=1}", REGION)),
    Question(
        Read.DescribeAlarms,
        {"MetricAlarms": [ALARM], "CompositeAlarms": [{"AlarmName": f"{NAME}-2", "AlarmArn": f"{ARN}-2"}]},
        lambda aws: Alarms(aws).observe(PREFIX, REGION),
    ),
    Question(Read.ListTagsForResource, {"Tags": TAGS}, lambda aws: Alarms(aws).tags(ARN, REGION)),
    Question(
        Read.GetResources,
        {"PaginationToken": "", "ResourceTagMappingList": [{"ResourceARN": ARN, "Tags": TAGS}]},
        lambda aws: Alarms(aws).tags_of_owner([OWNER], REGION),
    ),
)


def asked(question: Question, raw: Raw) -> Any:
    return asyncio.run(_asked(question, raw))


async def _asked(question: Question, raw: Raw) -> Any:
    return await question.ask(cast(AWSClient, OneAnswer(raw)))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.operation.name)
def test_no_garbled_answer_is_believed(question: Question) -> None:
    operation = question.operation
    whole = success(operation.service, operation.name, question.answer)
    asked(question, whole)
    for case in made(question, whole):
        raw = case.garble(whole)
        if raw is None:
            continue
        failure = refused(question, raw)
        assert failure or not case.is_none, case
        assert failure is None or failure.kind is not FailureClass.TERMINAL, case


def refused(question: Question, raw: Raw) -> Failure | None:
    """The failure that an answer ends in, if any."""
    try:
        asked(question, raw)
    except FailureError as error:
        return error.failure
    return None


def made(question: Question, whole: Raw) -> list[Case]:
    return cases(question.operation.service, question.operation.name, whole)


OF_ALARMS = [one for one in Write if one.service in ("logs", "cloudwatch")]


@pytest.mark.parametrize("operation", OF_ALARMS, ids=str)
@pytest.mark.parametrize("body", [b"", b"<html>Please log in</html>", b"null", b"[]", b'{"__type": "InternalFailure"}'])
def test_no_garbled_answer_to_a_write_is_believed(operation: Write, body: bytes) -> None:
    with pytest.raises((FailureError, ClientError)):
        asyncio.run(OneAnswer(Raw(body)).call(operation, REGION))
