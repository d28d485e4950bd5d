"""One pass over one Trail, always the same, whatever caused it: let it go, or bring it to its spec and report."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Literal

from aiohttp import ClientError
from kubernetes.aio.client.exceptions import ApiException

from trail_operator.api.reasons import ConditionType, EventReason
from trail_operator.api.trail_status import Difference
from trail_operator.domain.backoff import resync_delay, retry_delay
from trail_operator.domain.failure import Failure, FailureClass, FailureError, internal, passing
from trail_operator.domain.sync_result import SyncResult
from trail_operator.kube.client import CONFLICT
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.unreportable import Unreportable, is_refusal
from trail_operator.metrics import Result
from trail_operator.runtime.logs import logger
from trail_operator.trail.delete import STILL_THERE, NotConfirmedError, NotYet, TrailDeleter
from trail_operator.trail.location import Locator
from trail_operator.trail.refusals import Refusals
from trail_operator.trail.results import SyncResults
from trail_operator.trail.state import ReconcileContext, TrailState
from trail_operator.trail.status_writer import StatusWriter
from trail_operator.trail.sync import TrailSync

# So long a pass may take, in seconds, before it is said that AWS does not answer.
_PATIENCE = 5.0
_RESULTS = {
    FailureClass.TRANSIENT: Result.TRANSIENT,
    FailureClass.DEPENDENCY: Result.DEPENDENCY,
    FailureClass.AUTHORITY: Result.AUTHORITY,
    FailureClass.TERMINAL: Result.TERMINAL,
}
# How a pass ended, and the seconds until the next; None when the Trail is gone.
_Outcome = tuple[Result, float | None]
_GONE: _Outcome = (Result.GONE, None)


class TrailReconciler:
    """Makes AWS what the Trails say, and says on the Trails what AWS is."""

    def __init__(
        self,
        sync: TrailSync,
        results: SyncResults,
        refusals: Refusals,
        deletion: TrailDeleter,
        locator: Locator,
        writer: StatusWriter,
        events: EventRecorder,
        unreportable: Unreportable,
        *,
        resync: float,
        random: Callable[[], float],
        clock: Callable[[], float],
        reconciled: Callable[[Result, float], None],
    ) -> None:
        self._sync = sync
        self._results = results
        self._refusals = refusals
        self._deleter = deletion
        self._locator = locator
        self._writer = writer
        self._events = events
        self._unreportable = unreportable
        self._resync = resync
        self._random = random
        self._clock = clock
        self._reconciled = reconciled

    async def reconcile(self, state: TrailState) -> float | None:
        """One pass. Returns the seconds until the next, None when the Trail is gone."""
        if await self._unreportable.is_left_alone(state.body, state.refused, state.requested_state):
            return self._unreportable.seconds_left(state.refused, state.requested_state)
        begun = self._clock()
        context = ReconcileContext(state.generation, state.requested_state)
        watch = asyncio.create_task(self._watch(state, context))
        try:
            result, delay = await self._guarded(state, context)
        finally:
            watch.cancel()
        self._reconciled(result, self._clock() - begun)
        return delay

    async def _watch(self, state: TrailState, context: ReconcileContext) -> None:
        """Report during a pass that AWS does not answer, once that is so for three resyncs: Ready may not stay True."""
        left = max(self._results.silent_in(state), _PATIENCE)
        while left > 0.0:
            await asyncio.sleep(left)
            left = self._results.silent_in(state)
        ready = state.status.condition(ConditionType.READY)
        if state.paused or (ready is not None and ready.status == "Unknown"):
            return
        with suppress(ApiException, ClientError, TimeoutError, OSError):  # the pass will meet it, too
            failure = passing("AWS has not answered yet")
            await self._writer.write_result(state, self._results.incomplete(state, context, failure))

    async def _guarded(self, state: TrailState, context: ReconcileContext) -> _Outcome:
        result = Result.KUBERNETES
        try:
            outcome = await self._pass(state, context)
        except ApiException as error:
            if error.status == CONFLICT:  # somebody else wrote the Trail: go on at once from what is there now
                return result, 0.0 if await self._refreshed(state) else None
            if is_refusal(error):
                return result, await self._refuse(state, context, error)
            logger.warning(f"Kubernetes: {error.status} {error.reason}", extra=state.about())
        except (ClientError, TimeoutError, OSError) as error:
            logger.warning(f"no answer from Kubernetes: {type(error).__name__}", extra=state.about())
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the Trail's task; it is reported
            logger.exception("internal error", extra=state.about())
            await self._report_fault(state, context, error)
            result = Result.INTERNAL
        else:
            state.refused = None
            return outcome
        return result, self._retry(state, FailureClass.TRANSIENT)

    async def _pass(self, state: TrailState, context: ReconcileContext) -> _Outcome:
        if state.deleting and not state.has_finalizer:
            return _GONE
        if state.paused:
            state.facts.other_trail_is_logging = None
            if not await self._writer.write_paused(state):
                return _GONE
            return Result.PAUSED, resync_delay(self._resync, self._random())
        if state.deleting:
            return await self._release(state, context)
        if not await self._is_held(state):
            return _GONE
        # The answer to the write of the finalizer may have brought a newer spec, which is the one that is read now.
        context = replace(context, generation=state.generation, force=state.force_requested)
        state.force_requested = False
        written = state.writes.last_at
        findings = await self._sync.sync(state, context)
        state.writes.consecutive = state.writes.consecutive + 1 if state.writes.last_at != written else 0
        if findings.known:
            state.facts.delivered = findings.observed.delivered if findings.observed else {}
            state.facts.other_trail_is_logging = findings.found.is_logging if findings.found else None
        if not await self._writer.write_result(state, findings):
            return _GONE
        return _result(findings), self._next_look(state, findings)

    async def _is_held(self, state: TrailState) -> bool:
        """Whether the Trail is there, with our finalizer on it as long as something in AWS may be its own."""
        if state.observe_only:
            return not state.has_finalizer or state.status.arn is not None or await self._writer.remove_finalizer(state)
        if state.has_finalizer:
            return True
        if state.status.arn is not None and not await self._writer.clear_identity(state):
            return False
        return await self._writer.add_finalizer(state)

    async def _release(self, state: TrailState, context: ReconcileContext) -> _Outcome:
        try:
            outcome = await self._deleter.release(state, context)
        except NotConfirmedError as error:
            note = error.failure.message
            await self._events.record(state.body, "Warning", EventReason.DELETION_NOT_CONFIRMED, "DeleteTrail", note)
            return await self._hold_back(state, context, error.failure, STILL_THERE)
        except FailureError as error:
            return await self._hold_back(state, context, error.failure)
        if isinstance(outcome, NotYet):
            return Result.SETTLING, min(self._retry(state, FailureClass.TRANSIENT), outcome.within)
        kind: Literal["Normal", "Warning"] = "Normal" if outcome.reason is EventReason.RELEASED else "Warning"
        await self._events.record(state.body, kind, outcome.reason, "Delete", outcome.note)
        await self._writer.remove_finalizer(state)
        logger.info(outcome.note, extra=state.about())
        return _GONE

    async def _hold_back(
        self, state: TrailState, context: ReconcileContext, failure: Failure, drift: tuple[Difference, ...] = ()
    ) -> _Outcome:
        message = (
            f"the trail can't be deleted: {failure.message}. To let the resource go, set deletionPolicy: Retain: the "
            "trail then stays in AWS"
        )
        findings = self._results.incomplete(state, context, replace(failure, message=message), drift)
        await self._writer.write_result(state, findings)
        kind = FailureClass.AUTHORITY if failure.kind is FailureClass.TERMINAL else failure.kind
        delay = self._retry(state, kind, slowly=failure.slowly)
        left = self._deleter.seconds_held(state)
        return _RESULTS[failure.kind], min(delay, left) if left > 0.0 else delay

    def _next_look(self, state: TrailState, findings: SyncResult) -> float:
        if findings.failure is not None and findings.failure.kind is not FailureClass.TERMINAL:
            return self._retry(state, findings.failure.kind, slowly=findings.failure.slowly)
        if _is_settling(findings):
            return self._retry(state, FailureClass.TRANSIENT)
        if findings.failure is None and findings.observed is not None and findings.observed.failing_destinations:
            return self._retry(state, FailureClass.DEPENDENCY)
        state.failures = 0
        delay = min(resync_delay(self._resync, self._random()), self._refusals.seconds_to_retry(state))
        # What was read soon after a write may have been the state before it: look once more when that can't be. Where
        # that look writes again, something undoes it: then ever later.
        backoff = 2.0 ** min(state.writes.consecutive - 1, 16)
        return min(delay, self._locator.settled_in(state) * backoff or delay)

    def _retry(self, state: TrailState, kind: FailureClass, *, slowly: bool = False) -> float:
        state.failures += 1
        delay = retry_delay(kind, state.failures, self._random(), slowly=slowly)
        silent_in = self._results.silent_in(state)
        # Not later than Ready has to say that AWS does not answer.
        return min(delay, silent_in) if kind is FailureClass.TRANSIENT and silent_in > 0.0 else delay

    async def _refreshed(self, state: TrailState) -> bool:
        try:
            return await self._writer.refresh(state)
        except (ApiException, ClientError, TimeoutError, OSError):
            return True  # the next pass meets the same fault, and waits

    async def _refuse(self, state: TrailState, context: ReconcileContext, error: ApiException) -> float | None:
        """Report that the Trail cannot be written; seconds until the next pass: none where it has changed meanwhile."""
        if not await self._refreshed(state):
            return None
        if state.requested_state == context.requested_state:
            state.refused = await self._unreportable.report(state.body, state.requested_state, error, state.refused)
        return self._unreportable.seconds_left(state.refused, state.requested_state)

    async def _report_fault(self, state: TrailState, context: ReconcileContext, error: Exception) -> None:
        try:
            await self._writer.write_result(state, self._results.incomplete(state, context, internal(error)))
        except ApiException as refusal:
            logger.warning(f"the fault could not be reported: {refusal.reason}", extra=state.about())
            if is_refusal(refusal):
                await self._refuse(state, context, refusal)
        except Exception:  # noqa: BLE001 - already reporting a fault: the log has both
            logger.exception("the fault could not be reported", extra=state.about())


def _result(findings: SyncResult) -> Result:
    if findings.failure is not None:
        return _RESULTS[findings.failure.kind]
    return Result.SETTLING if _is_settling(findings) else Result.OK


def _is_settling(findings: SyncResult) -> bool:
    """Whether AWS does not show yet what was written."""
    return (
        findings.failure is None and not findings.observe_only and (findings.observed is None or bool(findings.drift))
    )
