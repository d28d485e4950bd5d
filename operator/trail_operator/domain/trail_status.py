"""Computes the status of a Trail: a pure function of the previous status and the result of a reconcile."""

from collections.abc import Mapping
from datetime import datetime
from typing import get_args

from trail_operator.api.conditions import Condition
from trail_operator.api.constants import PAUSED
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.trail_status import DeliveryError, Destination, Refusal, TrailStatus
from trail_operator.domain.actions import Operation
from trail_operator.domain.conditions import State, condition
from trail_operator.domain.failure import FailureClass
from trail_operator.domain.sync_result import SyncResult
from trail_operator.domain.texts import clean
from trail_operator.domain.trail import DesiredTrail, ObservedTrail
from trail_operator.domain.trail_conditions import advisory_state, trail_conditions
from trail_operator.domain.warnings import Advice

# The limits of the CRD.
_MOST_DIFFERENCES = 128
_LONGEST_REFUSAL = 1024
# A status can be forged: other operations are dropped, so that there are never more refusals than the CRD allows.
_OPERATIONS = get_args(Operation)
_TEMPORARY = (ConditionType.RECONCILING, ConditionType.STALLED, ConditionType.ADVISORY)


def pinned_status(
    previous: TrailStatus, generation: int, desired: DesiredTrail, observed: ObservedTrail | None, now: datetime
) -> TrailStatus:
    """Return the status before the first write: it records account and region before anything exists in AWS."""
    progressing = State(False, Reason.PROGRESSING, f"Trail is being {_operation(desired, observed)}")
    states = {
        ConditionType.READY: progressing,
        ConditionType.SYNCED: progressing,
        ConditionType.RECONCILING: State(True, Reason.PROGRESSING, progressing.message),
    }
    return previous.model_copy(
        update={
            "account_id": desired.location.account,
            "home_region": desired.location.region,
            "arn": previous.arn if previous.arn == desired.arn else None,
            "owner_tag": previous.owner_tag if previous.arn == desired.arn else None,
            "conditions": _conditions(previous, states, generation, now),
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
    if _says_nothing_new(previous, result):
        return previous
    observed = result.observed
    errors = observed.failing_destinations if observed else {}
    update: dict[str, object] = {
        "observed_generation": result.generation,
        "refusals": _refusals(previous, result),
        "conditions": _conditions(previous, trail_conditions(previous, result, ignored), result.generation, now),
    }
    if result.known or observed:
        update["drift"] = result.drift[:_MOST_DIFFERENCES]
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
    conditions = {entry.type: entry for entry in previous.conditions if entry.type != kind}
    if state:
        generation = previous.observed_generation
        conditions[kind] = condition(kind, state, previous.condition(kind), generation, now)
    ordered = tuple(conditions[kind] for kind in ConditionType if kind in conditions)
    return previous.model_copy(update={"conditions": ordered})


def paused(previous: TrailStatus, generation: int, now: datetime) -> TrailStatus:
    """Return the status of a paused Trail, in which nothing is known about the trail."""
    state = State(None, Reason.PAUSED, f"Paused by annotation {PAUSED}; remove it to resume")
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
            "conditions": _conditions(previous, dict.fromkeys(kinds, state), generation, now),
        }
    )


def transitions(before: TrailStatus, after: TrailStatus) -> list[Condition]:
    """Return the conditions to report when the status changes: of those with one reason, only the first.

    Ready comes first, so that the others do not repeat it. Synced changes only if Ready does, and only Ready reports
    that something is no longer known.
    """
    found: list[Condition] = []
    facts = (ConditionType.LOGGING, ConditionType.DELIVERING)
    for kind in (ConditionType.READY, *facts, ConditionType.ADVISORY):
        was, now = before.condition(kind), after.condition(kind)
        if now is None or (was is not None and (was.status, was.reason) == (now.status, now.reason)):
            continue
        if kind in facts and (was is None or was.status == now.status or now.status == "Unknown"):
            continue
        if now.reason not in {entry.reason for entry in found}:
            found.append(now)
    return found + _dependency_transition(before, after)


def _dependency_transition(before: TrailStatus, after: TrailStatus) -> list[Condition]:
    """Return DependenciesReady if it has become False, unless Ready reports that reason, or has recovered from it."""
    kind = ConditionType.DEPENDENCIES_READY
    was, now, ready = before.condition(kind), after.condition(kind), after.condition(ConditionType.READY)
    if now is None or (was is not None and (was.status, was.reason) == (now.status, now.reason)):
        return []
    if now.status == "False":
        return [now] if ready is None or ready.reason != now.reason else []
    return [now] if now.status == "True" and was is not None and was.status == "False" else []


def _says_nothing_new(previous: TrailStatus, result: SyncResult) -> bool:
    """Whether the status can stay: a transient failure, the same spec, and nothing read that contradicts it."""
    ready = previous.condition(ConditionType.READY)
    if _contradicts(previous, result):
        return False
    return (
        result.failure is not None
        and result.failure.kind is FailureClass.TRANSIENT
        and not _has_new_drift(previous, result)
        and not result.has_written
        and not result.unreachable
        and result.generation == previous.observed_generation
        and ready is not None
        and ready.reason != Reason.PAUSED
    )


def _has_new_drift(previous: TrailStatus, result: SyncResult) -> bool:
    """Whether there is drift that the status does not report. What it reports is still valid if not all was read."""
    ready = previous.condition(ConditionType.READY)
    still_holds = not result.known and ready is not None and ready.status != "True"
    reported = previous.drift if still_holds else ()
    return any(entry not in reported for entry in result.drift)


def _contradicts(status: TrailStatus, result: SyncResult) -> bool:
    """Whether AWS reports another state of logging or delivery than the status."""
    if (observed := result.observed) is None:
        return False
    errors = {entry.destination: entry.error for entry in status.delivery}
    return (result.has_read("isLogging") and status.is_logging != observed.is_logging) or (
        result.has_read("trail", "isLogging") and errors != observed.failing_destinations
    )


def _delivery(previous: TrailStatus, errors: Mapping[Destination, str], now: datetime) -> tuple[DeliveryError, ...]:
    known = {(entry.destination, entry.error): entry.since for entry in previous.delivery}
    return tuple(
        DeliveryError(destination=destination, error=error, since=known.get((destination, error), now))
        for destination, error in sorted(errors.items())
    )


def _refusals(previous: TrailStatus, result: SyncResult) -> tuple[Refusal, ...]:
    """Return the refusals to record: only those of the spec, and only for the generation that AWS refused."""
    messages: dict[str, str] = {}
    if not result.known and previous.observed_generation == result.generation:
        messages = {entry.operation: entry.message for entry in previous.refusals if entry.operation in _OPERATIONS}
    messages |= {
        operation: failure.message
        for operation, failure in result.refused.items()
        if failure.reason is Reason.INVALID_SPEC
    }
    return tuple(
        Refusal(operation=operation, message=clean(messages[operation], _LONGEST_REFUSAL))
        for operation in sorted(messages)
    )


def _conditions(
    previous: TrailStatus, states: Mapping[ConditionType, State], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Return the conditions in the order of their types; those without a state stay, unless they are temporary."""
    before = {entry.type: entry for entry in previous.conditions}
    kept = {kind: old for kind, old in before.items() if kind not in _TEMPORARY}
    made = {kind: condition(kind, state, before.get(kind), generation, now) for kind, state in states.items()}
    return tuple(entry for kind in ConditionType if (entry := made.get(kind) or kept.get(kind)))
