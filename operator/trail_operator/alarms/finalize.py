"""Finalizes a TrailAlarmSet that is being deleted: delete or retain its alarms, record that, remove the finalizer."""

from dataclasses import replace

from trail_operator.alarms.delete import AlarmSetDeleter
from trail_operator.alarms.requeue import AlarmRequeue
from trail_operator.alarms.results import AlarmResults
from trail_operator.alarms.state import AlarmSetState
from trail_operator.alarms.status_writer import AlarmSetStatusWriter
from trail_operator.aws.cancel_scope import ClosedError
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.metrics import Result
from trail_operator.reconcile.consistency_window import CONSISTENCY_WINDOW
from trail_operator.reconcile.outcome import RESULT_OF, Outcome
from trail_operator.reconcile.release import NotYet, release
from trail_operator.trail.write_guard import StaleDecisionError


class AlarmSetFinalizer:
    """Removes the finalizer once filters and alarms are deleted or released; reports what prevents that."""

    def __init__(
        self,
        deleter: AlarmSetDeleter,
        requeue: AlarmRequeue,
        results: AlarmResults,
        writer: AlarmSetStatusWriter,
        events: EventRecorder,
    ) -> None:
        self._deleter = deleter
        self._requeue = requeue
        self._results = results
        self._writer = writer
        self._events = events

    async def finalize(self, state: AlarmSetState, context: ReconcileContext) -> Outcome:
        """Delete or release the alarms; retry later if AWS or the spec prevents that."""
        try:
            released = await self._deleter.release(state, context)
        except (ClosedError, StaleDecisionError):
            released = NotYet(CONSISTENCY_WINDOW)
        except FailureError as error:
            return await self._blocked(state, context, error.failure)
        if isinstance(released, NotYet):
            delay = self._requeue.after_failure(state, FailureClass.TRANSIENT)
            return Outcome(Result.SETTLING, min(delay, released.within))
        return await release(state, released, self._events, self._writer.remove_finalizer)

    async def _blocked(self, state: AlarmSetState, context: ReconcileContext, failure: Failure) -> Outcome:
        remedy = "To remove the resource and keep the alarms, set deletionPolicy: Retain"
        message = f"Cannot delete alarms: {failure.message}. {remedy}"
        result = self._results.incomplete(state, context, replace(failure, message=message))
        await self._writer.write_result(state, result)
        kind = FailureClass.AUTHORITY if failure.kind is FailureClass.TERMINAL else failure.kind
        delay = self._requeue.after_failure(state, kind, long_backoff=failure.long_backoff)
        return Outcome(RESULT_OF[failure.kind], delay)
