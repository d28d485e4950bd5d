"""What the operator would do about a Trail, as a value. `trail-operator plan` shows it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from trail_operator.api.trail_status import Difference
from trail_operator.domain.actions import Action
from trail_operator.domain.attributes import Configuration
from trail_operator.domain.conditions import State
from trail_operator.domain.diff import differences
from trail_operator.domain.object_plan import Admission, Answer, ObjectPlan, Outcome
from trail_operator.domain.selectors import DEFAULT
from trail_operator.domain.trail import DesiredTrail, ObservedTrail


@dataclass(frozen=True)
class TrailPlan(ObjectPlan):
    """What the operator would do about a Trail."""

    trail_name: str = ""
    arn: str = ""
    """Empty if it is unknown."""
    actions: Sequence[Action] = ()
    dependencies: State | None = None
    """Whether what the trail depends on allows CloudTrail to deliver; None if it was not judged."""
    losses: tuple[str, ...] = ()
    """What is no longer recorded."""

    @property
    def is_obstructed(self) -> bool:
        """Whether AWS will refuse writes: it checks the dependencies of a trail that is created or updated."""
        is_written = self.outcome in (Outcome.CREATE, Outcome.UPDATE)
        return is_written and self.dependencies is not None and self.dependencies.status is False

    def with_admission(self, admission: Admission) -> "TrailPlan":
        """Return the plan of a manifest: one that is rejected changes nothing."""
        plan = super().with_admission(admission)
        return replace(plan, losses=()) if admission.answer is Answer.REJECTED else plan


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


def trail_after(plan: TrailPlan, desired: DesiredTrail, observed: ObservedTrail | None) -> ObservedTrail | None:
    """Return the trail once a plan was carried out; None if there is none, or too little of it is known."""
    if observed is None:
        is_created = plan.outcome is Outcome.CREATE
        return _state(desired, desired.configuration, is_new=False) if is_created else None
    if not observed.unreadable.isdisjoint({"trail", "tags"}):
        return None
    return state_after(desired, observed) if plan.outcome is Outcome.UPDATE else observed


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
