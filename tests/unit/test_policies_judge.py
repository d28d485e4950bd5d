"""Verdicts on policies as they are met in the wild, one row each."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from tests.unit.builders import policy
from trail_operator.domain.iam_policy import judge, prescribed
from trail_operator.domain.iam_policy.verdict import LONGEST_MESSAGE, Answer, Verdict, not_read

TRAIL = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit"
OTHER_TRAIL = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/other"
BUCKET = "audit-logs"
OBJECTS = "arn:aws:s3:::audit-logs/p/AWSLogs/123456789012/*"
EVERYTHING = ["arn:aws:s3:::audit-logs", "arn:aws:s3:::audit-logs/*"]
TOPIC = "arn:aws:sns:eu-west-1:123456789012:trail-events"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = "arn:aws:iam::123456789012:role/cloudtrail-logs"
GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:audit:*"
CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}

Statement = dict[str, Any]
ACL, WRITE = prescribed.bucket_statements(BUCKET, "p", TRAIL)


def bucket_verdict(*statements: Statement, kms_key_arn: str | None = None) -> Verdict:
    return judge.judge_bucket_policy(
        policy(*statements), bucket=BUCKET, prefix="p", trail_arn=TRAIL, kms_key_arn=kms_key_arn
    )


def deny(condition: Mapping[str, Any] | None = None, **changes: Any) -> Statement:
    statement: Statement = {
        "Sid": "DenyX",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": EVERYTHING,
    }
    return statement | ({"Condition": condition} if condition else {}) | changes


def write(condition: Mapping[str, Any] | None = None, **changes: Any) -> Statement:
    """The statement that lets CloudTrail write, with something changed."""
    return WRITE | ({"Condition": condition} if condition is not None else {}) | changes


def without(statement: Statement, element: str) -> Statement:
    return {name: value for name, value in statement.items() if name != element}


def added(document: str, verdict: Verdict) -> str:
    """The policy with the verdict's remedy pasted into its list of statements."""
    whole = json.loads(document)
    return json.dumps(whole | {"Statement": [*whole["Statement"], *json.loads(f"[{verdict.remedy}]")]})


