"""What an existing policy lacks, the policy with that added, and what adding cannot correct."""

from collections.abc import Sequence
from dataclasses import dataclass

from trail_operator.domain.iam_policy.combined import AdvisedStatement, Part, Requirement, combine
from trail_operator.domain.iam_policy.document import parse
from trail_operator.domain.iam_policy.evaluation import evaluate_policy, match_all, with_free_sids
from trail_operator.domain.iam_policy.insertion import insert
from trail_operator.domain.iam_policy.ternary import Truth
from trail_operator.domain.iam_policy.verdict import Answer


@dataclass(frozen=True)
class Completion:
    """A completed policy."""

    policy: str
    added: tuple[AdvisedStatement, ...]
    denied: tuple[str, ...] = ()
    """The statements that deny what a trail needs."""
    unclear: tuple[str, ...] = ()
    """The statements of which it is unknown whether they deny it."""


def complete(policy: str, parts: Sequence[Part], subject: str) -> Completion:
    """Return a policy with what it lacks. Raises MalformedPolicyError. `subject`: as in verdicts."""
    present = parse(policy)
    insert(policy, [])  # raises, too
    lacking = [
        part for part in parts if any(outcome.allowed is not Truth.TRUE for outcome in match_all(present, part.needs))
    ]
    wanted = combine(lacking)
    named = with_free_sids([one.statement for one in wanted], present)
    added = tuple(
        AdvisedStatement(statement, one.requirement, one.reason) for statement, one in zip(named, wanted, strict=True)
    )
    completed = insert(policy, named)
    # All that was lacking is there now: what is left are statements that deny.
    required, recommended = (
        evaluate_policy(subject, completed, [need for part in parts for need in part.needs if part.requirement is one])
        if any(part.requirement is one for part in parts)
        else None
        for one in (Requirement.REQUIRED, Requirement.RECOMMENDED)
    )
    doubts = [] if recommended is None else [finding.message for finding in recommended.findings]
    messages = [] if required is None else [finding.message for finding in required.findings]
    if required is not None and required.answer is Answer.REFUSED:
        return Completion(completed, added, tuple(messages), tuple(doubts))
    return Completion(completed, added, (), tuple(dict.fromkeys([*messages, *doubts])))
