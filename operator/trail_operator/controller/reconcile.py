"""One pass over one Trail: observe, plan, apply, observe again, report. Always the same, whatever caused it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kubernetes.aio.client.exceptions import ApiException
from pydantic import ValidationError

from trail_operator.api.names import FINALIZER, OWNER_TAG
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.trail import DeletionPolicy, Difference, TrailSpec, TrailStatus
from trail_operator.aws.client import AWS
from trail_operator.aws.cloudtrail import CloudTrail
from trail_operator.aws.diagnosis import Diagnosis
from trail_operator.aws.errors import ALREADY_EXISTS, NOT_FOUND, AWSError, failure_of
from trail_operator.controller.claims import Claims
from trail_operator.controller.events import Events
from trail_operator.controller.kube import CONFLICT, Kubernetes, without_finalizer
from trail_operator.controller.subject import Subject
from trail_operator.core.backoff import resync_delay, retry_delay
from trail_operator.core.failure import Failure, FailureClass, FailureError
from trail_operator.core.ownership import foreign, outranked
from trail_operator.core.plan import Action, deletion, differences, disowning, plan
from trail_operator.core.report import Findings, pinned, report
from trail_operator.core.trail import DesiredTrail, Location, ObservedTrail, desired_trail
from trail_operator.telemetry.logs import about, logger

# AWS may go on answering the state before a write for some seconds; a difference is not written away twice meanwhile.
_SETTLING = 30.0
_SETTLING_LOOK = 1.0
# Retain tries to take the owner tag off, but must not hold the object.
_RETAIN_PATIENCE = 5.0


@dataclass(frozen=True)
class Policy:
    """The settings that a pass goes by. Times in seconds."""

    owner_prefix: str
    resync: float
    default_deletion_policy: DeletionPolicy
    ignored_tags: tuple[str, ...]


@dataclass(frozen=True)
class _Target:
    """What a pass works towards. `key_failure`: why spec.kmsKeyID could not be resolved."""

    spec: TrailSpec
    name: str
    location: Location
    owner: str
    key_arn: str | None
    key_failure: Failure | None


class Reconciler:
    """Makes AWS what the Trails say, and says on the Trails what AWS is."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        aws: AWS,
        claims: Claims,
        policy: Policy,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        self._kubernetes = kubernetes
        self._aws = aws
        self._cloudtrail = CloudTrail(aws)
        self._diagnosis = Diagnosis(aws)
        self._events = Events(kubernetes)
        self._claims = claims
        self._policy = policy
        self._clock = clock
        self._now = now
        self._random = random

    async def reconcile(self, subject: Subject) -> float | None:
        """One pass. Returns the seconds until the next, None when the Trail is gone."""
        try:
            return await self._pass(subject)
        except ApiException as error:
            if error.status == CONFLICT:
                return await self._reread(subject)
            logger.warning(f"Kubernetes: {error.status} {error.reason}", extra=about(str(subject.key)))
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the Trail's task; it is reported
            logger.exception("internal error", extra=about(str(subject.key)))
            await self._report_fault(subject, error)
        subject.failures += 1
        return retry_delay(FailureClass.TRANSIENT, subject.failures, self._random())

    async def _pass(self, subject: Subject) -> float | None:
        if subject.deleting:
            return await self._let_go(subject) if subject.held else None
        if not subject.held and not await self._hold(subject):
            return None
        findings = await self._converge(subject)
        if not await self._write(subject, report(subject.status, findings, self._now())):
            return None
        return self._next_look(subject, findings)

    # -- bringing a trail to its spec

    async def _converge(self, subject: Subject) -> Findings:
        try:
            target = await self._target(subject)
            observed = await self._observe(subject, target)
        except FailureError as error:
            return self._unknown(subject, error.failure)
        if observed is not None and (conflict := foreign(observed, target.owner)):
            if self._settling(subject):  # its tags may not show yet
                return Findings(subject.generation, known=True, observed=None)
            return Findings(subject.generation, known=True, observed=None, failure=conflict)
        desired = _desired(target, observed, self._policy.ignored_tags)
        obstacle = self._obstacle(subject, target, observed)
        actions = _allowed(plan(desired, observed), observed, obstacle)
        drift = differences(desired, observed)
        if not actions or (self._settling(subject) and drift == subject.unsettled):
            return await self._findings(subject, desired, observed, drift, obstacle)
        return await self._apply(subject, desired, observed, actions, obstacle)

    async def _target(self, subject: Subject) -> _Target:
        """Where the trail is or is to be. Raises FailureError where that is not known or has changed."""
        spec, status = _spec(subject), subject.status
        region = spec.region or self._aws.default_region
        if region is None:
            raise FailureError(
                Failure(
                    FailureClass.TERMINAL,
                    Reason.INVALID_SPEC,
                    "no home region is known: set spec.region, or give the operator --region",
                )
            )
        if status.home_region and status.home_region != region:
            raise FailureError(
                Failure(
                    FailureClass.TERMINAL,
                    Reason.WRONG_HOME_REGION,
                    f"the trail lives in {status.home_region}, but spec and settings now lead to {region}: set "
                    f"spec.region to {status.home_region}",
                )
            )
        location = await self._locate(subject, region)
        key_arn, key_failure = None, None
        if spec.kms_key_id:
            try:
                key_arn = await self._cloudtrail.key_arn(spec.kms_key_id, location)
            except FailureError as error:
                key_failure = error.failure
        return _Target(
            spec=spec,
            name=spec.name or subject.key.name,
            location=location,
            owner=f"{self._policy.owner_prefix}/{subject.key}",
            key_arn=key_arn,
            key_failure=key_failure,
        )

    async def _locate(self, subject: Subject, region: str) -> Location:
        try:
            identity = await self._aws.identity(region)
        except AWSError as error:
            raise FailureError(failure_of(error)) from None
        account = subject.status.account_id
        if account and account != identity.account:
            raise FailureError(
                Failure(
                    FailureClass.TERMINAL,
                    Reason.IDENTITY_MISMATCH,
                    f"the trail is in account {account}, but the operator's credentials are of account "
                    f"{identity.account}: nothing is written until they are of the right account again",
                )
            )
        return Location(identity.partition, identity.account, region)

    async def _observe(self, subject: Subject, target: _Target) -> ObservedTrail | None:
        arn = target.location.trail_arn(target.name)
        expected = subject.status.observed_generation >= 0 and subject.status.arn == arn
        observed = await self._cloudtrail.observe(arn, target.location.region, expected=expected)
        subject.last_seen = self._clock()
        return observed

    def _obstacle(self, subject: Subject, target: _Target, observed: ObservedTrail | None) -> Failure | None:
        """What is known, without asking AWS, to stand in the way of the whole plan."""
        if observed is None:
            claim = self._claims.enter(subject)
            if outrank := outranked(claim, self._claims.rivals(claim)):
                return outrank
        return _refused(subject.status, subject.generation) or target.key_failure

    async def _apply(
        self,
        subject: Subject,
        desired: DesiredTrail,
        observed: ObservedTrail | None,
        actions: tuple[Action, ...],
        obstacle: Failure | None,
    ) -> Findings:
        if subject.status.account_id is None:
            await self._pin(subject, desired)
        failure, done = obstacle, []
        for action in actions:
            if failure and failure is not obstacle and not _independent(action, observed, failure):
                continue
            problem = await self._do(subject, action, desired)
            failure = failure or problem
            if problem is None:
                done.append(action)
        if done:
            await self._events.applied(subject, done, drift=_is_drift(subject))
            try:
                observed = await self._cloudtrail.observe(desired.arn, desired.location.region, expected=True)
            except FailureError as error:
                return self._unknown(subject, failure or error.failure)
        drift = differences(desired, observed)
        subject.unsettled = drift if done else ()
        return await self._findings(subject, desired, observed, drift, failure)

    async def _do(self, subject: Subject, action: Action, desired: DesiredTrail) -> Failure | None:
        try:
            await self._cloudtrail.apply(action, desired)
        except AWSError as error:
            failure = await self._explain(error, desired)
        except FailureError as error:
            failure = error.failure
        else:
            subject.written = self._clock()
            logger.info(_told(action), extra=about(str(subject.key), operation=action.operation, arn=desired.arn))
            return None
        logger.warning(
            f"{action.operation} failed: {failure.message}",
            extra=about(str(subject.key), operation=action.operation, arn=desired.arn, reason=failure.reason),
        )
        return failure

    async def _explain(self, error: AWSError, desired: DesiredTrail) -> Failure:
        if error.code in NOT_FOUND:
            return Failure(FailureClass.TRANSIENT, Reason.PROGRESSING, "the trail has gone from AWS meanwhile")
        try:
            if error.code == ALREADY_EXISTS:
                return await self._elsewhere(desired)
            return await self._diagnosis.explain(error, desired)
        except AWSError as further:
            return failure_of(further)
        except FailureError as further:
            return further.failure

    async def _elsewhere(self, desired: DesiredTrail) -> Failure:
        """Why AWS says that a trail exists which is not to be found in its home region."""
        arn = await self._cloudtrail.home_of(desired.name, desired.location.region)
        if arn is None or arn == desired.arn:
            return Failure(FailureClass.TRANSIENT, Reason.PROGRESSING, "the trail exists but AWS does not show it yet")
        home = arn.split(":")[3]
        tags = await self._cloudtrail.tags(arn, home) or {}
        if tags.get(OWNER_TAG) == desired.owner:
            return Failure(
                FailureClass.TERMINAL,
                Reason.WRONG_HOME_REGION,
                f"this resource's trail lives in {home}, not in {desired.location.region}: set spec.region to {home}",
            )
        return Failure(
            FailureClass.TERMINAL,
            Reason.CONFLICT,
            f"the multi-region trail {arn} holds the name in every region; nothing was written to it. Choose another "
            "spec.name or delete that trail",
        )

    # -- what was found

    async def _findings(
        self,
        subject: Subject,
        desired: DesiredTrail,
        observed: ObservedTrail | None,
        drift: tuple[Difference, ...],
        failure: Failure | None,
    ) -> Findings:
        advice = ""
        if observed is not None and observed.failing_destinations:
            advice = await self._diagnosis.delivery_advice(desired, observed)
        return Findings(
            subject.generation,
            known=True,
            observed=observed,
            drift=drift,
            failure=failure,
            delivery_advice=advice,
        )

    def _unknown(self, subject: Subject, failure: Failure) -> Findings:
        since = subject.last_seen if subject.last_seen is not None else subject.started
        silent = failure.kind is FailureClass.TRANSIENT and self._clock() - since > 3 * self._policy.resync
        return Findings(subject.generation, known=False, observed=None, failure=failure, silent_too_long=silent)

    def _settling(self, subject: Subject) -> bool:
        return subject.written is not None and self._clock() - subject.written < _SETTLING

    def _next_look(self, subject: Subject, findings: Findings) -> float:
        failure = findings.failure
        if failure is not None and failure.kind is not FailureClass.TERMINAL:
            subject.failures += 1
            return retry_delay(failure.kind, subject.failures, self._random())
        if failure is None and (findings.observed is None or findings.drift):
            return _SETTLING_LOOK
        if failure is None and findings.observed is not None and findings.observed.failing_destinations:
            subject.failures += 1
            return retry_delay(FailureClass.DEPENDENCY, subject.failures, self._random())
        subject.failures = 0
        return resync_delay(self._policy.resync, self._random())

    # -- letting a trail go

    async def _let_go(self, subject: Subject) -> float | None:
        status = subject.status
        if status.account_id is None or status.arn is None:
            await self._release(subject, "no trail was ever made for it")
            return None
        retain = self._deletion_policy(subject) is DeletionPolicy.RETAIN
        try:
            told = await (self._retain(subject, status) if retain else self._remove(subject, status))
        except FailureError as error:
            return await self._held_back(subject, error.failure)
        if told is None:
            return _SETTLING_LOOK
        await self._release(subject, told)
        return None

    async def _remove(self, subject: Subject, status: TrailStatus) -> str | None:
        """Delete the trail if it is ours; say what became of it, or None if that will show in a moment."""
        arn, region = str(status.arn), str(status.home_region)
        await self._locate(subject, region)
        tags = await self._cloudtrail.tags(arn, region)
        if tags is None:
            return None if self._settling(subject) else "the trail was already gone"
        if tags.get(OWNER_TAG) != self._owner(subject):
            return f"trail {arn} was left as it is: it is not this resource's"
        action = deletion(arn)
        try:
            await self._aws.call("cloudtrail", region, action.operation, **action.parameters)
        except AWSError as error:
            if error.code not in NOT_FOUND:
                raise FailureError(failure_of(error)) from None
        return f"deleted trail {arn}; its log files stay in the bucket"

    async def _retain(self, subject: Subject, status: TrailStatus) -> str:
        """Leave the trail in AWS and try once to take the owner tag off."""
        arn, region = str(status.arn), str(status.home_region)
        try:
            async with asyncio.timeout(_RETAIN_PATIENCE):
                await self._locate(subject, region)
                tags = await self._cloudtrail.tags(arn, region)
                if tags is None:
                    return "the trail was already gone"
                if tags.get(OWNER_TAG) != self._owner(subject):
                    return f"trail {arn} was left as it is: it is not this resource's"
                action = disowning(arn, OWNER_TAG)
                await self._aws.call("cloudtrail", region, action.operation, **action.parameters)
        except (FailureError, AWSError, TimeoutError) as error:
            problem = error.failure.message if isinstance(error, FailureError) else str(error) or "no answer in time"
            await self._events.write(
                subject,
                "Warning",
                "OwnerTagStayed",
                "RemoveTags",
                f"trail {arn} is kept, but its tag {OWNER_TAG}={self._owner(subject)} was not taken off: {problem}",
            )
            return f"trail {arn} is kept, its owner tag too"
        return f"trail {arn} is kept, without the owner tag"

    async def _held_back(self, subject: Subject, failure: Failure) -> float:
        hint = f"the trail could not be deleted: {failure.message}. To let the resource go, set deletionPolicy: Retain"
        failure = replace(failure, message=hint)
        findings = self._unknown(subject, failure)
        await self._write(subject, report(subject.status, findings, self._now()))
        subject.failures += 1
        kind = FailureClass.AUTHORITY if failure.kind is FailureClass.TERMINAL else failure.kind
        return retry_delay(kind, subject.failures, self._random())

    async def _release(self, subject: Subject, told: str) -> None:
        await self._events.write(subject, "Normal", "Released", "Delete", told)
        await self._kubernetes.write_finalizers(
            subject.key, without_finalizer(subject.body), subject.metadata["resourceVersion"]
        )
        logger.info(told, extra=about(str(subject.key)))

    def _deletion_policy(self, subject: Subject) -> DeletionPolicy:
        return _spec(subject).deletion_policy or self._policy.default_deletion_policy

    def _owner(self, subject: Subject) -> str:
        return f"{self._policy.owner_prefix}/{subject.key}"

    # -- writing to Kubernetes

    async def _hold(self, subject: Subject) -> bool:
        """Put the finalizer on, before anything is made in AWS; False if the Trail is gone."""
        finalizers = [*subject.metadata.get("finalizers", []), FINALIZER]
        return self._take(
            subject,
            await self._kubernetes.write_finalizers(subject.key, finalizers, subject.metadata["resourceVersion"]),
        )

    async def _pin(self, subject: Subject, desired: DesiredTrail) -> None:
        location = desired.location
        status = pinned(subject.status, subject.generation, desired.arn, location.account, location.region, self._now())
        await self._write(subject, status)

    async def _write(self, subject: Subject, status: TrailStatus) -> bool:
        """Write the status if it differs from what is there; False if the Trail is gone."""
        before = subject.status
        if status == before:
            return True
        body = await self._kubernetes.write_status(subject.key, _manifest(status))
        ready, was = status.condition(ConditionType.READY), before.condition(ConditionType.READY)
        if body is not None and ready is not None and (was is None or was.reason != ready.reason):
            logger.info(
                f"Ready={ready.status} {ready.reason}: {ready.message}",
                extra=about(str(subject.key), ready=ready.status, reason=ready.reason),
            )
            if ready.status == "False" and ready.reason != Reason.PROGRESSING:
                await self._events.write(subject, "Warning", ready.reason, "Reconcile", ready.message)
        return self._take(subject, body)

    def _take(self, subject: Subject, body: dict[str, Any] | None) -> bool:
        if body is None or body["metadata"]["uid"] != subject.uid:
            return False
        if subject.replace(body):
            subject.wake.set()  # the spec has changed meanwhile: one more pass at once
        return True

    async def _reread(self, subject: Subject) -> float | None:
        """Somebody else wrote the Trail at the same time: go on at once from what is there now."""
        body = await self._kubernetes.trail(subject.key)
        return 0.0 if self._take(subject, body) else None

    async def _report_fault(self, subject: Subject, error: Exception) -> None:
        failure = Failure(
            FailureClass.AUTHORITY,
            Reason.INTERNAL_ERROR,
            f"a fault of the operator ({type(error).__name__}); its log tells more. It keeps trying",
        )
        try:
            await self._write(subject, report(subject.status, self._unknown(subject, failure), self._now()))
        except Exception:  # noqa: BLE001 - already reporting a fault: the log has both
            logger.exception("the fault could not be reported", extra=about(str(subject.key)))


