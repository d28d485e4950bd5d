"""What the operator would do about an object of any kind, as a value. `trail-operator plan` shows it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol, Self

from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Difference
from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.domain.warnings import Advice


class Outcome(StrEnum):
    """What happens to what an object has in AWS."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    NOTHING = "none"
    BLOCKED = "blocked"
    """Something prevents the operator from making AWS match the spec."""
    UNKNOWN = "unknown"


class Answer(StrEnum):
    """Whether the API server accepts a manifest."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNCHECKED = "unchecked"


@dataclass(frozen=True)
class Admission:
    """What the API server answered to a dry run. `message`: why it rejected the manifest, or was not asked."""

    answer: Answer
    message: str = ""


class Call(Protocol):
    """A write to AWS."""

    @property
    def operation(self) -> str:
        """The operation of the AWS API."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What is sent."""


@dataclass(frozen=True)
class ObjectPlan:
    """What the operator would do about an object."""

    namespace: str
    name: str
    outcome: Outcome
    reason: str = ""
    """Why nothing more is done; of the closed set of reasons of conditions, or empty."""
    message: str = ""
    account: str = ""
    region: str = ""
    """Both are empty if they are unknown."""
    differences: tuple[Difference, ...] = ()
    actions: Sequence[Call] = ()
    """The writes, in order."""
    warnings: tuple[Advice, ...] = ()
    admission: Admission | None = None
    """None for an object that the API server has already."""

    @property
    def is_obstructed(self) -> bool:
        """Whether AWS will refuse writes."""
        return False

    @property
    def is_rejected(self) -> bool:
        """Whether the API server rejects the manifest."""
        return self.admission is not None and self.admission.answer is Answer.REJECTED

    def with_admission(self, admission: Admission) -> Self:
        """Return the plan of a manifest: one that is rejected changes nothing."""
        if admission.answer is not Answer.REJECTED:
            return replace(self, admission=admission)
        message = f"The API server rejects the manifest: {admission.message}"
        return replace(
            self, outcome=Outcome.BLOCKED, reason=Reason.INVALID_SPEC, message=message, actions=(), admission=admission
        )


# The caller of the command may lack what the operator has, and the reverse: only the operator will know.
_CALLER = frozenset(
    {
        Reason.ACCESS_DENIED,
        Reason.DENIED_BY_ORGANIZATION,
        Reason.CREDENTIALS_UNAVAILABLE,
        Reason.ASSUME_ROLE_DENIED,
        Reason.IDENTITY_MISMATCH,
        Reason.THROTTLED,
    }
)


def outcome_of_failure(failure: Failure) -> Outcome:
    """Return whether a failure of the command is one of the operator, too."""
    is_unknown = failure.kind is FailureClass.TRANSIENT or failure.reason in _CALLER
    return Outcome.UNKNOWN if is_unknown else Outcome.BLOCKED


EXIT_UNCHANGED, EXIT_CHANGES, EXIT_BLOCKED = 0, 2, 3


def exit_status(plans: Iterable[ObjectPlan]) -> int:
    """Return 3 if something cannot be applied or is unknown, else 2 if something changes, else 0."""
    found = list(plans)
    if any(plan.outcome in (Outcome.BLOCKED, Outcome.UNKNOWN) or plan.is_obstructed for plan in found):
        return EXIT_BLOCKED
    return EXIT_CHANGES if any(plan.outcome is not Outcome.NOTHING for plan in found) else EXIT_UNCHANGED


def summary(plans: Iterable[ObjectPlan]) -> dict[str, int]:
    """Return how many objects have each outcome, in the order of Outcome."""
    counts = Counter(plan.outcome for plan in plans)
    return {outcome.value: counts[outcome] for outcome in Outcome}
