"""What the conditions of a Trail say after a reconcile. Knows nothing of transition times."""

from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.trail_status import TrailStatus
from trail_operator.domain.advisory import advisory_state
from trail_operator.domain.conditions import State
from trail_operator.domain.dependencies import not_evaluated
from trail_operator.domain.failure import Failure, FailureClass, combine
from trail_operator.domain.status import failed_state, not_reflected, progressing_states
from trail_operator.domain.sync_result import NOT_OURS, SyncResult
from trail_operator.domain.texts import sentences
from trail_operator.domain.trail import ObservedTrail
from trail_operator.domain.warnings import Advice


def trail_conditions(previous: TrailStatus, result: SyncResult, ignored: Advice | None) -> dict[ConditionType, State]:
    """Return the states of the conditions. `ignored`: the warning about annotations of the Trail."""
    states = _verdict(previous, result)
    if dependencies := _dependencies(previous, result):
        states[ConditionType.DEPENDENCIES_READY] = dependencies
    if advisory := advisory_state(previous, result.advice, ignored):
        states[ConditionType.ADVISORY] = advisory
    return states


def keeps_dependencies(result: SyncResult) -> bool:
    """Whether the reconcile has found nothing about the dependencies, so that what is known of them stays."""
    if result.dependent is not None:
        return False
    if result.failure is None:
        return not result.not_found
    return result.failure.kind is FailureClass.TRANSIENT and not result.unreachable


def _dependencies(previous: TrailStatus, result: SyncResult) -> State | None:
    """Return what is known of the dependencies; None keeps what was known before."""
    before = previous.condition(ConditionType.DEPENDENCIES_READY)
    is_first_failure = before is None and result.dependent is None and result.failure is not None
    if not is_first_failure and (result.dependent is not None or keeps_dependencies(result)):
        has_resumed = before is not None and before.reason == Reason.PAUSED
        return result.dependencies or (not_evaluated("the Trail was resumed just now") if has_resumed else None)
    if result.failure is None:
        return not_evaluated(result.not_found)
    reason = Reason.AWS_UNREACHABLE if result.unreachable else result.failure.reason
    return not_evaluated(f"Ready has the reason {reason}, which must be resolved first")


def _verdict(previous: TrailStatus, result: SyncResult) -> dict[ConditionType, State]:
    """Return the states of all conditions but Advisory."""
    failure, observed = result.failure, result.observed
    logging = _logging(previous, result)
    if failure is None and result.observe_only:
        return _observed_only(observed, result, logging)
    if failure is None and observed is not None:
        if result.drift:
            return _progressing(not_reflected(result.drift), Reason.PROGRESSING, logging, result)
        return _in_sync(observed, result.delivery_advice, logging)
    if failure is None:
        return _progressing("Waiting for AWS to show the trail", Reason.PROGRESSING, logging, result)
    if failure.kind is FailureClass.TRANSIENT and not result.unreachable:
        states = _progressing(failure.message, failure.reason, logging, result)
    else:
        states = _failed(result, failure, logging)
    stalled = failure if failure.kind is FailureClass.TERMINAL else combine([*result.refused.values()])
    if stalled:
        states[ConditionType.STALLED] = State(True, stalled.reason, stalled.message)
    return states


def _in_sync(observed: ObservedTrail, advice: str, logging: State) -> dict[ConditionType, State]:
    reason = Reason.RECORDING if observed.is_logging else Reason.LOGGING_OFF
    synced = State(True, reason, "Trail matches the spec")
    delivering = _delivering(observed, advice)
    if observed.is_logging and delivering.status is False:
        ready = delivering
    elif observed.is_logging:
        ready = State(True, reason, "Trail is in sync and logging")
    else:
        ready = State(True, reason, "Trail is in sync; logging is off (isLogging: false)")
    return {
        ConditionType.READY: ready,
        ConditionType.SYNCED: synced,
        ConditionType.LOGGING: logging,
        ConditionType.DELIVERING: delivering,
    }


