"""The emulator's policy evaluator: what policies in the wild mean, operator by operator, and what AWS refuses."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from trail_sandbox.aws.policy import (
    Decision,
    MalformedPolicy,
    PolicyKind,
    Principal,
    Request,
    evaluate,
    validate,
    validate_bucket_policy,
)

ALLOW, DENY, NONE = Decision.ALLOW, Decision.DENY, Decision.NONE
ACCOUNT = "111122223333"
CLOUDTRAIL = Principal.service("cloudtrail.amazonaws.com")
ROOT = Principal.arn(f"arn:aws:iam::{ACCOUNT}:root")
ALICE = Principal.arn(f"arn:aws:iam::{ACCOUNT}:user/alice")
SESSION = Principal.arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/auditor/nightly")
TRAIL = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/main"
NOTHING: Mapping[str, str] = {}
WRITE: dict[str, str | list[str]] = {
    "s3:x-amz-acl": "bucket-owner-full-control",
    "aws:SourceArn": TRAIL,
    "aws:SourceAccount": ACCOUNT,
}
OBJECT = f"arn:aws:s3:::logs/AWSLogs/{ACCOUNT}/CloudTrail/x.json.gz"


SSE = "s3:x-amz-server-side-encryption"


def put(principal: Principal = CLOUDTRAIL, resource: str = OBJECT, context: Mapping[str, str] = NOTHING) -> Request:
    return Request(principal, "s3:PutObject", resource, {**WRITE, **context})


def statement(**members: Any) -> dict[str, Any]:
    """A statement about everything, but for the members given; a Not… member takes the place of its positive."""
    whole = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", **members}
    return {name: value for name, value in whole.items() if f"Not{name}" not in whole}


def policy(*statements: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements)}


def judged(request: Request, *statements: dict[str, Any]) -> Decision:
    return evaluate(policy(*statements), request)


TRAIL_WRITE = statement(
    Principal={"Service": "cloudtrail.amazonaws.com"},
    Action="s3:PutObject",
    Resource=f"arn:aws:s3:::logs/AWSLogs/{ACCOUNT}/*",
    Condition={"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceArn": TRAIL}},
)
ALLOW_ALL = statement()

NOT_TLS = {"Bool": {"aws:SecureTransport": "false"}}
NO_SERVICE = {
    "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    "StringNotEqualsIfExists": {"aws:PrincipalAccount": "999999999999"},
}


def deny(**members: Any) -> dict[str, Any]:
    return statement(Effect="Deny", **members)


WILD: list[tuple[str, Request, list[dict[str, Any]], Decision]] = [
    ("what AWS documents for a trail", put(), [TRAIL_WRITE], ALLOW),
    ("another account's prefix", put(resource="arn:aws:s3:::logs/AWSLogs/999999999999/x"), [TRAIL_WRITE], NONE),
    ("another service", put(Principal.service("config.amazonaws.com")), [TRAIL_WRITE], NONE),
    ("an identity of the account", put(ALICE), [TRAIL_WRITE], NONE),
    ("another trail", put(context={"aws:SourceArn": TRAIL + "2"}), [TRAIL_WRITE], NONE),
    ("another ACL", Request(CLOUDTRAIL, "s3:PutObject", OBJECT, {"aws:SourceArn": TRAIL}), [TRAIL_WRITE], NONE),
    ("another action", Request(CLOUDTRAIL, "s3:GetObject", OBJECT, WRITE), [TRAIL_WRITE], NONE),
    ("insecure transport denied", put(), [ALLOW_ALL, deny(Condition=NOT_TLS)], ALLOW),
    ("insecure transport", put(context={"aws:SecureTransport": "false"}), [ALLOW_ALL, deny(Condition=NOT_TLS)], DENY),
    ("outsiders denied, services not", put(), [ALLOW_ALL, deny(Condition=NO_SERVICE)], ALLOW),
    ("outsiders denied", put(ALICE), [ALLOW_ALL, deny(Condition=NO_SERVICE)], DENY),
    (
        "encryption required and absent",
        put(),
        [ALLOW_ALL, deny(Condition={"StringNotEquals": {SSE: "aws:kms"}})],
        DENY,
    ),
    (
        "encryption required if any",
        put(),
        [ALLOW_ALL, deny(Condition={"StringNotEquals": {SSE: "aws:kms"}, "Null": {SSE: "false"}})],
        ALLOW,
    ),
    (
        "IfExists does not weaken a denial",
        put(),
        [ALLOW_ALL, deny(Condition={"StringNotEqualsIfExists": {SSE: "aws:kms"}})],
        DENY,
    ),
    (
        "encryption required and there",
        put(context={SSE: "aws:kms"}),
        [ALLOW_ALL, deny(Condition={"StringNotEquals": {SSE: "aws:kms"}})],
        ALLOW,
    ),
    (
        "no encryption header denied",
        put(),
        [ALLOW_ALL, deny(Condition={"Null": {SSE: "true"}})],
        DENY,
    ),
    (
        "own organization",
        put(context={"aws:SourceOrgID": "o-abc"}),
        [statement(Condition={"StringEquals": {"aws:SourceOrgID": "o-abc"}})],
        ALLOW,
    ),
    ("no organization", put(), [statement(Condition={"StringEquals": {"aws:SourceOrgID": "o-abc"}})], NONE),
    ("confused deputy denied", put(), [ALLOW_ALL, deny(Condition={"Null": {"aws:SourceArn": "true"}})], ALLOW),
    (
        "source accounts listed",
        put(),
        [statement(Condition={"StringEquals": {"aws:SourceAccount": ["999999999999", ACCOUNT]}})],
        ALLOW,
    ),
    (
        "any trail of the account",
        put(),
        [statement(Condition={"ArnLike": {"aws:SourceArn": f"arn:aws:cloudtrail:*:{ACCOUNT}:trail/*"}})],
        ALLOW,
    ),
    ("all but CloudTrail denied", put(), [ALLOW_ALL, deny(NotPrincipal={"Service": CLOUDTRAIL.service_name})], ALLOW),
    ("all but CloudTrail denied: others", put(ALICE), [deny(NotPrincipal={"Service": CLOUDTRAIL.service_name})], DENY),
    ("all but the account denied", put(), [ALLOW_ALL, deny(NotPrincipal={"AWS": ACCOUNT})], DENY),
]


@pytest.mark.parametrize(("request_", "statements", "decision"), [c[1:] for c in WILD], ids=[c[0] for c in WILD])
def test_policies_in_the_wild(request_: Request, statements: list[dict[str, Any]], decision: Decision) -> None:
    assert judged(request_, *statements) is decision


def test_a_single_statement_needs_no_list() -> None:
    assert evaluate({"Version": "2012-10-17", "Statement": TRAIL_WRITE}, put()) is ALLOW


def test_text_and_mapping_mean_the_same() -> None:
    assert evaluate(json.dumps(policy(TRAIL_WRITE)), put()) is ALLOW


def test_deny_wins_wherever_it_stands() -> None:
    assert judged(put(), ALLOW_ALL, deny()) is judged(put(), deny(), ALLOW_ALL) is DENY


@pytest.mark.parametrize("document", ["", "{", "[]", '{"Statement": [{"Effect": "Allow"}]}', '{"Statement": []}'])
def test_a_document_that_cannot_be_read_says_nothing(document: str) -> None:
    assert evaluate(document, put()) is NONE


PRINCIPALS: list[tuple[Any, Principal, bool]] = [
    ("*", CLOUDTRAIL, True),
    ("*", ALICE, True),
    ({"AWS": "*"}, CLOUDTRAIL, True),
    ({"AWS": ACCOUNT}, ROOT, True),
    ({"AWS": ACCOUNT}, ALICE, True),
    ({"AWS": ACCOUNT}, SESSION, True),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, ALICE, True),
    ({"AWS": "999999999999"}, ALICE, False),
    ({"AWS": ACCOUNT}, CLOUDTRAIL, False),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"}, ALICE, True),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"}, ROOT, False),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"}, ALICE, False),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/auditor"}, SESSION, True),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/team/auditor"}, SESSION, True),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}, SESSION, False),
    ({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/auditor/nightly"}, SESSION, True),
    ({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/auditor/weekly"}, SESSION, False),
    ({"AWS": ["999999999999", ACCOUNT]}, ALICE, True),
    ({"Service": "cloudtrail.amazonaws.com"}, CLOUDTRAIL, True),
    ({"Service": ["config.amazonaws.com", "cloudtrail.amazonaws.com"]}, CLOUDTRAIL, True),
    ({"Service": "config.amazonaws.com"}, CLOUDTRAIL, False),
    ({"Service": "cloudtrail.amazonaws.com"}, ALICE, False),
    ({"Service": "cloudtrail.amazonaws.com", "AWS": ACCOUNT}, ALICE, True),
    ({"Federated": "accounts.google.com"}, ALICE, False),
]


@pytest.mark.parametrize(("named", "principal", "matches"), PRINCIPALS)
def test_principals(named: Any, principal: Principal, matches: bool) -> None:
    assert judged(put(principal), statement(Principal=named)) is (ALLOW if matches else NONE)


NOT_PRINCIPALS: list[tuple[Any, Principal, bool]] = [
    ({"Service": "cloudtrail.amazonaws.com"}, CLOUDTRAIL, False),
    ({"Service": "cloudtrail.amazonaws.com"}, ALICE, True),
    ({"AWS": ACCOUNT}, ROOT, False),
    # Naming the account alone does not spare its users: themselves must be named too.
    ({"AWS": ACCOUNT}, ALICE, True),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"}, ALICE, True),
    ({"AWS": [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/alice"]}, ALICE, False),
    ({"AWS": [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/auditor"]}, SESSION, True),
    (
        {
            "AWS": [
                ACCOUNT,
                f"arn:aws:iam::{ACCOUNT}:role/auditor",
                f"arn:aws:sts::{ACCOUNT}:assumed-role/auditor/nightly",
            ]
        },
        SESSION,
        False,
    ),
    ("*", ALICE, False),
]


@pytest.mark.parametrize(("named", "principal", "denied"), NOT_PRINCIPALS)
def test_not_principal(named: Any, principal: Principal, denied: bool) -> None:
    assert judged(put(principal), deny(NotPrincipal=named)) is (DENY if denied else NONE)


ACTIONS: list[tuple[str, Any, bool]] = [
    ("Action", "s3:PutObject", True),
    ("Action", "S3:putobject", True),
    ("Action", "s3:Put*", True),
    ("Action", "s3:*", True),
    ("Action", "*", True),
    ("Action", "s3:PutObjec?", True),
    ("Action", "s3:PutObject?", False),
    ("Action", "s3:PutObjectAcl", False),
    ("Action", ["s3:GetObject", "s3:PutObject"], True),
    ("NotAction", "s3:GetObject", True),
    ("NotAction", ["s3:Get*", "s3:Put*"], False),
]


@pytest.mark.parametrize(("element", "actions", "matches"), ACTIONS)
def test_actions(element: str, actions: Any, matches: bool) -> None:
    assert judged(put(), statement(**{element: actions})) is (ALLOW if matches else NONE)


RESOURCES: list[tuple[str, Any, bool]] = [
    ("Resource", OBJECT, True),
    ("Resource", "*", True),
    ("Resource", "arn:aws:s3:::logs/*", True),
    ("Resource", "arn:aws:s3:::log?/AWSLogs/*", True),
    ("Resource", "arn:aws:s3:::LOGS/*", False),
    ("Resource", "arn:aws:s3:::logs", False),
    ("Resource", ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"], True),
    ("Resource", "arn:aws:s3:::logs/AWSLogs/${aws:SourceAccount}/*", True),
    ("Resource", "arn:aws:s3:::logs/AWSLogs/${aws:Absent}/*", False),
    ("Resource", "arn:aws:s3:::logs/${aws:Absent, 'AWSLogs'}/*", True),
    ("NotResource", "arn:aws:s3:::other/*", True),
    ("NotResource", ["arn:aws:s3:::other/*", "arn:aws:s3:::logs/*"], False),
]


@pytest.mark.parametrize(("element", "resources", "matches"), RESOURCES)
def test_resources(element: str, resources: Any, matches: bool) -> None:
    assert judged(put(), statement(**{element: resources})) is (ALLOW if matches else NONE)


# Operator, policy values, the key's values in the request (None: absent), whether the condition holds.
OPERATORS: list[tuple[str, Any, str | list[str] | None, bool]] = [
    ("StringEquals", "a", "a", True),
    ("StringEquals", "a", "A", False),
    ("StringEquals", ["a", "b"], "b", True),
    ("StringEquals", "a*", "ab", False),
    ("StringEquals", "a*", "a*", True),
    ("StringEquals", "a", None, False),
    ("StringEqualsIfExists", "a", None, True),
    ("StringEqualsIfExists", "a", "b", False),
    ("StringNotEquals", "a", "b", True),
    ("StringNotEquals", "a", "a", False),
    ("StringNotEquals", ["a", "b"], "b", False),
    ("StringNotEquals", "a", None, True),
    ("StringEqualsIgnoreCase", "aBc", "AbC", True),
    ("StringNotEqualsIgnoreCase", "aBc", "AbC", False),
    ("StringLike", "a*c?", "abbbcd", True),
    ("StringLike", "a*c?", "abbbc", False),
    ("StringLike", "A*", "abc", False),
    ("StringLike", "a.c", "abc", False),
    ("StringLike", "*", "", True),
    ("StringLike", "*", None, False),
    ("StringNotLike", "a*", "abc", False),
    ("StringNotLike", "a*", None, True),
    ("ArnLike", "arn:aws:sns:*:1:t*", "arn:aws:sns:eu-west-1:1:topic", True),
    ("ArnEquals", "arn:aws:sns:*:1:t*", "arn:aws:sns:eu-west-1:1:topic", True),
    # A wildcard does not reach over the colon of a part, as StringLike's does.
    ("ArnLike", "arn:aws:sns:*:t", "arn:aws:sns:eu-west-1:1:t", False),
    ("StringLike", "arn:aws:sns:*:t", "arn:aws:sns:eu-west-1:1:t", True),
    ("ArnLike", "arn:aws:logs:*:*:log-group:*", "arn:aws:logs:r:1:log-group:g:log-stream:s", True),
    ("ArnNotLike", "arn:aws:sns:*:1:t*", "arn:aws:sns:eu-west-1:2:topic", True),
    ("ArnNotEquals", "arn:aws:sns:*:1:t*", "arn:aws:sns:eu-west-1:1:topic", False),
    ("ArnLike", "arn:aws:sns:*:1:t*", "topic", False),
    ("Bool", "true", "true", True),
    ("Bool", True, "true", True),
    ("Bool", "True", "true", True),
    ("Bool", "false", "true", False),
    ("Bool", "false", None, False),
    ("BoolIfExists", "false", None, True),
    ("Null", "true", None, True),
    ("Null", "true", "x", False),
    ("Null", "false", "x", True),
    ("Null", False, "x", True),
    ("Null", "false", None, False),
    ("Null", "true", [], True),
    ("NumericEquals", "10", "10.0", True),
    ("NumericEquals", 10, "10", True),
    ("NumericNotEquals", "10", "11", True),
    ("NumericLessThan", "10", "9", True),
    ("NumericLessThan", "10", "10", False),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericGreaterThan", "9", "10", True),
    ("NumericGreaterThanEquals", "10", "9", False),
    ("NumericLessThan", "10", "few", False),
    ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", True),
    ("DateLessThan", "2026-01-01", "2026-01-01T00:00:00Z", False),
    ("DateGreaterThan", "2026-01-01T00:00:00Z", "1798761600", True),
    ("DateEquals", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z", True),
    ("DateNotEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", False),
    ("DateLessThan", "2026-01-01T00:00:00Z", "soon", False),
    ("IpAddress", "203.0.113.0/24", "203.0.113.9", True),
    ("IpAddress", "203.0.113.9", "203.0.113.9", True),
    ("IpAddress", ["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", True),
    ("IpAddress", "203.0.113.0/24", "cloudtrail.amazonaws.com", False),
    ("NotIpAddress", "203.0.113.0/24", "203.0.113.9", False),
    ("NotIpAddress", "203.0.113.0/24", "198.51.100.1", True),
    ("NotIpAddress", "203.0.113.0/24", None, True),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
    ("BinaryEquals", "QmluYXJ5", "T3RoZXI=", False),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
    ("ForAllValues:StringEquals", ["a"], None, True),
    ("ForAllValues:StringEquals", ["a"], [], True),
    ("ForAllValues:StringNotEquals", ["a"], ["b", "c"], True),
    ("ForAllValues:StringNotEquals", ["a"], ["a", "c"], False),
    ("ForAnyValue:StringEquals", ["a", "b"], ["b", "c"], True),
    ("ForAnyValue:StringEquals", ["a"], ["b", "c"], False),
    ("ForAnyValue:StringEquals", ["a"], None, False),
    ("ForAnyValue:StringNotEquals", ["a"], ["a", "c"], True),
    ("ForAnyValue:StringNotEquals", ["a"], ["a"], False),
    ("ForAnyValue:StringNotEquals", ["a"], None, False),
    ("ForAnyValue:StringLike", ["o-abc/*"], ["o-abc/r-1/ou-1/"], True),
    ("ForAnyValue:StringLikeIfExists", ["o-abc/*"], None, True),
    ("StringEquals", "${aws:SourceAccount}", ACCOUNT, True),
    ("StringEquals", "${aws:Absent}", ACCOUNT, False),
    ("StringNotEquals", "${aws:Absent}", ACCOUNT, True),
    ("StringEquals", "${aws:Absent, 'nobody'}", "nobody", True),
    ("StringEquals", "${AWS:sourceaccount}-x", f"{ACCOUNT}-x", True),
    ("StringLike", "${*}${?}${$}", "*?$", True),
    ("StringLike", "${*}", "anything", False),
    ("StringLike", "${s3:prefix}", "literal*", True),
    ("ArnLike", "arn:aws:sns:r:${aws:SourceAccount}:*", f"arn:aws:sns:r:{ACCOUNT}:t", True),
    ("NumericEquals", "${aws:SourceAccount}", ACCOUNT, False),
]


@pytest.mark.parametrize(("operator", "values", "actual", "holds"), OPERATORS)
def test_operators(operator: str, values: Any, actual: str | list[str] | None, holds: bool) -> None:
    context: dict[str, str | list[str]] = {"s3:prefix": "literal*", **WRITE}
    if actual is not None:
        context["test:Key"] = actual
    request = Request(ALICE, "s3:PutObject", OBJECT, context)
    granted = statement(Condition={operator: {"TEST:key": values}})
    assert judged(request, granted) is (ALLOW if holds else NONE)


def test_a_callers_wildcard_stays_a_plain_character() -> None:
    request = put(context={"aws:username": "*", "test:Key": "anyone"})
    assert judged(request, statement(Condition={"StringLike": {"test:Key": "${aws:username}"}})) is NONE


def test_variables_are_plain_text_in_the_old_version() -> None:
    old = policy(statement(Resource="arn:aws:s3:::logs/AWSLogs/${aws:SourceAccount}/*"), version="2008-10-17")
    assert evaluate(old, put()) is NONE
    assert evaluate(old, put(resource="arn:aws:s3:::logs/AWSLogs/${aws:SourceAccount}/x")) is ALLOW


def test_all_conditions_of_a_statement_must_hold() -> None:
    both = {"StringEquals": {"aws:SourceArn": TRAIL, "aws:SourceAccount": "999999999999"}}
    assert judged(put(), statement(Condition=both)) is NONE
    assert judged(put(), statement(Condition={"StringEquals": {"aws:SourceArn": TRAIL}, **NOT_TLS})) is NONE


PRINCIPAL_KEYS = [
    (CLOUDTRAIL, "aws:PrincipalIsAWSService", "true"),
    (CLOUDTRAIL, "aws:PrincipalServiceName", "cloudtrail.amazonaws.com"),
    (ALICE, "aws:PrincipalIsAWSService", "false"),
    (ALICE, "aws:PrincipalAccount", ACCOUNT),
    (ALICE, "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:user/alice"),
    (ALICE, "aws:PrincipalType", "User"),
    (SESSION, "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/auditor"),
    (SESSION, "aws:PrincipalType", "AssumedRole"),
    (ROOT, "aws:PrincipalType", "Account"),
]


@pytest.mark.parametrize(("principal", "key", "value"), PRINCIPAL_KEYS)
def test_condition_keys_that_follow_from_the_principal(principal: Principal, key: str, value: str) -> None:
    assert judged(put(principal), statement(Condition={"StringEquals": {key: value}})) is ALLOW


def test_services_have_no_account() -> None:
    assert judged(put(), statement(Condition={"Null": {"aws:PrincipalAccount": "true"}})) is ALLOW


def test_identity_policies_name_no_principal() -> None:
    own = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    assert judged(put(ALICE), own) is ALLOW


def test_trust_policies_name_no_resource() -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = f"arn:aws:iam::{ACCOUNT}:role/logs"
    assert judged(Request(CLOUDTRAIL, "sts:AssumeRole", role, {}), trust) is ALLOW
    assert judged(Request(ALICE, "sts:AssumeRole", role, {}), trust) is NONE


IDENTITY = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
TRUST = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
STORED = [
    (PolicyKind.RESOURCE, TRAIL_WRITE),
    (PolicyKind.RESOURCE, statement(Principal={"AWS": [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/path/r"]})),
    (PolicyKind.RESOURCE, statement(Principal={"CanonicalUser": "79a59df900b949e5"}, Sid="with spaces")),
    (PolicyKind.RESOURCE, deny(NotPrincipal={"AWS": ACCOUNT}, NotAction="s3:Get*", NotResource="arn:aws:s3:::b/*")),
    (PolicyKind.RESOURCE, statement(Condition={"ForAllValues:StringLikeIfExists": {"aws:TagKeys": ["a", "b"]}})),
    (PolicyKind.IDENTITY, IDENTITY),
    (PolicyKind.TRUST, TRUST),
    (PolicyKind.TRUST, TRUST | {"Action": ["sts:AssumeRole", "sts:TagSession"], "Condition": {}}),
]


@pytest.mark.parametrize(("kind", "stored"), STORED)
def test_what_may_be_stored(kind: PolicyKind, stored: dict[str, Any]) -> None:
    validate(policy(stored), kind)
    validate(json.dumps({"Statement": stored, "Id": "x"}), kind)


def without(member: str) -> dict[str, Any]:
    return policy({name: value for name, value in statement().items() if name != member})


MALFORMED: list[tuple[str | dict[str, Any], str]] = [
    ("", "Policies must be valid JSON and the first byte must be '{'"),
    ("[]", "Policies must be valid JSON and the first byte must be '{'"),
    ('{"Statement": ', "This policy contains invalid Json"),
    ('{"Statement": [], "Statement": []}', "Duplicate field Statement"),
    ({"Version": "2012-10-17"}, "Missing required field Statement"),
    (policy(), "Could not parse the policy: Statement is empty!"),
    (policy(statement(), version="2020-01-01"), "The policy must contain a valid version string"),
    (policy(statement()) | {"Statements": []}, "Unknown field Statements"),
    (policy(statement(Actions="s3:*")), "Unknown field Actions"),
    (without("Effect"), "Missing required field Effect"),
    (without("Action"), "Missing required field Action"),
    (without("Principal"), "Missing required field Principal"),
    (without("Resource"), "Missing required field Resource"),
    (policy(statement(Effect="allow")), "Invalid effect: allow"),
    (policy(statement(Action="PutObject")), "Policy has invalid action"),
    (policy(statement(Resource="logs/*")), "Policy has invalid resource"),
    (policy(statement(Resource=[])), "Invalid policy syntax."),
    (policy(statement(Resource=7)), "Invalid policy syntax."),
    (policy(statement(Principal="cloudtrail.amazonaws.com")), "Invalid policy syntax."),
    (policy(statement(Principal={"AWS": "alice"})), "Invalid principal in policy"),
    (policy(statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"})), "Invalid principal in policy"),
    (policy(statement(Principal={"Aws": "*"})), "Invalid principal in policy"),
    (policy(statement(Principal={"Service": "cloudtrail"})), "Invalid principal in policy"),
    (policy(statement(Condition={"StringEqual": {"a:b": "c"}})), "Invalid Condition type : StringEqual"),
    (policy(statement(Condition={"NullIfExists": {"a:b": "c"}})), "Invalid Condition type : NullIfExists"),
    (policy(statement(Condition={"EveryValue:Bool": {"a:b": "c"}})), "Invalid Condition type : EveryValue:Bool"),
    (policy(statement(Condition={"Bool": "true"})), "Invalid policy syntax."),
    (policy(statement(Condition={"Bool": {"a:b": {}}})), "Invalid policy syntax."),
    (policy(statement(Condition=[])), "Invalid policy syntax."),
    (
        policy({**statement(), "NotPrincipal": "*"}),
        "Statement has both Principal and NotPrincipal",
    ),
]


@pytest.mark.parametrize(("document", "message"), MALFORMED)
def test_what_no_resource_may_have_as_policy(document: str | dict[str, Any], message: str) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(MalformedPolicy) as refusal:
        validate(text)
    assert str(refusal.value) == message


REFUSED_BY_KIND = [
    (PolicyKind.IDENTITY, IDENTITY | {"Principal": "*"}, "should not specify a principal"),
    (PolicyKind.IDENTITY, {"Effect": "Allow", "Action": "s3:*"}, "must contain resources"),
    (PolicyKind.IDENTITY, IDENTITY | {"Resource": "logs"}, "ARN format"),
    (PolicyKind.IDENTITY, IDENTITY | {"Sid": "with spaces"}, "alpha-numeric"),
    (PolicyKind.TRUST, TRUST | {"Resource": "*"}, "prohibited field Resource"),
    (PolicyKind.TRUST, TRUST | {"Action": "s3:GetObject"}, "only specify STS AssumeRole actions"),
    (PolicyKind.TRUST, {"Effect": "Allow", "Action": "sts:AssumeRole"}, "Missing required field Principal"),
    (
        PolicyKind.TRUST,
        {"Effect": "Allow", "Action": "sts:AssumeRole", "NotPrincipal": {"AWS": ACCOUNT}},
        "NotPrincipal",
    ),
]


@pytest.mark.parametrize(("kind", "refused", "message"), REFUSED_BY_KIND)
def test_what_identities_and_roles_may_not_have(kind: PolicyKind, refused: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedPolicy, match=message):
        validate(policy(refused), kind)


def test_statement_ids_of_an_identity_policy_are_unique() -> None:
    with pytest.raises(MalformedPolicy, match="must be unique"):
        validate(policy(IDENTITY | {"Sid": "One"}, IDENTITY | {"Sid": "One"}), PolicyKind.IDENTITY)


BUCKET_STATEMENTS: list[tuple[dict[str, Any], str | None]] = [
    ({"Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::logs"}, None),
    ({"Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/AWSLogs/*"}, None),
    ({"Action": "s3:*", "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"]}, None),
    ({"Action": "*", "Resource": "arn:aws:s3:::logs/*"}, None),
    ({"Action": "s3:PutObject", "Resource": "arn:aws:s3:::l*"}, None),
    ({"Action": ["s3:GetBucketAcl", "s3:PutObject"], "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"]}, None),
    ({"Action": "s3:PutBucketObjectLockConfiguration", "Resource": "arn:aws:s3:::logs"}, None),
    ({"Action": "s3:PutObject", "Resource": "arn:aws:s3:::other/*"}, "Policy has invalid resource"),
    ({"Action": "s3:PutObject", "Resource": "arn:aws:sns:r:1:logs/*"}, "Policy has invalid resource"),
    ({"Action": "sns:Publish", "Resource": "arn:aws:s3:::logs"}, "Policy has invalid action"),
    (
        {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs"},
        "Action does not apply to any resource(s) in statement",
    ),
    (
        {"Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::logs/*"},
        "Action does not apply to any resource(s) in statement",
    ),
    (
        {"Action": ["s3:GetBucketAcl", "s3:PutObject"], "Resource": "arn:aws:s3:::logs/*"},
        "Action does not apply to any resource(s) in statement",
    ),
    ({"Action": "s3:PutObject", "Resource": "logs/*"}, "Policy has invalid resource"),
    ({"NotAction": "s3:PutObject", "Resource": "arn:aws:s3:::logs"}, None),
]


@pytest.mark.parametrize(("members", "message"), BUCKET_STATEMENTS)
def test_what_a_bucket_may_have_as_policy(members: dict[str, Any], message: str | None) -> None:
    document = policy(statement(**members))
    if message is None:
        validate_bucket_policy(document, "logs")
        return
    with pytest.raises(MalformedPolicy) as refusal:
        validate_bucket_policy(document, "logs")
    assert str(refusal.value) == message
