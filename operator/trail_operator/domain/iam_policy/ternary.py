"""Three-valued logic: a policy may hinge on what nobody but AWS knows, and then we must not guess."""

from collections.abc import Iterable
from enum import Enum


class Truth(Enum):
    """Whether something holds, as far as it can be told."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    @staticmethod
    def of(value: bool) -> "Truth":
        """Turn what is known into a truth value."""
        return Truth.TRUE if value else Truth.FALSE

    def negated(self) -> "Truth":
        """Return the opposite; what is unknown stays unknown."""
        return {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE}.get(self, Truth.UNKNOWN)


def all_of(truths: Iterable[Truth]) -> Truth:
    """Return the conjunction: one FALSE decides, whatever is unknown beside it."""
    found = set(truths)
    if Truth.FALSE in found:
        return Truth.FALSE
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.TRUE


def any_of(truths: Iterable[Truth]) -> Truth:
    """Return the disjunction: one TRUE decides, whatever is unknown beside it."""
    found = set(truths)
    if Truth.TRUE in found:
        return Truth.TRUE
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.FALSE


def agreed(truths: Iterable[Truth]) -> Truth:
    """Return what every possible case says, UNKNOWN where the cases differ or where there is none."""
    found = set(truths)
    return found.pop() if len(found) == 1 else Truth.UNKNOWN
