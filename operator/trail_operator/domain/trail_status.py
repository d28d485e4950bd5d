"""Computes the status of a Trail: a pure function of the previous status and the result of a reconcile."""

from collections.abc import Mapping
from datetime import datetime
from typing import get_args

from trail_operator.api.conditions import Condition
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.trail_status import DeliveryError, Destination, TrailStatus
from trail_operator.domain import status
from trail_operator.domain.actions import Operation
from trail_operator.domain.advisory import advisory_state
from trail_operator.domain.conditions import State
from trail_operator.domain.sync_result import SyncResult
from trail_operator.domain.trail import DesiredTrail, ObservedTrail
from trail_operator.domain.trail_conditions import trail_conditions
from trail_operator.domain.warnings import Advice

_OPERATIONS = get_args(Operation)


def pinned_status(
    previous: TrailStatus, generation: int, desired: DesiredTrail, observed: ObservedTrail | None, now: datetime
) -> TrailStatus:
    """Return the status before the first write: it records account and region before anything exists in AWS."""
    message = f"Trail is being {_operation(desired, observed)}"
    states = status.progressing_states(message, Reason.PROGRESSING, known=True)
    return previous.model_copy(
        update={
            "account_id": desired.location.account,
            "home_region": desired.location.region,
            "arn": previous.arn if previous.arn == desired.arn else None,
            "owner_tag": previous.owner_tag if previous.arn == desired.arn else None,
            "conditions": status.updated_conditions(previous, states, generation, now),
        }
    )


def _operation(desired: DesiredTrail, observed: ObservedTrail | None) -> str:
    if observed is None:
        return "created"
    return "updated" if desired.owns(observed.owner) else "adopted"


def compute_status(
    previous: TrailStatus, result: SyncResult, now: datetime, ignored: Advice | None = None
) -> TrailStatus:
    """Return the status after a reconcile, or `previous` if nothing is new. `ignored`: warns of annotations."""
    if not _contradicts(previous, result) and status.says_nothing_new(previous, previous.drift, result):
        return previous
    observed = result.observed
    errors = observed.failing_destinations if observed else {}
    states = trail_conditions(previous, result, ignored)
    update: dict[str, object] = {
        "observed_generation": result.generation,
        "refusals": status.recorded_refusals(previous, previous.refusals, result, _OPERATIONS),
        "conditions": status.updated_conditions(previous, states, result.generation, now),
    }
    if result.known or observed:
        update["drift"] = result.drift[: status.MOST_DIFFERENCES]
    if result.has_read("isLogging"):
        update["is_logging"] = observed.is_logging if observed else None
    if result.has_read("trail"):
        update["is_multi_region_trail"] = observed.configuration.is_multi_region_trail if observed else None
    if result.has_read("trail", "isLogging"):
        update["delivery"] = _delivery(previous, errors, now)
    if identity := result.identity:
        # A trail that was only observed has no owner tag on record; a managed one keeps it while it is only observed.
        kept = previous.owner_tag if previous.arn == identity.arn else None
        update |= {
            "account_id": identity.account,
            "home_region": identity.home_region,
            "arn": identity.arn,
            "owner_tag": identity.owner_tag or kept,
        }
    return previous.model_copy(update=update)


def with_warnings(
    previous: TrailStatus, advice: tuple[Advice, ...], ignored: Advice | None, now: datetime
) -> TrailStatus:
    """Return the status with these warnings instead of the earlier ones; nothing else changes."""
    return _with_condition(previous, ConditionType.ADVISORY, advisory_state(previous, advice, ignored), now)


def with_dependencies(previous: TrailStatus, state: State, now: datetime) -> TrailStatus:
    """Return the status with this state of DependenciesReady; nothing else changes."""
    return _with_condition(previous, ConditionType.DEPENDENCIES_READY, state, now)


def _with_condition(previous: TrailStatus, kind: ConditionType, state: State | None, now: datetime) -> TrailStatus:
    """Return the status with one condition replaced, or removed if it has no state."""
    return previous.model_copy(update={"conditions": status.replaced_condition(previous, kind, state, now)})


def paused(previous: TrailStatus, generation: int, now: datetime) -> TrailStatus:
    """Return the status of a paused Trail, in which nothing is known about the trail."""
    state = status.paused_state()
    facts = (ConditionType.READY, ConditionType.SYNCED, ConditionType.LOGGING, ConditionType.DELIVERING)
    kinds = (*facts, ConditionType.DEPENDENCIES_READY)
    return previous.model_copy(
        update={
            "observed_generation": generation,
            "is_logging": None,
            "is_multi_region_trail": None,
            "drift": (),
            "delivery": (),
            "refusals": (),
            "conditions": status.updated_conditions(previous, dict.fromkeys(kinds, state), generation, now),
        }
    )


def transitions(before: TrailStatus, after: TrailStatus) -> list[Condition]:
    """Return the conditions to report when the status changes."""
    facts = (ConditionType.LOGGING, ConditionType.DELIVERING)
    return status.transitions(before, after, facts) + _dependency_transition(before, after)


def _dependency_transition(before: TrailStatus, after: TrailStatus) -> list[Condition]:
    """Return DependenciesReady if it has become False, unless Ready reports that reason, or has recovered from it."""
    kind = ConditionType.DEPENDENCIES_READY
    was, now, ready = before.condition(kind), after.condition(kind), after.condition(ConditionType.READY)
    if now is None or (was is not None and (was.status, was.reason) == (now.status, now.reason)):
        return []
    if now.status == "False":
        return [now] if ready is None or ready.reason != now.reason else []
    return [now] if now.status == "True" and was is not None and was.status == "False" else []


def _contradicts(previous: TrailStatus, result: SyncResult) -> bool:
    """Whether AWS reports another state of logging or delivery than the status."""
    if (observed := result.observed) is None:
        return False
    errors = {entry.destination: entry.error for entry in previous.delivery}
    return (result.has_read("isLogging") and previous.is_logging != observed.is_logging) or (
        result.has_read("trail", "isLogging") and errors != observed.failing_destinations
    )


def _delivery(previous: TrailStatus, errors: Mapping[Destination, str], now: datetime) -> tuple[DeliveryError, ...]:
    known = {(entry.destination, entry.error): entry.since for entry in previous.delivery}
    return tuple(
        DeliveryError(destination=destination, error=error, since=known.get((destination, error), now))
        for destination, error in sorted(errors.items())
    )
