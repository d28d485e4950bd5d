"""Runs reconciles: turns errors into retries, counts results, and reports when AWS does not answer for long."""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.domain.failure import Failure, FailureClass, internal
from trail_operator.kube.answers import NO_ANSWER
from trail_operator.kube.client import CONFLICT
from trail_operator.kube.object_state import ObjectState, ReconcileContext
from trail_operator.kube.unreportable import is_refusal
from trail_operator.metrics import Result
from trail_operator.reconcile.outcome import Outcome
from trail_operator.reconcile.unwritable import UnwritableObjects
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.logs import logger

S = TypeVar("S", bound=ObjectState)
S_contra = TypeVar("S_contra", bound=ObjectState, contravariant=True)


class Reconciler(Protocol[S_contra]):
    """Reconciles one object."""

    async def reconcile(self, state: S_contra, context: ReconcileContext) -> Outcome:
        """Reconcile once. Raises errors of Kubernetes."""


class Requeue(Protocol[S_contra]):
    """Computes delays, and counts failures."""

    def after_failure(self, state: S_contra, kind: FailureClass) -> float:
        """Return the seconds until the retry."""


class StatusReport(Protocol[S_contra]):
    """Writes the status of an object that could not be reconciled."""

    async def report(self, state: S_contra, context: ReconcileContext, failure: Failure) -> None:
        """Report the failure."""

    async def watch(self, state: S_contra, context: ReconcileContext) -> None:
        """Report, while a reconcile runs, that AWS has not answered for long."""


class ReconcileRunner(Generic[S]):
    """Runs one reconcile at a time for each object of one kind."""

    def __init__(
        self,
        reconciler: Reconciler[S],
        requeue: Requeue[S],
        status: StatusReport[S],
        unwritable: UnwritableObjects[S],
        record: Callable[[Result, float], None],
        clock: Clock,
    ) -> None:
        """`record`: called with the result of each reconcile, and the seconds that it took."""
        self._reconciler = reconciler
        self._requeue = requeue
        self._status = status
        self._unwritable = unwritable
        self._record = record
        self._clock = clock

    async def run(self, state: S) -> float | None:
        """Reconcile; return the seconds until the next reconcile, None if the object is gone."""
        if await self._unwritable.is_blocked(state):
            return self._unwritable.seconds_left(state)
        started = self._clock.monotonic()
        context = ReconcileContext(state.generation, state.requested_state)
        watch = asyncio.create_task(self._status.watch(state, context))
        try:
            outcome = await self._reconcile(state, context)
        finally:
            watch.cancel()
        self._record(outcome.result, self._clock.monotonic() - started)
        return outcome.requeue_after

    async def _reconcile(self, state: S, context: ReconcileContext) -> Outcome:
        result = Result.KUBERNETES
        try:
            outcome = await self._reconciler.reconcile(state, context)
        except ApiException as error:
            if error.status == CONFLICT:  # another client wrote the object: retry at once with what it wrote
                return Outcome(result, 0.0 if await self._unwritable.refresh(state) else None)
            if is_refusal(error):
                return Outcome(result, await self._unwritable.report(state, context, error))
            logger.warning(f"Kubernetes: {error.status} {error.reason}", extra=state.about())
        except NO_ANSWER as error:
            logger.warning(f"no answer from Kubernetes: {type(error).__name__}", extra=state.about())
        except Exception as error:  # noqa: BLE001 - a bug must not end the object's task; it is reported
            logger.exception("internal error", extra=state.about())
            await self._report_fault(state, context, error)
            result = Result.INTERNAL
        else:
            state.refused = None
            return outcome
        return Outcome(result, self._requeue.after_failure(state, FailureClass.TRANSIENT))

    async def _report_fault(self, state: S, context: ReconcileContext, error: Exception) -> None:
        try:
            await self._status.report(state, context, internal(error))
        except ApiException as refusal:
            logger.warning(f"failed to report an internal error: {refusal.reason}", extra=state.about())
            if is_refusal(refusal):
                await self._unwritable.report(state, context, refusal)
        except Exception:  # noqa: BLE001 - already reporting a fault: the log has both
            logger.exception("failed to report an internal error", extra=state.about())