ACCEPTED = {
    "as prescribed": [ACL, WRITE],
    "one statement for all": [
        {
            "Effect": "Allow",
            "Principal": CLOUDTRAIL,
            "Action": ["s3:GetBucketAcl", "s3:PutObject"],
            "Resource": ["arn:aws:s3:::audit-logs", OBJECTS],
        }
    ],
    "actions in another case": [ACL | {"Action": "S3:getbucketacl"}, write(Action="s3:putobject")],
    "action wildcard": [ACL | {"Action": "s3:GetBucket*"}, write(Action="s3:Put?bject")],
    "whole bucket": [ACL, write(Resource="arn:aws:s3:::audit-logs/*")],
    "any prefix": [ACL, write(Resource="arn:aws:s3:::audit-logs/*/AWSLogs/123456789012/*")],
    "several accounts": [ACL, write(Resource=["arn:aws:s3:::audit-logs/p/AWSLogs/210987654321/*", OBJECTS])],
    "everybody": [ACL | {"Principal": "*"}, write(Principal={"AWS": "*"})],
    "several services": [ACL, write(Principal={"Service": ["config.amazonaws.com", "cloudtrail.amazonaws.com"]})],
    "NotAction": [ACL, without(WRITE, "Action") | {"NotAction": "s3:DeleteObject"}],
    "NotResource that leaves the logs": [
        ACL,
        without(WRITE, "Resource") | {"NotResource": "arn:aws:s3:::audit-logs/tmp/*"},
    ],
    "no condition": [without(ACL, "Condition"), write({})],
    "SourceAccount": [ACL, write({"StringEquals": {"aws:SourceAccount": "123456789012"}})],
    "SourceArn of several trails": [ACL, write({"StringEquals": {"aws:SourceArn": [OTHER_TRAIL, TRAIL]}})],
    "SourceArn by ArnLike": [ACL, write({"ArnLike": {"aws:SourceArn": "arn:aws:cloudtrail:*:123456789012:trail/*"}})],
    "SourceArn by ArnEquals": [ACL, write({"ArnEquals": {"AWS:sourcearn": TRAIL}})],
    "SourceArn by StringLike": [ACL, write({"StringLike": {"aws:SourceArn": "arn:*:trail/a?dit"}})],
    "IfExists with the key": [ACL, write({"StringEqualsIfExists": {"aws:SourceArn": TRAIL}})],
    "IfExists without the key": [
        ACL | {"Condition": {"StringEqualsIfExists": {"s3:x-amz-acl": "private"}}},
        WRITE,
    ],
    "key is there": [ACL, write({"Null": {"aws:SourceArn": "false"}})],
    "a truth value as JSON has it": [ACL, write({"StringEquals": {"aws:SecureTransport": True}})],
    "a service": [ACL, write({"Bool": {"aws:PrincipalIsAWSService": True}})],
    "service name": [ACL, write({"StringEquals": {"aws:PrincipalServiceName": "cloudtrail.amazonaws.com"}})],
    "variable": [ACL, write(Resource="arn:aws:s3:::audit-logs/p/AWSLogs/${aws:SourceAccount}/*")],
    "ForAnyValue": [ACL, write({"ForAnyValue:StringEquals": {"aws:SourceAccount": ["1", "123456789012"]}})],
    "another statement that cannot be judged": [ACL, WRITE, write({"StringEquals": {"aws:SourceOrgID": "o-1"}})],
    "deny of insecure transport": [ACL, WRITE, deny({"Bool": {"aws:SecureTransport": "false"}})],
    "deny of old TLS": [ACL, WRITE, deny({"NumericLessThan": {"s3:TlsVersion": 1.2}})],
    "deny that exempts services": [
        ACL,
        WRITE,
        deny(
            {
                "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            }
        ),
    ],
    "deny of other services": [
        ACL,
        WRITE,
        deny({"StringNotEquals": {"aws:PrincipalServiceName": ["cloudtrail.amazonaws.com"]}}),
    ],
    "deny of other accounts' trails": [ACL, WRITE, deny({"StringNotEquals": {"aws:SourceAccount": "123456789012"}})],
    "deny of deletion": [ACL, WRITE, deny(Action=["s3:DeleteObject*", "s3:PutBucketPolicy"])],
    "deny elsewhere": [ACL, WRITE, deny(Resource="arn:aws:s3:::audit-logs/p/AWSLogs/123456789012/Config/*")],
    "deny to others": [ACL, WRITE, deny(Principal={"AWS": "arn:aws:iam::210987654321:root"})],
    "NotPrincipal with CloudTrail": [
        ACL,
        WRITE,
        without(deny(), "Principal") | {"NotPrincipal": CLOUDTRAIL},
    ],
    "deny of KMS keys": [
        ACL,
        WRITE,
        deny({"Null": {"s3:x-amz-server-side-encryption-aws-kms-key-id": "false"}}, Action="s3:PutObject"),
    ],
    "deny of other ACLs": [
        ACL,
        WRITE,
        deny({"StringNotEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}, Action="s3:PutObject"),
    ],
    "ForAllValues without the key": [
        ACL | {"Condition": {"ForAllValues:StringEquals": {"s3:x-amz-acl": "private"}}},
        WRITE,
    ],
}


@pytest.mark.parametrize("statements", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_bucket_policy_is_enough(statements: list[Statement]) -> None:
    verdict = bucket_verdict(*statements)
    assert verdict.allowed, verdict.message
    assert verdict.findings == ()
    assert verdict.remedy == ""


LACKING: dict[str, tuple[list[Statement], str]] = {
    "no ACL check": (
        [WRITE],
        "The policy of bucket audit-logs does not allow cloudtrail.amazonaws.com to perform s3:GetBucketAcl on "
        "arn:aws:s3:::audit-logs",
    ),
    "no write": (
        [ACL],
        "The policy of bucket audit-logs does not allow cloudtrail.amazonaws.com to perform s3:PutObject on " + OBJECTS,
    ),
    "wrong prefix": (
        [ACL, write(Resource="arn:aws:s3:::audit-logs/AWSLogs/123456789012/*")],
        "its Resource arn:aws:s3:::audit-logs/AWSLogs/123456789012/* (another prefix) does not match " + OBJECTS,
    ),
    "wrong account": (
        [ACL, write(Resource="arn:aws:s3:::audit-logs/p/AWSLogs/210987654321/*")],
        "its Resource arn:aws:s3:::audit-logs/p/AWSLogs/210987654321/* (another account) does not match " + OBJECTS,
    ),
    "wrong bucket": (
        [ACL, write(Resource="arn:aws:s3:::audit/p/AWSLogs/123456789012/*")],
        "(another bucket) does not match " + OBJECTS,
    ),
    "bucket without its objects": (
        [ACL, write(Resource="arn:aws:s3:::audit-logs")],
        "its Resource arn:aws:s3:::audit-logs does not match " + OBJECTS,
    ),
    "no star at the end": (
        [ACL, write(Resource="arn:aws:s3:::audit-logs/p/AWSLogs/123456789012/")],
        "does not match " + OBJECTS,
    ),
    "NotResource of the logs": (
        [
            ACL,
            without(WRITE, "Resource") | {"NotResource": "arn:aws:s3:::audit-logs/p/*"},
        ],
        f"its NotResource arn:aws:s3:::audit-logs/p/* excludes {OBJECTS}",
    ),
    "another trail": (
        [ACL, write({"StringEquals": {"aws:SourceArn": OTHER_TRAIL}})],
        f"its condition StringEquals aws:SourceArn '{OTHER_TRAIL}' is not met: CloudTrail sends '{TRAIL}'",
    ),
    "another account's trails": (
        [ACL, write({"StringEquals": {"aws:SourceAccount": "210987654321"}})],
        "aws:SourceAccount '210987654321' is not met: CloudTrail sends '123456789012'",
    ),
    "ARN pattern over colons": (
        [ACL, write({"ArnLike": {"aws:SourceArn": "arn:aws:cloudtrail:*:trail:x/audit"}})],
        "its condition ArnLike aws:SourceArn",
    ),
    "another ACL": (
        [ACL, write({"StringEquals": {"s3:x-amz-acl": "private"}})],
        "s3:x-amz-acl 'private' is not met: CloudTrail sends 'bucket-owner-full-control'",
    ),
    "ACL condition on the ACL check": (
        [ACL | {"Condition": WRITE["Condition"]}, WRITE],
        "CloudTrail sends no s3:x-amz-acl with s3:GetBucketAcl",
    ),
    "ForAnyValue without the key": (
        [ACL | {"Condition": {"ForAnyValue:StringLike": {"s3:x-amz-acl": "*"}}}, WRITE],
        "CloudTrail sends no s3:x-amz-acl with s3:GetBucketAcl",
    ),
}


@pytest.mark.parametrize(("statements", "sentence"), LACKING.values(), ids=LACKING.keys())
def test_bucket_policy_lacks_a_statement(statements: list[Statement], sentence: str) -> None:
    verdict = bucket_verdict(*statements)
    assert verdict.answer is Answer.REFUSED
    assert sentence in verdict.message
    healed = judge.judge_bucket_policy(added(policy(*statements), verdict), bucket=BUCKET, prefix="p", trail_arn=TRAIL)
    assert healed.allowed, healed.message


DENIED: dict[str, tuple[Statement, str]] = {
    "everything": (
        deny(),
        "Statement 'DenyX' of the policy of bucket audit-logs denies s3:GetBucketAcl on "
        f"arn:aws:s3:::audit-logs and s3:PutObject on {OBJECTS}. Remove the statement, or add to its Condition: "
        '"Bool":{"aws:PrincipalIsAWSService":"false"}',
    ),
    "all objects": (deny(Resource="arn:aws:s3:::audit-logs/*"), f"denies s3:PutObject on {OBJECTS}."),
    "the service by name": (deny(Principal=CLOUDTRAIL, Action="s3:PutObject"), "denies s3:PutObject"),
    "NotPrincipal without CloudTrail": (
        without(deny(), "Principal") | {"NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}},
        "'DenyX' of the policy of bucket audit-logs denies",
    ),
    "NotAction": (
        without(deny(), "Action") | {"NotAction": "s3:Get*"},
        f"denies s3:PutObject on {OBJECTS}.",
    ),
    "NotResource": (
        without(deny(), "Resource") | {"NotResource": "arn:aws:s3:::audit-logs/tmp/*"},
        "denies s3:GetBucketAcl",
    ),
    "KMS required, no key set": (
        deny({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}, Action="s3:PutObject"),
        "its condition StringNotEquals s3:x-amz-server-side-encryption 'aws:kms' is met: "
        "CloudTrail sends 'AES256' or nothing",
    ),
    "a certain key required, none set": (
        deny({"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": KEY}}, Action="s3:PutObject"),
        "CloudTrail sends no s3:x-amz-server-side-encryption-aws-kms-key-id with s3:PutObject",
    ),
    "a certain key required if there is a header": (
        deny(
            {"StringNotEqualsIfExists": {"s3:x-amz-server-side-encryption-aws-kms-key-id": KEY}},
            Action="s3:PutObject",
        ),
        "CloudTrail sends no s3:x-amz-server-side-encryption-aws-kms-key-id with s3:PutObject",
    ),
    "another trail only": (deny({"ArnNotEquals": {"aws:SourceArn": OTHER_TRAIL}}), f"CloudTrail sends '{TRAIL}'"),
    "secure transport by mistake": (deny({"Bool": {"aws:SecureTransport": "true"}}), "CloudTrail sends 'true'"),
}


@pytest.mark.parametrize(("statement", "sentence"), DENIED.values(), ids=DENIED.keys())
def test_bucket_policy_denies(statement: Statement, sentence: str) -> None:
    verdict = bucket_verdict(ACL, WRITE, statement)
    assert verdict.answer is Answer.REFUSED
    assert sentence in verdict.message
    assert [finding.statement for finding in verdict.findings] == ["statement 'DenyX'"]
    assert verdict.remedy == ""  # no statement that is added helps against a Deny


@pytest.mark.parametrize("statement", [s for s, _ in DENIED.values()], ids=DENIED.keys())
def test_following_the_advice_against_a_deny_heals(statement: Statement) -> None:
    condition = dict(statement.get("Condition", {}))
    condition["Bool"] = condition.get("Bool", {}) | {"aws:PrincipalIsAWSService": "false"}
    assert bucket_verdict(ACL, WRITE, statement | {"Condition": condition}).allowed


UNCLEAR: dict[str, tuple[list[Statement], str]] = {
    "organization of the resource": (
        [ACL, WRITE, deny({"StringNotEquals": {"aws:ResourceOrgID": "o-a1b2c3d4e5"}})],
        "Cannot determine whether statement 'DenyX' of the policy of bucket audit-logs denies s3:GetBucketAcl on "
        f"arn:aws:s3:::audit-logs and s3:PutObject on {OBJECTS}: its condition "
        "StringNotEquals aws:ResourceOrgID 'o-a1b2c3d4e5' depends on the aws:ResourceOrgID that CloudTrail sends, "
        'which is unknown. If it does, add to its Condition: "Bool":{"aws:PrincipalIsAWSService":"false"}',
    ),
    "source address": (
        [ACL, WRITE, deny({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}})],
        "its condition NotIpAddress aws:SourceIp '192.0.2.0/24' depends on the aws:SourceIp that CloudTrail sends",
    ),
    "unknown operator": ([ACL, WRITE, deny({"StringAlmost": {"aws:SourceArn": TRAIL}})], "StringAlmost"),
    "operator that is not implemented": (
        [ACL, WRITE, deny({"DateLessThan": {"aws:SourceArn": "2026-01-01T00:00:00Z"}})],
        "DateLessThan",
    ),
    "encryption header": (
        [ACL, WRITE, deny({"Null": {"s3:x-amz-server-side-encryption": "true"}}, Action="s3:PutObject")],
        "its condition Null s3:x-amz-server-side-encryption 'true'",
    ),
    "source organization": (
        [ACL, write({"StringEquals": {"aws:SourceOrgID": "o-a1b2c3d4e5"}})],
        f"of the policy of bucket audit-logs allows s3:PutObject on {OBJECTS}: ",
    ),
    "log files without digests": (
        [ACL, write(Resource="arn:aws:s3:::audit-logs/p/AWSLogs/123456789012/CloudTrail/*")],
        "matches only a part of these resources",
    ),
    "denial of some keys": (
        [ACL, WRITE, deny(Resource="arn:aws:s3:::audit-logs/*.exe")],
        "matches only a part of these resources",
    ),
    "unknown variable": (
        [ACL, write(Resource="arn:aws:s3:::audit-logs/p/AWSLogs/${aws:userid}/*")],
        "its Resource depends on unknown values",
    ),
    "service of the China regions": (
        [ACL, write(Principal={"Service": "cloudtrail.amazonaws.com.cn"})],
        "AWS does not document whether its Principal Service cloudtrail.amazonaws.com.cn means",
    ),
    "short ARN pattern": ([ACL, write({"ArnLike": {"aws:SourceArn": "arn:aws:cloudtrail:*"}})], "ArnLike"),
}


@pytest.mark.parametrize(("statements", "sentence"), UNCLEAR.values(), ids=UNCLEAR.keys())
def test_what_cannot_be_told_is_said_and_not_guessed(statements: list[Statement], sentence: str) -> None:
    verdict = bucket_verdict(*statements)
    assert verdict.answer is Answer.UNDECIDABLE
    assert not verdict.allowed
    assert sentence in verdict.message
    assert "Cannot determine whether" in verdict.message
    assert "does not allow" not in verdict.message


def test_an_unclear_allow_gets_the_prescribed_statement() -> None:
    statements = [ACL, write({"StringEquals": {"aws:SourceOrgID": "o-a1b2c3d4e5"}})]
    document = added(policy(*statements), bucket_verdict(*statements))
    assert judge.judge_bucket_policy(document, bucket=BUCKET, prefix="p", trail_arn=TRAIL).allowed


def test_a_deny_that_cannot_be_told_does_not_hide_what_is_missing() -> None:
    verdict = bucket_verdict(ACL, deny({"StringNotEquals": {"aws:ResourceOrgID": "o-a1b2c3d4e5"}}))
    assert verdict.answer is Answer.REFUSED
    assert "The policy of bucket audit-logs does not allow" in verdict.message
    assert "Cannot determine whether statement 'DenyX' of the policy of bucket audit-logs denies" in verdict.message


@pytest.mark.parametrize(
    "condition",
    [
        {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
        {"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": KEY}},
        {"Null": {"s3:x-amz-server-side-encryption": "true"}},
        {"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}},
    ],
    ids=["KMS", "the key", "any", "not SSE-S3"],
)
def test_encryption_that_a_bucket_requires_is_met_by_a_trail_with_a_key(condition: dict[str, Any]) -> None:
    required_encryption = deny(condition, Action="s3:PutObject")
    assert bucket_verdict(ACL, WRITE, required_encryption, kms_key_arn=KEY).allowed
    assert not bucket_verdict(ACL, WRITE, required_encryption).allowed


def test_required_sse_s3_denies_a_trail_with_a_key() -> None:
    statement = deny({"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}, Action="s3:PutObject")
    verdict = bucket_verdict(ACL, WRITE, statement, kms_key_arn=KEY)
    assert verdict.answer is Answer.REFUSED
    assert "CloudTrail sends 'aws:kms'" in verdict.message


def test_variables_count_only_in_the_newer_version_of_policies() -> None:
    statements = [ACL, write(Resource="arn:aws:s3:::audit-logs/p/AWSLogs/${aws:SourceAccount}/*")]
    old = policy(*statements, version="2008-10-17")
    verdict = judge.judge_bucket_policy(old, bucket=BUCKET, prefix="p", trail_arn=TRAIL)
    assert verdict.answer is Answer.REFUSED


def test_a_bucket_without_a_policy_gets_the_whole_policy() -> None:
    verdict = judge.judge_bucket_policy(None, bucket=BUCKET, prefix="p", trail_arn=TRAIL)
    assert verdict.answer is Answer.REFUSED
    assert verdict.message.startswith(
        "Bucket audit-logs has no policy. Add this policy (trail-operator policy bucket -f FILE): {"
    )
    assert judge.judge_bucket_policy(verdict.remedy, bucket=BUCKET, prefix="p", trail_arn=TRAIL).allowed


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("", "it is not valid JSON"),
        ('{"Statement": [', "it is not valid JSON"),
        ("[]", "it is not an object with a Statement"),
        ('{"Statement": ["x"]}', "statement 1 is not an object"),
        (policy({"Effect": "allow", "Action": "*"}), 'has neither "Effect": "Allow" nor "Effect": "Deny"'),
        (policy({"Effect": "Allow"}), "statement 1 has neither Action nor NotAction"),
        (policy(WRITE | {"NotAction": "s3:Get*"}), "has both Action and NotAction"),
        (policy(WRITE | {"NotPrincipal": "*"}), "has both Principal and NotPrincipal"),
        (policy(write(Principal="cloudtrail.amazonaws.com")), 'is neither "*" nor an object'),
        (policy(write(Resource={"a": "b"})), "is neither a string nor a list of strings"),
        (policy(write({"StringEquals": "aws:SourceArn"})), "is not an object of objects"),
    ],
)
def test_a_malformed_policy_is_called_malformed(document: str, reason: str) -> None:
    verdict = judge.judge_bucket_policy(document, bucket=BUCKET, prefix="p", trail_arn=TRAIL)
    assert not verdict.allowed
    assert "Cannot determine what the policy of bucket audit-logs allows, because it is malformed: " in verdict.message
    assert reason in verdict.message
    assert judge.judge_bucket_policy(verdict.remedy, bucket=BUCKET, prefix="p", trail_arn=TRAIL).allowed


def test_a_policy_may_have_one_statement_without_a_list() -> None:
    everything = write({}, Action="s3:*", Resource=EVERYTHING)
    document = json.dumps({"Version": "2012-10-17", "Statement": everything})
    assert judge.judge_bucket_policy(document, bucket=BUCKET, prefix="p", trail_arn=TRAIL).allowed


@pytest.mark.parametrize(
    "statement",
    [
        write(Principal={"AWS": "arn:aws:iam::123456789012:root"}, Resource="arn:aws:s3:::audit-logs/tmp/*"),
        write(Principal={"AWS": "arn:aws:iam::123456789012:root"}, Action="s3:*"),
        without(WRITE, "Action") | {"Principal": {"AWS": "123456789012"}, "NotAction": "s3:DeleteBucket"},
    ],
    ids=["for other objects", "all of S3", "NotAction"],
)
def test_a_statement_for_others_is_no_near_miss(statement: Statement) -> None:
    assert [finding.statement for finding in bucket_verdict(ACL, statement).findings] == [None]


def test_a_remedy_takes_no_sid_that_the_policy_has() -> None:
    for_another = prescribed.bucket_statements(BUCKET, "p", OTHER_TRAIL)
    for_another.append(for_another[1] | {"Sid": f"{for_another[1]['Sid']}2"})
    verdict = bucket_verdict(*for_another)
    sids = [statement["Sid"] for statement in json.loads(added(policy(*for_another), verdict))["Statement"]]
    assert len(sids) == len(set(sids)) == 5
    assert sids[-1] == "AWSCloudTrailWrite201503193"


def test_a_policy_of_many_trails_names_the_nearest_statement_only() -> None:
    others = [
        statement | {"Sid": f"S{number}{statement['Action'][3:]}"}
        for number in range(40)
        for statement in prescribed.bucket_statements(BUCKET, f"p{number}", f"{OTHER_TRAIL}{number}")
    ]
    near = write({"StringEquals": {"aws:SourceArn": OTHER_TRAIL}}, Sid="Nearest")
    verdict = bucket_verdict(ACL, *others, near)
    assert [finding.statement for finding in verdict.findings] == [None, "statement 'Nearest'"]
    assert len(verdict.message) <= LONGEST_MESSAGE


def test_a_verdict_with_many_findings_stays_short() -> None:
    denies = [deny(Sid=f"Deny{number}") for number in range(100)]
    verdict = bucket_verdict(*denies)
    assert len(verdict.findings) == 102
    assert len(verdict.message) <= LONGEST_MESSAGE
    assert "more). Add to its Statement list (trail-operator policy bucket -f FILE): {" in verdict.message


def topic_verdict(*statements: Statement) -> Verdict:
    return judge.judge_topic_policy(policy(*statements), topic_arn=TOPIC, trail_arn=TRAIL)


DEFAULT_TOPIC_STATEMENT = {
    "Sid": "__default_statement_ID",
    "Effect": "Allow",
    "Principal": {"AWS": "*"},
    "Action": ["SNS:GetTopicAttributes", "SNS:Publish"],
    "Resource": TOPIC,
    "Condition": {"StringEquals": {"AWS:SourceOwner": "123456789012"}},
}


def test_the_prescribed_topic_statement_is_enough() -> None:
    assert topic_verdict(DEFAULT_TOPIC_STATEMENT, prescribed.topic_statement(TOPIC, TRAIL)).allowed


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (DEFAULT_TOPIC_STATEMENT, "CloudTrail sends no AWS:SourceOwner with sns:Publish"),
        (prescribed.topic_statement(f"{TOPIC}-x", TRAIL), f"its Resource {TOPIC}-x does not match {TOPIC}"),
        (prescribed.topic_statement(TOPIC, OTHER_TRAIL), f"CloudTrail sends '{TRAIL}'"),
        (
            prescribed.topic_statement(TOPIC, TRAIL) | {"Principal": {"Service": "s3.amazonaws.com"}},
            "its Principal Service s3.amazonaws.com is not cloudtrail.amazonaws.com",
        ),
    ],
    ids=["default", "other topic", "other trail", "other service"],
)
def test_topic_policy_lacks_the_statement(statement: Statement, sentence: str) -> None:
    verdict = topic_verdict(statement)
    assert verdict.answer is Answer.REFUSED
    assert (
        f"The policy of topic {TOPIC} does not allow cloudtrail.amazonaws.com to perform sns:Publish" in verdict.message
    )
    assert sentence in verdict.message
    assert judge.judge_topic_policy(added(policy(statement), verdict), topic_arn=TOPIC, trail_arn=TRAIL).allowed


ACCOUNT_MAY_ALL = {
    "Sid": "Enable IAM User Permissions",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": "kms:*",
    "Resource": "*",
}
ENCRYPT, DESCRIBE = prescribed.key_statements(TRAIL)


def key_verdict(*statements: Statement) -> Verdict:
    return judge.judge_key_policy(policy(*statements), key_arn=KEY, trail_arn=TRAIL)


def test_the_prescribed_key_statements_are_enough() -> None:
    assert key_verdict(ACCOUNT_MAY_ALL, ENCRYPT, DESCRIBE).allowed


def test_the_default_key_policy_is_not_enough_and_its_statement_no_near_miss() -> None:
    verdict = key_verdict(ACCOUNT_MAY_ALL)
    assert verdict.answer is Answer.REFUSED
    assert [finding.statement for finding in verdict.findings] == [None, None]
    assert f"perform kms:GenerateDataKey on {KEY}" in verdict.message
    assert f"perform kms:DescribeKey on {KEY}" in verdict.message


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        ([ENCRYPT], f"does not allow cloudtrail.amazonaws.com to perform kms:DescribeKey on {KEY}"),
        ([DESCRIBE], f"does not allow cloudtrail.amazonaws.com to perform kms:GenerateDataKey on {KEY}"),
        (
            [ENCRYPT | {"Condition": {"StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": "*:1:*"}}}, DESCRIBE],
            f"is not met: CloudTrail sends '{TRAIL}'",
        ),
        (
            [ENCRYPT | {"Action": ["kms:GenerateDataKey*", "kms:DescribeKey"]}],
            "CloudTrail sends no kms:EncryptionContext:aws:cloudtrail:arn with kms:DescribeKey",
        ),
        ([ENCRYPT | {"Resource": f"{KEY}0"}, DESCRIBE], f"its Resource {KEY}0 does not match {KEY}"),
    ],
    ids=["no describe", "no encrypt", "context of others", "context on describe", "other key"],
)
def test_key_policy_lacks_a_statement(statements: list[Statement], sentence: str) -> None:
    verdict = key_verdict(*statements)
    assert verdict.answer is Answer.REFUSED
    assert sentence in verdict.message
    assert judge.judge_key_policy(added(policy(*statements), verdict), key_arn=KEY, trail_arn=TRAIL).allowed


