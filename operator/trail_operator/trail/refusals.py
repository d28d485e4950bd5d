"""What AWS refuses for good: which requests are not sent again, and what is behind a refusal."""

from dataclasses import replace

from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Difference, Refusal
from trail_operator.aws.errors import ALREADY_EXISTS, NOT_FOUND, AWSError
from trail_operator.domain.actions import Action
from trail_operator.domain.diff import field_of
from trail_operator.domain.failure import Failure, FailureClass, FailureError, passing
from trail_operator.domain.trail import DesiredTrail
from trail_operator.inventory.registry import AccountClient
from trail_operator.runtime.clock import Clock
from trail_operator.trail.comparison import Comparison
from trail_operator.trail.state import RefusalDiagnosis, TrailState

# Seconds for which the explanation of a refusal is taken to hold while AWS goes on refusing in the same words.
_EXPLANATION_HOLDS = 30.0
# After so many seconds a call that AWS refused for good is repeated: AWS may judge it by what the operator cannot see.
_REFUSAL_HOLDS = 3600.0
_REFUSAL_LENGTH = 1024


class Refusals:
    """Remembers and explains refusals."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock.monotonic()

    def known(self, comparison: Comparison, actions: tuple[Action, ...]) -> dict[str, Failure]:
        """The refusals on record that still hold for these actions: the same requests are not sent again."""
        state, status, drift = comparison.state, comparison.state.status, comparison.drift
        if comparison.context.force or status.observed_generation != comparison.context.generation:
            return {}
        messages = {
            entry.operation: entry.message
            for entry in status.refusals
            if self._seconds_left(state, entry) > 0.0
            and _judged(status.drift, entry.operation) == _judged(drift, entry.operation)
        }
        return {
            action.operation: Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, messages[action.operation])
            for action in actions
            if action.operation in messages
        }

    def remember(self, state: TrailState, operation: str, failure: Failure) -> Failure:
        """Record a refusal; return it with as much of its message as the status may hold."""
        state.writes.refused_at[operation] = self._clock.monotonic()
        return replace(failure, message=failure.message[:_REFUSAL_LENGTH])

    def seconds_to_retry(self, state: TrailState) -> float:
        """Seconds until the next call that AWS refused for good is due again; infinite where there is none."""
        left = (self._seconds_left(state, entry) for entry in state.status.refusals)
        return min((seconds for seconds in left if seconds > 0.0), default=float("inf"))

    def _seconds_left(self, state: TrailState, refusal: Refusal) -> float:
        """For how many seconds a refusal still stands in for AWS's answer: a record in Kubernetes is no proof."""
        last = state.writes.refused_at.get(refusal.operation, self._started)
        return max(last, self._started) + _REFUSAL_HOLDS - self._clock.monotonic()

    async def explain(self, comparison: Comparison, error: AWSError) -> Failure:
        """What is behind an error."""
        if error.code in NOT_FOUND:
            return passing("the trail has gone from AWS meanwhile")
        try:
            if error.code == ALREADY_EXISTS:
                return await _holder(comparison.access, comparison.desired)
            return await self._diagnosed(comparison, error)
        except FailureError as further:
            return further.failure

    async def _diagnosed(self, comparison: Comparison, error: AWSError) -> Failure:
        """What is behind a refusal. Looking costs several calls: the same refusal is not looked into again at once."""
        state, desired = comparison.state, comparison.desired
        refusal = (error.code, error.message, desired.configuration)
        known = state.writes.diagnosis
        is_recent = known is not None and self._clock.monotonic() - known.found < _EXPLANATION_HOLDS
        if known and known.refusal == refusal and is_recent and not comparison.context.force:
            return known.failure
        failure = await comparison.access.diagnosis.explain(error, desired)
        state.writes.diagnosis = RefusalDiagnosis(refusal, failure, self._clock.monotonic())
        return failure


async def _holder(access: AccountClient, desired: DesiredTrail) -> Failure:
    """Why AWS says that a trail exists which is not to be found in its home region."""
    arn = await access.cloudtrail.home_of(desired.name, desired.location.region)
    if arn is None or arn == desired.arn:
        return passing("the trail exists but AWS does not show it yet")
    return Failure(
        FailureClass.TERMINAL,
        Reason.CONFLICT,
        f"the multi-region trail {arn} holds the name in every region; nothing was written to it. Choose another "
        "spec.name or delete that trail",
    )


def _judged(drift: tuple[Difference, ...], operation: str) -> list[Difference]:
    """The differences in what AWS judges a request by: of tags only they, of all else neither they nor logging."""
    if operation in ("AddTags", "RemoveTags"):
        return [entry for entry in drift if field_of(entry) == "tags"]
    return [entry for entry in drift if field_of(entry) not in ("isLogging", "tags")]
