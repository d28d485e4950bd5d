"""Bringing one trail to its spec: observe, plan, apply, observe again. Returns what was found, and writes no status."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from pydantic import ValidationError

from trail_operator.api.names import OWNER_TAG
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.trail import Difference, TrailSpec, TrailStatus
from trail_operator.aws.cloudtrail import CloudTrail
from trail_operator.aws.diagnosis import Diagnosis
from trail_operator.aws.errors import ALREADY_EXISTS, NOT_FOUND, AWSError, failure_of
from trail_operator.controller.claims import Claims
from trail_operator.controller.events import Events
from trail_operator.controller.location import Locator
from trail_operator.controller.subject import Explanation, Subject
from trail_operator.controller.writer import Writer
from trail_operator.core.failure import Failure, FailureClass, FailureError
from trail_operator.core.ownership import foreign, outranked
from trail_operator.core.plan import Action, differences, plan
from trail_operator.core.report import Findings
from trail_operator.core.trail import DesiredTrail, Location, ObservedTrail, desired_trail
from trail_operator.telemetry.logs import about, logger

# Seconds for which the explanation of a refusal is taken to hold while AWS goes on refusing in the same words.
_EXPLANATION_HOLDS = 30.0


@dataclass(frozen=True)
class _Target:
    """What a pass works towards. `key_failure`: why spec.kmsKeyID could not be resolved."""

    spec: TrailSpec
    name: str
    location: Location
    key_arn: str | None = None
    key_failure: Failure | None = None


class Convergence:
    """Makes AWS what a Trail says."""

    def __init__(
        self,
        cloudtrail: CloudTrail,
        diagnosis: Diagnosis,
        locator: Locator,
        claims: Claims,
        writer: Writer,
        events: Events,
        *,
        ignored_tags: tuple[str, ...],
        resync: float,
        clock: Callable[[], float],
    ) -> None:
        self._cloudtrail = cloudtrail
        self._diagnosis = diagnosis
        self._locator = locator
        self._claims = claims
        self._writer = writer
        self._events = events
        self._ignored_tags = ignored_tags
        self._resync = resync
        self._clock = clock

    async def converge(self, subject: Subject) -> Findings:
        """One round. Only faults of Kubernetes are raised; all others are findings."""
        subject.acting_on = subject.generation
        try:
            target = await self._target(subject)
            observed = await self._observe(subject, target)
        except FailureError as error:
            return self.unknown(subject, error.failure)
        owner = self._locator.owner(subject)
        if observed is not None and (conflict := foreign(observed, owner)):
            if self._locator.settling(subject):
                return self.unknown(subject, _passing("AWS does not show the trail's owner tag yet"))
            return Findings(subject.acting_on, known=True, observed=None, failure=conflict)
        desired = self._desired(subject, target, observed)
        obstacle = self._obstacle(subject, target, observed)
        actions = _allowed(plan(desired, observed), observed, obstacle)
        drift = differences(desired, observed)
        if actions and not (self._locator.settling(subject) and drift == subject.unsettled):
            return await self._apply(subject, target, desired, observed, actions, obstacle)
        return await self._findings(subject, desired, observed, drift, obstacle)

    def unknown(self, subject: Subject, failure: Failure, drift: tuple[Difference, ...] = ()) -> Findings:
        """The findings of a pass that could not see what the trail is now. `drift`: what it saw before it wrote."""
        since = subject.last_seen if subject.last_seen is not None else subject.started
        silent = failure.kind is FailureClass.TRANSIENT and self._clock() - since > 3 * self._resync
        return Findings(
            subject.acting_on, known=False, observed=None, drift=drift, failure=failure, silent_too_long=silent
        )

    async def _target(self, subject: Subject) -> _Target:
        spec = _spec(subject)
        location = await self._locator.location(subject, self._locator.region(subject, spec.region))
        return await self._with_key(_Target(spec, spec.name or subject.key.name, location))

    async def _with_key(self, target: _Target) -> _Target:
        """The target with spec.kmsKeyID resolved as it resolves now."""
        if not target.spec.kms_key_id:
            return target
        try:
            key_arn = await self._cloudtrail.key_arn(target.spec.kms_key_id, target.location)
        except FailureError as error:
            return replace(target, key_arn=None, key_failure=error.failure)
        return replace(target, key_arn=key_arn, key_failure=None)

    async def _observe(self, subject: Subject, target: _Target, *, expected: bool = False) -> ObservedTrail | None:
        arn = target.location.trail_arn(target.name)
        expected = expected or (subject.status.observed_generation >= 0 and subject.status.arn == arn)
        observed = await self._cloudtrail.observe(arn, target.location.region, expected=expected)
        subject.last_seen = self._clock()
        return observed

    def _desired(self, subject: Subject, target: _Target, observed: ObservedTrail | None) -> DesiredTrail:
        desired = desired_trail(
            target.spec,
            name=target.name,
            location=target.location,
            owner=self._locator.owner(subject),
            kms_key_arn=target.key_arn,
            ignored_tags=self._ignored_tags,
        )
        if target.key_failure and observed:  # all but the key can still be put right
            key = observed.configuration.kms_key_id
            return replace(desired, configuration=replace(desired.configuration, kms_key_id=key))
        return desired

    def _obstacle(self, subject: Subject, target: _Target, observed: ObservedTrail | None) -> Failure | None:
        """What is known, without asking AWS, to stand in the way of the whole plan."""
        if observed is None:
            claim = self._claims.enter(subject)
            if rank := outranked(claim, self._claims.rivals(claim)):
                return rank
        return _refused(subject.status, subject.acting_on) or target.key_failure

    async def _apply(
        self,
        subject: Subject,
        target: _Target,
        desired: DesiredTrail,
        observed: ObservedTrail | None,
        actions: tuple[Action, ...],
        obstacle: Failure | None,
    ) -> Findings:
        if subject.status.account_id is None:
            await self._writer.pin(subject, desired)
        failure, done = obstacle, []
        for action in actions:
            if failure and failure is not obstacle and not _independent(action, observed, failure):
                continue
            problem = await self._do(subject, action, desired)
            failure = failure or problem
            if problem is None:
                done.append(action)
        if done:
            before = differences(desired, observed)
            verified, _ = await asyncio.gather(
                self._verified(subject, target, failure, before),
                self._events.applied(subject, done, drift=subject.in_sync_at == subject.acting_on),
            )
            if isinstance(verified, Findings):
                return verified
            target, observed = verified
            desired = self._desired(subject, target, observed)
            failure = failure or target.key_failure
        drift = differences(desired, observed)
        subject.unsettled = drift if done else ()
        return await self._findings(subject, desired, observed, drift, failure)

    async def _verified(
        self, subject: Subject, target: _Target, failure: Failure | None, before: tuple[Difference, ...]
    ) -> tuple[_Target, ObservedTrail | None] | Findings:
        """What the trail is, and is to be, after the writes; or the findings, if that can't be seen."""
        try:
            return await self._with_key(target), await self._observe(subject, target, expected=True)
        except FailureError as error:
            return self.unknown(subject, failure or error.failure, before)

    async def _do(self, subject: Subject, action: Action, desired: DesiredTrail) -> Failure | None:
        try:
            await self._cloudtrail.apply(action, desired.location.region)
        except AWSError as error:
            failure = await self._explain(subject, error, desired)
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

    async def _explain(self, subject: Subject, error: AWSError, desired: DesiredTrail) -> Failure:
        if error.code in NOT_FOUND:
            return _passing("the trail has gone from AWS meanwhile")
        try:
            if error.code == ALREADY_EXISTS:
                return await self._elsewhere(desired)
            return await self._diagnosed(subject, error, desired)
        except AWSError as further:
            return failure_of(further)
        except FailureError as further:
            return further.failure

    async def _diagnosed(self, subject: Subject, error: AWSError, desired: DesiredTrail) -> Failure:
        """What is behind a refusal. Looking costs several calls: the same refusal is not looked into again at once."""
        refusal = (error.code, error.message, desired.configuration)
        known = subject.explained
        if known and known.refusal == refusal and self._clock() - known.found < _EXPLANATION_HOLDS:
            return known.failure
        failure = await self._diagnosis.explain(error, desired)
        subject.explained = Explanation(refusal, failure, self._clock())
        return failure

    async def _elsewhere(self, desired: DesiredTrail) -> Failure:
        """Why AWS says that a trail exists which is not to be found in its home region."""
        arn = await self._cloudtrail.home_of(desired.name, desired.location.region)
        if arn is None or arn == desired.arn:
            return _passing("the trail exists but AWS does not show it yet")
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

    async def _findings(
        self,
        subject: Subject,
        desired: DesiredTrail,
        observed: ObservedTrail | None,
        drift: tuple[Difference, ...],
        failure: Failure | None,
    ) -> Findings:
        if observed is not None and not drift and failure is None:
            subject.in_sync_at = subject.acting_on
        advice = ""
        if observed is not None and observed.failing_destinations:
            advice = await self._diagnosis.delivery_advice(desired, observed)
        return Findings(
            subject.acting_on, known=True, observed=observed, drift=drift, failure=failure, delivery_advice=advice
        )


def _spec(subject: Subject) -> TrailSpec:
    try:
        return subject.spec
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in error.errors())
        raise FailureError(Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, f"spec: {problems}")) from None


def _refused(status: TrailStatus, generation: int) -> Failure | None:
    """AWS's refusal of this very spec, remembered in the status: the same request is not sent again."""
    stalled = status.condition(ConditionType.STALLED)
    if stalled is None or stalled.reason != Reason.INVALID_SPEC or status.observed_generation != generation:
        return None
    if not stalled.message.startswith("cloudtrail:"):  # refused by the operator, which may be another version by now
        return None
    return Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, stalled.message)


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


def _passing(message: str) -> Failure:
    return Failure(FailureClass.TRANSIENT, Reason.PROGRESSING, message)


def _told(action: Action) -> str:
    changes = ", ".join(f"{entry.path}: {entry.observed} -> {entry.desired}" for entry in action.differences)
    return f"{action.operation} {changes}".strip()