def test_key_policy_denies() -> None:
    verdict = key_verdict(ENCRYPT, DESCRIBE, deny(Action="kms:*", Resource="*"))
    assert verdict.answer is Answer.REFUSED
    assert f"'DenyX' of the policy of key {KEY} denies kms:GenerateDataKey on {KEY}" in verdict.message


TRUST = prescribed.role_trust_statement()


@pytest.mark.parametrize(
    ("statements", "answer", "sentence"),
    [
        ([TRUST], Answer.ALLOWED, "no problem found"),
        ([TRUST | {"Action": ["sts:AssumeRole", "sts:TagSession"]}], Answer.ALLOWED, "no problem found"),
        (
            [TRUST | {"Principal": {"Service": "ec2.amazonaws.com"}}],
            Answer.REFUSED,
            "its Principal Service ec2.amazonaws.com is not cloudtrail.amazonaws.com",
        ),
        (
            [TRUST | {"Condition": {"StringEquals": {"aws:SourceArn": TRAIL}}}],
            Answer.REFUSED,
            "CloudTrail sends no aws:SourceArn with sts:AssumeRole",
        ),
        (
            [TRUST | {"Condition": {"StringEquals": {"sts:ExternalId": "x"}}}],
            Answer.REFUSED,
            "CloudTrail sends no sts:ExternalId with sts:AssumeRole",
        ),
        ([TRUST, TRUST | {"Effect": "Deny"}], Answer.REFUSED, "Statement 2 of the trust policy of role"),
        (
            [TRUST | {"Condition": {"StringEquals": {"aws:SourceOrgID": "o-a1b2c3d4e5"}}}],
            Answer.UNDECIDABLE,
            "aws:SourceOrgID",
        ),
    ],
    ids=["prescribed", "more actions", "other service", "SourceArn", "ExternalId", "deny", "unclear"],
)
def test_role_trust(statements: list[Statement], answer: Answer, sentence: str) -> None:
    verdict = judge.judge_role_trust(policy(*statements), role_arn=ROLE)
    assert verdict.answer is answer
    assert sentence in verdict.message
    if verdict.remedy:
        assert judge.judge_role_trust(added(policy(*statements), verdict), role_arn=ROLE).allowed


