"""An answer of AWS is used only if it is whole, and about what was asked: by botocore's own clients and parsers."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.model import ServiceModel

from trail_operator.aws.operations import OPERATIONS, Internal, Operation, Read, Write
from trail_operator.aws.response_parser import ResponseParsers
from trail_operator.aws.responses import RESPONSES, InvalidResponseError, check_subject

REGION = "us-east-1"
ARN = f"arn:aws:cloudtrail:{REGION}:123456789012:trail/audit"
TRAIL = {
    "Name": "audit",
    "S3BucketName": "logs",
    "IncludeGlobalServiceEvents": True,
    "IsMultiRegionTrail": True,
    "LogFileValidationEnabled": False,
    "TrailARN": ARN,
}
DESCRIBED = TRAIL | {"HomeRegion": REGION}
TEXTS = dict.fromkeys(
    (
        "LatestDeliveryAttemptTime",
        "LatestDeliveryAttemptSucceeded",
        "LatestNotificationAttemptTime",
        "LatestNotificationAttemptSucceeded",
        "TimeLoggingStarted",
        "TimeLoggingStopped",
    ),
    "",
)
STATUS = {"IsLogging": True, **TEXTS}
SELECTORS = {"TrailARN": ARN, "EventSelectors": [{"ReadWriteType": "All", "DataResources": []}]}
IDENTIFIED = {"x-amzn-requestid": "5c7cee1d"}
CALLER = "arn:aws:iam::123456789012:user/operator"


@cache
def model_of(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def parsed(operation: Operation, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Any:
    model = model_of(operation.service)
    response = {"status_code": status, "headers": headers or {}, "body": body, "context": {}}
    shape = model.operation_model(operation.name).output_shape
    return ResponseParsers().create_parser(model.resolved_protocol).parse(response, shape)


def answered(operation: Operation, answer: object, parameters: Mapping[str, Any] | None = None) -> Any:
    result = parsed(operation, json.dumps(answer).encode())
    check_subject(operation, REGION, parameters or {}, result)
    return result


LOOKED_UP = {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "StopLogging"}]}
EVENT = {"EventId": "1", "EventName": "StopLogging", "CloudTrailEvent": "{}"}
GROUP, PREFIX = "trails", "prod/team/audit/"
IN_GROUP = {"logGroupName": GROUP, "filterNamePrefix": PREFIX}
TRANSFORMATION = {"metricName": "RootUsage", "metricNamespace": "CloudTrail/audit/audit", "metricValue": "1"}
FILTER = {
    "filterName": f"{PREFIX}RootUsage",
    "filterPattern": "",
    "metricTransformations": [TRANSFORMATION],
    "creationTime": 1469336277360,
    "logGroupName": GROUP,
}
ALARM: dict[str, Any] = {
    "AlarmName": f"{PREFIX}RootUsage",
    "AlarmArn": f"arn:aws:cloudwatch:{REGION}:123456789012:alarm:{PREFIX}RootUsage",
    "ActionsEnabled": True,
    "StateValue": "OK",
}
COMPOSITE = {name: value for name, value in ALARM.items() if name != "StateValue"}
OF_PREFIX = {"AlarmNamePrefix": PREFIX}
OWNED = {"TagFilters": [{"Key": "owner", "Values": ["prod/team/audit"]}]}
TAGGED = {"ResourceARN": ALARM["AlarmArn"], "Tags": [{"Key": "owner", "Value": "prod/team/audit"}]}
# In the shapes in which AWS answers.
WHOLE: list[tuple[Operation, dict[str, Any], dict[str, Any]]] = [
    (Read.GetTrailStatus, STATUS, {"Name": ARN}),
    (
        Read.GetTrailStatus,
        STATUS | {"IsLogging": False, "StartLoggingTime": 1469336277.36, "NewMember": 1},
        {"Name": ARN},
    ),
    (Read.GetTrail, {"Trail": DESCRIBED}, {"Name": ARN}),
    (Read.DescribeTrails, {"trailList": []}, {}),
    (Read.DescribeTrails, {"trailList": [{**DESCRIBED, "HomeRegion": "us-west-2"}]}, {}),
    (Read.DescribeTrails, {"trailList": [{k: v for k, v in DESCRIBED.items() if k != "S3BucketName"}]}, {}),
    (Read.GetEventSelectors, SELECTORS, {"TrailName": ARN}),
    (
        Read.GetEventSelectors,
        {
            "TrailARN": ARN,
            "AdvancedEventSelectors": [
                {"Name": "", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"], "NotEquals": None}]}
            ],
        },
        {"TrailName": ARN},
    ),
    (Read.GetInsightSelectors, {"TrailARN": ARN}, {"TrailName": ARN}),
    (Read.GetEventConfiguration, {"TrailARN": ARN}, {"TrailName": ARN}),
    (Read.ListTags, {"ResourceTagList": [{"ResourceId": ARN, "TagsList": []}]}, {"ResourceIdList": [ARN]}),
    (Read.ListTrails, {"Trails": [{"TrailARN": ARN, "Name": "audit", "HomeRegion": REGION}]}, {}),
    (Read.LookupEvents, {"Events": []}, LOOKED_UP),
    (Read.LookupEvents, {"Events": [EVENT], "NextToken": "more"}, LOOKED_UP),
    (Write.CreateTrail, TRAIL, {"Name": "audit", "S3BucketName": "logs"}),
    (Write.UpdateTrail, TRAIL | {"SnsTopicARN": "", "SnsTopicName": ""}, {"Name": ARN}),
    (Write.PutEventSelectors, SELECTORS, {"TrailName": ARN}),
    *((operation, {}, {}) for operation in (Write.StartLogging, Write.StopLogging, Write.DeleteTrail)),
    *((operation, {}, {}) for operation in (Write.AddTags, Write.RemoveTags)),
    (Read.DescribeMetricFilters, {"metricFilters": []}, IN_GROUP),
    (Read.DescribeMetricFilters, {"metricFilters": [FILTER], "nextToken": "more"}, IN_GROUP),
    (Read.DescribeLogGroups, {"logGroups": [{"logGroupName": f"{GROUP}-2"}]}, {"logGroupNamePrefix": GROUP}),
    (Read.TestMetricFilter, {"matches": []}, {}),
    (Read.DescribeAlarms, {"MetricAlarms": [], "CompositeAlarms": []}, OF_PREFIX),
    (Read.DescribeAlarms, {"MetricAlarms": [ALARM], "NextToken": "more"}, OF_PREFIX),
    (Read.DescribeAlarms, {"MetricAlarms": [], "CompositeAlarms": [COMPOSITE]}, OF_PREFIX),
    (Read.ListTagsForResource, {"Tags": []}, {"ResourceARN": ALARM["AlarmArn"]}),
    (Read.GetResources, {"PaginationToken": "", "ResourceTagMappingList": []}, OWNED),
    (Read.GetResources, {"ResourceTagMappingList": [TAGGED]}, OWNED),
    *((operation, {}, {}) for operation in (Write.TagResource, Write.UntagResource, Write.PutMetricFilter)),
]


@pytest.mark.parametrize(("operation", "answer", "parameters"), WHOLE)
def test_what_aws_answers_is_whole(operation: Operation, answer: dict[str, Any], parameters: dict[str, Any]) -> None:
    assert set(answered(operation, answer, parameters)) - {"ResponseMetadata"} <= set(answer)


WRONG_FILTERS: list[dict[str, Any]] = [
    {"filterName": "prod/team/other/RootUsage"},
    {"filterName": None},
    {"logGroupName": "other"},
    {"logGroupName": None},
    {"filterPattern": 1},
    {"metricTransformations": []},
    {"metricTransformations": [TRANSFORMATION, TRANSFORMATION]},
    {"metricTransformations": [TRANSFORMATION | {"metricValue": None}]},
    {"metricTransformations": [TRANSFORMATION | {"defaultValue": "0"}]},
]
WRONG_TAGS: list[dict[str, Any]] = [
    {"ResourceARN": ALARM["AlarmArn"].replace(REGION, "eu-west-1")},
    {"ResourceARN": ARN},
    {"Tags": []},
    {"Tags": [{"Key": "owner", "Value": "another"}]},
    {"Tags": [{"Value": "prod/team/audit"}]},
]
WRONG_ALARMS: list[dict[str, Any]] = [
    {"AlarmName": "other", "AlarmArn": ALARM["AlarmArn"].replace(f"{PREFIX}RootUsage", "other")},
    {"AlarmName": f"{PREFIX}Other"},
    {"AlarmArn": ALARM["AlarmArn"].replace(REGION, "eu-west-1")},
    {"AlarmArn": ALARM["AlarmArn"].replace("123456789012", "elsewhere")},
    {"AlarmArn": ALARM["AlarmArn"].replace("cloudwatch", "sns")},
    {"AlarmArn": "x"},
    {"ActionsEnabled": None},
    {"ActionsEnabled": "true"},
    {"StateValue": None},
    {"Threshold": "1"},
    {"Period": 300.5},
    {"AlarmActions": "arn"},
]


@pytest.mark.parametrize(
    ("operation", "answer", "parameters"),
    [
        (Read.GetTrailStatus, STATUS | {"IsLogging": 0}, {}),
        (Read.GetTrailStatus, STATUS | {"IsLogging": "false"}, {}),
        (Read.GetTrailStatus, STATUS | {"LatestDeliveryTime": "yesterday"}, {}),
        (Read.GetTrailStatus, STATUS | {"LatestDeliveryTime": True}, {}),
        (Read.GetTrailStatus, {"IsLogging": True}, {}),
        (Read.GetTrailStatus, TEXTS, {}),
        (Read.GetTrail, {}, {"Name": ARN}),
        (Read.GetTrail, {"Trail": TRAIL}, {"Name": ARN}),
        (Read.GetTrail, {"Trail": DESCRIBED | {"HomeRegion": "eu-west-9"}}, {"Name": ARN}),
        (Read.GetTrail, {"Trail": DESCRIBED | {"TrailARN": "x"}}, {"Name": ARN}),
        (Read.GetTrail, {"Trail": DESCRIBED | {"TrailARN": f"{ARN}-2", "Name": "audit-2"}}, {"Name": ARN}),
        (Read.GetTrail, {"Trail": DESCRIBED | {"Name": "other"}}, {"Name": ARN}),
        (Read.GetTrail, {"Trail": DESCRIBED | {"S3BucketName": ""}}, {"Name": ARN}),
        (Read.DescribeTrails, {}, {}),
        (Read.DescribeTrails, {"trailList": [None]}, {}),
        (Read.DescribeTrails, {"trailList": [{"Name": "audit"}]}, {}),
        (Read.GetEventSelectors, {"TrailARN": ARN}, {"TrailName": ARN}),
        (Read.GetEventSelectors, {"TrailARN": ARN, "EventSelectors": []}, {"TrailName": ARN}),
        (Read.GetEventSelectors, {"TrailARN": ARN, "EventSelectors": "All"}, {"TrailName": ARN}),
        (
            Read.GetEventSelectors,
            {"TrailARN": ARN, "EventSelectors": [{"DataResources": [{"Type": "T", "Values": "abc"}]}]},
            {"TrailName": ARN},
        ),
        (Read.GetEventSelectors, SELECTORS, {"TrailName": f"{ARN}-2"}),
        (Read.GetInsightSelectors, {}, {"TrailName": ARN}),
        (Read.GetInsightSelectors, {"TrailARN": ARN, "InsightSelectors": [{}]}, {"TrailName": ARN}),
        (Read.GetEventConfiguration, {}, {"TrailName": ARN}),
        (Read.ListTags, {}, {"ResourceIdList": [ARN]}),
        (Read.ListTags, {"ResourceTagList": []}, {"ResourceIdList": [ARN]}),
        (Read.ListTags, {"ResourceTagList": [{"ResourceId": ARN, "TagsList": [{}]}]}, {"ResourceIdList": [ARN]}),
        (Read.ListTrails, {"NextToken": "more"}, {}),
        (Read.LookupEvents, {}, LOOKED_UP),
        (Read.LookupEvents, {"Events": [{"EventId": "1", "EventName": "StopLogging"}]}, LOOKED_UP),
        (Read.LookupEvents, {"Events": [EVENT | {"EventName": "StartLogging"}]}, LOOKED_UP),
        (Write.CreateTrail, {}, {"Name": "audit", "S3BucketName": "logs"}),
        (Write.CreateTrail, TRAIL | {"S3BucketName": "other"}, {"Name": "audit", "S3BucketName": "logs"}),
        (
            Write.CreateTrail,
            TRAIL | {"TrailARN": ARN.replace(REGION, "eu-west-1")},
            {"Name": "audit", "S3BucketName": "logs"},
        ),
        (Write.DeleteTrail, {"__type": "InternalFailure"}, {}),
        (Read.DescribeMetricFilters, {}, IN_GROUP),
        *((Read.DescribeMetricFilters, {"metricFilters": [FILTER | wrong]}, IN_GROUP) for wrong in WRONG_FILTERS),
        (Read.DescribeLogGroups, {"logGroups": [{"logGroupName": "other"}]}, {"logGroupNamePrefix": GROUP}),
        (Read.TestMetricFilter, {}, {}),
        (Read.DescribeAlarms, {}, OF_PREFIX),
        *((Read.DescribeAlarms, {"MetricAlarms": [ALARM | wrong]}, OF_PREFIX) for wrong in WRONG_ALARMS),
        (Read.DescribeAlarms, {"CompositeAlarms": [COMPOSITE | {"AlarmName": "other"}]}, OF_PREFIX),
        (Read.ListTagsForResource, {}, {"ResourceARN": ALARM["AlarmArn"]}),
        (Read.ListTagsForResource, {"Tags": [{"Value": "x"}]}, {"ResourceARN": ALARM["AlarmArn"]}),
        (Read.GetResources, {}, OWNED),
        *((Read.GetResources, {"ResourceTagMappingList": [TAGGED | wrong]}, OWNED) for wrong in WRONG_TAGS),
        (Write.TagResource, {"__type": "InternalFailure"}, {}),
    ],
)
def test_what_lacks_what_is_needed_or_is_about_something_else_is_none(
    operation: Operation, answer: object, parameters: dict[str, Any]
) -> None:
    with pytest.raises(InvalidResponseError):
        answered(operation, answer, parameters)


BODIES = {
    "nothing": b"",
    "a page": b"<html><body>Please log in</body></html>",
    "half": b'{"TrailARN": "arn:aws',
    "null": b"null",
    "a list": b"[]",
    "a text": b'"ok"',
    "a number": b"0",
    "too deep": b"[" * 100_000 + b"]" * 100_000,
    "UTF-16": "{}".encode("utf-16"),
    "a BOM": b"\xef\xbb\xbf{}",
    "compressed": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
}
WITH_BODY = [operation for operation in OPERATIONS if operation is not Internal.HeadBucket]


def test_every_operation_has_its_answer() -> None:
    assert {*map(str, OPERATIONS)} == {*map(str, RESPONSES)}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_success_without_a_body_of_its_own_is_none(operation: Operation, body: bytes) -> None:
    for status in (200, 204):
        with pytest.raises(InvalidResponseError):
            parsed(operation, body, status)


@pytest.mark.parametrize("operation", [Write.PutMetricFilter, Write.PutMetricAlarm, Write.DeleteAlarms], ids=str)
def test_only_aws_answers_with_nothing_and_only_where_there_is_no_output(operation: Operation) -> None:
    assert not parsed(operation, b"", headers=IDENTIFIED).keys() - {"ResponseMetadata"}
    assert not parsed(operation, b"{}").keys() - {"ResponseMetadata"}
    with pytest.raises(InvalidResponseError):
        parsed(Write.TagResource, b"", headers=IDENTIFIED)


@pytest.mark.parametrize(
    ("policy", "is_whole"),
    [
        ('{"Version": "2012-10-17", "Statement": []}', True),
        ('{"Statement": {}}', True),
        ('{"__type": "InternalFailure", "message": "no"}', False),
        ("{}", False),
        ("7", False),
    ],
)
def test_a_policy_has_a_statement(policy: str, is_whole: bool) -> None:
    answers = {
        Read.GetBucketPolicy: policy.encode(),
        Read.GetKeyPolicy: json.dumps({"Policy": policy, "PolicyName": "default"}).encode(),
    }
    for operation, body in answers.items():
        if is_whole:
            assert parsed(operation, body)["Policy"] == policy
        else:
            with pytest.raises(InvalidResponseError):
                parsed(operation, body)


@pytest.mark.parametrize("status", [301, 302, 400, 403, 404, 407, 429, 500, 502, 503])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("operation", [Read.GetTrail, Read.GetCallerIdentity, Read.GetBucketPolicy], ids=str)
def test_an_error_without_a_code_of_aws_is_none(operation: Operation, body: bytes, status: int) -> None:
    with pytest.raises(InvalidResponseError):
        parsed(operation, body, status)


@pytest.mark.parametrize("body", [{"__type": {}}, {"__type": "X", "message": {}}, {"message": "x"}, {"__type": ""}])
def test_an_error_whose_code_or_message_is_no_text_is_none(body: object) -> None:
    with pytest.raises(InvalidResponseError):
        parsed(Read.GetTrail, json.dumps(body).encode(), 400)


def test_errors_of_aws_are_read() -> None:
    body = json.dumps({"__type": "TrailNotFoundException", "Message": "Unknown trail"}).encode()
    assert parsed(Read.GetTrail, body, 400)["Error"] == {
        "Code": "TrailNotFoundException",
        "Message": "Unknown trail",
    }
    xml = b"<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>"
    assert parsed(Read.GetBucketPolicy, xml, 404)["Error"]["Code"] == "NoSuchBucket"
    assert parsed(Internal.HeadBucket, b"", 404)["Error"]["Code"] == "404"


def test_what_a_body_holds_is_in_no_exception() -> None:
    secret = "wJalrXUtnFEMI"
    for body in (
        f"<AssumeRoleResponse><AssumeRoleResult><Credentials><SecretAccessKey>{secret}",
        secret,
        f"[{secret!r}]",
    ):
        for operation in WITH_BODY:
            with pytest.raises(InvalidResponseError) as raised:
                parsed(operation, body.encode())
            error: BaseException | None = raised.value
            assert error is not None
            assert secret not in str(error)
            assert error.__suppress_context__ or error.__context__ is None


def xml(operation: Operation, inner: str) -> bytes:
    name = operation.name
    return f"<{name}Response><{name}Result>{inner}</{name}Result></{name}Response>".encode()


def test_a_role_without_policies_is_one() -> None:
    answer = parsed(Read.ListRolePolicies, xml(Read.ListRolePolicies, "<PolicyNames/>"))
    assert answer["PolicyNames"] == []


@pytest.mark.parametrize(
    ("operation", "inner"),
    [
        (Read.ListRolePolicies, ""),
        (Read.ListRolePolicies, "<PolicyNames><member/></PolicyNames>"),
        (Read.GetRolePolicy, "<RoleName>r</RoleName><PolicyName>p</PolicyName>"),
        (Read.GetRolePolicy, "<RoleName>r</RoleName><PolicyName>p</PolicyName><PolicyDocument/>"),
    ],
)
def test_policies_of_a_role_that_are_not_there_are_none(operation: Operation, inner: str) -> None:
    with pytest.raises(InvalidResponseError):
        parsed(operation, xml(operation, inner))


@pytest.mark.parametrize("operation", [Read.ListRolePolicies, Read.ListAttachedRolePolicies], ids=str)
def test_a_page_that_is_not_the_last_says_which_is_next(operation: Operation) -> None:
    member = "PolicyNames" if operation is Read.ListRolePolicies else "AttachedPolicies"

    def read(more: str) -> Any:
        answer = parsed(operation, xml(operation, f"<{member}/>{more}"))
        check_subject(operation, REGION, {}, answer)
        return answer

    assert read("<IsTruncated>false</IsTruncated>")[member] == []
    assert read("<IsTruncated>true</IsTruncated><Marker>m</Marker>")["Marker"] == "m"
    with pytest.raises(InvalidResponseError):
        read("<IsTruncated>true</IsTruncated>")


ORGANIZATION = {
    "Id": "o-exampleorgid",
    "Arn": "arn:aws:organizations::123456789012:organization/o-exampleorgid",
    "MasterAccountId": "123456789012",
}


@pytest.mark.parametrize(
    ("organization", "is_whole"),
    [
        (ORGANIZATION, True),
        (ORGANIZATION | {"Arn": None}, True),
        (ORGANIZATION | {"Arn": ORGANIZATION["Arn"].replace("arn:aws:", "arn:aws-us-gov:")}, True),
        (ORGANIZATION | {"Id": "unknown", "Arn": None}, False),
        (ORGANIZATION | {"Id": "o-exampleother"}, False),
        (ORGANIZATION | {"MasterAccountId": "unknown", "Arn": None}, False),
        (ORGANIZATION | {"MasterAccountId": "210987654321"}, False),
        (ORGANIZATION | {"Arn": "unknown"}, False),
    ],
)
def test_an_organization_does_not_contradict_itself(organization: dict[str, Any], is_whole: bool) -> None:
    answer = parsed(Read.DescribeOrganization, json.dumps({"Organization": organization}).encode())
    if is_whole:
        check_subject(Read.DescribeOrganization, REGION, {}, answer)
    else:
        with pytest.raises(InvalidResponseError):
            check_subject(Read.DescribeOrganization, REGION, {}, answer)


@pytest.mark.parametrize(
    ("account", "arn", "is_whole"),
    [
        ("123456789012", CALLER, True),
        ("123456789012", "arn:aws-cn:sts::123456789012:assumed-role/r/s", True),
        ("210987654321", CALLER, False),
        ("x", "arn:aws:iam::x:user/operator", False),
        ("123456789012", "x", False),
        ("", CALLER, False),
    ],
)
def test_who_we_are_does_not_contradict_itself(account: str, arn: str, is_whole: bool) -> None:
    def read() -> None:
        operation = Read.GetCallerIdentity
        answer = parsed(operation, xml(operation, f"<Arn>{arn}</Arn><Account>{account}</Account>"))
        check_subject(operation, REGION, {}, answer)

    if is_whole:
        read()
    else:
        with pytest.raises(InvalidResponseError):
            read()


@pytest.mark.parametrize(
    ("asked", "told", "is_whole"),
    [
        ("alias/logs", "arn:aws:kms:us-east-1:123456789012:key/k", True),
        ("alias/logs", "arn:aws:kms:eu-west-1:123456789012:key/k", False),
        ("alias/logs", "arn:aws:kms:us-east-1:210987654321:key/k", False),
        ("alias/logs", "k", False),
        ("key/k", "arn:aws:kms:us-east-1:123456789012:key/k", True),
        ("key/k", "arn:aws:kms:us-east-1:123456789012:key/other", False),
    ],
)
def test_a_key_is_the_one_that_was_asked_for(asked: str, told: str, is_whole: bool) -> None:
    parameters = {"KeyId": f"arn:aws:kms:us-east-1:123456789012:{asked}"}
    body = json.dumps({"KeyMetadata": {"KeyId": "k", "Arn": told, "KeyState": "Enabled"}}).encode()
    answer = parsed(Read.DescribeKey, body)
    if is_whole:
        check_subject(Read.DescribeKey, REGION, parameters, answer)
    else:
        with pytest.raises(InvalidResponseError):
            check_subject(Read.DescribeKey, REGION, parameters, answer)
