"""The status that a pass results in: a pure function of what was there, what was found and what went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args

from trail_operator.api.conditions import Condition
from trail_operator.api.constants import PAUSED
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.trail_status import DeliveryError, Destination, Difference, Refusal, TrailStatus
from trail_operator.domain.actions import Operation
from trail_operator.domain.failure import Failure, FailureClass, together
from trail_operator.domain.texts import MESSAGE, clean
from trail_operator.domain.trail import DesiredTrail, ObservedTrail, Part
from trail_operator.domain.warnings import Advice

# Of so many fields it is told that AWS does not show them.
_MOST_TOLD = 8
NOT_OURS = (Reason.CONFLICT, Reason.ADOPTION_NOT_ALLOWED)
"""The trail of that name is another's, or may not be taken over."""
# The CustomResourceDefinition allows no more.
_MOST_DIFFERENCES = 128
_LONGEST_REFUSAL = 1024
_SEPARATOR = "; "
# A status can be forged: what is no write of ours is not kept, so that there are never more than the definition allows.
_OPERATIONS = get_args(Operation)
_TEMPORARY = (ConditionType.RECONCILING, ConditionType.STALLED, ConditionType.ADVISORY)


@dataclass(frozen=True)
class TrailIdentity:
    """Where a trail is that is this resource's, or that is only looked at."""

    account: str
    """Whose credentials were used; an organization's trail is of another account's."""
    home_region: str
    arn: str
    owner_tag: str | None = None
    """The owner tag by which it is this resource's; None where it is only looked at."""


@dataclass(frozen=True)
class SyncResult:
    """What a pass found."""

    generation: int
    known: bool
    """Whether AWS answered every read, after the last write."""
    observed: ObservedTrail | None
    """None where there is no such trail. If not `known`: what was read, None if nothing."""
    found: ObservedTrail | None = None
    """The trail that has the name and is not this resource's."""
    drift: tuple[Difference, ...] = ()
    failure: Failure | None = None
    delivery_advice: str = ""
    has_written: bool = False
    """Whether the pass wrote to AWS, and so ended what was known before."""
    silent_too_long: bool = False
    """Whether no observation has succeeded for three resyncs."""
    place: TrailIdentity | None = None
    """What is to go on record; None leaves the record as it is."""
    refused: Mapping[str, Failure] = field(default_factory=dict)
    """What AWS refuses for good, by operation, be it beside a failure that may pass."""
    sought: str = ""
    """Which trail was looked for, in words, where it is only looked at and is not there."""
    observing: bool = False
    """Whether the trail is only looked at: it may be anybody's, and what differs stays."""
    advice: tuple[Advice, ...] | None = ()
    """What to warn of; None where nothing is known yet: then earlier warnings stay."""

    def tells(self, *parts: Part) -> bool:
        """Whether AWS answered for these parts of the trail."""
        return self.known if self.observed is None else self.observed.unreadable.isdisjoint(parts)


@dataclass(frozen=True)
class _State:
    status: bool | None
    reason: str  # of the closed set, or what another version wrote
    message: str


