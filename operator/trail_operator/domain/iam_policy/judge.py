"""Verdicts on the policies that CloudTrail depends on: does one let it work, and if not, what must change.

A verdict is honest about what it cannot know: it is ALLOWED or REFUSED only if that follows from the policy's
text and from what CloudTrail sends; else it is UNDECIDABLE, says why, and calls no statement missing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from trail_operator.domain.iam_policy import messages, prescribed, requests
from trail_operator.domain.iam_policy.document import MalformedPolicyError, Statement, is_managed_by_aws, parse
from trail_operator.domain.iam_policy.legacy import names_legacy
from trail_operator.domain.iam_policy.matching import Values
from trail_operator.domain.iam_policy.requests import Place, Source
from trail_operator.domain.iam_policy.statements import Element, Match, Request, match
from trail_operator.domain.iam_policy.ternary import Truth, any_of

LONGEST_MESSAGE = 2000
_ADD = "Add to its Statement list"
_ADD_TO_ROLE = "Add this policy to the role"  # whole, so that no policy that others share is touched
_NEEDED = "It needs"


class Answer(Enum):
    """Whether a policy lets CloudTrail do all it needs."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNDECIDABLE = "undecidable"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or cannot be decided, and the statement concerned, if there is one."""

    message: str
    statement: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What came of judging a policy."""

    subject: str
    answer: Answer
    findings: tuple[Finding, ...] = ()
    advice: str = ""  # what to do with the remedy
    remedy: str = ""  # JSON on one line: statements, separated by commas, or a whole policy; "" if none helps
    legacy_principal: bool = False  # whether only CloudTrail's accounts of old are let in

    @property
    def allowed(self) -> bool:
        """Whether the policy is known to let CloudTrail do all it needs."""
        return self.answer is Answer.ALLOWED

    @property
    def message(self) -> str:
        """The whole verdict in a few sentences; further findings give way to the remedy."""
        if not self.findings:
            return f"CloudTrail misses nothing in {self.subject}"
        remedy = f". {self.advice}: {self.remedy}" if self.remedy else ""
        return _joined([finding.message for finding in self.findings], LONGEST_MESSAGE - len(remedy)) + remedy


@dataclass(frozen=True)
class _Need:
    """A request that must be allowed, the resource as the prescribed statement has it, and that statement."""

    request: Request
    resource: str
    statement: prescribed.Statement

    @property
    def asked(self) -> str:
        return f"{self.request.action} on {self.resource}" if self.resource else self.request.action


@dataclass(frozen=True)
class _Outcome:
    """A need, and how the statements of the policy stand to it."""

    need: _Need
    allows: tuple[Match, ...]
    denies: tuple[Match, ...]

    @property
    def allowed(self) -> Truth:
        return any_of(found.truth for found in self.allows)

    @property
    def denied(self) -> Truth:
        return any_of(found.truth for found in self.denies)

    @property
    def answer(self) -> Answer:
        if self.denied is Truth.TRUE or self.allowed is Truth.FALSE:
            return Answer.REFUSED
        unclear = Truth.UNKNOWN in (self.allowed, self.denied)
        return Answer.UNDECIDABLE if unclear else Answer.ALLOWED

    @property
    def legacy_principal(self) -> bool:
        """Whether it hangs on a statement that names CloudTrail's accounts of old."""
        return self.allowed is Truth.UNKNOWN and any(
            found.truth is Truth.UNKNOWN and names_legacy(found.statement.principals) for found in self.allows
        )


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

    `account`, `region`: the bucket's. `source_organization`: that of the trail's owner, whatever kind of trail it is;
    (None,) where it is in none, () where that is not known.
    """
    source, place = Source(trail_arn, source_organization), Place(account, region)
    acl, *writes = prescribed.bucket_statements(bucket, prefix, trail_arn, organization)
    owners = (None, organization) if organization else (None,)
    needs = (
        _Need(requests.read_bucket_acl(bucket, place, source), acl["Resource"], acl),
        *(
            _Need(
                requests.write_log_files(bucket, prefix, place, source, kms_key_arn=kms_key_arn, organization=owner),
                write["Resource"],
                write,
            )
            for owner, write in zip(owners, writes, strict=True)
        ),
    )
    return _judge_resource(f"the policy of bucket {bucket}", document, needs)


def judge_topic_policy(
    document: str | None, *, topic_arn: str, trail_arn: str, source_organization: Values = ()
) -> Verdict:
    """Judge a topic's policy (None: it has none)."""
    statement = prescribed.topic_statement(topic_arn, trail_arn)
    need = _Need(requests.publish(topic_arn, Source(trail_arn, source_organization)), topic_arn, statement)
    return _judge_resource(f"the policy of topic {topic_arn}", document, (need,))


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
    source = Source(trail_arn, source_organization)
    encrypt, describe, *decrypt = prescribed.key_statements(trail_arn, bucket_key=bucket_key)
    needs = (
        _Need(requests.generate_data_key(key_arn, source), key_arn, encrypt),
        _Need(requests.describe_key(key_arn, source), key_arn, describe),
        *(_Need(requests.use_key("kms:Decrypt", key_arn, source), key_arn, statement) for statement in decrypt),
    )
    return _judge_resource(f"the policy of key {key_arn}", document, needs)


