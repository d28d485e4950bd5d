"""One pass over one Trail, always the same, whatever caused it: let it go, or bring it to its spec and report."""

from collections.abc import Callable
from dataclasses import replace

from aiohttp import ClientError
from kubernetes.aio.client.exceptions import ApiException

from trail_operator.api.reasons import Reason
from trail_operator.controller.convergence import Convergence
from trail_operator.controller.deletion import Deletion
from trail_operator.controller.events import Events
from trail_operator.controller.kube import CONFLICT
from trail_operator.controller.subject import Subject
from trail_operator.controller.writer import Writer
from trail_operator.core.backoff import resync_delay, retry_delay
from trail_operator.core.failure import Failure, FailureClass, FailureError
from trail_operator.core.report import Findings
from trail_operator.telemetry.logs import about, logger

# How soon to look again at what AWS does not show yet, in seconds.
_SETTLING_LOOK = 1.0


class Reconciler:
    """Makes AWS what the Trails say, and says on the Trails what AWS is."""

    def __init__(
        self,
        convergence: Convergence,
        deletion: Deletion,
        writer: Writer,
        events: Events,
        *,
        resync: float,
        random: Callable[[], float],
    ) -> None:
        self._convergence = convergence
        self._deletion = deletion
        self._writer = writer
        self._events = events
        self._resync = resync
        self._random = random

    async def reconcile(self, subject: Subject) -> float | None:
        """One pass. Returns the seconds until the next, None when the Trail is gone."""
        try:
            return await self._pass(subject)
        except ApiException as error:
            if error.status == CONFLICT:  # somebody else wrote the Trail: go on at once from what is there now
                return 0.0 if await self._refreshed(subject) else None
            logger.warning(f"Kubernetes: {error.status} {error.reason}", extra=about(str(subject.key)))
        except (ClientError, TimeoutError, OSError) as error:
            logger.warning(f"no answer from Kubernetes: {type(error).__name__}", extra=about(str(subject.key)))
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the Trail's task; it is reported
            logger.exception("internal error", extra=about(str(subject.key)))
            await self._report_fault(subject, error)
        return self._retry(subject, FailureClass.TRANSIENT)

    async def _pass(self, subject: Subject) -> float | None:
        if subject.deleting and not subject.held:
            return None
        if subject.paused:
            there = await self._writer.pause(subject)
            return resync_delay(self._resync, self._random()) if there else None
        if subject.deleting:
            return await self._let_go(subject)
        if not await self._is_held(subject):
            return None
        subject.forcing, subject.forced = subject.forced, False
        findings = await self._convergence.converge(subject)
        if not await self._writer.report(subject, findings):
            return None
        return self._next_look(subject, findings)

    async def _is_held(self, subject: Subject) -> bool:
        """Whether the Trail is there, with our finalizer on it as long as something in AWS may be its own."""
        if subject.observing:
            return not subject.held or subject.status.arn is not None or await self._writer.release(subject)
        if subject.held:
            return True
        if subject.status.arn is not None and not await self._writer.forget(subject):
            return False
        return await self._writer.hold(subject)

    async def _let_go(self, subject: Subject) -> float | None:
        subject.acting_on = subject.generation
        try:
            told = await self._deletion.let_go(subject)
        except FailureError as error:
            return await self._hold_back(subject, error.failure)
        if told is None:
            return _SETTLING_LOOK
        await self._events.write(subject, "Normal", "Released", "Delete", told)
        await self._writer.release(subject)
        logger.info(told, extra=about(str(subject.key)))
        return None

    async def _hold_back(self, subject: Subject, failure: Failure) -> float:
        message = f"the trail can't be deleted: {failure.message}. To let the resource go, set deletionPolicy: Retain"
        findings = self._convergence.unknown(subject, replace(failure, message=message))
        await self._writer.report(subject, findings)
        return self._retry(subject, FailureClass.AUTHORITY if failure.kind is FailureClass.TERMINAL else failure.kind)

    def _next_look(self, subject: Subject, findings: Findings) -> float:
        if findings.failure is not None and findings.failure.kind is not FailureClass.TERMINAL:
            return self._retry(subject, findings.failure.kind)
        if findings.failure is None and not findings.observing and (findings.observed is None or findings.drift):
            return _SETTLING_LOOK
        if findings.failure is None and findings.observed is not None and findings.observed.failing_destinations:
            return self._retry(subject, FailureClass.DEPENDENCY)
        subject.failures = 0
        return resync_delay(self._resync, self._random())

    def _retry(self, subject: Subject, kind: FailureClass) -> float:
        subject.failures += 1
        return retry_delay(kind, subject.failures, self._random())

    async def _refreshed(self, subject: Subject) -> bool:
        try:
            return await self._writer.refresh(subject)
        except (ApiException, ClientError, TimeoutError, OSError):
            return True  # the next pass meets the same fault, and waits

    async def _report_fault(self, subject: Subject, error: Exception) -> None:
        failure = Failure(
            FailureClass.AUTHORITY,
            Reason.INTERNAL_ERROR,
            f"a fault of the operator ({type(error).__name__}); its log tells more. It keeps trying",
        )
        try:
            await self._writer.report(subject, self._convergence.unknown(subject, failure))
        except Exception:  # noqa: BLE001 - already reporting a fault: the log has both
            logger.exception("the fault could not be reported", extra=about(str(subject.key)))
