"""How a reconcile ended, and when the next is due."""

from dataclasses import dataclass

from trail_operator.domain.failure import FailureClass
from trail_operator.metrics import Result

RESULT_OF = {
    FailureClass.TRANSIENT: Result.TRANSIENT,
    FailureClass.DEPENDENCY: Result.DEPENDENCY,
    FailureClass.AUTHORITY: Result.AUTHORITY,
    FailureClass.TERMINAL: Result.TERMINAL,
}
"""The result of each class of failure."""


@dataclass(frozen=True)
class Outcome:
    """The result that metrics count, and the seconds until the next reconcile; None if the object is gone."""

    result: Result
    requeue_after: float | None


GONE = Outcome(Result.GONE, None)