def judge_topic_key_policy(
    document: str | None, *, key_arn: str, topic_arn: str, trail_arn: str, source_organization: Values = ()
) -> Verdict:
    """Judge the policy of the key that a topic is encrypted with."""
    subject = f"the policy of key {key_arn}, with which topic {topic_arn} is encrypted,"
    statement = prescribed.topic_key_statement(trail_arn)
    return _judge_resource(subject, document, _key_uses(key_arn, Source(trail_arn, source_organization), statement))


def judge_default_key_policy(
    document: str | None, *, key_arn: str, bucket: str, trail_arn: str, source_organization: Values = ()
) -> Verdict:
    """Judge the policy of the key that a bucket encrypts with by default, for a trail without a key of its own.

    Whether CloudTrail's files are encrypted with it, or as CloudTrail asks, is not documented: it never REFUSES.
    """
    subject = f"the policy of key {key_arn}, with which bucket {bucket} encrypts by default,"
    statement = prescribed.default_key_statement(trail_arn)
    needs = _key_uses(key_arn, Source(trail_arn, source_organization), statement)
    verdict = _judge_resource(subject, document, needs)
    if verdict.allowed:
        return verdict
    denials = tuple(finding for finding in verdict.findings if finding.statement)
    advice = f"Unverified remedy. {_ADD}" if verdict.remedy else ""
    return Verdict(subject, Answer.UNDECIDABLE, (_default_key_doubt(subject), *denials), advice, verdict.remedy)


def suspect_default_key(subject: str, problem: str) -> Verdict:
    """Return the verdict on a default key that CloudTrail could not use: whether it has to is not documented."""
    problem = f"{problem} (unverified remedy)"
    return Verdict(subject, Answer.UNDECIDABLE, (_default_key_doubt(subject), Finding(f"if it does: {problem}")))


def _default_key_doubt(subject: str) -> Finding:
    return Finding(
        f"whether {subject} keeps CloudTrail from writing cannot be decided, because AWS does not document what "
        "CloudTrail needs of a bucket's default key where the trail has no kmsKeyID"
    )


def judge_role_trust(document: str | None, *, role_arn: str) -> Verdict:
    """Judge the trust policy of the log group's role."""
    need = _Need(requests.assume_role(role_arn), "", prescribed.role_trust_statement())
    return _judge_resource(f"the trust policy of role {role_arn}", document, (need,))


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
    needs = _role_needs(role_arn, log_group_arn, Source(trail_arn, source_organization), organization)
    whole = _document([need.statement for need in needs])
    statements: list[Statement] = []
    for name, document in policies:
        try:
            instead = "detach the policy from the role, since AWS manages it" if is_managed_by_aws(name) else ""
            statements += parse(document, name, instead)
        except MalformedPolicyError as error:
            return _malformed(f"policy {name} among {subject}", error, whole, _ADD_TO_ROLE)
    outcomes = _outcomes(statements, needs)
    lacking = any(outcome.allowed is not Truth.TRUE for outcome in outcomes)
    return _verdict(subject, outcomes, whole if lacking else "", _ADD_TO_ROLE)


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
    """Judge the permissions boundary of the log group's role: what it does not allow, no policy of the role can.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    """
    subject = f"the permissions boundary {boundary_arn} of role {role_arn}"
    needs = _role_needs(role_arn, log_group_arn, Source(trail_arn, source_organization), organization)
    if not is_managed_by_aws(boundary_arn):
        return _judge_resource(subject, document, needs)
    verdict = _judge_resource(subject, document, needs, instead="attach another boundary")
    if verdict.remedy or verdict.answer is Answer.REFUSED:
        whole = _document([need.statement for need in needs])
        return replace(
            verdict, advice="AWS manages it: give the role a boundary of your own that also allows", remedy=whole
        )
    return verdict


