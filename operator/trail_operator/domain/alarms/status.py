"""Computes the status of a TrailAlarmSet: a pure function of the previous status and the result of a reconcile."""

from collections.abc import Collection
from datetime import datetime
from typing import get_args

from trail_operator.api.conditions import Condition
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.trail_alarm_set_status import RecordedFilter, TrailAlarmSetStatus
from trail_operator.domain import status
from trail_operator.domain.advisory import advisory_state
from trail_operator.domain.alarms.actions import Operation
from trail_operator.domain.alarms.alarm import FilterKey
from trail_operator.domain.alarms.result import AlarmSetIdentity, AlarmSyncResult
from trail_operator.domain.conditions import State
from trail_operator.domain.failure import Failure, FailureClass

_OPERATIONS = get_args(Operation)


def recorded_filters(recorded: TrailAlarmSetStatus) -> frozenset[FilterKey]:
    """Return the filters that a status records: those that are the set's."""
    return frozenset(FilterKey(entry.log_group, entry.name) for entry in recorded.filters)


def pinned_status(
    previous: TrailAlarmSetStatus,
    generation: int,
    identity: AlarmSetIdentity,
    filters: Collection[FilterKey],
    now: datetime,
) -> TrailAlarmSetStatus:
    """Return the status before the first write, which records where everything will be and the filters to be created.

    `filters`: those to be created. Conditions about the same spec stay.
    """
    ready = previous.condition(ConditionType.READY)
    is_same_spec = previous.observed_generation == generation and ready is not None and ready.reason != Reason.PAUSED
    update = _recorded(previous, identity) | {"filters": _entries(recorded_filters(previous) | frozenset(filters))}
    if not is_same_spec:
        verb = "updated" if previous.filters else "created"
        message = f"Metric filters and alarms are being {verb}"
        states = status.progressing_states(message, Reason.PROGRESSING, known=True)
        update["conditions"] = status.updated_conditions(previous, states, generation, now)
    return previous.model_copy(update=update)


def compute_status(previous: TrailAlarmSetStatus, result: AlarmSyncResult, now: datetime) -> TrailAlarmSetStatus:
    """Return the status after a reconcile, or `previous` if nothing is new."""
    if not _contradicts(previous, result) and status.says_nothing_new(previous, previous.drift, result):
        return previous
    states = alarm_set_conditions(result)
    if advisory := advisory_state(previous, result.advice, None):
        states[ConditionType.ADVISORY] = advisory
    update: dict[str, object] = {
        "observed_generation": result.generation,
        "refusals": status.recorded_refusals(previous, previous.refusals, result, _OPERATIONS),
        "conditions": status.updated_conditions(previous, states, result.generation, now),
    }
    if result.known:
        update["drift"] = result.drift[: status.MOST_DIFFERENCES]
    if result.alarm_count is not None:
        update["alarm_count"] = result.alarm_count
    if result.filters is not None:
        update["filters"] = _entries(result.filters)
    if result.identity is not None:
        update |= _recorded(previous, result.identity)
    return previous.model_copy(update=update)


def alarm_set_conditions(result: AlarmSyncResult) -> dict[ConditionType, State]:
    """Return what the conditions say after a reconcile, but Advisory."""
    problem = result.problem
    if result.observe_only and result.failure is None:
        return _both(_observed(result))
    if problem is None and not result.drift:
        return _both(State(True, Reason.IN_SYNC, f"{_alarms(result)} in sync with the spec"))
    if problem is None:
        message = status.not_reflected(result.drift)
        return status.progressing_states(message, Reason.PROGRESSING, known=result.known)
    if problem.kind is FailureClass.TRANSIENT and not result.unreachable:
        states = status.progressing_states(problem.message, problem.reason, known=result.known)
    else:
        states = _both(_failed(problem, result))
    if stalled := result.terminal:
        states[ConditionType.STALLED] = State(True, stalled.reason, stalled.message)
    return states


def paused(previous: TrailAlarmSetStatus, generation: int, now: datetime) -> TrailAlarmSetStatus:
    """Return the status of a paused TrailAlarmSet. What is recorded stays: nothing else says which filters are its."""
    states = _both(status.paused_state())
    return previous.model_copy(
        update={
            "observed_generation": generation,
            "alarm_count": None,
            "drift": (),
            "refusals": (),
            "conditions": status.updated_conditions(previous, states, generation, now),
        }
    )


def transitions(before: TrailAlarmSetStatus, after: TrailAlarmSetStatus) -> list[Condition]:
    """Return the conditions to report when the status changes."""
    return status.transitions(before, after)


def _both(state: State) -> dict[ConditionType, State]:
    return {ConditionType.READY: state, ConditionType.SYNCED: state}


def _alarms(result: AlarmSyncResult) -> str:
    if result.alarm_count is None:
        return "Metric filters and alarms are"
    return (
        "1 alarm and its metric filter are"
        if result.alarm_count == 1
        else (f"{result.alarm_count} alarms and their metric filters are")
    )


def _observed(result: AlarmSyncResult) -> State:
    """Return what is said under managementPolicy: Observe."""
    if not result.drift:
        return State(True, Reason.OBSERVED, "Metric filters and alarms match the spec (managementPolicy: Observe)")
    paths = ", ".join(entry.path for entry in result.drift[: status.MOST_FIELDS])
    more = ", ..." if len(result.drift) > status.MOST_FIELDS else ""
    message = f"AWS differs from the spec in {paths}{more}; not corrected (managementPolicy: Observe)"
    return State(False, Reason.DRIFTED, message)


def _failed(problem: Failure, result: AlarmSyncResult) -> State:
    state = status.failed_state(problem, unreachable=result.unreachable, what="Filters and alarms")
    # While the Trail is paused, nothing is known about the set.
    return State(None, state.reason, state.message) if state.reason == Reason.PAUSED else state


def _contradicts(previous: TrailAlarmSetStatus, result: AlarmSyncResult) -> bool:
    """Whether AWS shows, or status is to record, something else than the status."""
    has_other_count = result.alarm_count not in (None, previous.alarm_count)
    return has_other_count or (result.filters is not None and result.filters != recorded_filters(previous))


def _recorded(previous: TrailAlarmSetStatus, identity: AlarmSetIdentity) -> dict[str, object]:
    """Return what status records about account, region, names and owner."""
    return {
        "account_id": identity.account,
        "account_name": identity.account_name,
        "region": identity.region,
        "name_prefix": identity.name_prefix,
        "owner_tag": previous.owner_tag if identity.owner_tag is None else identity.owner_tag or None,
    }


def _entries(filters: Collection[FilterKey]) -> tuple[RecordedFilter, ...]:
    return tuple(RecordedFilter(log_group=key.log_group, name=key.name) for key in sorted(filters))
