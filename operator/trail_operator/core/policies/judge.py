"""Verdicts on the policies that CloudTrail depends on: does one let it work, and if not, what must change.

A verdict is honest about what it cannot know: it is ALLOWED or REFUSED only if that follows from the policy's
text and from what CloudTrail is documented to send; else it is UNKNOWN and names the statement in question.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from trail_operator.core.policies import requests, required, wording
from trail_operator.core.policies.document import MalformedPolicy, Statement, parse
from trail_operator.core.policies.statements import Element, Match, Request, match
from trail_operator.core.policies.truth import Truth, any_of

LONGEST_MESSAGE = 2000


class Answer(Enum):
    """Whether a policy lets CloudTrail do all it needs."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or could not be judged, and the statement concerned, if there is one."""

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
    statement: required.Statement

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
        return Answer.UNKNOWN if unclear else Answer.ALLOWED


def judge_bucket_policy(
    document: str | None,
    *,
    bucket: str,
    prefix: str | None,
    trail_arn: str,
    kms_key_arn: str | None = None,
    organization: str | None = None,
) -> Verdict:
    """Judge a bucket's policy (None: it has none) for a trail with this prefix and, if any, key and organization."""
    acl, *writes = required.bucket_statements(bucket, prefix, trail_arn, organization)
    owners = (None, organization) if organization else (None,)
    needs = (
        _Need(requests.read_bucket_acl(bucket, trail_arn), acl["Resource"], acl),
        *(
            _Need(requests.write_log_files(bucket, prefix, trail_arn, kms_key_arn, owner), write["Resource"], write)
            for owner, write in zip(owners, writes, strict=True)
        ),
    )
    return _judge_resource(f"the policy of bucket {bucket}", document, needs)


def judge_topic_policy(document: str | None, *, topic_arn: str, trail_arn: str) -> Verdict:
    """Judge a topic's policy (None: it has none)."""
    statement = required.topic_statement(topic_arn, trail_arn)
    need = _Need(requests.publish(topic_arn, trail_arn), topic_arn, statement)
    return _judge_resource(f"the policy of topic {topic_arn}", document, (need,))


def judge_key_policy(document: str | None, *, key_arn: str, trail_arn: str) -> Verdict:
    """Judge the policy of the key (by its key ARN, not an alias) that encrypts the log files."""
    encrypt, describe = required.key_statements(trail_arn)
    needs = (
        _Need(requests.generate_data_key(key_arn, trail_arn), key_arn, encrypt),
        _Need(requests.describe_key(key_arn, trail_arn), key_arn, describe),
    )
    return _judge_resource(f"the policy of key {key_arn}", document, needs)


def judge_role_trust(document: str | None, *, role_arn: str) -> Verdict:
    """Judge the trust policy of the log group's role."""
    need = _Need(requests.assume_role(), "", required.role_trust_statement())
    return _judge_resource(f"the trust policy of role {role_arn}", document, (need,))


def judge_role_permissions(
    documents: Sequence[str], *, role_arn: str, log_group_arn: str, trail_arn: str, organization: str | None = None
) -> Verdict:
    """Judge all policies of the log group's role together, inline and attached ones."""
    subject = f"the policies of role {role_arn}"
    needs = tuple(
        _Need(
            requests.use_log_streams(statement["Action"], log_group_arn, trail_arn, organization),
            statement["Resource"],
            statement,
        )
        for statement in required.role_permission_statements(log_group_arn, trail_arn, organization)
    )
    whole = _document([need.statement for need in needs])
    advice = "Add this policy to the role"  # whole, so that no policy that others share is touched
    try:
        statements = [statement for document in documents for statement in parse(document)]
    except MalformedPolicy as error:
        return _malformed(subject, error, whole, advice)
    outcomes = _outcomes(statements, needs)
    lacking = any(outcome.allowed is not Truth.TRUE for outcome in outcomes)
    return _verdict(subject, outcomes, whole if lacking else "", advice)


