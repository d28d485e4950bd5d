"""Finalizes a Trail that is being deleted: delete or retain its trail, record that, remove the finalizer."""

from dataclasses import replace

from trail_operator.api.reasons import EventReason
from trail_operator.api.trail_status import Difference
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.metrics import Result
from trail_operator.reconcile.outcome import RESULT_OF, Outcome
from trail_operator.reconcile.release import NotYet, release
from trail_operator.trail.delete import STILL_THERE, NotConfirmedError, TrailDeleter
from trail_operator.trail.requeue import RequeuePolicy
from trail_operator.trail.state import TrailState
from trail_operator.trail.status_writer import StatusWriter
from trail_operator.trail.unknown_status import UnknownStatus


class TrailFinalizer:
    """Removes the finalizer once the trail is deleted or released; reports what prevents that."""

    def __init__(
        self,
        deleter: TrailDeleter,
        requeue: RequeuePolicy,
        status: UnknownStatus,
        writer: StatusWriter,
        events: EventRecorder,
    ) -> None:
        self._deleter = deleter
        self._requeue = requeue
        self._status = status
        self._writer = writer
        self._events = events

    async def finalize(self, state: TrailState, context: ReconcileContext) -> Outcome:
        """Delete or release the trail; retry later if AWS or the spec prevents that."""
        try:
            released = await self._deleter.release(state, context)
        except NotConfirmedError as error:
            note = error.failure.message
            await self._events.record(state.body, "Warning", EventReason.DELETION_NOT_CONFIRMED, "DeleteTrail", note)
            return await self._blocked(state, context, error.failure, STILL_THERE)
        except FailureError as error:
            return await self._blocked(state, context, error.failure)
        if isinstance(released, NotYet):
            delay = self._requeue.after_failure(state, FailureClass.TRANSIENT)
            return Outcome(Result.SETTLING, min(delay, released.within))
        return await release(state, released, self._events, self._writer.remove_finalizer)

    async def _blocked(
        self, state: TrailState, context: ReconcileContext, failure: Failure, drift: tuple[Difference, ...] = ()
    ) -> Outcome:
        remedy = "To remove the resource and keep the trail, set deletionPolicy: Retain"
        message = f"Cannot delete trail: {failure.message}. {remedy}"
        await self._status.report(state, context, replace(failure, message=message), drift)
        kind = FailureClass.AUTHORITY if failure.kind is FailureClass.TERMINAL else failure.kind
        delay = self._requeue.after_failure(state, kind, long_backoff=failure.long_backoff)
        blocked_for = self._deleter.seconds_blocked(state)
        return Outcome(RESULT_OF[failure.kind], min(delay, blocked_for) if blocked_for > 0.0 else delay)