NOT_A_SERVICE = {"Bool": {"aws:PrincipalIsAWSService": "false"}}
STREAM, EVENTS = prescribed.role_permission_statements(GROUP, TRAIL)


def named(documents: Iterable[str]) -> list[tuple[str, str]]:
    return [(f"policy-{number}", document) for number, document in enumerate(documents, start=1)]


def permissions_verdict(*documents: str) -> Verdict:
    return judge.judge_role_permissions(named(documents), role_arn=ROLE, log_group_arn=GROUP, trail_arn=TRAIL)


@pytest.mark.parametrize(
    ("documents", "answer", "sentence"),
    [
        ([policy(STREAM, EVENTS)], Answer.ALLOWED, "no problem found"),
        ([policy(STREAM), policy(EVENTS)], Answer.ALLOWED, "no problem found"),
        ([policy(STREAM | {"Action": "logs:*", "Resource": GROUP})], Answer.ALLOWED, "no problem found"),
        (
            [],
            Answer.REFUSED,
            f"The policies of role {ROLE} do not allow logs:CreateLogStream on {STREAM['Resource']}",
        ),
        ([policy(STREAM)], Answer.REFUSED, f"do not allow logs:PutLogEvents on {EVENTS['Resource']}"),
        (
            [policy(STREAM, EVENTS | {"Resource": GROUP.removesuffix(":*")})],
            Answer.REFUSED,
            f"its Resource {GROUP.removesuffix(':*')} does not match {EVENTS['Resource']}",
        ),
        (
            [policy(STREAM, EVENTS | {"Resource": EVENTS["Resource"].replace("eu-west-1*", "us-east-1*")})],
            Answer.REFUSED,
            "us-east-1* does not match",
        ),
        (
            [policy(STREAM, EVENTS | {"Resource": EVENTS["Resource"].removesuffix("*")})],
            Answer.UNDECIDABLE,
            "matches only a part of these resources",
        ),
        (
            [policy(STREAM, EVENTS | {"Condition": {"StringEquals": {"aws:SourceArn": TRAIL}}})],
            Answer.REFUSED,
            "the role sends no aws:SourceArn with logs:PutLogEvents",
        ),
        (
            [policy(STREAM, EVENTS), policy({"Effect": "Deny", "Action": "logs:Put*", "Resource": "*"})],
            Answer.REFUSED,
            f"Statement 1 of policy policy-2 of role {ROLE} denies logs:PutLogEvents on "
            f"{EVENTS['Resource']}. Remove the statement, or narrow it so that it excludes logs:PutLogEvents",
        ),
        (
            [policy(STREAM, EVENTS, EVENTS | {"Effect": "Deny", "Condition": NOT_A_SERVICE})],
            Answer.REFUSED,
            "Statement 'AWSCloudTrailPutLogEvents20141101' of policy policy-1",
        ),
        (
            [policy(STREAM, EVENTS | {"Principal": "*"})],
            Answer.REFUSED,
            "it has a Principal, which policies of a role cannot have",
        ),
        ([policy(STREAM, EVENTS), "{"], Answer.UNDECIDABLE, "what policy policy-2 of role"),
    ],
    ids=[
        "prescribed",
        "spread over two",
        "all of the group",
        "none",
        "no events",
        "group without streams",
        "streams of another region",
        "one stream",
        "SourceArn",
        "deny",
        "deny to all but services",
        "statement of a resource's policy",
        "malformed",
    ],
)
def test_role_permissions(documents: list[str], answer: Answer, sentence: str) -> None:
    verdict = permissions_verdict(*documents)
    assert verdict.answer is answer
    assert sentence in verdict.message
    if verdict.remedy and "malformed" not in verdict.message:
        assert permissions_verdict(*documents, verdict.remedy).allowed


