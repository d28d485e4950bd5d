"""Builds the conditions of both kinds: transition times, and messages of a length that the API server accepts."""

from dataclasses import dataclass
from datetime import datetime

from trail_operator.api.conditions import Condition
from trail_operator.api.reasons import ConditionType
from trail_operator.domain.texts import MESSAGE, clean

_STATUSES = {True: "True", False: "False", None: "Unknown"}


@dataclass(frozen=True)
class State:
    """What a condition says. `status`: None for Unknown."""

    status: bool | None
    reason: str  # of the closed set, or what another version wrote
    message: str

    @classmethod
    def of(cls, condition: Condition) -> "State":
        """Return what an earlier condition said."""
        return cls({"True": True, "False": False}.get(condition.status), condition.reason, condition.message)


def condition(kind: ConditionType, state: State, before: Condition | None, generation: int, now: datetime) -> Condition:
    """Return the condition. Its transition time is that of `before` if the status is the same."""
    status = _STATUSES[state.status]
    return Condition(
        type=kind,
        status=status,
        reason=state.reason,
        message=clean(state.message, MESSAGE),
        last_transition_time=before.last_transition_time if before and before.status == status else now,
        observed_generation=generation,
    )
