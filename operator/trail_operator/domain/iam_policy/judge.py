"""Judges the policies that CloudTrail depends on: the bucket's, the topic's, the keys' and the role's."""

from collections.abc import Sequence
from dataclasses import replace

from trail_operator.domain.iam_policy import needs
from trail_operator.domain.iam_policy.command import printed_by
from trail_operator.domain.iam_policy.document import MalformedPolicyError, Statement, is_managed_by_aws, parse
from trail_operator.domain.iam_policy.evaluation import (
    ADD,
    compute_verdict,
    evaluate_policy,
    malformed_policy,
    match_all,
)
from trail_operator.domain.iam_policy.matching import Values
from trail_operator.domain.iam_policy.requests import ResourceLocation, Source
from trail_operator.domain.iam_policy.ternary import Truth
from trail_operator.domain.iam_policy.verdict import Answer, Finding, Verdict, policy_json

_ADD_TO_ROLE = "Add this policy to the role"  # as a separate policy: attached ones may be shared


def judge_bucket_policy(
    document: str | None,
    *,
    bucket: str,
    prefix: str | None,
    trail_arn: str,
    kms_key_arn: str | None = None,
    organization: str | None = None,
    account: str | None = None,
    region: str | None = None,
    source_organization: Values = (),
) -> Verdict:
    """Judge a bucket's policy (None: it has none) for a trail with this prefix and, if any, key and organization.

    `account`, `region`: the bucket's. `source_organization`: that of the trail's owner, for any kind of trail;
    (None,) if it is in none, () if unknown.
    """
    found = needs.of_bucket(
        bucket,
        prefix,
        ResourceLocation(account, region),
        Source(trail_arn, source_organization),
        kms_key_arn=kms_key_arn,
        organization=organization,
    )
    return evaluate_policy(f"the policy of bucket {bucket}", document, found)


def judge_topic_policy(
    document: str | None, *, topic_arn: str, trail_arn: str, source_organization: Values = ()
) -> Verdict:
    """Judge a topic's policy (None: it has none)."""
    found = needs.of_topic(topic_arn, Source(trail_arn, source_organization))
    return evaluate_policy(f"the policy of topic {topic_arn}", document, found)


def judge_key_policy(
    document: str | None,
    *,
    key_arn: str,
    trail_arn: str,
    bucket_key: bool = False,
    source_organization: Values = (),
) -> Verdict:
    """Judge the policy of the key (by its key ARN, not an alias) that the trail encrypts its files with.

    `bucket_key`: whether the bucket has an S3 Bucket Key.
    """
    found = needs.of_key(key_arn, Source(trail_arn, source_organization), bucket_key=bucket_key)
    return evaluate_policy(f"the policy of key {key_arn}", document, found)


def topic_key(key_arn: str, topic_arn: str) -> str:
    """Return the name, in messages, of the key that encrypts a topic."""
    return f"key {key_arn}, which encrypts topic {topic_arn},"


def default_key(key_arn: str, bucket: str) -> str:
    """Return the name, in messages, of the default encryption key of a bucket."""
    return f"key {key_arn}, the default encryption key of bucket {bucket},"


def judge_topic_key_policy(
    document: str | None, *, key_arn: str, topic_arn: str, trail_arn: str, source_organization: Values = ()
) -> Verdict:
    """Judge the policy of the key that a topic is encrypted with."""
    subject = f"the policy of {topic_key(key_arn, topic_arn)}"
    return evaluate_policy(subject, document, needs.of_topic_key(key_arn, Source(trail_arn, source_organization)))


def judge_default_key_policy(
    document: str | None, *, key_arn: str, bucket: str, trail_arn: str, source_organization: Values = ()
) -> Verdict:
    """Judge the policy of a bucket's default encryption key, for a trail without kmsKeyID.

    It is never REFUSED: AWS does not document whether CloudTrail's files are encrypted with this key.
    """
    subject = f"the policy of {default_key(key_arn, bucket)}"
    found = needs.of_default_key(key_arn, Source(trail_arn, source_organization))
    verdict = evaluate_policy(subject, document, found)
    if verdict.allowed:
        return verdict
    denials = tuple(finding for finding in verdict.findings if finding.statement)
    advice = f"This remedy is unverified. {ADD}" if verdict.remedy else ""
    findings = (_default_key_doubt(subject), *denials)
    return replace(verdict, answer=Answer.UNDECIDABLE, findings=findings, advice=advice)


def suspect_default_key(subject: str, problem: str) -> Verdict:
    """Return the verdict on a default key that CloudTrail could not use; AWS does not document whether it needs to."""
    return Verdict(
        subject, Answer.UNDECIDABLE, (_default_key_doubt(subject), Finding(f"If it does (unverified): {problem}"))
    )


def _default_key_doubt(subject: str) -> Finding:
    return Finding(
        f"Cannot determine whether {subject} prevents CloudTrail from writing: AWS does not document what CloudTrail "
        "requires of a bucket's default encryption key if the trail has no kmsKeyID"
    )


def judge_role_trust(document: str | None, *, role_arn: str) -> Verdict:
    """Judge the trust policy of the log group's role."""
    return evaluate_policy(f"the trust policy of role {role_arn}", document, needs.of_role_trust(role_arn))


def judge_role_permissions(
    policies: Sequence[tuple[str, str]],
    *,
    role_arn: str,
    log_group_arn: str,
    trail_arn: str,
    organization: str | None = None,
    source_organization: Values = (),
) -> Verdict:
    """Judge all policies of the log group's role together: inline ones by name and document, attached ones by ARN."""
    subject = f"the policies of role {role_arn}"
    found = needs.of_role(role_arn, log_group_arn, Source(trail_arn, source_organization), organization)
    whole = policy_json([need.statement for need in found])
    statements: list[Statement] = []
    for name, document in policies:
        try:
            instead = "detach the policy from the role, because AWS manages it" if is_managed_by_aws(name) else ""
            statements += parse(document, f"policy {name} of role {role_arn}", instead)
        except MalformedPolicyError as error:
            return malformed_policy(f"policy {name} of role {role_arn}", error, found, _ADD_TO_ROLE)
    outcomes = match_all(statements, found)
    lacking = any(outcome.allowed is not Truth.TRUE for outcome in outcomes)
    return compute_verdict(subject, outcomes, whole if lacking else "", _ADD_TO_ROLE)


def judge_role_boundary(
    document: str,
    *,
    boundary_arn: str,
    role_arn: str,
    log_group_arn: str,
    trail_arn: str,
    organization: str | None = None,
    source_organization: Values = (),
) -> Verdict:
    """Judge the permissions boundary of the log group's role, which limits what its policies can allow.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    """
    subject = f"the permissions boundary {boundary_arn} of role {role_arn}"
    found = needs.of_role(role_arn, log_group_arn, Source(trail_arn, source_organization), organization)
    if not is_managed_by_aws(boundary_arn):
        return evaluate_policy(subject, document, found)
    verdict = evaluate_policy(subject, document, found, instead="attach another boundary")
    if verdict.remedy or verdict.answer is Answer.REFUSED:
        statements = [need.statement for need in found]
        return replace(
            verdict,
            advice="AWS manages this boundary: give the role a boundary of your own that also allows",
            remedy=policy_json(statements),
            command=printed_by(statements),
        )
    return verdict