def test_a_log_group_is_the_same_with_and_without_its_star() -> None:
    assert prescribed.role_permission_statements(GROUP, TRAIL) == prescribed.role_permission_statements(
        GROUP.removesuffix(":*"), TRAIL
    )


def test_partitions_reach_every_arn() -> None:
    trail = "arn:aws-us-gov:cloudtrail:us-gov-west-1:123456789012:trail/audit"
    acl, write_logs = prescribed.bucket_statements(BUCKET, None, trail)
    assert acl["Resource"] == "arn:aws-us-gov:s3:::audit-logs"
    assert write_logs["Resource"] == "arn:aws-us-gov:s3:::audit-logs/AWSLogs/123456789012/*"
    context = prescribed.key_statements(trail)[0]["Condition"]["StringLike"]
    assert context == {"kms:EncryptionContext:aws:cloudtrail:arn": "arn:aws-us-gov:cloudtrail:*:123456789012:trail/*"}


def test_a_policy_that_was_not_read_is_neither_allowed_nor_refused() -> None:
    statements = prescribed.bucket_statements(BUCKET, "p", TRAIL)
    verdict = not_read("the policy of bucket audit-logs", "s3:GetBucketPolicy", statements)
    assert verdict.answer is Answer.UNDECIDABLE
    lacks = "Cannot verify the policy of bucket audit-logs: the operator lacks s3:GetBucketPolicy"
    assert verdict.message.startswith(f"{lacks}. The policy must contain (trail-operator policy bucket -f FILE): {{")
    assert json.loads(verdict.remedy)["Statement"] == statements


