"""An answer of AWS is used only if it is whole, and about what was asked: by botocore's own clients and parsers."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.model import ServiceModel

from trail_operator.aws.answers import NotWholeError, Parsers, check_subject

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
CALLER = "arn:aws:iam::123456789012:user/operator"


@cache
def model_of(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def parsed(service: str, operation: str, body: bytes, status: int = 200) -> Any:
    model = model_of(service)
    response = {"status_code": status, "headers": {}, "body": body, "context": {}}
    shape = model.operation_model(operation).output_shape
    return Parsers().create_parser(model.resolved_protocol).parse(response, shape)


def answered(operation: str, answer: object, parameters: Mapping[str, Any] | None = None) -> Any:
    result = parsed("cloudtrail", operation, json.dumps(answer).encode())
    check_subject(operation, REGION, parameters or {}, result)
    return result


# In the shapes in which AWS answers.
WHOLE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("GetTrailStatus", STATUS, {"Name": ARN}),
    ("GetTrailStatus", STATUS | {"IsLogging": False, "StartLoggingTime": 1469336277.36, "NewMember": 1}, {"Name": ARN}),
    ("GetTrail", {"Trail": DESCRIBED}, {"Name": ARN}),
    ("DescribeTrails", {"trailList": []}, {}),
    ("DescribeTrails", {"trailList": [{**DESCRIBED, "HomeRegion": "us-west-2"}]}, {}),
    ("DescribeTrails", {"trailList": [{k: v for k, v in DESCRIBED.items() if k != "S3BucketName"}]}, {}),
    ("GetEventSelectors", SELECTORS, {"TrailName": ARN}),
    (
        "GetEventSelectors",
        {
            "TrailARN": ARN,
            "AdvancedEventSelectors": [
                {"Name": "", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"], "NotEquals": None}]}
            ],
        },
        {"TrailName": ARN},
    ),
    ("GetInsightSelectors", {"TrailARN": ARN}, {"TrailName": ARN}),
    ("GetEventConfiguration", {"TrailARN": ARN}, {"TrailName": ARN}),
    ("ListTags", {"ResourceTagList": [{"ResourceId": ARN, "TagsList": []}]}, {"ResourceIdList": [ARN]}),
    ("ListTrails", {"Trails": [{"TrailARN": ARN, "Name": "audit", "HomeRegion": REGION}]}, {}),
    ("CreateTrail", TRAIL, {"Name": "audit", "S3BucketName": "logs"}),
    ("UpdateTrail", TRAIL | {"SnsTopicARN": "", "SnsTopicName": ""}, {"Name": ARN}),
    ("PutEventSelectors", SELECTORS, {"TrailName": ARN}),
    *((operation, {}, {}) for operation in ("StartLogging", "StopLogging", "DeleteTrail", "AddTags", "RemoveTags")),
]


@pytest.mark.parametrize(("operation", "answer", "parameters"), WHOLE)
def test_what_aws_answers_is_whole(operation: str, answer: dict[str, Any], parameters: dict[str, Any]) -> None:
    assert set(answered(operation, answer, parameters)) - {"ResponseMetadata"} <= set(answer)


@pytest.mark.parametrize(
    ("operation", "answer", "parameters"),
    [
        ("GetTrailStatus", STATUS | {"IsLogging": 0}, {}),
        ("GetTrailStatus", STATUS | {"IsLogging": "false"}, {}),
        ("GetTrailStatus", STATUS | {"LatestDeliveryTime": "yesterday"}, {}),
        ("GetTrailStatus", STATUS | {"LatestDeliveryTime": True}, {}),
        ("GetTrailStatus", {"IsLogging": True}, {}),
        ("GetTrailStatus", TEXTS, {}),
        ("GetTrail", {}, {"Name": ARN}),
        ("GetTrail", {"Trail": TRAIL}, {"Name": ARN}),
        ("GetTrail", {"Trail": DESCRIBED | {"HomeRegion": "eu-west-9"}}, {"Name": ARN}),
        ("GetTrail", {"Trail": DESCRIBED | {"TrailARN": "x"}}, {"Name": ARN}),
        ("GetTrail", {"Trail": DESCRIBED | {"TrailARN": f"{ARN}-2", "Name": "audit-2"}}, {"Name": ARN}),
        ("GetTrail", {"Trail": DESCRIBED | {"Name": "other"}}, {"Name": ARN}),
        ("GetTrail", {"Trail": DESCRIBED | {"S3BucketName": ""}}, {"Name": ARN}),
        ("DescribeTrails", {}, {}),
        ("DescribeTrails", {"trailList": [None]}, {}),
        ("DescribeTrails", {"trailList": [{"Name": "audit"}]}, {}),
        ("GetEventSelectors", {"TrailARN": ARN}, {"TrailName": ARN}),
        ("GetEventSelectors", {"TrailARN": ARN, "EventSelectors": []}, {"TrailName": ARN}),
        ("GetEventSelectors", {"TrailARN": ARN, "EventSelectors": "All"}, {"TrailName": ARN}),
        (
            "GetEventSelectors",
            {"TrailARN": ARN, "EventSelectors": [{"DataResources": [{"Type": "T", "Values": "abc"}]}]},
            {"TrailName": ARN},
        ),
        ("GetEventSelectors", SELECTORS, {"TrailName": f"{ARN}-2"}),
        ("GetInsightSelectors", {}, {"TrailName": ARN}),
        ("GetInsightSelectors", {"TrailARN": ARN, "InsightSelectors": [{}]}, {"TrailName": ARN}),
        ("GetEventConfiguration", {}, {"TrailName": ARN}),
        ("ListTags", {}, {"ResourceIdList": [ARN]}),
        ("ListTags", {"ResourceTagList": []}, {"ResourceIdList": [ARN]}),
        ("ListTags", {"ResourceTagList": [{"ResourceId": ARN, "TagsList": [{}]}]}, {"ResourceIdList": [ARN]}),
        ("ListTrails", {"NextToken": "more"}, {}),
        ("CreateTrail", {}, {"Name": "audit", "S3BucketName": "logs"}),
        ("CreateTrail", TRAIL | {"S3BucketName": "other"}, {"Name": "audit", "S3BucketName": "logs"}),
        (
            "CreateTrail",
            TRAIL | {"TrailARN": ARN.replace(REGION, "eu-west-1")},
            {"Name": "audit", "S3BucketName": "logs"},
        ),
        ("DeleteTrail", {"__type": "InternalFailure"}, {}),
    ],
)
def test_what_lacks_what_is_needed_or_is_about_something_else_is_none(
    operation: str, answer: object, parameters: dict[str, Any]
) -> None:
    with pytest.raises(NotWholeError):
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
OPERATIONS = [
    *(("cloudtrail", operation) for operation in dict.fromkeys(operation for operation, _, _ in WHOLE)),
    ("sts", "GetCallerIdentity"),
    ("sts", "AssumeRole"),
    ("sts", "AssumeRoleWithWebIdentity"),
    ("s3", "GetBucketPolicy"),
    ("s3", "GetBucketLocation"),
    ("sns", "GetTopicAttributes"),
    ("kms", "DescribeKey"),
    ("kms", "GetKeyPolicy"),
    ("logs", "DescribeLogGroups"),
    *(("iam", operation) for operation in ("GetRole", "ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies")),
    ("iam", "GetPolicy"),
    ("iam", "GetPolicyVersion"),
    ("organizations", "DescribeOrganization"),
]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_a_success_without_a_body_of_its_own_is_none(service: str, operation: str, body: bytes) -> None:
    for status in (200, 204):
        with pytest.raises(NotWholeError):
            parsed(service, operation, body, status)


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
        "GetBucketPolicy": ("s3", policy.encode()),
        "GetKeyPolicy": ("kms", json.dumps({"Policy": policy, "PolicyName": "default"}).encode()),
    }
    for operation, (service, body) in answers.items():
        if is_whole:
            assert parsed(service, operation, body)["Policy"] == policy
        else:
            with pytest.raises(NotWholeError):
                parsed(service, operation, body)


@pytest.mark.parametrize("status", [301, 302, 400, 403, 404, 407, 429, 500, 502, 503])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize(
    ("service", "operation"), [OPERATIONS[0], ("sts", "GetCallerIdentity"), ("s3", "GetBucketPolicy")]
)
def test_an_error_without_a_code_of_aws_is_none(service: str, operation: str, body: bytes, status: int) -> None:
    with pytest.raises(NotWholeError):
        parsed(service, operation, body, status)


@pytest.mark.parametrize("body", [{"__type": {}}, {"__type": "X", "message": {}}, {"message": "x"}, {"__type": ""}])
def test_an_error_whose_code_or_message_is_no_text_is_none(body: object) -> None:
    with pytest.raises(NotWholeError):
        parsed("cloudtrail", "GetTrail", json.dumps(body).encode(), 400)


def test_errors_of_aws_are_read() -> None:
    body = json.dumps({"__type": "TrailNotFoundException", "Message": "Unknown trail"}).encode()
    assert parsed("cloudtrail", "GetTrail", body, 400)["Error"] == {
        "Code": "TrailNotFoundException",
        "Message": "Unknown trail",
    }
    xml = b"<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>"
    assert parsed("s3", "GetBucketPolicy", xml, 404)["Error"]["Code"] == "NoSuchBucket"
    assert parsed("s3", "HeadBucket", b"", 404)["Error"]["Code"] == "404"


def test_what_a_body_holds_is_in_no_exception() -> None:
    secret = "wJalrXUtnFEMI"
    for body in (
        f"<AssumeRoleResponse><AssumeRoleResult><Credentials><SecretAccessKey>{secret}",
        secret,
        f"[{secret!r}]",
    ):
        for service, operation in OPERATIONS:
            with pytest.raises(NotWholeError) as raised:
                parsed(service, operation, body.encode())
            error: BaseException | None = raised.value
            assert error is not None
            assert secret not in str(error)
            assert error.__suppress_context__ or error.__context__ is None


def xml(operation: str, inner: str) -> bytes:
    return f"<{operation}Response><{operation}Result>{inner}</{operation}Result></{operation}Response>".encode()


def test_a_role_without_policies_is_one() -> None:
    answer = parsed("iam", "ListRolePolicies", xml("ListRolePolicies", "<PolicyNames/>"))
    assert answer["PolicyNames"] == []


@pytest.mark.parametrize(
    ("operation", "inner"),
    [
        ("ListRolePolicies", ""),
        ("ListRolePolicies", "<PolicyNames><member/></PolicyNames>"),
        ("GetRolePolicy", "<RoleName>r</RoleName><PolicyName>p</PolicyName>"),
        ("GetRolePolicy", "<RoleName>r</RoleName><PolicyName>p</PolicyName><PolicyDocument/>"),
    ],
)
def test_policies_of_a_role_that_are_not_there_are_none(operation: str, inner: str) -> None:
    with pytest.raises(NotWholeError):
        parsed("iam", operation, xml(operation, inner))


@pytest.mark.parametrize("operation", ["ListRolePolicies", "ListAttachedRolePolicies"])
def test_a_page_that_is_not_the_last_says_which_is_next(operation: str) -> None:
    member = {"ListRolePolicies": "PolicyNames"}.get(operation, "AttachedPolicies")

    def read(more: str) -> Any:
        answer = parsed("iam", operation, xml(operation, f"<{member}/>{more}"))
        check_subject(operation, REGION, {}, answer)
        return answer

    assert read("<IsTruncated>false</IsTruncated>")[member] == []
    assert read("<IsTruncated>true</IsTruncated><Marker>m</Marker>")["Marker"] == "m"
    with pytest.raises(NotWholeError):
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
    answer = parsed("organizations", "DescribeOrganization", json.dumps({"Organization": organization}).encode())
    if is_whole:
        check_subject("DescribeOrganization", REGION, {}, answer)
    else:
        with pytest.raises(NotWholeError):
            check_subject("DescribeOrganization", REGION, {}, answer)


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
        answer = parsed(
            "sts", "GetCallerIdentity", xml("GetCallerIdentity", f"<Arn>{arn}</Arn><Account>{account}</Account>")
        )
        check_subject("GetCallerIdentity", REGION, {}, answer)

    if is_whole:
        read()
    else:
        with pytest.raises(NotWholeError):
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
    answer = parsed("kms", "DescribeKey", body)
    if is_whole:
        check_subject("DescribeKey", REGION, parameters, answer)
    else:
        with pytest.raises(NotWholeError):
            check_subject("DescribeKey", REGION, parameters, answer)
