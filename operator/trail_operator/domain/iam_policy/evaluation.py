"""Evaluates the statements of a policy against the requests that it must allow."""

from collections.abc import Sequence
from dataclasses import dataclass

from trail_operator.domain.iam_policy import messages, prescribed
from trail_operator.domain.iam_policy.command import printed_by
from trail_operator.domain.iam_policy.document import MalformedPolicyError, Statement, parse
from trail_operator.domain.iam_policy.legacy import names_legacy
from trail_operator.domain.iam_policy.needs import Need
from trail_operator.domain.iam_policy.statements import Element, Match, Request, match
from trail_operator.domain.iam_policy.ternary import Truth, any_of
from trail_operator.domain.iam_policy.verdict import MUST_CONTAIN, Answer, Finding, Verdict, policy_json, to_paste
from trail_operator.domain.texts import capitalized

ADD = "Add to its Statement list"


@dataclass(frozen=True)
class Outcome:
    """A need, matched against each statement of the policy."""

    need: Need
    allows: tuple[Match, ...]
    denies: tuple[Match, ...]

    @property
    def allowed(self) -> Truth:
        """Whether a statement allows the request."""
        return any_of(found.truth for found in self.allows)

    @property
    def denied(self) -> Truth:
        """Whether a statement denies the request."""
        return any_of(found.truth for found in self.denies)

    @property
    def answer(self) -> Answer:
        """How AWS answers the request."""
        if self.denied is Truth.TRUE or self.allowed is Truth.FALSE:
            return Answer.REFUSED
        unclear = Truth.UNKNOWN in (self.allowed, self.denied)
        return Answer.UNDECIDABLE if unclear else Answer.ALLOWED

    @property
    def legacy_principal(self) -> bool:
        """Whether the answer depends on a statement that names CloudTrail's former accounts."""
        return self.allowed is Truth.UNKNOWN and any(
            found.truth is Truth.UNKNOWN and names_legacy(found.statement.principals) for found in self.allows
        )


def evaluate_policy(subject: str, document: str | None, needs: Sequence[Need], *, instead: str = "") -> Verdict:
    """Evaluate a policy (None: there is none) that must allow all these requests."""
    if document is None:
        whole = policy_json(_statements(needs))
        finding = Finding(f"{capitalized(subject.removeprefix('the policy of '))} has no policy")
        return Verdict(subject, Answer.REFUSED, (finding,), "Add this policy", whole, _command(needs))
    try:
        statements = parse(document, instead=instead)
    except MalformedPolicyError as error:
        return malformed_policy(subject, error, needs, MUST_CONTAIN)
    outcomes = match_all(statements, needs)
    lacking: list[prescribed.Statement] = []
    for outcome in outcomes:
        if outcome.allowed is not Truth.TRUE and outcome.need.statement not in lacking:
            lacking.append(outcome.need.statement)
    return compute_verdict(subject, outcomes, _to_add(lacking, statements), ADD)


def match_all(statements: Sequence[Statement], needs: Sequence[Need]) -> list[Outcome]:
    """Match each request against each statement."""
    return [
        Outcome(
            need,
            tuple(match(statement, need.request) for statement in statements if statement.allows),
            tuple(match(statement, need.request) for statement in statements if not statement.allows),
        )
        for need in needs
    ]


def compute_verdict(subject: str, outcomes: Sequence[Outcome], remedy: str, advice: str) -> Verdict:
    """Return the verdict: the worst answer, with a finding for each problem."""
    answers = {outcome.answer for outcome in outcomes}
    worst = next(answer for answer in (Answer.REFUSED, Answer.UNDECIDABLE, Answer.ALLOWED) if answer in answers)
    findings = (
        *_denials(subject, outcomes),
        *(finding for outcome in outcomes for finding in _lacks(subject, outcome)),
        *_doubts(subject, outcomes),
    )
    if worst is Answer.UNDECIDABLE and all(outcome.denied is Truth.FALSE for outcome in outcomes):
        advice = f"Another statement settles it. {advice}"
    legacy_principal = any(outcome.legacy_principal for outcome in outcomes)
    command = _command([outcome.need for outcome in outcomes]) if remedy else ""
    return Verdict(subject, worst, findings, advice if remedy else "", remedy, command, legacy_principal)