def _observed_only(observed: ObservedTrail | None, result: SyncResult, logging: State) -> dict[ConditionType, State]:
    """Return the states of a trail under managementPolicy: Observe."""
    if observed is None:
        remedy = "correct spec.name, spec.region or the account, or set spec.managementPolicy: Manage to create it"
        absent = State(False, Reason.TRAIL_NOT_FOUND, f"{result.not_found}: {remedy}")
        unknown = State(None, Reason.TRAIL_NOT_FOUND, absent.message)
        return {
            ConditionType.READY: absent,
            ConditionType.SYNCED: absent,
            ConditionType.LOGGING: logging,
            ConditionType.DELIVERING: unknown,
        }
    delivering = _delivering(observed, result.delivery_advice)
    if result.drift:
        paths = ", ".join(entry.path for entry in result.drift)
        synced = State(
            False, Reason.DRIFTED, f"Trail differs from the spec in {paths}; not corrected (managementPolicy: Observe)"
        )
    elif observed.unreadable:
        synced = State(None, Reason.OBSERVED, f"Trail matches the spec as far as it is visible. {_unknown(observed)}")
    else:
        synced = State(True, Reason.OBSERVED, "Trail matches the spec (managementPolicy: Observe)")
    ready = delivering if delivering.status is False and observed.is_logging and not result.drift else synced
    return {
        ConditionType.READY: ready,
        ConditionType.SYNCED: synced,
        ConditionType.LOGGING: logging,
        ConditionType.DELIVERING: delivering,
    }


def _unknown(observed: ObservedTrail) -> str:
    """Return what could not be compared, and how to make it readable."""
    problems = []
    if parts := ", ".join(sorted(observed.unreadable - {"kmsKeyID"})):
        problems.append(f"AWS does not let this account read its {parts}")
    if "kmsKeyID" in observed.unreadable:
        problems.append(
            "AWS does not let this account resolve kmsKeyID: allow kms:DescribeKey, or set kmsKeyID to the key's ARN"
        )
    return sentences(problems)


def _progressing(message: str, reason: Reason, logging: State, result: SyncResult) -> dict[ConditionType, State]:
    return {
        **progressing_states(message, reason, known=result.known),
        ConditionType.LOGGING: logging,
        ConditionType.DELIVERING: _delivering_or_unknown(result, reason, message),
    }


def _failed(result: SyncResult, failure: Failure, logging: State) -> dict[ConditionType, State]:
    state = failed_state(failure, unreachable=result.unreachable, what="Trail")
    reason = Reason.AWS_UNREACHABLE if result.unreachable else failure.reason
    return {
        ConditionType.READY: state,
        ConditionType.SYNCED: state,
        ConditionType.LOGGING: logging,
        ConditionType.DELIVERING: _delivering_or_unknown(result, reason, state.message),
    }


def _logging(previous: TrailStatus, result: SyncResult) -> State:
    if not result.has_read("isLogging"):
        before = previous.condition(ConditionType.LOGGING)
        failure = result.failure
        is_passing = failure is not None and failure.kind is FailureClass.TRANSIENT and not result.unreachable
        if before is not None and before.reason != Reason.PAUSED and is_passing:
            return State.of(before)
        reason = failure.reason if failure and not result.unreachable else Reason.AWS_UNREACHABLE
        return State(None, reason, "Whether the trail is logging could not be read")
    if result.failure and result.failure.reason in NOT_OURS:
        return State(None, result.failure.reason, "The trail with this name does not belong to this Trail")
    if result.observed is None:
        return State(False, Reason.LOGGING_OFF, "Trail does not exist in AWS")
    if result.observed.is_logging:
        return State(True, Reason.RECORDING, "AWS reports that the trail is logging")
    return State(False, Reason.LOGGING_OFF, "AWS reports that the trail is not logging")


def _delivering_or_unknown(result: SyncResult, reason: Reason, message: str) -> State:
    if result.observed and result.has_read("trail", "isLogging") and reason not in NOT_OURS:
        return _delivering(result.observed, result.delivery_advice)
    return State(None, reason, message)


def _delivering(observed: ObservedTrail, advice: str) -> State:
    if failing := observed.failing_destinations:
        errors = ", ".join(f"{destination} {error}" for destination, error in sorted(failing.items()))
        return State(False, Reason.DELIVERY_FAILING, f"AWS reports delivery errors: {errors}. {advice}".strip())
    if not observed.is_logging:
        return State(False, Reason.LOGGING_OFF, "Nothing is delivered while logging is off")
    return State(True, Reason.RECORDING, "AWS reports no delivery errors")
