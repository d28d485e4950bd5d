"""Messages of the event queue: every call in every spelling, and nothing that a message says raises or grows."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trail_operator.domain.cloudtrail_calls import CALLS, Kind
from trail_operator.domain.cloudtrail_event import CloudTrailEvent, Rejection, parse_message, parse_record
from trail_operator.domain.cloudtrail_resources import ResourceRef

ACCOUNT, OTHER, REGION = "123456789012", "210987654321", "eu-central-1"
TRAIL_ARN = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/audit"
KEY_ID = "11111111-2222-3333-4444-555555555555"
KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY_ID}"
ALIAS_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/trails"
ROLE = "arn:aws:sts::123456789012:assumed-role/admin/alice"
SERVICES = ("cloudtrail", "s3", "kms", "sns", "logs", "monitoring", "iam", "organizations")

TRAIL = ResourceRef(Kind.TRAIL, ACCOUNT, REGION, "audit")
BUCKET = ResourceRef(Kind.BUCKET, "", "", "my.logs")
KEY = ResourceRef(Kind.KEY, ACCOUNT, REGION, KEY_ID)
ALIAS = ResourceRef(Kind.ALIAS, ACCOUNT, REGION, "alias/trails")
TOPIC = ResourceRef(Kind.TOPIC, ACCOUNT, REGION, "topic")
LOG_GROUP = ResourceRef(Kind.LOG_GROUP, ACCOUNT, REGION, "trails/all")
FILTER = ResourceRef.of_filter(ACCOUNT, REGION, "trails/all", "c/n/set/RootUsage")
ALARM = ResourceRef(Kind.ALARM, ACCOUNT, REGION, "c/n/set/RootUsage")
OTHER_ALARM = ResourceRef(Kind.ALARM, ACCOUNT, REGION, "CPU high (prod)")
ALARM_ARN = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:c/n/set/RootUsage"
LOG_ROLE = ResourceRef(Kind.ROLE, ACCOUNT, "", "trail")
POLICY = ResourceRef(Kind.POLICY, ACCOUNT, "", "write")
ORGANIZATION = ResourceRef(Kind.ORGANIZATION, ACCOUNT, "", "")


def record(service: str = "cloudtrail", name: str = "StopLogging", **more: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "AssumedRole", "arn": ROLE, "accountId": ACCOUNT},
        "eventTime": "2026-01-02T03:04:05Z",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "aws-cli/2",
        "requestParameters": {"name": "audit"},
        "responseElements": None,
        "requestID": "request-1",
        "eventID": "event-1",
        "readOnly": False,
        "recipientAccountId": ACCOUNT,
        **more,
    }


def envelope(detail: Any, **more: Any) -> dict[str, Any]:
    service = detail["eventSource"].partition(".")[0] if isinstance(detail, dict) else "cloudtrail"
    return {
        "version": "0",
        "id": "delivery-1",
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{service}",
        "account": ACCOUNT,
        "time": "2026-01-02T03:04:05Z",
        "region": REGION,
        "resources": [],
        "detail": detail,
        **more,
    }


def parsed(detail: dict[str, Any], **more: Any) -> CloudTrailEvent:
    found = parse_message(json.dumps(envelope(detail, **more)))
    assert isinstance(found, CloudTrailEvent), found
    return found


def resources(service: str, name: str, requested: Any, **more: Any) -> set[ResourceRef]:
    return {*parsed(record(service, name, requestParameters=requested, **more)).resources}


def test_an_event_has_what_its_record_says() -> None:
    event = parsed(record())
    assert (event.account, event.region) == (ACCOUNT, REGION)
    assert (event.event_source, event.event_name) == ("cloudtrail.amazonaws.com", "StopLogging")
    assert event.event_time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (event.event_id, event.request_id, event.error_code) == ("event-1", "request-1", "")
    assert event.resources == {TRAIL}
    assert event.resources_of(Kind.TRAIL) == [TRAIL]
    assert event.resources_of(Kind.KEY) == []
    assert event.actor.principal == ROLE
    assert (event.actor.source_ip_address, event.actor.user_agent) == ("203.0.113.7", "aws-cli/2")
    assert (event.actor.source_identity, event.actor.on_behalf_of) == ("", "")


def test_a_record_on_its_own_is_read_like_one_in_an_event() -> None:
    assert parse_record(json.dumps(record())) == parsed(record())
    assert parse_record("[]") is Rejection.UNPARSABLE


@pytest.mark.parametrize("spelling", ["audit", TRAIL_ARN])
@pytest.mark.parametrize("member", ["name", "trailName", "resourceId"])
@pytest.mark.parametrize("name", [name for service, name in CALLS if service == "cloudtrail" and "Org" not in name])
def test_a_trail_is_found_in_every_spelling(name: str, member: str, spelling: str) -> None:
    assert resources("cloudtrail", name, {member: spelling}) == {TRAIL}


def test_an_answer_names_a_trail_more_precisely_than_its_request() -> None:
    """A delegated administrator's call names a trail that belongs to the management account."""
    arn = TRAIL_ARN.replace(ACCOUNT, OTHER)
    found = resources("cloudtrail", "UpdateTrail", {"name": "audit"}, responseElements={"trailARN": arn})
    assert found == {ResourceRef(Kind.TRAIL, OTHER, REGION, "audit")}


