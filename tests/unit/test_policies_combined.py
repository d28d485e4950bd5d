"""The statements for many trails, judged by the operator's evaluator and by that of the emulated AWS."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.builders import MINIMAL, policy
from tests.unit.emulated import Emulated
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.iam_policy import combined
from trail_operator.domain.iam_policy.combined import AdvisedStatement, Part, PolicyTrail, Requirement, combine
from trail_operator.domain.iam_policy.evaluation import evaluate_policy
from trail_sandbox.aws.dependencies import Problem
from trail_sandbox.aws.policy.validation import validate_bucket_policy

HOMES = {"aws": "eu-west-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
ACCOUNTS = ("111122223333", "444455556666", "777788889999")
ORGANIZATION = "o-a1b2c3d4e5"
AUDIT_ACCOUNT = ACCOUNTS[0]
BUCKET = "audit-logs"
BUCKET_DENIES = Problem.BUCKET_DENIES


def trail(
    name: str = "audit",
    account: str = ACCOUNTS[0],
    *,
    partition: str = "aws",
    organization: str | None = None,
    member: str | None = None,
    prefix: str | None = None,
    **more: Any,
) -> PolicyTrail:
    """A trail. `member`: the account of the delegated administrator that creates it."""
    location = Location(partition, member or account, HOMES[partition])
    configuration = replace(
        MINIMAL,
        s3_bucket_name=BUCKET,
        s3_key_prefix=prefix,
        is_organization_trail=organization is not None,
        **more,
    )
    return PolicyTrail(location.trail_arn(name, account), location, configuration, organization)


@st.composite
def many_trails(draw: st.DrawFn) -> list[PolicyTrail]:
    partition = draw(st.sampled_from(list(HOMES)))
    base = f"arn:{partition}"
    home = HOMES[partition]
    names = draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True))
    return [
        trail(
            name,
            draw(st.sampled_from(ACCOUNTS)),
            partition=partition,
            organization=draw(st.sampled_from([None, None, ORGANIZATION])),
            prefix=draw(st.sampled_from([None, "p", "a/b"])),
            sns_topic_name=f"{base}:sns:{home}:{ACCOUNTS[0]}:notify",
            kms_key_id=f"{base}:kms:{home}:{ACCOUNTS[0]}:key/11111111-2222-3333-4444-555555555555",
            cloud_watch_logs_log_group_arn=f"{base}:logs:{home}:{ACCOUNTS[0]}:log-group:audit",
            cloud_watch_logs_role_arn=f"{base}:iam::{ACCOUNTS[0]}:role/logs",
        )
        for name in names
    ]


def parts_of(trails: Sequence[PolicyTrail], of_trail: Callable[[PolicyTrail], list[Part]]) -> list[Part]:
    return [part for one in trails for part in of_trail(one)]


def document(statements: Sequence[AdvisedStatement]) -> str:
    return policy(*(one.statement for one in statements))


def allowed(text: str, parts: Sequence[Part]) -> bool:
    """What the operator's evaluator says."""
    return evaluate_policy("the policy of it", text, [need for part in parts for need in part.needs]).allowed


Judge = Callable[[str, PolicyTrail], bool]


def of_bucket(text: str, one: PolicyTrail) -> bool:
    names_nothing_else = replace(
        one,
        configuration=replace(
            one.configuration, sns_topic_name=None, kms_key_id=None, cloud_watch_logs_log_group_arn=None
        ),
    )
    return not Emulated(text).problems(names_nothing_else)


def only(one: PolicyTrail, **fields: Any) -> PolicyTrail:
    """The trail with nothing but its bucket and these fields."""
    cleared = dict.fromkeys(("sns_topic_name", "kms_key_id", "cloud_watch_logs_log_group_arn"))
    return replace(one, configuration=replace(one.configuration, **{**cleared, **fields}))


def of_topic(text: str, one: PolicyTrail) -> bool:
    problems = Emulated(text).problems(only(one, sns_topic_name=one.configuration.sns_topic_name))
    return not {problem for problem in problems if problem.name.startswith("TOPIC")}


def of_key(text: str, one: PolicyTrail, *, bucket_key: bool) -> bool:
    problems = Emulated(text, has_bucket_key=bucket_key).problems(only(one, kms_key_id=one.configuration.kms_key_id))
    return not {problem for problem in problems if problem.name.startswith("KEY")}


def of_role(trust: str, permissions: str, one: PolicyTrail) -> bool:
    group = one.configuration.cloud_watch_logs_log_group_arn
    problems = Emulated(role_policies=(trust, permissions)).problems(only(one, cloud_watch_logs_log_group_arn=group))
    return not {problem for problem in problems if problem.name.startswith("ROLE")}


