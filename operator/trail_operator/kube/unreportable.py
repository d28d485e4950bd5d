"""Objects that the API server refuses to write, such as one that was stored when the definition was looser.

No condition can be written on them: a Warning Event, a log line and a gauge report them instead. They affect no other
object, and are tried again when they change, else rarely. The Event is retried sooner: without it nothing in Kubernetes
reports them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.api.constants import ACCOUNT_KIND, KIND
from trail_operator.api.reasons import EventReason
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
    """For which state of an object the API server refused a write, and until when that is taken to hold."""

    requested_state: tuple[object, ...]
    until: float
    reported: bool
    unwritten_note: str = ""
    """The note of the Event about it, as long as that could not be written."""


def is_refusal(error: ApiException) -> bool:
    """Whether the API server judged the object, and not the moment."""
    return isinstance(error.body, dict) and error.body.get("reason") in _REFUSALS


class Unreportable:
    """Reports objects whose status or finalizers cannot be written."""

    def __init__(self, events: EventRecorder, clock: Callable[[], float]) -> None:
        self._events = events
        self._clock = clock

    def seconds_left(self, refused: Refused | None, requested_state: tuple[object, ...]) -> float:
        """Seconds until something is to be done about an object that was refused."""
        if refused is None or refused.requested_state != requested_state:
            return 0.0
        left = refused.until - self._clock()
        return min(left, _EVENT_RETRY) if refused.unwritten_note else left

    async def is_left_alone(
        self, body: dict[str, Any], refused: Refused | None, requested_state: tuple[object, ...]
    ) -> bool:
        """Whether an object that was refused is not to be tried again yet. The Event about it is, if it failed."""
        if refused is None or refused.requested_state != requested_state or self._clock() >= refused.until:
            return False
        if refused.unwritten_note and await self._write_event(body, refused.unwritten_note):
            refused.unwritten_note = ""
        return True

    async def report(
        self, body: dict[str, Any], requested_state: tuple[object, ...], error: ApiException, before: Refused | None
    ) -> Refused:
        """Say that the API server refuses to write the object, once it has done so twice. `before`: the last time."""
        if before is None or before.requested_state != requested_state:
            return Refused(requested_state, self._clock() + _SECONDS_IN_DOUBT, reported=False)
        metadata = body["metadata"]
        kind = KIND if "namespace" in metadata else ACCOUNT_KIND
        name = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
        problem = _without_external_id(str(error.reason))
        note = f"the API server refuses to write this {kind}: correct it, or delete it. {problem}"[:_LENGTH]
        logger.error(note, extra=about(name, generation=metadata["generation"], reason=EventReason.STATUS_REFUSED))
        # Of an AWSAccount no word: who may read Events of the namespace default need not be who may read AWSAccounts.
        note = note if kind == KIND else "the API server refuses to write this AWSAccount: see the operator's log"
        is_written = await self._write_event(body, note)
        until = self._clock() + _SECONDS
        return Refused(requested_state, until, reported=True, unwritten_note="" if is_written else note)

    async def _write_event(self, body: dict[str, Any], note: str) -> bool:
        return await self._events.record(body, "Warning", EventReason.STATUS_REFUSED, "Reconcile", note)


def _without_external_id(problem: str) -> str:
    """What the API server says of an object, up to where it would quote an AWSAccount's external id."""
    before, named, _ = problem.partition("externalID: ")
    return f"{before}{named}it breaks a rule" if named else problem