def _key_uses(key_arn: str, source: Source, statement: prescribed.Statement) -> tuple[_Need, ...]:
    """Return what another service asks of a key for CloudTrail, all by one statement."""
    actions = ("kms:GenerateDataKey", "kms:Decrypt")
    return tuple(_Need(requests.use_key(action, key_arn, source), key_arn, statement) for action in actions)


def _role_needs(role_arn: str, log_group_arn: str, source: Source, organization: str | None) -> tuple[_Need, ...]:
    return tuple(
        _Need(
            requests.use_log_streams(statement["Action"], role_arn, log_group_arn, source, organization),
            statement["Resource"],
            statement,
        )
        for statement in prescribed.role_permission_statements(log_group_arn, source.trail_arn, organization)
    )


def not_read(subject: str, permission: str, statements: Sequence[prescribed.Statement]) -> Verdict:
    """Return the verdict on a policy that the operator may not read: what it must hold, not verified.

    `subject` is named as the other verdicts do it ("the policy of bucket B").
    """
    finding = Finding(f"not verified, since the operator lacks {permission}: {subject}")
    remedy = _document(statements) if statements else ""
    return Verdict(subject, Answer.UNDECIDABLE, (finding,), _NEEDED if remedy else "", remedy)


def to_paste(statements: Sequence[prescribed.Statement]) -> str:
    """Return statements as they are pasted into a policy's list of statements."""
    return ",".join(_compact(statement) for statement in statements)


def _judge_resource(subject: str, document: str | None, needs: Sequence[_Need], *, instead: str = "") -> Verdict:
    if document is None:
        whole = _document([need.statement for need in needs])
        finding = Finding(f"{subject.removeprefix('the policy of ')} has no policy")
        return Verdict(subject, Answer.REFUSED, (finding,), _NEEDED, whole)
    try:
        statements = parse(document, instead=instead)
    except MalformedPolicyError as error:
        return _malformed(subject, error, _document([need.statement for need in needs]), _NEEDED)
    outcomes = _outcomes(statements, needs)
    lacking: list[prescribed.Statement] = []
    for outcome in outcomes:
        if outcome.allowed is not Truth.TRUE and outcome.need.statement not in lacking:
            lacking.append(outcome.need.statement)
    return _verdict(subject, outcomes, _to_add(lacking, statements), _ADD)


def _outcomes(statements: Sequence[Statement], needs: Sequence[_Need]) -> list[_Outcome]:
    return [
        _Outcome(
            need,
            tuple(match(statement, need.request) for statement in statements if statement.allows),
            tuple(match(statement, need.request) for statement in statements if not statement.allows),
        )
        for need in needs
    ]


def _verdict(subject: str, outcomes: Sequence[_Outcome], remedy: str, advice: str) -> Verdict:
    answers = {outcome.answer for outcome in outcomes}
    worst = next(answer for answer in (Answer.REFUSED, Answer.UNDECIDABLE, Answer.ALLOWED) if answer in answers)
    findings = (
        *_denials(subject, outcomes),
        *(finding for outcome in outcomes for finding in _lacks(subject, outcome)),
        *_doubts(subject, outcomes),
    )
    if worst is Answer.UNDECIDABLE and all(outcome.denied is Truth.FALSE for outcome in outcomes):
        advice = f"One statement more decides it. {advice}"
    legacy_principal = any(outcome.legacy_principal for outcome in outcomes)
    return Verdict(subject, worst, findings, advice if remedy else "", remedy, legacy_principal)


