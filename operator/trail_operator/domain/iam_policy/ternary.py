"""Three-valued logic: a policy may depend on facts that only AWS knows, which the operator must not guess."""

from collections.abc import Iterable
from enum import Enum


class Truth(Enum):
    """Whether something is true, as far as that is known."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    @staticmethod
    def of(value: bool) -> "Truth":
        """Convert a bool."""
        return Truth.TRUE if value else Truth.FALSE

    def negated(self) -> "Truth":
        """Return the opposite; UNKNOWN stays UNKNOWN."""
        return {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE}.get(self, Truth.UNKNOWN)


def all_of(truths: Iterable[Truth]) -> Truth:
    """Return the conjunction: one FALSE decides, even if others are UNKNOWN."""
    found = set(truths)
    if Truth.FALSE in found:
        return Truth.FALSE
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.TRUE


def any_of(truths: Iterable[Truth]) -> Truth:
    """Return the disjunction: one TRUE decides, even if others are UNKNOWN."""
    found = set(truths)
    if Truth.TRUE in found:
        return Truth.TRUE
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.FALSE


def unanimous(truths: Iterable[Truth]) -> Truth:
    """Return the value that all cases have; UNKNOWN if they differ, or if there are none."""
    found = set(truths)
    return found.pop() if len(found) == 1 else Truth.UNKNOWN
