"""Objects that the API server refuses to write, such as one that was stored when the definition was looser.

No condition can be written on them: a Warning Event, a log line and a gauge report them instead. They affect no other
object, and are retried when they change, otherwise every 10 minutes. The Event is retried sooner: without it, nothing
in Kubernetes reports them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.api.constants import ACCOUNT_KIND
from trail_operator.api.reasons import EventReason
from trail_operator.kube.client import kind_of
from trail_operator.kube.events import EventRecorder
from trail_operator.runtime.logs import about, logger

_SECONDS = 600.0
_SECONDS_IN_DOUBT = 1.0
_EVENT_RETRY = 60.0
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
_REFUSALS = ("BadRequest", "Invalid", "RequestEntityTooLarge")
_LENGTH = 1024


@dataclass
class Refused:
    """A refused write: the requested state of the object, and until when not to retry."""

    requested_state: tuple[object, ...]
    until: float
    reported: bool
    unwritten_note: str = ""
    """The note of the Event, if the Event could not be written."""


def is_refusal(error: ApiException) -> bool:
    """Whether the API server rejects the object itself, so that a retry does not help."""
    return isinstance(error.body, dict) and error.body.get("reason") in _REFUSALS


class Unreportable:
    """Reports objects whose status or finalizers cannot be written."""

    def __init__(self, events: EventRecorder, clock: Callable[[], float]) -> None:
        self._events = events
        self._clock = clock

    def seconds_left(self, refused: Refused | None, requested_state: tuple[object, ...]) -> float:
        """Return the seconds until the next attempt for a refused object."""
        if refused is None or refused.requested_state != requested_state:
            return 0.0
        left = refused.until - self._clock()
        return min(left, _EVENT_RETRY) if refused.unwritten_note else left

    async def is_left_alone(
        self, body: dict[str, Any], refused: Refused | None, requested_state: tuple[object, ...]
    ) -> bool:
        """Whether it is too soon to retry a refused object. Retries its Event if that was not written."""
        if refused is None or refused.requested_state != requested_state or self._clock() >= refused.until:
            return False
        if refused.unwritten_note and await self._write_event(body, refused.unwritten_note):
            refused.unwritten_note = ""
        return True

    async def report(
        self, body: dict[str, Any], requested_state: tuple[object, ...], error: ApiException, before: Refused | None
    ) -> Refused:
        """Report that the API server refuses to write the object, from the second time on. `before`: the last one."""
        if before is None or before.requested_state != requested_state:
            return Refused(requested_state, self._clock() + _SECONDS_IN_DOUBT, reported=False)
        metadata = body["metadata"]
        kind = kind_of(body)
        name = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
        problem = _without_external_id(str(error.reason))
        note = f"The API server refuses to write this {kind}: correct it, or delete it. {problem}"[:_LENGTH]
        logger.error(note, extra=about(name, generation=metadata["generation"], reason=EventReason.STATUS_REFUSED))
        # Without details for an AWSAccount: not everyone who may read Events in the namespace default may read it.
        note = (
            note if kind != ACCOUNT_KIND else "The API server refuses to write this AWSAccount: see the operator's log"
        )
        is_written = await self._write_event(body, note)
        until = self._clock() + _SECONDS
        return Refused(requested_state, until, reported=True, unwritten_note="" if is_written else note)

    async def _write_event(self, body: dict[str, Any], note: str) -> bool:
        return await self._events.record(body, "Warning", EventReason.STATUS_REFUSED, "Reconcile", note)


def _without_external_id(problem: str) -> str:
    """Cut the API server's message before it quotes the external ID of an AWSAccount."""
    before, named, _ = problem.partition("externalID: ")
    return f"{before}{named}it violates a rule" if named else problem
