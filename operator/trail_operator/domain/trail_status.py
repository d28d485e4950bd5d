"""The status that a pass results in: a pure function of what was there, what was found and what went wrong."""

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
from trail_operator.domain.trail_conditions import trail_conditions
from trail_operator.domain.warnings import Advice

# The CustomResourceDefinition allows no more.
_MOST_DIFFERENCES = 128
_LONGEST_REFUSAL = 1024
# A status can be forged: what is no write of ours is not kept, so that there are never more than the definition allows.
_OPERATIONS = get_args(Operation)
_TEMPORARY = (ConditionType.RECONCILING, ConditionType.STALLED, ConditionType.ADVISORY)


def pinned_status(
    previous: TrailStatus, generation: int, desired: DesiredTrail, observed: ObservedTrail | None, now: datetime
) -> TrailStatus:
    """The status before the first write: account and region are on record before anything exists in AWS."""
    progressing = State(False, Reason.PROGRESSING, f"the trail is being {_under_way(desired, observed)}")
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


def _under_way(desired: DesiredTrail, observed: ObservedTrail | None) -> str:
    if observed is None:
        return "created"
    return "updated" if desired.owns(observed.owner) else "adopted"


def compute_status(
    previous: TrailStatus, findings: SyncResult, now: datetime, ignored: Advice | None = None
) -> TrailStatus:
    """The status after a pass. Equal to `previous` when nothing new was found. `ignored`: the Trail's annotations."""
    if _says_nothing_new(previous, findings):
        return previous
    observed = findings.observed
    errors = observed.failing_destinations if observed else {}
    update: dict[str, object] = {
        "observed_generation": findings.generation,
        "refusals": _refusals(previous, findings),
        "conditions": _conditions(previous, trail_conditions(previous, findings, ignored), findings.generation, now),
    }
    if findings.known or observed:
        update["drift"] = findings.drift[:_MOST_DIFFERENCES]
    if findings.tells("isLogging"):
        update["is_logging"] = observed.is_logging if observed else None
    if findings.tells("trail"):
        update["is_multi_region_trail"] = observed.configuration.is_multi_region_trail if observed else None
    if findings.tells("trail", "isLogging"):
        update["delivery"] = _delivery(previous, errors, now)
    if place := findings.place:
        # What was only observed is no trail of one's own; one's own stays so while it is only observed.
        kept = previous.owner_tag if previous.arn == place.arn else None
        update |= {
            "account_id": place.account,
            "home_region": place.home_region,
            "arn": place.arn,
            "owner_tag": place.owner_tag or kept,
        }
    return previous.model_copy(update=update)


def paused(previous: TrailStatus, generation: int, now: datetime) -> TrailStatus:
    """The status of a Trail that is to be let alone: nothing is known of its trail meanwhile."""
    state = State(None, Reason.PAUSED, f"the annotation {PAUSED} is true: take it away to go on")
    kinds = (ConditionType.READY, ConditionType.SYNCED, ConditionType.LOGGING, ConditionType.DELIVERING)
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
    """The conditions to tell of when the status changes: each that has turned, but of those with one reason the first.

    Ready is first: what it tells of, the others need not repeat. Synced turns only where Ready does, and that something
    is no longer known is told by Ready alone.
    """
    told: list[Condition] = []
    facts = (ConditionType.LOGGING, ConditionType.DELIVERING)
    for kind in (ConditionType.READY, *facts, ConditionType.ADVISORY):
        was, now = before.condition(kind), after.condition(kind)
        if now is None or (was is not None and (was.status, was.reason) == (now.status, now.reason)):
            continue
        if kind in facts and (was is None or was.status == now.status or now.status == "Unknown"):
            continue
        if now.reason not in {turn.reason for turn in told}:
            told.append(now)
    return told


def _says_nothing_new(previous: TrailStatus, findings: SyncResult) -> bool:
    """A passing fault of an unchanged spec, with nothing seen that contradicts the status, leaves it as it is."""
    ready = previous.condition(ConditionType.READY)
    if _contradicts(previous, findings):
        return False
    return (
        findings.failure is not None
        and findings.failure.kind is FailureClass.TRANSIENT
        and not _differs_anew(previous, findings)
        and not findings.has_written
        and not findings.silent_too_long
        and findings.generation == previous.observed_generation
        and ready is not None
        and ready.reason != Reason.PAUSED
    )


def _differs_anew(previous: TrailStatus, findings: SyncResult) -> bool:
    """Whether there is drift that the status does not report yet. If not all was read, what it reports still holds."""
    ready = previous.condition(ConditionType.READY)
    still_holds = not findings.known and ready is not None and ready.status != "True"
    reported = previous.drift if still_holds else ()
    return any(entry not in reported for entry in findings.drift)


def _contradicts(status: TrailStatus, findings: SyncResult) -> bool:
    """Whether AWS tells otherwise of logging or delivery, also where all that can be compared is as the spec says."""
    if (observed := findings.observed) is None:
        return False
    errors = {entry.destination: entry.error for entry in status.delivery}
    return (findings.tells("isLogging") and status.is_logging != observed.is_logging) or (
        findings.tells("trail", "isLogging") and errors != observed.failing_destinations
    )


def _delivery(previous: TrailStatus, errors: Mapping[Destination, str], now: datetime) -> tuple[DeliveryError, ...]:
    known = {(entry.destination, entry.error): entry.since for entry in previous.delivery}
    return tuple(
        DeliveryError(destination=destination, error=error, since=known.get((destination, error), now))
        for destination, error in sorted(errors.items())
    )


def _refusals(previous: TrailStatus, findings: SyncResult) -> tuple[Refusal, ...]:
    """What to remember: only refusals of the spec, and only for the generation that AWS refused."""
    messages: dict[str, str] = {}
    if not findings.known and previous.observed_generation == findings.generation:
        messages = {entry.operation: entry.message for entry in previous.refusals if entry.operation in _OPERATIONS}
    messages |= {
        operation: failure.message
        for operation, failure in findings.refused.items()
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