@pytest.mark.parametrize(
    ("service", "name", "requested", "more", "expected"),
    [
        ("s3", "PutBucketPolicy", {"bucketName": "my.logs", "Host": "x.s3.amazonaws.com"}, {}, {BUCKET}),
        ("s3", "DeleteBucket", {"host": "my.logs.s3.amazonaws.com"}, {}, {BUCKET}),
        ("s3", "DeleteBucket", {"Host": ["my.logs.s3.eu-central-1.amazonaws.com"]}, {}, {BUCKET}),
        ("s3", "PutBucketAcl", {"host": ["my.logs.s3-eu-west-1.amazonaws.com"]}, {}, {BUCKET}),
        ("s3", "PutBucketAcl", {"host": "my.logs.s3.dualstack.eu-west-1.amazonaws.com:443"}, {}, {BUCKET}),
        ("s3", "PutBucketAcl", {"host": "my.logs.s3.cn-north-1.amazonaws.com.cn"}, {}, {BUCKET}),
        ("s3", "PutBucketLifecycle", None, {"resources": [{"ARN": "arn:aws:s3:::my.logs"}]}, {BUCKET}),
        ("kms", "DisableKey", {"keyId": KEY_ID}, {}, {KEY}),
        ("kms", "DisableKey", {"keyId": KEY_ARN}, {}, {KEY}),
        ("kms", "DisableKey", {"keyId": KEY_ID}, {"resources": [{"ARN": KEY_ARN}]}, {KEY}),
        ("kms", "DeleteKey", None, {"resources": [{"arn": KEY_ARN, "type": "AWS::KMS::Key"}]}, {KEY}),
        ("kms", "ScheduleKeyDeletion", None, {"responseElements": {"keyId": KEY_ARN}}, {KEY}),
        ("kms", "EnableKey", {"keyId": "alias/trails"}, {}, {ALIAS}),
        ("kms", "EnableKey", {"keyId": ALIAS_ARN}, {}, {ALIAS}),
        ("kms", "UpdateAlias", {"aliasName": "alias/trails", "targetKeyId": KEY_ID}, {}, {ALIAS, KEY}),
        (
            "kms",
            "DeleteAlias",
            {"aliasName": "alias/trails"},
            {"resources": [{"ARN": ALIAS_ARN}, {"ARN": KEY_ARN}]},
            {ALIAS, KEY},
        ),
        ("sns", "DeleteTopic", {"topicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:topic"}, {}, {TOPIC}),
        ("sns", "CreateTopic", {"name": "topic"}, {}, {TOPIC}),
        ("sns", "Unsubscribe", {"subscriptionArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:topic:{'0' * 8}"}, {}, {TOPIC}),
        (
            *("sns", "Subscribe", {"topicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:topic", "protocol": "sqs"}),
            *({"subscriptionArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:topic:{'0' * 8}"}, {TOPIC}),
        ),
        ("logs", "DeleteLogGroup", {"logGroupName": "trails/all"}, {}, {LOG_GROUP}),
        (
            "logs",
            "PutRetentionPolicy",
            {"resourceIdentifier": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:trails/all:*"},
            {},
            {LOG_GROUP},
        ),
        (
            "logs",
            "PutMetricFilter",
            {"logGroupName": "trails/all", "filterName": "c/n/set/RootUsage", "filterPattern": "{a}"},
            {},
            {LOG_GROUP, FILTER},
        ),
        (
            "logs",
            "DeleteMetricFilter",
            {"logGroupName": "trails/all", "filterName": "c/n/set/RootUsage"},
            {},
            {LOG_GROUP, FILTER},
        ),
        ("logs", "DeleteMetricFilter", {"logGroupName": "trails/all", "filterName": "a:b"}, {}, {LOG_GROUP}),
        ("monitoring", "PutMetricAlarm", {"alarmName": "c/n/set/RootUsage", "threshold": 1}, {}, {ALARM}),
        ("monitoring", "PutCompositeAlarm", {"alarmName": "c/n/set/RootUsage"}, {}, {ALARM}),
        (
            "monitoring",
            "DeleteAlarms",
            {"alarmNames": ["c/n/set/RootUsage", "CPU high (prod)"]},
            {},
            {ALARM, OTHER_ALARM},
        ),
        ("monitoring", "DisableAlarmActions", {"alarmNames": ["c/n/set/RootUsage"]}, {}, {ALARM}),
        ("monitoring", "EnableAlarmActions", {"alarmNames": ["c/n/set/RootUsage"]}, {}, {ALARM}),
        ("monitoring", "TagResource", {"resourceARN": ALARM_ARN, "tags": [{"key": "a", "value": "b"}]}, {}, {ALARM}),
        ("monitoring", "UntagResource", {"resourceArn": ALARM_ARN, "tagKeys": ["a"]}, {}, {ALARM}),
        ("iam", "DetachRolePolicy", {"roleName": "trail", "policyArn": "arn:aws:iam::aws:policy/x"}, {}, {LOG_ROLE}),
        ("iam", "CreatePolicyVersion", {"policyArn": f"arn:aws:iam::{ACCOUNT}:policy/a/b/write"}, {}, {POLICY}),
        ("iam", "UpdateAssumeRolePolicy", {"roleName": "trail"}, {}, {LOG_ROLE}),
        ("organizations", "DisableAWSServiceAccess", {"servicePrincipal": "x"}, {}, {ORGANIZATION}),
        ("cloudtrail", "DeregisterOrganizationDelegatedAdmin", {"delegatedAdminAccountId": OTHER}, {}, {ORGANIZATION}),
    ],
)
def test_a_dependency_is_found_in_every_spelling(
    service: str, name: str, requested: Any, more: dict[str, Any], expected: set[ResourceRef]
) -> None:
    assert resources(service, name, requested, **more) == expected


def test_every_call_of_the_table_is_read() -> None:
    everything = {
        "name": "audit",
        "bucketName": "my.logs",
        "keyId": KEY_ID,
        "logGroupName": "trails/all",
        "filterName": "c/n/set/RootUsage",
        "alarmName": "c/n/set/RootUsage",
        "roleName": "trail",
        "policyArn": f"arn:aws:iam::{ACCOUNT}:policy/write",
    }
    for service, name in CALLS:
        assert resources(service, name, everything), (service, name)
    assert {service for service, _ in CALLS} == set(SERVICES)


@pytest.mark.parametrize(
    "requested",
    [
        None,
        {},
        {"name": None},
        {"name": ["a/b"]},
        {"name": "x" * 129},
        {"name": "a b"},
        {"name": "audit\n"},
        {"name": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:eventdatastore/audit"},
        {"name": f"arn:aws:cloudtrail:{REGION}:1:trail/audit"},
        {"name": f"arn:aws:cloudtrail:x:{ACCOUNT}:trail/audit"},
        {"name": f"arn:aws:s3:{REGION}:{ACCOUNT}:trail/audit"},
        {"name": "arn:"},
        {"bucketName": "audit"},
    ],
)
def test_what_names_no_trail_is_irrelevant(requested: Any) -> None:
    assert parse_record(json.dumps(record(requestParameters=requested))) is Rejection.IRRELEVANT


@pytest.mark.parametrize(
    ("service", "name"),
    [("cloudtrail", "GetTrail"), ("ec2", "RunInstances"), ("kms", "RevokeGrant"), ("s3", "StopLogging")],
)
def test_other_calls_are_irrelevant(service: str, name: str) -> None:
    assert parse_message(json.dumps(envelope(record(service, name)))) is Rejection.IRRELEVANT


@pytest.mark.parametrize(
    "envelope_says",
    [{"account": OTHER}, {"account": None}, {"region": "us-east-1"}, {"source": "aws.s3"}, {"source": 7}],
)
def test_an_event_that_contradicts_its_record_is_none(envelope_says: dict[str, Any]) -> None:
    assert parse_message(json.dumps(envelope(record(), **envelope_says))) is Rejection.CONTRADICTORY


@pytest.mark.parametrize(
    "more",
    [
        {"eventTime": "yesterday"},
        {"eventTime": 7},
        {"eventTime": "2026-13-02T03:04:05Z"},
        {"eventTime": "0000-01-01T00:00:00Z"},
        {"eventTime": "0001-01-01T00:00:00+23:59"},
        {"eventID": ""},
        {"eventID": None},
        {"eventSource": {}},
        {"eventName": []},
        {"awsRegion": "EU"},
        {"recipientAccountId": "1234567890123"},
        {"recipientAccountId": 123456789012},
    ],
)
def test_a_record_without_its_members_is_none(more: dict[str, Any]) -> None:
    assert parse_record(json.dumps(record() | more)) is Rejection.UNPARSABLE


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "7",
        '"text"',
        "[]",
        "{}",
        "[" * 500_000,
        '{"detail":' * 50_000 + "1" + "}" * 50_000,
        json.dumps(envelope("text")),
        json.dumps(envelope(record(), **{"detail-type": "Scheduled Event"})),
        json.dumps(envelope(record(), **{"detail-type": ["AWS API Call via CloudTrail"]}))[:-1],
        '{"Type": "Notification", "Message": "{}"}',
        "\ud800",
        "\ufeff{}",
        " " * (1024 * 1024 + 1),
    ],
    ids=lambda body: f"{len(body)}-characters",
)
def test_garbage_is_no_event(body: str) -> None:
    assert parse_message(body) is Rejection.UNPARSABLE