def _spec(subject: Subject) -> TrailSpec:
    try:
        return subject.spec
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in error.errors())
        raise FailureError(Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, f"spec: {problems}")) from None


def _desired(target: _Target, observed: ObservedTrail | None, ignored_tags: tuple[str, ...]) -> DesiredTrail:
    desired = desired_trail(
        target.spec,
        name=target.name,
        location=target.location,
        owner=target.owner,
        kms_key_arn=target.key_arn,
        ignored_tags=ignored_tags,
    )
    if target.key_failure and observed:  # all but the key can still be put right
        key = observed.configuration.kms_key_id
        return replace(desired, configuration=replace(desired.configuration, kms_key_id=key))
    return desired


def _refused(status: TrailStatus, generation: int) -> Failure | None:
    """AWS's refusal of this very spec, remembered in the status: the same request is not sent again."""
    stalled = status.condition(ConditionType.STALLED)
    if stalled and stalled.reason == Reason.INVALID_SPEC and status.observed_generation == generation:
        return Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, stalled.message)
    return None


def _allowed(
    actions: tuple[Action, ...], observed: ObservedTrail | None, obstacle: Failure | None
) -> tuple[Action, ...]:
    """What of a plan can be done in spite of an obstacle."""
    if obstacle is None:
        return actions
    if observed is None:
        return ()
    if obstacle.kind is FailureClass.TERMINAL:
        return tuple(action for action in actions if action.operation == "StartLogging")
    return actions


def _independent(action: Action, observed: ObservedTrail | None, failure: Failure) -> bool:
    """Whether an action is still to be done after another has failed.

    A trail that exists is started whatever else is wrong with it: a silent audit log is the worst of failures.
    """
    passing = failure.kind in (FailureClass.TRANSIENT, FailureClass.AUTHORITY)
    return action.operation == "StartLogging" and observed is not None and not passing


def _is_drift(subject: Subject) -> bool:
    """Whether a difference arose in AWS: this generation of the spec was already in force."""
    return subject.status.observed_generation == subject.generation


def _told(action: Action) -> str:
    changes = ", ".join(f"{entry.path}: {entry.observed} -> {entry.desired}" for entry in action.differences)
    return f"{action.operation} {changes}".strip()


def _manifest(status: TrailStatus) -> dict[str, Any]:
    """The status as a merge patch: what is absent now is taken away."""
    manifest = status.model_dump(mode="json", by_alias=True)
    return {name: value if value not in (None, []) else None for name, value in manifest.items()}
