"""What the statuses of Trails and TrailAlarmSets have in common: pure functions of the earlier status and a result."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Protocol

from trail_operator.api.conditions import Condition, StatusWithConditions
from trail_operator.api.constants import PAUSED
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.trail_status import Difference, Refusal
from trail_operator.domain.conditions import State, condition
from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.domain.texts import clean

MOST_DIFFERENCES = 128
"""The limit of the CRDs."""
MOST_FIELDS = 8
"""A message names so many fields."""
_LONGEST_REFUSAL = 1024
_TEMPORARY = (ConditionType.RECONCILING, ConditionType.STALLED, ConditionType.ADVISORY)


class Result(Protocol):
    """What a status follows from, whatever was synced."""

    @property
    def generation(self) -> int:
        """The generation of the spec."""

    @property
    def known(self) -> bool:
        """Whether AWS answered every read, after the last write."""

    @property
    def failure(self) -> Failure | None:
        """What went wrong."""

    @property
    def drift(self) -> tuple[Difference, ...]:
        """The differences that AWS shows."""

    @property
    def has_written(self) -> bool:
        """Whether the reconcile wrote to AWS, so that earlier reads are outdated."""

    @property
    def unreachable(self) -> bool:
        """Whether no read has succeeded for three resync periods."""

    @property
    def refused(self) -> Mapping[str, Failure]:
        """What AWS refuses permanently, by operation."""


def updated_conditions(
    previous: StatusWithConditions, states: Mapping[ConditionType, State], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Return the conditions in the order of their types; those without a state stay, unless they are temporary."""
    before = {entry.type: entry for entry in previous.conditions}
    kept = {kind: old for kind, old in before.items() if kind not in _TEMPORARY}
    made = {kind: condition(kind, state, before.get(kind), generation, now) for kind, state in states.items()}
    return tuple(entry for kind in ConditionType if (entry := made.get(kind) or kept.get(kind)))


def replaced_condition(
    previous: StatusWithConditions, kind: ConditionType, state: State | None, now: datetime
) -> tuple[Condition, ...]:
    """Return the conditions with one of them replaced, or removed if it has no state."""
    conditions = {entry.type: entry for entry in previous.conditions if entry.type != kind}
    if state:
        generation = previous.observed_generation
        conditions[kind] = condition(kind, state, previous.condition(kind), generation, now)
    return tuple(conditions[kind] for kind in ConditionType if kind in conditions)


def paused_state() -> State:
    """Return what the conditions of a paused resource say: nothing is known about it."""
    return State(None, Reason.PAUSED, f"Paused by annotation {PAUSED}; remove it to resume")


def progressing_states(message: str, reason: Reason, *, known: bool) -> dict[ConditionType, State]:
    """Return the conditions while a spec is applied. `known`: whether AWS answered every read."""
    return {
        ConditionType.READY: State(False, reason, message),
        ConditionType.SYNCED: State(False if known else None, reason, message),
        ConditionType.RECONCILING: State(True, reason, message),
    }


def failed_state(failure: Failure, *, unreachable: bool, what: str) -> State:
    """Return what Ready says after a failure that does not pass. `what`: what could not be read."""
    if not unreachable:
        return State(False, failure.reason, failure.message)
    message = f"{what} could not be read for three resync periods; last error: {failure.message}"
    return State(None, Reason.AWS_UNREACHABLE, message)


def not_reflected(drift: tuple[Difference, ...]) -> str:
    """Return the message about written fields that AWS does not show yet."""
    fields = ", ".join(entry.path for entry in drift[:MOST_FIELDS]) + (", ..." if len(drift) > MOST_FIELDS else "")
    return (
        f"Waiting for AWS to reflect: {fields}. If this persists, another process may be reverting it (see "
        "CloudTrail's event history), or AWS ignores the value"
    )


def says_nothing_new(previous: StatusWithConditions, drift: Collection[Difference], result: Result) -> bool:
    """Whether the status can stay: a transient failure, the same spec, and no difference that it does not report.

    `drift`: the differences in the status.
    """
    ready = previous.condition(ConditionType.READY)
    return (
        result.failure is not None
        and result.failure.kind is FailureClass.TRANSIENT
        and not _has_new_drift(ready, drift, result)
        and not result.has_written
        and not result.unreachable
        and result.generation == previous.observed_generation
        and ready is not None
        and ready.reason != Reason.PAUSED
    )


def transitions(
    before: StatusWithConditions, after: StatusWithConditions, facts: Collection[ConditionType] = ()
) -> list[Condition]:
    """Return the conditions to report when the status changes: of those with one reason, only the first.

    Ready comes first, so that the others do not repeat it. Synced changes only if Ready does, and only Ready reports
    that something is no longer known. `facts`: conditions that are reported only when their status changes.
    """
    found: list[Condition] = []
    for kind in (ConditionType.READY, *facts, ConditionType.ADVISORY):
        was, now = before.condition(kind), after.condition(kind)
        if now is None or (was is not None and (was.status, was.reason) == (now.status, now.reason)):
            continue
        if kind in facts and (was is None or was.status == now.status or now.status == "Unknown"):
            continue
        if now.reason not in {entry.reason for entry in found}:
            found.append(now)
    return found


def recorded_refusals(
    previous: StatusWithConditions, before: Iterable[Refusal], result: Result, operations: Collection[str]
) -> tuple[Refusal, ...]:
    """Return the refusals to record: only those of the spec, and only for the generation that AWS refused.

    `before`: those in the status. `operations`: others are dropped, so that a forged status never has more refusals
    than the CRD allows.
    """
    messages: dict[str, str] = {}
    if not result.known and previous.observed_generation == result.generation:
        messages = {entry.operation: entry.message for entry in before if entry.operation in operations}
    messages |= {
        operation: failure.message
        for operation, failure in result.refused.items()
        if failure.reason is Reason.INVALID_SPEC
    }
    return tuple(
        Refusal(operation=operation, message=clean(messages[operation], _LONGEST_REFUSAL))
        for operation in sorted(messages)
    )


def _has_new_drift(ready: Condition | None, drift: Collection[Difference], result: Result) -> bool:
    """Whether there is drift that the status does not report. What it reports is still valid if not all was read."""
    still_holds = not result.known and ready is not None and ready.status != "True"
    reported = drift if still_holds else ()
    return any(entry not in reported for entry in result.drift)