def find_denials(subject: str, statements: Sequence[Statement], needs: Sequence[Need]) -> tuple[list[str], list[str]]:
    """Return messages on the statements that deny these requests, and on those that may deny them."""
    outcomes = match_all([statement for statement in statements if not statement.allows], needs)
    found = _denials(subject, outcomes), _doubts(subject, outcomes)
    return [finding.message for finding in found[0]], [finding.message for finding in found[1]]


def _denials(subject: str, outcomes: Sequence[Outcome]) -> list[Finding]:
    """Report each statement that denies once, with everything that it denies."""
    by_statement: dict[Statement, list[tuple[Match, Request, str]]] = {}
    for outcome in outcomes:
        for found in outcome.denies:
            if found.truth is Truth.TRUE:
                case = (found, outcome.need.request, outcome.need.description)
                by_statement.setdefault(found.statement, []).append(case)
    return [Finding(messages.denied(subject, cases), statement.label) for statement, cases in by_statement.items()]


def _lacks(subject: str, outcome: Outcome) -> list[Finding]:
    if outcome.allowed is not Truth.FALSE:
        return []
    need = outcome.need
    findings = [Finding(messages.missing(subject, need.request, need.description))]
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
    """Return whether a statement was probably meant to allow the request."""
    failed = {check.element for check in found.with_truth(Truth.FALSE)}
    if Element.ACTION in failed:
        return False
    # A statement for another principal that allows a whole service (`kms:*` for the account) was not.
    actions = found.statement.actions
    names_actions = not actions.negated and not any("*" in text for text in actions.texts)
    return Element.PRINCIPAL not in failed or (failed == {Element.PRINCIPAL} and names_actions)


def _doubts(subject: str, outcomes: Sequence[Outcome]) -> list[Finding]:
    """Report each statement on which an unknown answer depends once."""
    by_statement: dict[Statement, list[tuple[Match, Request, str]]] = {}
    for outcome in outcomes:
        unclear = [found for found in outcome.denies if found.truth is Truth.UNKNOWN]
        if outcome.allowed is Truth.UNKNOWN:
            unclear += [found for found in outcome.allows if found.truth is Truth.UNKNOWN]
        for found in unclear:
            case = (found, outcome.need.request, outcome.need.description)
            by_statement.setdefault(found.statement, []).append(case)
    return [Finding(messages.unclear(subject, cases), statement.label) for statement, cases in by_statement.items()]


def malformed_policy(subject: str, error: MalformedPolicyError, needs: Sequence[Need], advice: str) -> Verdict:
    """Return the verdict on a policy that is not valid."""
    whole = policy_json(_statements(needs))
    finding = Finding(f"Cannot determine what {subject} allows, because it is malformed: {error}")
    return Verdict(subject, Answer.UNDECIDABLE, (finding,), advice, whole, _command(needs))


def _statements(needs: Sequence[Need]) -> list[prescribed.Statement]:
    """Return the statements for all needs; one may serve several."""
    found: list[prescribed.Statement] = []
    for need in needs:
        if need.statement not in found:
            found.append(need.statement)
    return found


def _command(needs: Sequence[Need]) -> str:
    return printed_by([need.statement for need in needs])


def _to_add(lacking: Sequence[prescribed.Statement], statements: Sequence[Statement]) -> str:
    """Return statements to paste into a policy."""
    return to_paste(with_free_sids(lacking, statements))


def with_free_sids(
    added: Sequence[prescribed.Statement], statements: Sequence[Statement]
) -> list[prescribed.Statement]:
    """Return statements for a policy with these statements; AWS rejects a policy with a duplicate Sid."""
    used = {statement.sid for statement in statements}
    return [_with_free_sid(statement, used) for statement in added]


def _with_free_sid(statement: prescribed.Statement, used: set[str | None]) -> prescribed.Statement:
    if statement.get("Sid") not in used or "Sid" not in statement:
        return statement
    number = 2
    while f"{statement['Sid']}{number}" in used:
        number += 1
    return statement | {"Sid": f"{statement['Sid']}{number}"}