def test_a_detail_type_that_is_no_text_is_none() -> None:
    assert parse_message(json.dumps(envelope(record(), **{"detail-type": []}))) is Rejection.UNPARSABLE


def test_numbers_of_any_length_are_read_over() -> None:
    text = json.dumps(envelope(record(extra=1))).replace('"extra": 1', f'"extra": [{"9" * 900_000}, 1e{"9" * 5000}]')
    assert isinstance(parse_message(text), CloudTrailEvent)


@pytest.mark.parametrize(
    ("code", "is_failed"), [(None, False), ("", False), ("AccessDenied", True), (7, True), ({}, True), ("\n", True)]
)
def test_a_failed_call_has_an_error_code(code: Any, is_failed: bool) -> None:
    assert bool(parsed(record(errorCode=code)).error_code) is is_failed


def test_a_fraction_of_a_second_is_read() -> None:
    assert parsed(record(eventTime="2026-01-02T03:04:05.678Z")).event_time.microsecond == 678_000


@pytest.mark.parametrize(
    ("identity", "principal", "source_identity", "on_behalf_of"),
    [
        (
            {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root", "userName": "x"},
            f"arn:aws:iam::{ACCOUNT}:root",
            "",
            "",
        ),
        ({"arn": ROLE, "sessionContext": {"sourceIdentity": "alice"}}, ROLE, "alice", ""),
        ({"arn": ROLE, "invokedBy": "cloudformation.amazonaws.com"}, ROLE, "", ""),
        ({"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}, "cloudtrail.amazonaws.com", "", ""),
        ({"type": "IdentityCenterUser", "onBehalfOf": {"userId": "u-1"}}, "", "", "u-1"),
        ({"type": "AWSAccount", "accountId": OTHER, "principalId": "AIDA"}, "", "", ""),
        (None, "", "", ""),
        ([], "", "", ""),
        ({"arn": 7, "sessionContext": 7, "onBehalfOf": []}, "", "", ""),
    ],
)
def test_who_made_the_call(identity: Any, principal: str, source_identity: str, on_behalf_of: str) -> None:
    actor = parsed(record(userIdentity=identity)).actor
    assert (actor.principal, actor.source_identity, actor.on_behalf_of) == (principal, source_identity, on_behalf_of)


def test_texts_are_short_and_have_no_control_characters() -> None:
    odd = "\ud800\x00\n\u202e" + "x" * 10_000
    event = parsed(
        record(
            userIdentity={"arn": odd, "sessionContext": {"sourceIdentity": odd}, "onBehalfOf": {"userId": odd}},
            **dict.fromkeys(("eventID", "requestID", "errorCode", "sourceIPAddress", "userAgent"), odd),
        )
    )
    actor = event.actor
    texts = [event.event_id, event.request_id, event.error_code, actor.principal, actor.source_identity]
    texts += [actor.on_behalf_of, actor.source_ip_address, actor.user_agent]
    assert all(text.isprintable() and 0 < len(text) <= 2048 for text in texts)


def test_a_forged_list_of_resources_is_bounded() -> None:
    many = [{"ARN": KEY_ARN.replace(KEY_ID, str(number))} for number in range(5000)]
    assert len(resources("kms", "DisableKey", None, resources=many)) <= 10
    assert len(resources("s3", "DeleteBucket", {"host": [f"b{one}x.s3.amazonaws.com" for one in range(999)]})) <= 10
    assert len(resources("monitoring", "DeleteAlarms", {"alarmNames": [f"alarm-{one}" for one in range(999)]})) == 100


SHAPES: dict[str, Callable[[int], str]] = {
    "nested": lambda size: '{"detail":' * (size // 10) + "1" + "}" * (size // 10),
    "a long number": lambda size: json.dumps(envelope(record(extra=0))).replace('"extra": 0', f'"extra": {"9" * size}'),
    "many numbers": lambda size: json.dumps(envelope(record(extra=[7] * (size // 3)))),
    "many resources": lambda size: json.dumps(
        envelope(record("kms", "DisableKey", resources=[{"ARN": KEY_ARN}] * (size // 90)))
    ),
    "many hosts": lambda size: json.dumps(
        envelope(record("s3", "DeleteBucket", requestParameters={"host": ["a.s3." * 60] * (size // 300)}))
    ),
    "a long host": lambda size: json.dumps(
        envelope(record("s3", "DeleteBucket", requestParameters={"host": "a.s3." * (size // 5)}))
    ),
    "long texts": lambda size: json.dumps(
        envelope(record(userAgent="\ud800" * (size // 6), eventID="x\n" * (size // 3)))
    ),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_ten_times_the_size_takes_no_more_than_ten_times_the_work(shape: Callable[[int], str]) -> None:
    """Counted in calls of functions, those of C included."""
    assert work(shape(100_000)) <= 11 * work(shape(10_000)) + 1000


def work(body: str) -> int:
    """How many functions are called to parse a message."""
    count = 0

    def note(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        parse_message(body)
    finally:
        sys.setprofile(None)
    return count


HUGE = "a number of 5,000 digits"
TEXTS = st.text() | st.sampled_from(
    [ACCOUNT, REGION, "audit", TRAIL_ARN, KEY_ARN, ALIAS_ARN, "arn:aws:s3:::b", "\ud800", "arn::::::", "x" * 5000]
)
LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.just(HUGE) | TEXTS
MEMBERS = st.sampled_from(
    ["name", "trailName", "resourceId", "host", "Host", "ARN", "arn", "bucketName", "keyId", "aliasName", "userId", "x"]
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MEMBERS, inner, max_size=4))
FIELDS = st.sampled_from([*record(), "resources", "errorCode"])


def written(value: Any) -> str:
    """JSON that says what it likes, with numbers that Python does not write by itself."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{written(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    if value == HUGE:
        return "1" + "0" * 5000
    return json.dumps(value)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_any_json_is_an_event_or_none(value: Any) -> None:
    assert isinstance(parse_message(written(value)), Rejection)


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_any_text_is_no_event(text: str) -> None:
    assert parse_message(text) is Rejection.UNPARSABLE


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(sorted(CALLS)), st.dictionaries(FIELDS, VALUES, max_size=4), st.dictionaries(FIELDS, VALUES))
def test_any_member_of_a_record_may_be_anything(
    call: tuple[str, str], changed: dict[str, Any], outside: dict[str, Any]
) -> None:
    detail = record(*call) | changed
    found = parse_message(written({**outside, **envelope(record(*call)), "detail": detail}))
    if isinstance(found, CloudTrailEvent):
        assert 0 < len(found.resources) <= 20
        assert found.event_time.tzinfo is UTC
        assert all(len(one.name) <= 512 for one in found.resources)
