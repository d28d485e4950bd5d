"""How the deletion of an object ends: what happened in AWS is recorded, then the finalizer is removed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from trail_operator.api.reasons import EventReason
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.object_state import ObjectState
from trail_operator.reconcile.outcome import GONE, Outcome
from trail_operator.runtime.logs import logger

S = TypeVar("S", bound=ObjectState)


@dataclass(frozen=True)
class Released:
    """The finalizer can be removed. `reason` and `note`: of the Event that says what happened in AWS."""

    note: str
    reason: EventReason = EventReason.RELEASED


@dataclass(frozen=True)
class NotYet:
    """AWS may still show an earlier state. `within`: seconds until it is read again, at the latest."""

    within: float


async def release(
    state: S, released: Released, events: EventRecorder, remove_finalizer: Callable[[S], Awaitable[object]]
) -> Outcome:
    """Record in an Event and the log what happened, and remove the finalizer."""
    kind: Literal["Normal", "Warning"] = "Normal" if released.reason is EventReason.RELEASED else "Warning"
    await events.record(state.body, kind, released.reason, "Delete", released.note)
    await remove_finalizer(state)
    logger.info(released.note, extra=state.about())
    return GONE
