"""The value that a judgement comes to: whether a policy lets CloudTrail work, and if not, what must change.

A verdict is honest about what it cannot know: it is ALLOWED or REFUSED only if that follows from the policy's
text and from what CloudTrail sends; else it is UNDECIDABLE, says why, and calls no statement missing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from trail_operator.domain.iam_policy import prescribed

LONGEST_MESSAGE = 2000
NEEDED = "It needs"


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


def not_read(subject: str, permission: str, statements: Sequence[prescribed.Statement]) -> Verdict:
    """Return the verdict on a policy that the operator may not read: what it must hold, not verified.

    `subject` is named as the other verdicts do it ("the policy of bucket B").
    """
    finding = Finding(f"not verified, since the operator lacks {permission}: {subject}")
    remedy = policy_json(statements) if statements else ""
    return Verdict(subject, Answer.UNDECIDABLE, (finding,), NEEDED if remedy else "", remedy)


def to_paste(statements: Sequence[prescribed.Statement]) -> str:
    """Return statements as they are pasted into a policy's list of statements."""
    return ",".join(_compact(statement) for statement in statements)


def policy_json(statements: Sequence[prescribed.Statement]) -> str:
    """Return a whole policy of these statements, on one line."""
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