def _denials(subject: str, outcomes: Sequence[_Outcome]) -> list[Finding]:
    """Report each statement that denies once, with all that it denies."""
    by_statement: dict[Statement, list[tuple[Match, Request, str]]] = {}
    for outcome in outcomes:
        for found in outcome.denies:
            if found.truth is Truth.TRUE:
                case = (found, outcome.need.request, outcome.need.asked)
                by_statement.setdefault(found.statement, []).append(case)
    return [Finding(messages.denied(subject, cases), statement.label) for statement, cases in by_statement.items()]


def _lacks(subject: str, outcome: _Outcome) -> list[Finding]:
    if outcome.allowed is not Truth.FALSE:
        return []
    need = outcome.need
    findings = [Finding(messages.missing(subject, need.request, need.asked))]
    nearest = min(
        filter(_comes_near, outcome.allows),
        key=lambda found: len(found.with_truth(Truth.FALSE)),
        default=None,
    )
    if nearest is not None:
        message = messages.near_miss(nearest, need.request, need.resource)
        findings.append(Finding(message, nearest.statement.label))
    return findings


def _comes_near(found: Match) -> bool:
    """Tell whether a statement looks as if it had been meant for what is asked."""
    failed = {check.element for check in found.with_truth(Truth.FALSE)}
    if Element.ACTION in failed:
        return False
    # A statement for others that allows a whole service (`kms:*` for the account) was not meant for it.
    actions = found.statement.actions
    names_actions = not actions.negated and not any("*" in text for text in actions.texts)
    return Element.PRINCIPAL not in failed or (failed == {Element.PRINCIPAL} and names_actions)


def _doubts(subject: str, outcomes: Sequence[_Outcome]) -> list[Finding]:
    """Report each statement on which it hangs once, where that cannot be decided."""
    by_statement: dict[Statement, list[tuple[Match, Request, str]]] = {}
    for outcome in outcomes:
        unclear = [found for found in outcome.denies if found.truth is Truth.UNKNOWN]
        if outcome.allowed is Truth.UNKNOWN:
            unclear += [found for found in outcome.allows if found.truth is Truth.UNKNOWN]
        for found in unclear:
            case = (found, outcome.need.request, outcome.need.asked)
            by_statement.setdefault(found.statement, []).append(case)
    return [Finding(messages.unclear(subject, cases), statement.label) for statement, cases in by_statement.items()]


def _malformed(subject: str, error: MalformedPolicyError, remedy: str, advice: str) -> Verdict:
    finding = Finding(f"what CloudTrail may do by {subject} cannot be decided, because it is malformed: {error}")
    return Verdict(subject, Answer.UNDECIDABLE, (finding,), advice, remedy)


def _to_add(lacking: Sequence[prescribed.Statement], statements: Sequence[Statement]) -> str:
    """Return statements to paste into a policy; AWS refuses a policy in which two have the same Sid."""
    taken = {statement.sid for statement in statements}
    return to_paste([_with_free_sid(statement, taken) for statement in lacking])


def _with_free_sid(statement: prescribed.Statement, taken: set[str | None]) -> prescribed.Statement:
    if statement.get("Sid") not in taken or "Sid" not in statement:
        return statement
    number = 2
    while f"{statement['Sid']}{number}" in taken:
        number += 1
    return statement | {"Sid": f"{statement['Sid']}{number}"}


def _document(statements: Sequence[prescribed.Statement]) -> str:
    return _compact({"Version": "2012-10-17", "Statement": list(statements)})


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _joined(sentences: Sequence[str], room: int) -> str:
    """Join as many sentences as there is room for, at least the first."""
    joined = sentences[0]
    for number, sentence in enumerate(sentences[1:], start=1):
        left = len(sentences) - number
        if len(joined) + len(sentence) + len(f"; and {left} more") > room:
            return f"{joined}; and {left} more"
        joined += f"; {sentence}"
    return joined