def pinned_status(
    previous: TrailStatus, generation: int, desired: DesiredTrail, observed: ObservedTrail | None, now: datetime
) -> TrailStatus:
    """The status before the first write: account and region are on record before anything exists in AWS."""
    progressing = _State(False, Reason.PROGRESSING, f"the trail is being {_under_way(desired, observed)}")
    states = {
        ConditionType.READY: progressing,
        ConditionType.SYNCED: progressing,
        ConditionType.RECONCILING: _State(True, Reason.PROGRESSING, progressing.message),
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
        "conditions": _conditions(previous, _states(previous, findings, ignored), findings.generation, now),
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
    state = _State(None, Reason.PAUSED, f"the annotation {PAUSED} is true: take it away to go on")
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


def _states(previous: TrailStatus, findings: SyncResult, ignored: Advice | None) -> dict[ConditionType, _State]:
    states = _verdict(previous, findings)
    if advisory := _advisory(previous, findings, ignored):
        states[ConditionType.ADVISORY] = advisory
    return states


def _advisory(previous: TrailStatus, findings: SyncResult, ignored: Advice | None) -> _State | None:
    """What to warn of. Ignored annotations are always known, and come first."""
    before = previous.condition(ConditionType.ADVISORY)
    if findings.advice is None and before and _begins_with(before, ignored):
        return _State(_truth(before.status), before.reason, before.message)
    advice = [*([ignored] if ignored else []), *(findings.advice or ())]
    return _State(True, advice[0].reason, _SEPARATOR.join(one.message for one in advice)) if advice else None


def _begins_with(advisory: Condition, ignored: Advice | None) -> bool:
    """Whether an earlier Advisory says of annotations what is to be said now."""
    if ignored is None:
        return advisory.reason != Reason.ANNOTATION_IGNORED
    return f"{advisory.message}{_SEPARATOR}".startswith(f"{ignored.message}{_SEPARATOR}")


def _verdict(previous: TrailStatus, findings: SyncResult) -> dict[ConditionType, _State]:
    failure, observed = findings.failure, findings.observed
    logging = _logging(previous, findings)
    if failure is None and findings.observing:
        return _looked_at(observed, findings, logging)
    if failure is None and observed is not None:
        if findings.drift:
            return _progressing(_not_shown(findings.drift), Reason.PROGRESSING, logging, findings)
        return _in_sync(observed, findings.delivery_advice, logging)
    if failure is None:
        return _progressing("the trail is not visible in AWS yet", Reason.PROGRESSING, logging, findings)
    if failure.kind is FailureClass.TRANSIENT and not findings.silent_too_long:
        states = _progressing(failure.message, failure.reason, logging, findings)
    else:
        states = _failed(findings, failure, logging)
    stalled = failure if failure.kind is FailureClass.TERMINAL else together([*findings.refused.values()])
    if stalled:
        states[ConditionType.STALLED] = _State(True, stalled.reason, stalled.message)
    return states


def _not_shown(drift: tuple[Difference, ...]) -> str:
    """What AWS does not show: soon, it will; later, something undoes it or AWS does not take it."""
    told = ", ".join(entry.path for entry in drift[:_MOST_TOLD]) + (", ..." if len(drift) > _MOST_TOLD else "")
    return (
        f"AWS does not show what was written yet: {told}. If this lasts, something else changes it back (CloudTrail's "
        "event history tells who), or AWS does not take it"
    )


def _in_sync(observed: ObservedTrail, advice: str, logging: _State) -> dict[ConditionType, _State]:
    synced = _State(
        True, Reason.RECORDING if observed.is_logging else Reason.LOGGING_OFF, "AWS holds what the spec says"
    )
    delivering = _delivering(observed, advice)
    if observed.is_logging and delivering.status is False:
        ready = delivering
    elif observed.is_logging:
        ready = _State(True, Reason.RECORDING, "the trail is as the spec says and is recording")
    else:
        ready = _State(
            True,
            Reason.LOGGING_OFF,
            "the trail is as the spec says, which is not to record (isLogging: false)",
        )
    return {
        ConditionType.READY: ready,
        ConditionType.SYNCED: synced,
        ConditionType.LOGGING: logging,
        ConditionType.DELIVERING: delivering,
    }


def _looked_at(observed: ObservedTrail | None, findings: SyncResult, logging: _State) -> dict[ConditionType, _State]:
    """The states of a trail that is only looked at."""
    if observed is None:
        remedy = "correct spec.name, spec.region or the account, or have it made (spec.managementPolicy: Manage)"
        absent = _State(False, Reason.TRAIL_NOT_FOUND, f"{findings.sought}: {remedy}")
        unknown = _State(None, Reason.TRAIL_NOT_FOUND, absent.message)
        return {
            ConditionType.READY: absent,
            ConditionType.SYNCED: absent,
            ConditionType.LOGGING: logging,
            ConditionType.DELIVERING: unknown,
        }
    delivering = _delivering(observed, findings.delivery_advice)
    if findings.drift:
        paths = ", ".join(entry.path for entry in findings.drift)
        synced = _State(False, Reason.DRIFTED, f"the trail differs from the spec in {paths}; nothing is written to it")
    elif observed.unreadable:
        synced = _State(None, Reason.OBSERVED, f"the trail is as the spec says, but {_unknown(observed)}")
    else:
        synced = _State(True, Reason.OBSERVED, "the trail is as the spec says; nothing is written to it")
    ready = delivering if delivering.status is False and observed.is_logging and not findings.drift else synced
    return {
        ConditionType.READY: ready,
        ConditionType.SYNCED: synced,
        ConditionType.LOGGING: logging,
        ConditionType.DELIVERING: delivering,
    }


def _unknown(observed: ObservedTrail) -> str:
    """What can't be compared, and what would help."""
    told = []
    if parts := ", ".join(sorted(observed.unreadable - {"kmsKeyID"})):
        told.append(f"AWS does not let this account read its {parts}")
    if "kmsKeyID" in observed.unreadable:
        told.append(
            "AWS does not tell this account which key kmsKeyID means: allow kms:DescribeKey, or set kmsKeyID to the "
            "key's ARN"
        )
    return "; ".join(told)


def _progressing(message: str, reason: Reason, logging: _State, findings: SyncResult) -> dict[ConditionType, _State]:
    return {
        ConditionType.READY: _State(False, reason, message),
        ConditionType.SYNCED: _State(False if findings.known else None, reason, message),
        ConditionType.LOGGING: logging,
        ConditionType.DELIVERING: _delivering_or_unknown(findings, reason, message),
        ConditionType.RECONCILING: _State(True, reason, message),
    }


def _failed(findings: SyncResult, failure: Failure, logging: _State) -> dict[ConditionType, _State]:
    reason = Reason.AWS_UNREACHABLE if findings.silent_too_long else failure.reason
    message = failure.message
    if findings.silent_too_long:
        message = f"no full read of the trail has succeeded for three resyncs; the last error: {failure.message}"
    verdict = None if findings.silent_too_long else False
    return {
        ConditionType.READY: _State(verdict, reason, message),
        ConditionType.SYNCED: _State(verdict, reason, message),
        ConditionType.LOGGING: logging,
        ConditionType.DELIVERING: _delivering_or_unknown(findings, reason, message),
    }


def _logging(previous: TrailStatus, findings: SyncResult) -> _State:
    if not findings.tells("isLogging"):
        before = previous.condition(ConditionType.LOGGING)
        failure = findings.failure
        is_passing = failure is not None and failure.kind is FailureClass.TRANSIENT and not findings.silent_too_long
        if before is not None and before.reason != Reason.PAUSED and is_passing:
            return _State(_truth(before.status), before.reason, before.message)
        reason = failure.reason if failure and not findings.silent_too_long else Reason.AWS_UNREACHABLE
        return _State(None, reason, "whether the trail is logging is not known")
    if findings.failure and findings.failure.reason in NOT_OURS:
        return _State(None, findings.failure.reason, "the trail of that name is not this resource's")
    if findings.observed is None:
        return _State(False, Reason.LOGGING_OFF, "there is no trail")
    if findings.observed.is_logging:
        return _State(True, Reason.RECORDING, "AWS says that the trail is logging")
    return _State(False, Reason.LOGGING_OFF, "AWS says that the trail is not logging")


def _delivering_or_unknown(findings: SyncResult, reason: Reason, message: str) -> _State:
    if findings.observed and findings.tells("trail", "isLogging") and reason not in NOT_OURS:
        return _delivering(findings.observed, findings.delivery_advice)
    return _State(None, reason, message)


def _delivering(observed: ObservedTrail, advice: str) -> _State:
    if failing := observed.failing_destinations:
        errors = ", ".join(f"{destination} {error}" for destination, error in sorted(failing.items()))
        return _State(False, Reason.DELIVERY_FAILING, f"AWS reports delivery errors: {errors}. {advice}".strip())
    if not observed.is_logging:
        return _State(False, Reason.LOGGING_OFF, "nothing is delivered while the trail is not logging")
    return _State(True, Reason.RECORDING, "AWS reports no delivery error")


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
    previous: TrailStatus, states: Mapping[ConditionType, _State], generation: int, now: datetime
) -> tuple[Condition, ...]:
    before = {entry.type: entry for entry in previous.conditions}
    result = []
    for kind in ConditionType:
        state = states.get(kind)
        old = before.get(kind)
        if state is None:
            if old is not None and kind not in _TEMPORARY:
                result.append(old)
            continue
        status = {True: "True", False: "False", None: "Unknown"}[state.status]
        same = old is not None and old.status == status
        result.append(
            Condition(
                type=kind,
                status=status,
                reason=state.reason,
                message=clean(state.message, MESSAGE),
                last_transition_time=old.last_transition_time if old is not None and same else now,
                observed_generation=generation,
            )
        )
    return tuple(result)


def _truth(status: str) -> bool | None:
    return {"True": True, "False": False}.get(status)
