"""Writes that AWS refuses permanently: which of them to repeat, and the cause of a refusal."""

from dataclasses import replace

from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Difference, Refusal
from trail_operator.aws.error_codes import ALREADY_EXISTS, NOT_FOUND
from trail_operator.aws.errors import AWSError
from trail_operator.domain.actions import Action
from trail_operator.domain.diff import field_of
from trail_operator.domain.failure import Failure, FailureClass, FailureError, transient
from trail_operator.domain.trail import DesiredTrail
from trail_operator.inventory.account_client import AccountClient
from trail_operator.runtime.clock import Clock
from trail_operator.trail.comparison import Comparison
from trail_operator.trail.state import RefusalDiagnosis, TrailState

# Seconds for which a diagnosis is reused while AWS refuses with the same message.
_DIAGNOSIS_TTL = 30.0
# Seconds until a refused write is repeated: AWS may refuse it for reasons that the operator cannot see.
_REFUSAL_TTL = 3600.0
_REFUSAL_LENGTH = 1024


class Refusals:
    """Remembers and explains the refusals of all Trails."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock.monotonic()

    def still_valid(self, comparison: Comparison, actions: tuple[Action, ...]) -> dict[str, Failure]:
        """Return the refusals in status that apply to these actions: the same request is not sent again yet."""
        state, status, drift = comparison.state, comparison.state.status, comparison.drift
        if comparison.context.force or status.observed_generation != comparison.context.generation:
            return {}
        messages = {
            entry.operation: entry.message
            for entry in status.refusals
            if self._seconds_left(state, entry) > 0.0
            and _relevant(status.drift, entry.operation) == _relevant(drift, entry.operation)
        }
        return {
            action.operation: Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, messages[action.operation])
            for action in actions
            if action.operation in messages
        }

    def remember(self, state: TrailState, operation: str, failure: Failure) -> Failure:
        """Record a refusal; return it with its message cut to the length that status allows."""
        state.writes.refused_at[operation] = self._clock.monotonic()
        return replace(failure, message=failure.message[:_REFUSAL_LENGTH])

    def seconds_to_retry(self, state: TrailState) -> float:
        """Return the seconds until the next refused write is repeated; infinite if there is none."""
        left = (self._seconds_left(state, entry) for entry in state.status.refusals)
        return min((seconds for seconds in left if seconds > 0.0), default=float("inf"))

    def _seconds_left(self, state: TrailState, refusal: Refusal) -> float:
        """Return for how many seconds a refusal in status still applies, counted from the start of this process."""
        last = state.writes.refused_at.get(refusal.operation, self._started)
        return max(last, self._started) + _REFUSAL_TTL - self._clock.monotonic()

    async def explain(self, comparison: Comparison, error: AWSError) -> Failure:
        """Return the cause of an error, in terms of what users can correct."""
        if error.code in NOT_FOUND:
            return transient("The trail was deleted in AWS during the reconcile")
        try:
            if error.code == ALREADY_EXISTS:
                conflict = await name_conflict(comparison.client, comparison.desired)
                return conflict or transient("The trail exists, but AWS does not show it yet")
            return await self._diagnosed(comparison, error)
        except FailureError as further:
            return further.failure

    async def _diagnosed(self, comparison: Comparison, error: AWSError) -> Failure:
        """Diagnose a refusal. That costs several calls, so a recent diagnosis of the same refusal is reused."""
        state, desired = comparison.state, comparison.desired
        refusal = (error.code, error.message, desired.configuration)
        known = state.writes.diagnosis
        is_recent = known is not None and self._clock.monotonic() - known.found < _DIAGNOSIS_TTL
        if known and known.refusal == refusal and is_recent and not comparison.context.force:
            return known.failure
        failure = await comparison.client.diagnosis.explain(error, desired)
        state.writes.diagnosis = RefusalDiagnosis(refusal, failure, self._clock.monotonic())
        return failure


async def name_conflict(client: AccountClient, desired: DesiredTrail) -> Failure | None:
    """Return why a trail cannot be created although its home region has none; None if nothing prevents it."""
    arn = await client.cloudtrail.home_of(desired.name, desired.location.region)
    if arn is None or arn == desired.arn:
        return None
    return Failure(
        FailureClass.TERMINAL,
        Reason.CONFLICT,
        f"The multi-region trail {arn} uses this name in every region; nothing was written to it. Choose another "
        "spec.name, or delete that trail",
    )


def _relevant(drift: tuple[Difference, ...], operation: str) -> list[Difference]:
    """Return the differences that matter for a refusal: tags for tag operations, settings for all others."""
    if operation in ("AddTags", "RemoveTags"):
        return [entry for entry in drift if field_of(entry) == "tags"]
    return [entry for entry in drift if field_of(entry) not in ("isLogging", "tags")]
