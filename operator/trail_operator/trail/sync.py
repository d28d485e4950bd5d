"""Bringing one trail to its spec: observe, plan, apply, observe again. Returns what was found, and writes no status."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.trail import AdoptionPolicy, Difference, Refusal
from trail_operator.aws.cloudtrail import NotShownError, PartlyReadError
from trail_operator.aws.diagnosis import DeliveryAdvice
from trail_operator.aws.errors import ALREADY_EXISTS, NOT_FOUND, AWSError
from trail_operator.aws.rate_limit import Precondition
from trail_operator.domain.account_policy import adoption_refused
from trail_operator.domain.arns import Arn
from trail_operator.domain.coverage import reductions
from trail_operator.domain.diff import MISSING, differences, field_of, fields_of, not_read_again
from trail_operator.domain.failure import Failure, FailureClass, FailureError, NotSentError, passing, together
from trail_operator.domain.ownership import Adopter, Claim, adoption, foreign, loses_to_older_claim
from trail_operator.domain.plan import Action, plan, restart
from trail_operator.domain.trail import DesiredTrail, ObservedTrail
from trail_operator.domain.trail_status import NOT_OURS, SyncResult, TrailIdentity
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.inventory.registry import AccountClient
from trail_operator.kube.events import EventRecorder
from trail_operator.runtime.logs import logger
from trail_operator.trail.location import Locator, wrong_home
from trail_operator.trail.name_claims import NameClaims
from trail_operator.trail.observe import ReadOnlySync
from trail_operator.trail.resolve import ResolvedSpec, SpecResolver
from trail_operator.trail.state import Explanation, TrailState
from trail_operator.trail.status_writer import StatusWriter
from trail_operator.trail.write_guard import WriteGuard

# Seconds for which the explanation of a refusal is taken to hold while AWS goes on refusing in the same words.
_EXPLANATION_HOLDS = 30.0
# After so many seconds a call that AWS refused for good is repeated: AWS may judge it by what the operator cannot see.
_REFUSAL_HOLDS = 3600.0
_REFUSAL_LENGTH = 1024


@dataclass
class _Progress:
    """How far a plan has got."""

    done: list[Action] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    """The operations that were refused, or left out because one that they need was."""
    failures: list[Failure] = field(default_factory=list)
    refused: dict[str, Failure] = field(default_factory=dict)
    """The failures that are refusals for good, by operation."""


class TrailSync:
    """Makes AWS what a Trail says."""

    def __init__(
        self,
        locator: Locator,
        decisions: WriteGuard,
        targets: SpecResolver,
        observation: ReadOnlySync,
        surroundings: AccountInventory,
        claims: NameClaims,
        writer: StatusWriter,
        events: EventRecorder,
        *,
        resync: float,
        clock: Callable[[], float],
        drifted: Callable[[Iterable[str]], None],
    ) -> None:
        self._locator = locator
        self._decisions = decisions
        self._targets = targets
        self._observation = observation
        self._surroundings = surroundings
        self._claims = claims
        self._writer = writer
        self._events = events
        self._resync = resync
        self._clock = clock
        self._started = clock()
        self._drifted = drifted

    async def converge(self, subject: TrailState) -> SyncResult:
        """One round. Only faults of Kubernetes are raised; all others are findings."""
        subject.acting_on = subject.generation
        gone: tuple[Difference, ...] = ()
        target: ResolvedSpec | None = None
        try:
            if subject.observing:
                return await self._look(subject)
            target = await self._targets.of(subject)
            observed = await self._observe(subject, target)
            if observed is None and subject.status.arn is not None:
                gone = MISSING  # known, whatever else can't be asked
            if observed is None and (anew := await self._targets.anew(target)) != target:
                target, observed = anew, await self._observe(subject, anew)
            if observed is None and (home := await self._elsewhere(subject, target)):
                return self.unknown(subject, wrong_home(home, target.location.region))
        except FailureError as error:
            if error.failure.reason is Reason.WRONG_HOME_REGION and await self._is_refuted(subject):
                await self._writer.clear_identity(subject)
                return self.unknown(subject, passing("status.arn names no trail of this resource: looking for it anew"))
            if isinstance(error, NotShownError) and subject.status.arn is not None:
                gone = MISSING
            if isinstance(error, PartlyReadError) and target and not gone:
                return await self._converge_partly(subject, target, error)
            return self.unknown(subject, error.failure, gone)
        if observed is not None and (findings := self._not_ours(subject, target, observed)):
            return findings
        desired = self._targets.desired(subject, target, observed)
        claim = self._claims.enter(subject)
        if observed is None or not desired.owns(observed.owner):
            if rank := loses_to_older_claim(claim, self._competitors(claim, observed)):
                return SyncResult(subject.acting_on, known=True, observed=None, failure=rank, found=observed)
        elif self._is_in_doubt(subject, claim, observed):
            return self.unknown(subject, passing("AWS may not show yet that the trail is another Trail's by now"))
        drift = differences(desired, observed)
        if subject.synced_generation == subject.acting_on:
            self._count(subject, drift)
        await self._tell_of_unanswered(subject, observed)
        actions = self._due(subject, plan(desired, observed))
        refused = {} if subject.forcing else self._refused(subject, drift, actions)
        if actions:
            return await self._apply(subject, target, desired, observed, actions, refused)
        return await self._findings(subject, target, desired, observed, drift, refused)

    def seconds_to_repeat(self, subject: TrailState) -> float:
        """Seconds until the next call that AWS refused for good is due again; infinite where there is none."""
        left = (self._refusal_holds(subject, entry) for entry in subject.status.refusals)
        return min((seconds for seconds in left if seconds > 0.0), default=float("inf"))

    def silent_in(self, subject: TrailState) -> float:
        """Seconds until no read of the trail has succeeded for three resyncs."""
        since = subject.last_seen if subject.last_seen is not None else subject.started
        return since + 3 * self._resync - self._clock()

    def unknown(
        self,
        subject: TrailState,
        failure: Failure,
        drift: tuple[Difference, ...] = (),
        observed: ObservedTrail | None = None,
    ) -> SyncResult:
        """The findings of a pass that could not see all that the trail is now.

        `drift`: what is known to differ all the same, `observed`: what was read.
        """
        return SyncResult(
            subject.acting_on,
            known=False,
            observed=observed,
            drift=drift,
            failure=failure,
            silent_too_long=self._is_silent(subject, failure),
            advice=None,
        )

    def _is_silent(self, subject: TrailState, failure: Failure | None) -> bool:
        """Whether AWS has not answered every read for three resyncs."""
        return failure is not None and failure.kind is FailureClass.TRANSIENT and self.silent_in(subject) <= 0.0

    async def _look(self, subject: TrailState) -> SyncResult:
        findings = await self._observation.look(subject)
        if findings.known:
            subject.last_seen = self._clock()
        if subject.status.observed_generation == subject.acting_on:
            self._count(subject, findings.drift)
        return replace(findings, silent_too_long=self._is_silent(subject, findings.failure))

    def _count(self, subject: TrailState, drift: tuple[Difference, ...]) -> None:
        """Count what has changed in AWS: once, however often it is seen until it is put right."""
        if new := fields_of(drift) - fields_of(subject.status.drift):
            subject.drifts += 1
            self._drifted(new)

    async def _observe(
        self, subject: TrailState, target: ResolvedSpec, *, expected: bool = False
    ) -> ObservedTrail | None:
        expected = expected or (subject.status.observed_generation >= 0 and subject.status.arn == target.arn)
        observed = await target.access.cloudtrail.observe(target.arn, target.location.region, expected=expected)
        subject.last_seen = self._clock()
        return observed

    async def _converge_partly(self, subject: TrailState, target: ResolvedSpec, error: PartlyReadError) -> SyncResult:
        """A pass in which AWS did not answer every read: report what it answered, and start the trail if it is stopped.

        Nothing else is written: what was not read might be overwritten. But silence is the worst failure.
        """
        observed = error.observed
        if "tags" not in observed.unreadable and (findings := self._not_ours(subject, target, observed)):
            subject.last_seen = self._clock()  # that it is not ours is all that there is to know
            return findings
        if not self._counts_as_ours(subject, observed):
            return self.unknown(subject, error.failure)
        findings = self._partly_known(subject, target, error)
        if subject.synced_generation == subject.acting_on:
            self._count(subject, findings.drift)
        await self._tell_of_unanswered(subject, observed)
        desired = self._targets.desired(subject, target, observed)
        actions = self._due(subject, restart(desired, observed))
        if not actions or self._is_in_doubt(subject, self._claims.enter(subject), observed):
            return findings
        refused = {} if subject.forcing else self._refused(subject, findings.drift, actions)
        progress = await self._write(subject, target, desired, observed, actions, refused)
        if progress.done:
            return await self._after_writes(subject, target, progress, findings.drift)
        return self._with_failures(subject, findings, progress, error.failure)

    def _counts_as_ours(self, subject: TrailState, observed: ObservedTrail) -> bool:
        """Whether to report on a trail that was read in part. If its tags were not, what was last reported holds."""
        if "tags" in observed.unreadable:
            ready = subject.status.condition(ConditionType.READY)
            return ready is None or ready.reason not in NOT_OURS
        return self._locator.owns(subject, observed.tags) or subject.status.arn == observed.arn

    def _with_failures(
        self, subject: TrailState, findings: SyncResult, progress: _Progress, unread: Failure
    ) -> SyncResult:
        """The findings with what failed of the writes, besides why AWS did not answer every read."""
        failure = together([*progress.failures, unread])
        silent = self._is_silent(subject, failure)
        return replace(findings, failure=failure, silent_too_long=silent, refused=progress.refused)

    def _partly_known(self, subject: TrailState, target: ResolvedSpec, error: PartlyReadError) -> SyncResult:
        desired = self._targets.desired(subject, target, error.observed)
        drift = (*differences(desired, error.observed), *subject.drift_not_read_again(error.observed))
        return self.unknown(subject, error.failure, drift, error.observed)

    async def _is_refuted(self, subject: TrailState) -> bool:
        """Whether AWS has no trail of this resource where the record says: a status can be forged."""
        arn = subject.recorded_arn
        if arn is None or self._locator.may_lag(subject):
            return False
        try:
            tags = await self._targets.access_for(subject).cloudtrail.tags(arn, Arn.parse(arn).region)
        except FailureError as error:
            return error.failure.kind is FailureClass.TERMINAL  # there is no such region, or no such ARN
        return not self._locator.owns(subject, tags)

    async def _elsewhere(self, subject: TrailState, target: ResolvedSpec) -> str | None:
        """In which other region this resource's trail is, before it would be made a second time.

        Spec and settings may lead elsewhere than when it was made, and its ARN not be on record: in a cluster that was
        built anew, or because the answer to CreateTrail was lost. Raises FailureError where AWS does not tell.
        """
        if subject.status.arn is not None or subject.checked_absent_arn == target.arn:
            return None
        location, former = target.location, subject.status.home_region
        if former not in (None, location.region) and self._locator.may_lag(subject):
            raise FailureError(passing(f"AWS may not show yet what was made in {former}"))
        for arn in await target.access.cloudtrail.named(target.name, location.region):
            there = Arn.parse(arn)
            # The tags of another account's trail are not shown: it is not ours.
            if arn == target.arn or there.account != location.account:
                continue
            tags = await target.access.cloudtrail.tags(arn, there.region)
            if self._locator.owns(subject, tags):
                return there.region
        return None

    def _not_ours(self, subject: TrailState, target: ResolvedSpec, observed: ObservedTrail) -> SyncResult | None:
        """The findings where the trail of that name is not this Trail's to manage; None if it is."""
        refusal = self._refusal_to_manage(subject, target.access, target.spec.adoption_policy, observed)
        if refusal is None:
            return None
        if self._may_be_of_before(subject, observed):
            return self.unknown(subject, passing("AWS does not show the trail's owner tag yet"))
        found = observed if "isLogging" not in observed.unreadable else None
        return SyncResult(subject.acting_on, known=True, observed=None, failure=refusal, found=found)

    def _refusal_to_manage(
        self, subject: TrailState, access: AccountClient, policy: AdoptionPolicy, observed: ObservedTrail
    ) -> Failure | None:
        """Why the trail of that name is not this Trail's to manage: it is another's, or may not be taken over."""
        cluster = self._locator.cluster
        has_held = _has_held(subject, observed)
        claimant = Adopter(
            cluster, str(subject.key), policy, access.allowed_adoption, subject.status.owner_tag, has_held
        )
        resource = cluster.resource_of(observed.owner)
        alive = resource is not None and self._claims.may_exist(resource)
        needed = adoption(observed, claimant)
        return foreign(observed, claimant, owner_is_alive=alive) or adoption_refused(
            observed.arn, needed, access.allowed_adoption, access.name
        )

    def _competitors(self, claim: Claim, observed: ObservedTrail | None) -> list[Claim]:
        """The claims that compete for a trail. One that exists already is only for Trails that may take it."""
        competitors = self._claims.competitors(claim)
        return [one for one in competitors if observed is None or self._competes(self._claims.claimant(one), observed)]

    def _competes(self, rival: TrailState, observed: ObservedTrail) -> bool:
        """Whether another Trail may take a trail that exists, or has had it until it lost its tag."""
        if observed.owner is None and _has_held(rival, observed):
            return True
        try:
            access, policy = self._targets.access_for(rival), rival.spec.adoption_policy
        except (FailureError, ValidationError):
            return False
        return self._refusal_to_manage(rival, access, policy, observed) is None

    def _may_be_of_before(self, subject: TrailState, observed: ObservedTrail) -> bool:
        """Whether AWS may still show the owner tag that the operator replaced, be it an earlier process that did."""
        is_former = self._locator.cluster.resource_of(observed.owner) == str(subject.key)
        return self._locator.settling(subject) or (is_former and self._locator.may_lag(subject))

    def _is_in_doubt(self, subject: TrailState, claim: Claim, observed: ObservedTrail) -> bool:
        """Whether the owner tag that AWS shows may be the one of a trail that was there before another Trail's."""
        competitors = self._claims.claimants(claim)
        is_new = subject.status.arn != observed.arn and self._locator.may_lag(subject)
        return bool(competitors) and (is_new or any(map(self._locator.settling, competitors)))

    async def _apply(
        self,
        subject: TrailState,
        target: ResolvedSpec,
        desired: DesiredTrail,
        observed: ObservedTrail | None,
        actions: tuple[Action, ...],
        refused: Mapping[str, Failure],
    ) -> SyncResult:
        if observed is None and target.key_failure:
            return await self._findings(subject, target, desired, None, differences(desired, None))
        progress = await self._write(subject, target, desired, observed, actions, refused)
        # A creation that is refused is tried again soon, and need not be looked for elsewhere each time.
        is_refused = bool(progress.failures) and progress.failures[0].kind is FailureClass.DEPENDENCY
        subject.checked_absent_arn = target.arn if observed is None and not progress.done and is_refused else None
        drift = differences(desired, observed)
        if progress.done:
            return await self._after_writes(subject, target, progress, drift)
        subject.unsettled = ()
        return await self._findings(subject, target, desired, observed, drift, progress.refused, progress.failures)

    async def _write(
        self,
        subject: TrailState,
        target: ResolvedSpec,
        desired: DesiredTrail,
        observed: ObservedTrail | None,
        actions: tuple[Action, ...],
        refused: Mapping[str, Failure],
    ) -> _Progress:
        """Write to AWS, once the trail's account and region are on record."""
        if not self._locator.is_pinned(subject, desired):
            await self._writer.pin_identity(subject, desired, observed)
        if observed and not observed.unreadable:
            subject.before = subject.before or observed  # also for a write that takes effect without an answer
        return await self._carry_out(subject, target.access, desired, observed, actions, refused)

    async def _after_writes(
        self, subject: TrailState, target: ResolvedSpec, progress: _Progress, before: tuple[Difference, ...]
    ) -> SyncResult:
        """Report what was written, and find out what the trail is now. `before`: what differed before the writes."""
        self._surroundings.changed(target.access)
        verified, _ = await asyncio.gather(
            self._verified(subject, target, progress, before),
            self._events.record_applied(
                subject.body, progress.done, drift=subject.synced_generation == subject.acting_on
            ),
        )
        if isinstance(verified, SyncResult):
            return verified
        target, observed = verified
        desired = self._targets.desired(subject, target, observed)
        written = {action.operation for action in progress.done}
        subject.unsettled = tuple(
            entry for action in plan(desired, observed) if action.operation in written for entry in action.differences
        )
        drift = differences(desired, observed)
        return await self._findings(subject, target, desired, observed, drift, progress.refused, progress.failures)

    def _refused(
        self, subject: TrailState, drift: tuple[Difference, ...], actions: tuple[Action, ...]
    ) -> dict[str, Failure]:
        """The refusals on record that still hold for these actions: the same requests are not sent again."""
        status = subject.status
        if status.observed_generation != subject.acting_on:
            return {}
        messages = {
            entry.operation: entry.message
            for entry in status.refusals
            if self._refusal_holds(subject, entry) > 0.0
            and _judged(status.drift, entry.operation) == _judged(drift, entry.operation)
        }
        return {
            action.operation: Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, messages[action.operation])
            for action in actions
            if action.operation in messages
        }

    def _refusal_holds(self, subject: TrailState, refusal: Refusal) -> float:
        """For how many seconds a refusal still stands in for AWS's answer: a record in Kubernetes is no proof."""
        last = subject.attempts.get(refusal.operation, self._started)
        return max(last, self._started) + _REFUSAL_HOLDS - self._clock()

    def _due(self, subject: TrailState, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        """What is to be done now: not again what was, and only does not show yet."""
        if subject.forcing or not self._locator.settling(subject):
            return actions
        due = tuple(action for action in actions if any(entry not in subject.unsettled for entry in action.differences))
        if actions and actions[0].operation == "CreateTrail":
            return actions if due else ()  # what follows has no differences of its own
        return due

    async def _carry_out(
        self,
        subject: TrailState,
        access: AccountClient,
        desired: DesiredTrail,
        observed: ObservedTrail | None,
        actions: tuple[Action, ...],
        refused: Mapping[str, Failure],
    ) -> _Progress:
        """Do as much of a plan as can be done: what fails, for now or for good, stops only what would do harm then."""
        progress = _Progress(failures=[*refused.values()], failed={*refused}, refused={**refused})
        seen = subject.last_seen if subject.last_seen is not None else subject.started
        owner = observed.owner if observed else None
        for action in actions:
            if action.operation in progress.failed or action.requires & progress.failed:
                progress.failed.add(action.operation)
                continue
            precondition = self._decisions.precondition(subject, access, desired.arn, owner, seen)
            try:
                failure = await self._do(subject, access, action, desired, precondition)
            except NotSentError as error:
                progress.failures.append(error.failure)
                break
            if failure is None:
                owner = desired.owner if action.operation in ("CreateTrail", "AddTags") else owner
                progress.done.append(action)
                continue
            if failure.kind is FailureClass.TERMINAL:
                subject.attempts[action.operation] = self._clock()
                failure = replace(failure, message=failure.message[:_REFUSAL_LENGTH])
                progress.refused[action.operation] = failure
            progress.failed.add(action.operation)
            progress.failures.append(failure)
        return progress

    async def _verified(
        self, subject: TrailState, target: ResolvedSpec, progress: _Progress, before: tuple[Difference, ...]
    ) -> tuple[ResolvedSpec, ObservedTrail | None] | SyncResult:
        """What the trail is, and is to be, after the writes; or the findings, if that can't be seen."""
        try:
            return await self._targets.with_key(target), await self._observe(subject, target, expected=True)
        except FailureError as error:
            if isinstance(error, PartlyReadError):
                findings = self._partly_known(subject, target, error)
            else:
                findings = self.unknown(subject, error.failure, before)
            return replace(self._with_failures(subject, findings, progress, error.failure), has_written=True)

    async def _do(
        self,
        subject: TrailState,
        access: AccountClient,
        action: Action,
        desired: DesiredTrail,
        precondition: Precondition,
    ) -> Failure | None:
        try:
            request_id = await access.cloudtrail.apply(
                action, desired.location.account, desired.location.region, precondition
            )
        except AWSError as error:
            request_id = error.request_id
            if error.may_have_taken_effect:
                self._unanswered(subject, action, desired)
            failure = await self._explain(subject, access, error, desired)
        except NotSentError:
            raise
        except FailureError as error:
            request_id = ""
            failure = error.failure
            if failure.kind is FailureClass.TRANSIENT:
                self._unanswered(subject, action, desired)
        else:
            subject.written = self._clock()
            fields = {"operation": action.operation, "arn": desired.arn, "requestID": request_id}
            logger.info(_told(action), extra=subject.about(**fields))
            return None
        logger.warning(
            f"{action.operation} failed: {failure.message}",
            extra=subject.about(
                operation=action.operation, arn=desired.arn, reason=failure.reason, requestID=request_id
            ),
        )
        return failure

    def _unanswered(self, subject: TrailState, action: Action, desired: DesiredTrail) -> None:
        """Remember a write that may have taken effect: reads may show it later, or show for a while what was before."""
        subject.written = self._clock()
        subject.unanswered = (*subject.unanswered, (action, desired))

    async def _tell_of_unanswered(self, subject: TrailState, observed: ObservedTrail | None) -> None:
        """Tell of writes without an answer that took effect, as AWS shows now. What did not is in the next plan."""
        unanswered, subject.unanswered = subject.unanswered, ()
        done = []
        for action, desired in unanswered:
            if observed and not_read_again(action.differences, observed.unreadable):
                subject.unanswered = (*subject.unanswered, (action, desired))
                continue
            paths = {entry.path for due in plan(desired, observed) for entry in due.differences}
            if action.differences and not paths & {entry.path for entry in action.differences}:
                done.append(action)
        if done:
            await self._events.record_applied(subject.body, done, drift=subject.synced_generation == subject.acting_on)

    async def _explain(
        self, subject: TrailState, access: AccountClient, error: AWSError, desired: DesiredTrail
    ) -> Failure:
        if error.code in NOT_FOUND:
            return passing("the trail has gone from AWS meanwhile")
        try:
            if error.code == ALREADY_EXISTS:
                return await _holder(access, desired)
            return await self._diagnosed(subject, access, error, desired)
        except FailureError as further:
            return further.failure

    async def _diagnosed(
        self, subject: TrailState, access: AccountClient, error: AWSError, desired: DesiredTrail
    ) -> Failure:
        """What is behind a refusal. Looking costs several calls: the same refusal is not looked into again at once."""
        refusal = (error.code, error.message, desired.configuration)
        known = subject.explained
        is_recent = known is not None and self._clock() - known.found < _EXPLANATION_HOLDS
        if known and known.refusal == refusal and is_recent and not subject.forcing:
            return known.failure
        failure = await access.diagnosis.explain(error, desired)
        subject.explained = Explanation(refusal, failure, self._clock())
        return failure

    async def _findings(
        self,
        subject: TrailState,
        target: ResolvedSpec,
        desired: DesiredTrail,
        observed: ObservedTrail | None,
        drift: tuple[Difference, ...],
        refused: Mapping[str, Failure] | None = None,
        failures: Sequence[Failure] | None = None,
    ) -> SyncResult:
        refused = refused or {}
        failures = [*refused.values()] if failures is None else failures
        failure = together(failures) or target.key_failure
        if observed is not None and not drift and failure is None:
            subject.synced_generation = subject.acting_on
        if observed is not None:
            is_settled = not drift or (bool(failures) and all(map(_is_lasting, failures)))
            await self._tell_of_losses(subject, observed, is_settled=is_settled and not subject.unanswered)
        delivery = DeliveryAdvice()
        if observed is not None and observed.failing_destinations:
            delivery = await target.access.diagnosis.delivery_advice(desired, observed)
        advice = self._surroundings.advice(subject, target.access, desired, exists=observed is not None)
        if advice is not None:
            advice += (*(failure.advice if failure else ()), *delivery.advice)
        return SyncResult(
            subject.acting_on,
            known=True,
            observed=observed,
            drift=drift,
            failure=failure,
            delivery_advice=delivery.message,
            place=_place(desired, observed),
            refused=refused,
            advice=advice,
        )

    async def _tell_of_losses(self, subject: TrailState, observed: ObservedTrail, *, is_settled: bool) -> None:
        """Warn of what a change has taken away, once AWS shows what became of it."""
        if subject.before is None or not is_settled:
            return
        before, subject.before = subject.before, None
        if lost := reductions(before, observed):
            await self._events.record_coverage_loss(subject.body, lost)


async def _holder(access: AccountClient, desired: DesiredTrail) -> Failure:
    """Why AWS says that a trail exists which is not to be found in its home region."""
    arn = await access.cloudtrail.home_of(desired.name, desired.location.region)
    if arn is None or arn == desired.arn:
        return passing("the trail exists but AWS does not show it yet")
    return Failure(
        FailureClass.TERMINAL,
        Reason.CONFLICT,
        f"the multi-region trail {arn} holds the name in every region; nothing was written to it. Choose another "
        "spec.name or delete that trail",
    )


def _has_held(subject: TrailState, observed: ObservedTrail) -> bool:
    """Whether the trail is on record as the Trail's. One that it only observed is on record, too, but no owner tag."""
    return subject.status.arn == observed.arn and subject.status.owner_tag is not None


def _place(desired: DesiredTrail, observed: ObservedTrail | None) -> TrailIdentity | None:
    """What goes on record of a trail, once it is seen to be ours."""
    if observed is None or not desired.owns(observed.owner):
        return None
    return TrailIdentity(desired.location.account, observed.home_region, observed.arn, observed.owner)


def _is_lasting(failure: Failure) -> bool:
    return failure.kind is not FailureClass.TRANSIENT


def _judged(drift: tuple[Difference, ...], operation: str) -> list[Difference]:
    """The differences in what AWS judges a request by: of tags only they, of all else neither they nor logging."""
    if operation in ("AddTags", "RemoveTags"):
        return [entry for entry in drift if field_of(entry) == "tags"]
    return [entry for entry in drift if field_of(entry) not in ("isLogging", "tags")]


def _told(action: Action) -> str:
    changes = ", ".join(f"{entry.path}: {entry.observed} -> {entry.desired}" for entry in action.differences)
    return f"{action.operation} {changes}".strip()
