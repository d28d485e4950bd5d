"""Which condition keys CloudTrail's requests have, which they lack, and which cannot be known.

Only aws:SourceArn and aws:SourceAccount are documented by CloudTrail; the rest follows from the IAM user guide's
description of each key and is unverified.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.builders import policy
from trail_operator.domain.iam_policy import judge, prescribed
from trail_operator.domain.iam_policy.verdict import Answer, Verdict

TRAIL = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit"
BUCKET = "audit-logs"
TOPIC = "arn:aws:sns:eu-central-1:210987654321:trail-events"
KEY = "arn:aws:kms:eu-north-1:210987654321:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = "arn:aws:iam::123456789012:role/cloudtrail-logs"
GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:audit"
ORGANIZATION = "o-a1b2c3d4e5"

Statement = dict[str, Any]
Condition = dict[str, dict[str, Any]]


def bucket(*statements: Statement, source_organization: tuple[str | None, ...] = (ORGANIZATION,)) -> Verdict:
    return judge.judge_bucket_policy(
        policy(*prescribed.bucket_statements(BUCKET, None, TRAIL), *statements),
        bucket=BUCKET,
        prefix=None,
        trail_arn=TRAIL,
        account="210987654321",
        region="eu-south-1",
        source_organization=source_organization,
    )


def topic(*statements: Statement) -> Verdict:
    return judge.judge_topic_policy(
        policy(prescribed.topic_statement(TOPIC, TRAIL), *statements),
        topic_arn=TOPIC,
        trail_arn=TRAIL,
        source_organization=(ORGANIZATION,),
    )


def key(*statements: Statement) -> Verdict:
    return judge.judge_key_policy(
        policy(*prescribed.key_statements(TRAIL), *statements),
        key_arn=KEY,
        trail_arn=TRAIL,
        source_organization=(ORGANIZATION,),
    )


DEPENDENCIES: dict[str, tuple[Callable[..., Verdict], str, str]] = {
    "bucket": (bucket, "210987654321", "eu-south-1"),
    "topic": (topic, "210987654321", "eu-central-1"),
    "key": (key, "210987654321", "eu-north-1"),
}
PRESENT = {
    "aws:SourceArn": TRAIL,
    "aws:SourceAccount": "123456789012",
    "aws:SourceOrgID": ORGANIZATION,
    "aws:PrincipalIsAWSService": "true",
    "aws:PrincipalServiceName": "cloudtrail.amazonaws.com",
    "aws:SecureTransport": "true",
    "aws:ViaAWSService": "false",
    "aws:ResourceAccount": "ACCOUNT",
    "aws:RequestedRegion": "REGION",
}
ABSENT = (
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalTag/team",
    "aws:principaltag/Cost-Center",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:VpcSourceIp",
    "aws:MultiFactorAuthPresent",
    "aws:MultiFactorAuthAge",
)
UNKNOWN = ("aws:SourceIp", "kms:CallerAccount", "kms:ViaService", "aws:userid", "aws:UserAgent", "aws:Referer")


def deny(condition: Condition) -> Statement:
    return {
        "Sid": "DenyX",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "*",
        "Resource": "*",
        "Condition": condition,
    }


@pytest.mark.parametrize("dependency", DEPENDENCIES)
@pytest.mark.parametrize("name", PRESENT)
def test_a_key_that_is_sent_has_its_value(name: str, dependency: str) -> None:
    judged, account, region = DEPENDENCIES[dependency]
    value = {"ACCOUNT": account, "REGION": region}.get(PRESENT[name], PRESENT[name])
    assert judged(deny({"StringNotEquals": {name: value}})).answer is Answer.ALLOWED
    assert judged(deny({"StringNotEquals": {name: "another"}})).answer is Answer.REFUSED
    assert judged(deny({"Null": {name: "true"}})).answer is Answer.ALLOWED


@pytest.mark.parametrize("dependency", DEPENDENCIES)
@pytest.mark.parametrize("name", ABSENT)
def test_a_deny_that_hits_because_a_key_is_absent_is_narrowed_and_never_removed(name: str, dependency: str) -> None:
    judged = DEPENDENCIES[dependency][0]
    for condition in (
        {"StringNotEquals": {name: "x"}},
        {"Null": {name: "true"}},
        {"StringNotEqualsIfExists": {name: "x"}},
        {"BoolIfExists": {name: "false"}},
        {"NotIpAddress": {name: "192.0.2.0/24"}},
    ):
        verdict = judged(deny(condition))
        assert verdict.answer is Answer.REFUSED
        assert f"sends no {name}" in verdict.message
        assert "remove" not in verdict.message
        assert '"Bool":{"aws:PrincipalIsAWSService":"false"}' in verdict.message
        narrowed = deny(condition | {"Bool": {"aws:PrincipalIsAWSService": "false"}})
        assert judged(narrowed).answer is Answer.ALLOWED
    for condition in ({"StringEquals": {name: "x"}}, {"Bool": {name: "false"}}, {"IpAddress": {name: "192.0.2.0/24"}}):
        assert judged(deny(condition)).answer is Answer.ALLOWED


def test_why_a_deny_hits_several_requests_is_said_once() -> None:
    message = bucket(deny({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}})).message
    assert message.count("sends no aws:PrincipalOrgID") == 1
    assert "sends no aws:PrincipalOrgID with s3:GetBucketAcl and s3:PutObject" in message


def test_a_header_of_put_object_is_not_sent_with_other_requests() -> None:
    for name in ("s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"):
        verdict = bucket(deny({"StringEquals": {name: "aws:kms:dsse"}}))
        assert verdict.allowed, verdict.message


@pytest.mark.parametrize("dependency", DEPENDENCIES)
@pytest.mark.parametrize("name", UNKNOWN)
def test_what_hangs_on_a_key_that_is_not_known_cannot_be_decided(name: str, dependency: str) -> None:
    verdict = DEPENDENCIES[dependency][0](deny({"StringNotEquals": {name: "x"}}))
    assert verdict.answer is Answer.UNDECIDABLE
    assert "Cannot determine whether" in verdict.message
    assert name in verdict.message
    assert "does not allow" not in verdict.message
    assert verdict.message.count("Cannot determine") == 1  # not once for each request


def test_a_statement_that_hangs_on_a_key_that_is_not_known_is_not_called_missing() -> None:
    acl, write = prescribed.bucket_statements(BUCKET, None, TRAIL)
    statements = (acl, write | {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}})
    verdict = judge.judge_bucket_policy(policy(*statements), bucket=BUCKET, prefix=None, trail_arn=TRAIL)
    assert verdict.answer is Answer.UNDECIDABLE
    assert "whether statement 'AWSCloudTrailWrite20150319' of the policy of bucket audit-logs allows" in verdict.message
    assert "Cannot determine whether" in verdict.message
    assert "does not allow" not in verdict.message
    added = policy(*statements, *json.loads(f"[{verdict.remedy}]"))
    assert judge.judge_bucket_policy(added, bucket=BUCKET, prefix=None, trail_arn=TRAIL).allowed


def test_s3_has_its_own_key_for_the_account_and_no_other_service_has_it() -> None:
    assert bucket(deny({"StringNotEquals": {"s3:ResourceAccount": "210987654321"}})).allowed
    assert bucket(deny({"StringNotEquals": {"s3:ResourceAccount": "1"}})).answer is Answer.REFUSED
    assert "sends no s3:ResourceAccount" in topic(deny({"Null": {"s3:ResourceAccount": "true"}})).message


def test_account_and_region_of_a_bucket_that_are_not_known_are_not_guessed() -> None:
    document = policy(
        *prescribed.bucket_statements(BUCKET, None, TRAIL), deny({"StringNotEquals": {"aws:ResourceAccount": "1"}})
    )
    for text in (document, document.replace("aws:ResourceAccount", "aws:RequestedRegion")):
        verdict = judge.judge_bucket_policy(text, bucket=BUCKET, prefix=None, trail_arn=TRAIL)
        assert verdict.answer is Answer.UNDECIDABLE


@pytest.mark.parametrize(
    ("source_organization", "answer"),
    [((ORGANIZATION,), Answer.ALLOWED), ((None,), Answer.REFUSED), ((), Answer.UNDECIDABLE)],
    ids=["in it", "in none", "not known"],
)
def test_the_organization_of_the_trails_owner(source_organization: tuple[str | None, ...], answer: Answer) -> None:
    condition = {"StringNotEquals": {"aws:SourceOrgID": ORGANIZATION}}
    verdict = bucket(deny(condition), source_organization=source_organization)
    assert verdict.answer is answer


@pytest.mark.parametrize(
    ("condition", "addition"),
    [
        ({"Bool": {"aws:SecureTransport": "true"}}, '"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}'),
        (
            {"Bool": {"aws:SecureTransport": "true"}, "BoolIfExists": {"aws:ViaAWSService": "false"}},
            '"StringEquals":{"aws:PrincipalIsAWSService":"false"}',
        ),
        (
            {"Bool": {"aws:PrincipalIsAWSService": "true"}, "StringNotEquals": {"aws:SourceAccount": "1"}},
            '"StringNotEqualsIgnoreCase":{"aws:PrincipalServiceName":"cloudtrail.amazonaws.com"}',
        ),
        (
            {"BoolIfExists": {"aws:PrincipalIsAWSService": "true"}},
            '"StringNotEquals":{"aws:PrincipalServiceName":"cloudtrail.amazonaws.com"}',
        ),
    ],
)
def test_a_condition_to_add_takes_the_place_of_none_that_is_there(condition: Condition, addition: str) -> None:
    verdict = bucket(deny(condition))
    assert verdict.answer is Answer.REFUSED
    assert addition in verdict.message
    merged = condition | json.loads(f"{{{addition}}}")
    assert bucket(deny(merged)).allowed


# -- the role, by its own policies


def role(*statements: Statement, source_organization: tuple[str | None, ...] = ()) -> Verdict:
    return judge.judge_role_permissions(
        [("logs", policy(*prescribed.role_permission_statements(GROUP, TRAIL), *statements))],
        role_arn=ROLE,
        log_group_arn=GROUP,
        trail_arn=TRAIL,
        source_organization=source_organization,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("aws:ResourceAccount", "123456789012"),
        ("aws:RequestedRegion", "eu-west-1"),
        ("aws:PrincipalAccount", "123456789012"),
        ("aws:PrincipalArn", ROLE),
        ("aws:PrincipalIsAWSService", "false"),
        ("aws:SecureTransport", "true"),
        ("aws:ViaAWSService", "false"),
    ],
)
def test_the_roles_own_requests(name: str, value: str) -> None:
    refusal = {"Sid": "DenyX", "Effect": "Deny", "Action": "*", "Resource": "*"}
    assert role(refusal | {"Condition": {"StringNotEquals": {name: value}}}).answer is Answer.ALLOWED
    assert role(refusal | {"Condition": {"StringEquals": {name: value}}}).answer is Answer.REFUSED


def test_what_is_not_known_of_the_roles_requests() -> None:
    refusal = {"Sid": "DenyX", "Effect": "Deny", "Action": "*", "Resource": "*"}
    for name in ("aws:SourceIp", "aws:PrincipalOrgID", "aws:SourceVpce"):
        verdict = role(refusal | {"Condition": {"StringNotEquals": {name: "x"}}})
        assert verdict.answer is Answer.UNDECIDABLE
    known = {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}}
    assert role(refusal | {"Condition": known}, source_organization=(ORGANIZATION,)).allowed


def test_a_role_is_assumed_by_cloudtrail_itself() -> None:
    trust = prescribed.role_trust_statement()
    refusal = trust | {"Sid": "DenyX", "Effect": "Deny", "Principal": "*"}

    def judged(condition: Condition) -> Verdict:
        return judge.judge_role_trust(policy(trust, refusal | {"Condition": condition}), role_arn=ROLE)

    assert judged({"StringNotEquals": {"aws:ResourceAccount": "123456789012"}}).allowed
    for name in ("aws:PrincipalOrgID", "aws:SourceArn", "aws:SourceAccount"):
        assert judged({"StringNotEquals": {name: "x"}}).answer is Answer.REFUSED
    for name in ("aws:SourceIp", "aws:SourceOrgID"):
        assert judged({"StringNotEquals": {name: "x"}}).answer is Answer.UNDECIDABLE


# -- CloudTrail's accounts of old

LEGACY = (
    *("arn:aws:iam::086441151436:root", "086441151436", "arn:aws:iam::859597730677:root"),
    *("arn:aws:iam::585772288577:root", "683224464357", "arn:aws-us-gov:iam::886388586500:root"),
)


@pytest.mark.parametrize("principal", LEGACY)
def test_a_policy_for_cloudtrails_old_accounts_cannot_be_decided(principal: str) -> None:
    statements = [
        statement | {"Principal": {"AWS": principal}} for statement in prescribed.bucket_statements(BUCKET, None, TRAIL)
    ]
    verdict = judge.judge_bucket_policy(policy(*statements), bucket=BUCKET, prefix=None, trail_arn=TRAIL)
    assert verdict.answer is Answer.UNDECIDABLE
    assert verdict.legacy_principal
    assert "Cannot determine whether" in verdict.message
    assert "does not allow" not in verdict.message
    healed = policy(*statements, *json.loads(f"[{verdict.remedy}]"))
    after = judge.judge_bucket_policy(healed, bucket=BUCKET, prefix=None, trail_arn=TRAIL)
    assert after.allowed
    assert not after.legacy_principal
    old = prescribed.topic_statement(TOPIC, TRAIL) | {"Principal": {"AWS": [principal, "210987654321"]}}
    silent = judge.judge_topic_policy(policy(old), topic_arn=TOPIC, trail_arn=TRAIL)
    assert (silent.answer, silent.legacy_principal) == (Answer.UNDECIDABLE, True)


def test_the_old_accounts_have_no_way_to_keys_and_roles() -> None:
    encrypt, describe = prescribed.key_statements(TRAIL)
    old = {"Principal": {"AWS": LEGACY[0]}}
    verdict = judge.judge_key_policy(policy(encrypt | old, describe | old), key_arn=KEY, trail_arn=TRAIL)
    assert (verdict.answer, verdict.legacy_principal) == (Answer.REFUSED, False)
