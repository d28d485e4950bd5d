"""The result of judging a policy: whether it allows CloudTrail to work, and if not, what to change.

A verdict is ALLOWED or REFUSED only if that follows from the policy's text and from what CloudTrail sends. Otherwise it
is UNDECIDABLE, says why, and does not claim that a statement is missing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from trail_operator.domain.iam_policy import prescribed
from trail_operator.domain.iam_policy.command import printed_by
from trail_operator.domain.texts import capitalized

LONGEST_MESSAGE = 2000
MUST_CONTAIN = "The policy must contain"


class Answer(Enum):
    """Whether a policy allows all that CloudTrail needs."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNDECIDABLE = "undecidable"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or unknown, and the statement concerned, if there is one."""

    message: str
    statement: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The result of judging a policy."""

    subject: str
    answer: Answer
    findings: tuple[Finding, ...] = ()
    advice: str = ""  # what to do with the remedy
    remedy: str = ""  # JSON on one line: statements, separated by commas, or a whole policy; "" if none helps
    command: str = ""  # prints the remedy
    legacy_principal: bool = False  # whether it allows CloudTrail only by its former accounts
    unread: str | None = None
    """Why the policy was not read: the IAM action that the operator lacks, "" if none would help. None: it was read."""

    @property
    def allowed(self) -> bool:
        """Whether the policy is known to allow all that CloudTrail needs."""
        return self.answer is Answer.ALLOWED

    @property
    def message(self) -> str:
        """The verdict as sentences, with the remedy at the end; findings that would make it too long are left out."""
        if not self.findings:
            return f"{capitalized(self.subject.rstrip(','))}: no problem found"
        remedy = f". {self.advice} ({self.command}): {self.remedy}" if self.remedy else ""
        return _joined([finding.message for finding in self.findings], LONGEST_MESSAGE - len(remedy)) + remedy


def not_read(subject: str, permission: str, statements: Sequence[prescribed.Statement]) -> Verdict:
    """Return the verdict on a policy that the operator is not allowed to read, with what it must contain.

    `subject`: as in other verdicts ("the policy of bucket B"). `permission`: the IAM action that the operator lacks.
    """
    finding = Finding(f"Cannot verify {subject.rstrip(',')}: the operator lacks {permission}")
    verdict = Verdict(subject, Answer.UNDECIDABLE, (finding,), unread=permission)
    if not statements:
        return verdict
    return replace(verdict, advice=MUST_CONTAIN, remedy=policy_json(statements), command=printed_by(statements))


def to_paste(statements: Sequence[prescribed.Statement]) -> str:
    """Return statements as JSON to paste into a policy's list of statements."""
    return ",".join(_compact(statement) for statement in statements)


def policy_json(statements: Sequence[prescribed.Statement]) -> str:
    """Return a policy with these statements, as JSON on one line."""
    return _compact({"Version": "2012-10-17", "Statement": list(statements)})


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _joined(sentences: Sequence[str], room: int) -> str:
    """Join as many sentences as fit, but at least the first."""
    joined = sentences[0]
    for number, sentence in enumerate(sentences[1:], start=1):
        left = len(sentences) - number
        if len(joined) + len(sentence) + len(f". (and {left} more)") > room:
            return f"{joined} (and {left} more)"
        joined += f". {sentence}"
    return joined
