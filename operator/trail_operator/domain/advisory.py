"""What the condition Advisory says: the warnings about a resource."""

from trail_operator.api.conditions import Condition, StatusWithConditions
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.domain.conditions import State
from trail_operator.domain.texts import sentences
from trail_operator.domain.warnings import Advice


def advisory_state(
    previous: StatusWithConditions, advice: tuple[Advice, ...] | None, ignored: Advice | None
) -> State | None:
    """Return the warnings; those of before if no others are known. Ignored annotations are known, and come first."""
    before = previous.condition(ConditionType.ADVISORY)
    if advice is None and before and _begins_with(before, ignored):
        return State.of(before)
    advice = (*([ignored] if ignored else []), *(advice or ()))
    return State(True, advice[0].reason, sentences(one.message for one in advice)) if advice else None


def _begins_with(advisory: Condition, ignored: Advice | None) -> bool:
    """Whether an earlier Advisory already warns of these annotations, or of none."""
    if ignored is None:
        return advisory.reason != Reason.ANNOTATION_IGNORED
    return f"{advisory.message}. ".startswith(f"{ignored.message}. ")
