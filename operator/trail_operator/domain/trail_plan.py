"""What the operator would do about a Trail, as a value. `trail-operator plan` shows it."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Difference
from trail_operator.domain.actions import Action
from trail_operator.domain.attributes import Configuration
from trail_operator.domain.conditions import State
from trail_operator.domain.diff import differences
from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.domain.selectors import DEFAULT
from trail_operator.domain.trail import DesiredTrail, ObservedTrail
from trail_operator.domain.warnings import Advice


class Outcome(StrEnum):
    """What happens to a trail."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    NOTHING = "none"
    BLOCKED = "blocked"
    """Something prevents the operator from making the trail match the spec."""
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


@dataclass(frozen=True)
class TrailPlan:
    """What the operator would do about a Trail."""

    namespace: str
    name: str
    outcome: Outcome
    reason: str = ""
    """Why nothing more is done; of the closed set of reasons of conditions, or empty."""
    message: str = ""
    trail_name: str = ""
    account: str = ""
    region: str = ""
    arn: str = ""
    """The last three are empty if they are unknown."""
    differences: tuple[Difference, ...] = ()
    actions: tuple[Action, ...] = ()
    """The writes, in order."""
    dependencies: State | None = None
    """Whether what the trail depends on allows CloudTrail to deliver; None if it was not judged."""
    warnings: tuple[Advice, ...] = ()
    losses: tuple[str, ...] = ()
    """What is no longer recorded."""
    admission: Admission | None = None
    """None for a Trail that the API server has already."""

    @property
    def is_obstructed(self) -> bool:
        """Whether AWS will refuse writes: it checks the dependencies of a trail that is created or updated."""
        is_written = self.outcome in (Outcome.CREATE, Outcome.UPDATE)
        return is_written and self.dependencies is not None and self.dependencies.status is False

    def with_admission(self, admission: Admission) -> "TrailPlan":
        """Return the plan of a manifest: one that is rejected changes nothing."""
        if admission.answer is not Answer.REJECTED:
            return replace(self, admission=admission)
        message = f"The API server rejects the manifest: {admission.message}"
        return replace(
            self,
            outcome=Outcome.BLOCKED,
            reason=Reason.INVALID_SPEC,
            message=message,
            actions=(),
            losses=(),
            admission=admission,
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


def sent(actions: Iterable[Action], refused: Collection[str]) -> tuple[Action, ...]:
    """Return the actions that are sent if AWS refuses these operations."""
    not_done = set(refused)
    found = []
    for action in actions:
        if action.is_stopped_by(not_done):
            not_done.add(action.operation)
        else:
            found.append(action)
    return tuple(found)


def settings_of(desired: DesiredTrail) -> tuple[Difference, ...]:
    """Return the settings of a trail that is to be created, as differences from nothing."""
    nothing: dict[str, Any] = dict.fromkeys(one.name for one in fields(Configuration))
    return differences(desired, _state(desired, Configuration(**nothing), is_new=True))


def state_after(desired: DesiredTrail, observed: ObservedTrail) -> ObservedTrail:
    """Return the trail as it is once it matches the spec."""
    return replace(
        _state(desired, desired.configuration, is_new=False),
        arn=observed.arn,
        home_region=observed.home_region,
        unreadable=observed.unreadable,
    )


def _state(desired: DesiredTrail, configuration: Configuration, *, is_new: bool) -> ObservedTrail:
    return ObservedTrail(
        arn=desired.arn,
        home_region=desired.location.region,
        configuration=configuration,
        is_logging=not is_new and desired.is_logging,
        tags={} if is_new else desired.tags,
        event_selectors=DEFAULT if is_new else desired.event_selectors,
        insights=frozenset() if is_new else desired.insights,
        aggregations=frozenset() if is_new else desired.aggregations,
        delivery_errors={},
        delivered={},
        ever_logged=not is_new,
        unreadable=frozenset(),
    )


EXIT_UNCHANGED, EXIT_CHANGES, EXIT_BLOCKED = 0, 2, 3


def exit_status(plans: Iterable[TrailPlan]) -> int:
    """Return 3 if something cannot be applied or is unknown, else 2 if something changes, else 0."""
    found = list(plans)
    if any(plan.outcome in (Outcome.BLOCKED, Outcome.UNKNOWN) or plan.is_obstructed for plan in found):
        return EXIT_BLOCKED
    return EXIT_CHANGES if any(plan.outcome is not Outcome.NOTHING for plan in found) else EXIT_UNCHANGED


def summary(plans: Iterable[TrailPlan]) -> dict[str, int]:
    """Return how many Trails have each outcome, in the order of Outcome."""
    counts = Counter(plan.outcome for plan in plans)
    return {outcome.value: counts[outcome] for outcome in Outcome}