TRUST = document(combine(combined.trust_parts(trail(cloud_watch_logs_role_arn="arn:aws:iam::111122223333:role/logs"))))
KINDS: dict[str, tuple[Callable[[PolicyTrail], list[Part]], Judge]] = {
    "bucket": (combined.bucket_parts, of_bucket),
    "topic": (combined.topic_parts, of_topic),
    "key": (partial(combined.key_parts, bucket_key=False), partial(of_key, bucket_key=False)),
    "key with a bucket key": (partial(combined.key_parts, bucket_key=True), partial(of_key, bucket_key=True)),
    "role": (combined.role_parts, lambda text, one: of_role(TRUST, text, one)),
}


@pytest.mark.parametrize("kind", KINDS)
@given(trails=many_trails())
@settings(max_examples=60, deadline=None)
def test_every_trail_delivers_with_all_statements_and_some_do_not_without_one(
    kind: str, trails: list[PolicyTrail]
) -> None:
    of_trail, emulated = KINDS[kind]
    parts = parts_of(trails, of_trail)
    statements = combine(parts)
    assert allowed(document(statements), parts)
    assert all(emulated(document(statements), one) for one in trails)
    for statement in statements:
        rest = [one for one in statements if one is not statement]
        works = all(emulated(document(rest), one) for one in trails) if rest else False
        assert works is (statement.requirement is Requirement.RECOMMENDED)
        needed = [part for part in parts if part.requirement is Requirement.REQUIRED]
        assert (bool(rest) and allowed(document(rest), needed)) is (statement.requirement is Requirement.RECOMMENDED)


@given(trails=many_trails())
@settings(max_examples=100, deadline=None)
def test_no_trail_may_write_into_the_folder_of_another_account(trails: list[PolicyTrail]) -> None:
    emulated = Emulated(document(combine(parts_of(trails, combined.bucket_parts))))
    for one in trails:
        own = Arn.parse(one.arn).account
        for prefix in ("", "p/", "a/b/"):
            for owner in (*ACCOUNTS, ORGANIZATION):
                if owner != own and not (owner == ORGANIZATION and one.organization):
                    assert not emulated.may_put(one, f"{prefix}AWSLogs/{owner}/CloudTrail/x.json.gz")


@given(trails=many_trails())
@settings(max_examples=60, deadline=None)
def test_amazon_s3_stores_the_statements_and_sids_are_unique(trails: list[PolicyTrail]) -> None:
    statements = [one.statement for one in combine(parts_of(trails, combined.bucket_parts))]
    validate_bucket_policy(policy(*statements), BUCKET, trails[0].location.partition)
    sids = [statement["Sid"] for statement in statements]
    assert len(set(sids)) == len(sids)
    writes = [one["Resource"] for one in statements if one["Sid"].startswith("AWSCloudTrailWrite")]
    assert len(writes) == len({Arn.parse(one.arn).account for one in trails})


def test_one_trail_gets_what_aws_prescribes() -> None:
    from trail_operator.domain.iam_policy import prescribed

    one = trail(prefix="p", organization=ORGANIZATION)
    expected = prescribed.bucket_statements(BUCKET, "p", one.arn, ORGANIZATION)
    assert [statement.statement for statement in combine(combined.bucket_parts(one))] == expected


def test_a_delegated_administrators_trail_is_the_management_accounts() -> None:
    one = trail(organization=ORGANIZATION, account=ACCOUNTS[1], member=ACCOUNTS[0])
    resources = [statement.statement["Resource"] for statement in combine(combined.bucket_parts(one))]
    assert resources == [
        f"arn:aws:s3:::{BUCKET}",
        f"arn:aws:s3:::{BUCKET}/AWSLogs/{ACCOUNTS[1]}/*",
        f"arn:aws:s3:::{BUCKET}/AWSLogs/{ORGANIZATION}/*",
    ]


def test_the_trust_policy_names_no_source() -> None:
    assert "aws:SourceArn" not in TRUST
    assert "Condition" not in json.loads(TRUST)["Statement"][0]


def test_the_key_of_an_encrypted_topic() -> None:
    key, topic = "arn:aws:kms:eu-west-1:111122223333:key/1", "arn:aws:sns:eu-west-1:111122223333:notify"
    one = trail(sns_topic_name=topic)
    topic_policy = document(combine(combined.topic_parts(one)))
    text = document(combine(combined.topic_key_parts(key, one)))
    assert not Emulated(topic_policy, topic_key=key, key_policy=text).problems(one) - {BUCKET_DENIES}
    assert Emulated(topic_policy, topic_key=key).problems(one) - {BUCKET_DENIES}


def test_the_default_key_of_a_bucket() -> None:
    key, one = "arn:aws:kms:eu-west-1:111122223333:key/1", trail()
    bucket_policy = document(combine(combined.bucket_parts(one)))
    text = document(combine(combined.default_key_parts(key, one)))
    for bucket_key in (True, False):
        works = Emulated(bucket_policy, default_key=key, has_bucket_key=bucket_key, key_policy=text)
        assert not works.problems(one)
        assert Emulated(bucket_policy, default_key=key, has_bucket_key=bucket_key).problems(one)
