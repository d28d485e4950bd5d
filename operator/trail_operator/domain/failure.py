"""A failure as a value: its class, which decides how it is met, and the reason and message that users see."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from trail_operator.api.reasons import Reason
from trail_operator.domain.warnings import Advice


class FailureClass(Enum):
    """How a failure is met."""

    TRANSIENT = auto()
    """Passes by itself: retried fast, with backoff; Ready does not flap."""
    DEPENDENCY = auto()
    """Something that the trail needs is missing or refuses: retried slowly, heals when it is mended."""
    TERMINAL = auto()
    """The spec cannot work: not retried until it changes."""
    AUTHORITY = auto()
    """Credentials, permissions, organization: retried slowly."""


_URGENCY = (FailureClass.DEPENDENCY, FailureClass.AUTHORITY, FailureClass.TRANSIENT, FailureClass.TERMINAL)


@dataclass(frozen=True)
class Failure:
    """What went wrong, in words for the user: what is wrong and how to mend it."""

    kind: FailureClass
    reason: Reason
    message: str
    slowly: bool = False
    """Whether AWS asks for minutes, where others of the class pass in seconds."""
    request_id: str = field(default="", compare=False)
    """AWS's own name of the request that it refused; for the log."""
    advice: tuple[Advice, ...] = ()
    """What to warn of besides, as was seen on the way."""


def passing(message: str) -> Failure:
    """What shows in a moment, or is decided anew then."""
    return Failure(FailureClass.TRANSIENT, Reason.PROGRESSING, message)


def internal(error: Exception) -> Failure:
    """A fault of the operator itself: tried again slowly."""
    return Failure(
        FailureClass.AUTHORITY,
        Reason.INTERNAL_ERROR,
        f"a fault of the operator ({type(error).__name__}); its log tells more. It keeps trying",
    )


def together(failures: Sequence[Failure]) -> Failure | None:
    """All that went wrong in one pass as one failure.

    Its class and reason are of what can be mended, else of what passes by itself: only where nothing of it can be tried
    again is the whole terminal.
    """
    if not failures:
        return None
    first = min(failures, key=lambda one: _URGENCY.index(one.kind))
    others = [one for one in failures if one is not first]
    return replace(
        first,
        message="; ".join(dict.fromkeys(one.message for one in (first, *others))),
        advice=tuple(dict.fromkeys(advice for one in (first, *others) for advice in one.advice)),
    )


class FailureError(Exception):
    """Raised where a step cannot go on; carries the failure as a value."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self._failure = failure

    @property
    def failure(self) -> Failure:
        """What went wrong."""
        return self._failure


class NotSentError(FailureError):
    """Raised in place of a call that was not made: nothing of it can have taken effect."""
