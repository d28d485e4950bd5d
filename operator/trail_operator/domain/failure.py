"""A failure as a value: its class, which decides how it is handled, and the reason and message that users see."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from trail_operator.api.reasons import Reason
from trail_operator.domain.texts import sentences
from trail_operator.domain.warnings import Advice


class FailureClass(Enum):
    """How a failure is handled."""

    TRANSIENT = auto()
    """Resolves itself: retried after a second, with backoff. Ready changes only if a difference was seen."""
    DEPENDENCY = auto()
    """A dependency of the trail is missing or refuses access: retried every 15 to 45 seconds until it is corrected."""
    TERMINAL = auto()
    """The spec cannot work: retried when it changes, and once an hour in case AWS has changed."""
    AUTHORITY = auto()
    """Credentials, permissions, organization: retried every 5 to 45 seconds."""


_URGENCY = (FailureClass.DEPENDENCY, FailureClass.AUTHORITY, FailureClass.TRANSIENT, FailureClass.TERMINAL)


@dataclass(frozen=True)
class Failure:
    """What went wrong. The message is for users: what is wrong, and how to correct it."""

    kind: FailureClass
    reason: Reason
    message: str
    long_backoff: bool = False
    """Whether AWS asks to wait for minutes, where others of the class take seconds."""
    request_id: str = field(default="", compare=False)
    """The ID that AWS gave the refused request; for the log."""
    advice: tuple[Advice, ...] = ()
    """Warnings that were found besides."""


def transient(message: str) -> Failure:
    """Return a transient failure that the next reconcile resolves or decides again."""
    return Failure(FailureClass.TRANSIENT, Reason.PROGRESSING, message)


def authority(reason: Reason, message: str) -> Failure:
    """Return a failure of what an administrator decides: accounts, credentials, permissions, limits."""
    return Failure(FailureClass.AUTHORITY, reason, message)


def internal(error: Exception) -> Failure:
    """Return the failure of a bug in the operator, which is retried slowly."""
    return Failure(
        FailureClass.AUTHORITY,
        Reason.INTERNAL_ERROR,
        f"Internal error of the operator ({type(error).__name__}): see its log. It retries automatically",
    )


def combine(failures: Sequence[Failure]) -> Failure | None:
    """Combine all failures of one reconcile into one.

    Its class and reason are those of a failure that users can correct, else of a transient one. It is terminal only if
    all are.
    """
    if not failures:
        return None
    first = min(failures, key=lambda one: _URGENCY.index(one.kind))
    others = [one for one in failures if one is not first]
    return replace(
        first,
        message=sentences(dict.fromkeys(one.message for one in (first, *others))),
        advice=tuple(dict.fromkeys(advice for one in (first, *others) for advice in one.advice)),
    )


class FailureError(Exception):
    """Raised if a step cannot continue; carries the failure as a value."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self._failure = failure

    @property
    def failure(self) -> Failure:
        """What went wrong."""
        return self._failure


class NotSentError(FailureError):
    """Raised instead of making a call, which therefore had no effect."""