def not_read(subject: str, permission: str, statements: Sequence[required.Statement]) -> Verdict:
    """Return the verdict on a policy that the operator may not read: what it must hold, not verified.

    `subject` is named as the other verdicts do it ("the policy of bucket B").
    """
    finding = Finding(f"{subject} was not verified, since the operator lacks {permission}")
    return Verdict(subject, Answer.UNKNOWN, (finding,), "Required is", _document(statements))


def _judge_resource(subject: str, document: str | None, needs: Sequence[_Need]) -> Verdict:
    if document is None:
        whole = _document([need.statement for need in needs])
        finding = Finding(f"{subject} does not exist")
        return Verdict(subject, Answer.REFUSED, (finding,), "Required is", whole)
    try:
        statements = parse(document)
    except MalformedPolicy as error:
        return _malformed(subject, error, _document([need.statement for need in needs]), "Required is")
    outcomes = _outcomes(statements, needs)
    lacking = [outcome.need.statement for outcome in outcomes if outcome.allowed is not Truth.TRUE]
    return _verdict(subject, outcomes, _to_add(lacking, statements), "Add to its Statement list")


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
    worst = next(answer for answer in (Answer.REFUSED, Answer.UNKNOWN, Answer.ALLOWED) if answer in answers)
    findings = (
        *_denials(subject, outcomes),
        *(finding for outcome in outcomes for finding in _lacks(subject, outcome)),
        *(finding for outcome in outcomes for finding in _doubts(subject, outcome)),
    )
    return Verdict(subject, worst, findings, advice if remedy else "", remedy)


def _denials(subject: str, outcomes: Sequence[_Outcome]) -> list[Finding]:
    """Report each statement that denies once, with all that it denies."""
    by_statement: dict[Statement, list[tuple[Match, Request, str]]] = {}
    for outcome in outcomes:
        for found in outcome.denies:
            if found.truth is Truth.TRUE:
                case = (found, outcome.need.request, outcome.need.asked)
                by_statement.setdefault(found.statement, []).append(case)
    return [Finding(wording.denied(subject, cases), statement.label) for statement, cases in by_statement.items()]


def _lacks(subject: str, outcome: _Outcome) -> list[Finding]:
    if outcome.allowed is not Truth.FALSE:
        return []
    need = outcome.need
    findings = [Finding(wording.missing(subject, need.request, need.asked))]
    nearest = min(
        filter(_comes_near, outcome.allows),
        key=lambda found: len(found.with_truth(Truth.FALSE)),
        default=None,
    )
    if nearest is not None:
        message = wording.near_miss(nearest, need.request, need.resource)
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


def _doubts(subject: str, outcome: _Outcome) -> list[Finding]:
    """Report the statements on which it hangs, where that cannot be told."""
    unclear = [found for found in outcome.denies if found.truth is Truth.UNKNOWN]
    if outcome.allowed is Truth.UNKNOWN:
        unclear += [found for found in outcome.allows if found.truth is Truth.UNKNOWN]
    return [
        Finding(wording.unclear(subject, found, outcome.need.request, outcome.need.asked), found.statement.label)
        for found in unclear
    ]


def _malformed(subject: str, error: MalformedPolicy, remedy: str, advice: str) -> Verdict:
    finding = Finding(f"{subject} is malformed: {error}")
    return Verdict(subject, Answer.UNKNOWN, (finding,), advice, remedy)


def _to_add(lacking: Sequence[required.Statement], statements: Sequence[Statement]) -> str:
    """Return statements to paste into a policy; AWS refuses a policy in which two have the same Sid."""
    taken = {statement.sid for statement in statements}
    return ",".join(_compact(_with_free_sid(statement, taken)) for statement in lacking)


def _with_free_sid(statement: required.Statement, taken: set[str | None]) -> required.Statement:
    if statement.get("Sid") not in taken or "Sid" not in statement:
        return statement
    number = 2
    while f"{statement['Sid']}{number}" in taken:
        number += 1
    return statement | {"Sid": f"{statement['Sid']}{number}"}


def _document(statements: Sequence[required.Statement]) -> str:
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
