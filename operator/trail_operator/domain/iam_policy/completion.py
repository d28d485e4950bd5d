"""What an existing policy lacks, the policy with that added, and what adding cannot correct."""

from collections.abc import Sequence
from dataclasses import dataclass

from trail_operator.domain.iam_policy.combined import AdvisedStatement, Part, Requirement, combine
from trail_operator.domain.iam_policy.document import parse
from trail_operator.domain.iam_policy.evaluation import find_denials, match_all, with_free_sids
from trail_operator.domain.iam_policy.insertion import insert
from trail_operator.domain.iam_policy.ternary import Truth


@dataclass(frozen=True)
class Completion:
    """A completed policy."""

    policy: str
    added: tuple[AdvisedStatement, ...]
    denied: tuple[str, ...] = ()
    """On the statements that deny what is required."""
    unclear: tuple[str, ...] = ()
    """On those that may deny it, or deny what is recommended."""


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
    of = {one: [need for part in parts for need in part.needs if part.requirement is one] for one in Requirement}
    denied, unclear = find_denials(subject, present, of[Requirement.REQUIRED])
    not_needed = [message for found in find_denials(subject, present, of[Requirement.RECOMMENDED]) for message in found]
    return Completion(completed, added, tuple(denied), tuple(dict.fromkeys([*unclear, *not_needed])))