def test_a_policy_document_is_made_to_be_read() -> None:
    document = prescribed.policy_document([ACL, WRITE])
    assert json.loads(document) == {"Version": "2012-10-17", "Statement": [ACL, WRITE]}
    assert document.count("\n") > 10


# -- an organization's trail

ORGANIZATION = "o-exampleorgid"


def test_an_organizations_files_lie_in_its_own_folder() -> None:
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html#org-trail-bucket-policy
    def judged(text: str | None) -> Verdict:
        return judge.judge_bucket_policy(text, bucket=BUCKET, prefix="p", trail_arn=TRAIL, organization=ORGANIZATION)

    verdict = judged(policy(ACL, WRITE))
    assert verdict.answer is Answer.REFUSED
    (missing,) = json.loads(f"[{verdict.remedy}]")
    assert missing["Sid"] == "AWSCloudTrailOrganizationWrite20150319"
    assert missing["Resource"] == f"arn:aws:s3:::{BUCKET}/p/AWSLogs/{ORGANIZATION}/*"
    assert judged(policy(ACL, WRITE, missing)).allowed
    # The account's folder is needed too: the trail may become the account's again.
    assert judged(policy(ACL, missing)).answer is Answer.REFUSED
    assert judged(judged(None).remedy).allowed
    one_account = missing | {"Resource": missing["Resource"].replace("/*", "/111111111111/*")}
    assert not judged(policy(ACL, WRITE, one_account)).allowed


def test_an_organizations_log_streams_have_its_id() -> None:
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html
    def judged(*documents: str) -> Verdict:
        return judge.judge_role_permissions(
            named(documents), role_arn=ROLE, log_group_arn=GROUP, trail_arn=TRAIL, organization=ORGANIZATION
        )

    verdict = judged(policy(STREAM, EVENTS))
    assert verdict.answer is Answer.REFUSED
    assert f":log-stream:{ORGANIZATION}_*" in verdict.message
    assert judged(verdict.remedy).allowed


# -- an S3 Bucket Key, and keys that S3 or SNS use for CloudTrail


def test_an_s3_bucket_key_needs_decrypt_as_well() -> None:
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
    def judged(*statements: Statement) -> Verdict:
        return judge.judge_key_policy(policy(*statements), key_arn=KEY, trail_arn=TRAIL, bucket_key=True)

    verdict = judged(ENCRYPT, DESCRIBE)
    assert verdict.answer is Answer.REFUSED
    assert f"perform kms:Decrypt on {KEY}" in verdict.message
    (decrypt,) = json.loads(f"[{verdict.remedy}]")
    assert decrypt["Action"] == "kms:Decrypt"
    assert "Condition" not in decrypt
    assert judged(ENCRYPT, DESCRIBE, decrypt).allowed
    assert key_verdict(ENCRYPT, DESCRIBE).allowed
    other = {"Condition": {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": "x"}}}
    assert judged(ENCRYPT, DESCRIBE, decrypt | other).answer is Answer.UNDECIDABLE


def topic_key_verdict(*statements: Statement) -> Verdict:
    return judge.judge_topic_key_policy(policy(*statements), key_arn=KEY, topic_arn=TOPIC, trail_arn=TRAIL)


def default_key_verdict(*statements: Statement) -> Verdict:
    return judge.judge_default_key_policy(policy(*statements), key_arn=KEY, bucket=BUCKET, trail_arn=TRAIL)


@pytest.mark.parametrize("judged", [topic_key_verdict, default_key_verdict], ids=["topic", "bucket"])
@pytest.mark.parametrize(
    "statements",
    [[], [ACCOUNT_MAY_ALL], [ENCRYPT, DESCRIBE], [ACCOUNT_MAY_ALL, ENCRYPT | {"Action": "kms:Decrypt"}]],
    ids=["nothing", "account", "a trail's", "half"],
)
def test_a_key_of_others_gets_one_statement_without_the_encryption_context(
    statements: list[Statement], judged: Callable[..., Verdict]
) -> None:
    verdict = judged(*statements)
    assert not verdict.allowed
    assert KEY in verdict.message
    (statement,) = json.loads(f"[{verdict.remedy}]")
    assert statement["Action"] == ["kms:GenerateDataKey*", "kms:Decrypt"]
    assert "EncryptionContext" not in json.dumps(statement)
    healed = judged(*statements, statement)
    assert healed.allowed, healed.message


def test_the_default_key_of_a_bucket_is_never_called_refused() -> None:
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/encrypting-cloudtrail-log-files-with-aws-kms.html
    refusal = deny(Action="kms:*", Resource="*")
    for statements in ([], [ENCRYPT], [ENCRYPT | {"Action": "kms:*", "Condition": {}}, refusal]):
        verdict = default_key_verdict(*statements)
        assert verdict.answer is Answer.UNDECIDABLE
        assert "prevents CloudTrail from writing: AWS does not document" in verdict.message
        assert "does not allow" not in verdict.message
        assert f"the default encryption key of bucket {BUCKET}" in verdict.message
    assert f"Statement 'DenyX' of the policy of key {KEY}, the default" in verdict.message
    assert "This remedy is unverified" in default_key_verdict().message


def test_the_key_of_a_topic_refuses_and_is_named() -> None:
    verdict = topic_key_verdict(ACCOUNT_MAY_ALL)
    assert verdict.answer is Answer.REFUSED
    assert f"The policy of key {KEY}, which encrypts topic {TOPIC}, does not allow" in verdict.message


# -- a permissions boundary

BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"


def boundary_verdict(*statements: Statement, arn: str = BOUNDARY) -> Verdict:
    return judge.judge_role_boundary(
        policy(*statements), boundary_arn=arn, role_arn=ROLE, log_group_arn=GROUP, trail_arn=TRAIL
    )


def test_a_boundary_is_judged_like_a_policy() -> None:
    only_s3 = {"Sid": "S3", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    verdict = boundary_verdict(only_s3)
    assert verdict.answer is Answer.REFUSED
    assert f"The permissions boundary {BOUNDARY} of role {ROLE} does not allow logs:" in verdict.message
    assert boundary_verdict(only_s3, *json.loads(f"[{verdict.remedy}]")).allowed
    assert boundary_verdict(only_s3 | {"Action": "*"}).allowed
    refusal = {"Sid": "NoLogs", "Effect": "Deny", "Action": "logs:*", "Resource": "*"}
    assert (
        "Statement 'NoLogs' of the permissions boundary" in boundary_verdict(only_s3 | {"Action": "*"}, refusal).message
    )


def test_a_boundary_that_aws_manages_is_replaced_and_not_changed() -> None:
    arn = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
    verdict = boundary_verdict({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, arn=arn)
    assert "AWS manages this boundary: give the role a boundary of your own" in verdict.message
    assert boundary_verdict(*json.loads(verdict.remedy)["Statement"]).allowed


def test_a_statement_more_decides_only_where_no_deny_is_in_doubt() -> None:
    allow_if = write({"StringEquals": {"aws:userid": "x"}})
    alone = bucket_verdict(ACL, allow_if)
    decides = "Another statement settles it. Add to its Statement list"
    assert (alone.answer, alone.advice) == (Answer.UNDECIDABLE, decides)
    fenced = bucket_verdict(ACL, allow_if, deny({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}))
    assert (fenced.answer, fenced.advice) == (Answer.UNDECIDABLE, "Add to its Statement list")
    assert fenced.remedy


DENY_LOGS: Statement = {"Effect": "Deny", "Action": "logs:*", "Resource": "*"}


def test_what_two_policies_of_a_role_deny_alike_is_said_once_of_each() -> None:
    documents = [policy(*prescribed.role_permission_statements(GROUP, TRAIL)), policy(DENY_LOGS), policy(DENY_LOGS)]
    verdict = permissions_verdict(*documents)
    assert verdict.answer is Answer.REFUSED
    for name in ("policy-2", "policy-3"):
        assert verdict.message.count(f"Statement 1 of policy {name} of role {ROLE} denies") == 1
    assert [verdict.message.count(action) for action in ("logs:CreateLogStream on", "logs:PutLogEvents on")] == [2, 2]


@pytest.mark.parametrize(
    "condition", [{}, {"Condition": {"StringNotEquals": {"aws:userid": "x"}}}], ids=["", "unclear"]
)
def test_an_attached_policy_that_aws_manages_is_detached_and_not_changed(condition: Statement) -> None:
    arn = "arn:aws:iam::aws:policy/AWSDenyAll"
    deny_all = {"Sid": "DenyAll", "Effect": "Deny", "Action": "*", "Resource": "*"} | condition
    verdict = judge.judge_role_permissions(
        [("logs", policy(STREAM, EVENTS)), (arn, policy(deny_all))],
        role_arn=ROLE,
        log_group_arn=GROUP,
        trail_arn=TRAIL,
    )
    assert f"tatement 'DenyAll' of policy {arn} of role {ROLE} denies" in verdict.message
    assert "etach the policy from the role, because AWS manages it" in verdict.message
    assert "emove the statement" not in verdict.message
    assert "its Condition:" not in verdict.message


def test_a_near_miss_says_in_which_policy_it_is() -> None:
    verdict = permissions_verdict(policy(STREAM), policy(EVENTS | {"Resource": GROUP.removesuffix(":*")}))
    assert f"{EVENTS['Sid']}' of policy policy-2 of role {ROLE} almost matches" in verdict.message


@pytest.mark.parametrize("owner", ["aws", "123456789012"])
def test_of_a_boundary_that_aws_manages_no_deny_is_taken_away(owner: str) -> None:
    document = policy(*prescribed.role_permission_statements(GROUP, TRAIL), DENY_LOGS)
    verdict = judge.judge_role_boundary(
        document,
        boundary_arn=f"arn:aws:iam::{owner}:policy/b",
        role_arn=ROLE,
        log_group_arn=GROUP,
        trail_arn=TRAIL,
    )
    assert verdict.answer is Answer.REFUSED
    assert ("AWS manages this boundary: give the role a boundary of your own" in verdict.message) is (owner == "aws")
    assert ("Attach another boundary" in verdict.message) is (owner == "aws")
    assert ("Remove the statement, or narrow it" in verdict.message) is (owner != "aws")
