"""Bringing one trail to its spec: observe, plan, apply, observe again. Returns what was found, and writes no status."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.api.trail_status import Difference, Refusal
from trail_operator.aws.cloudtrail import NotShownError, PartlyReadError
from trail_operator.aws.diagnosis import DeliveryAdvice
from trail_operator.aws.errors import ALREADY_EXISTS, NOT_FOUND, AWSError
from trail_operator.aws.rate_limit import Precondition
from trail_operator.domain.account_policy import check_adoption
from trail_operator.domain.actions import Action
from trail_operator.domain.arns import Arn
from trail_operator.domain.coverage import coverage_losses
from trail_operator.domain.diff import MISSING, differences, field_of, fields_of, not_read_again
from trail_operator.domain.failure import Failure, FailureClass, FailureError, NotSentError, passing, together
from trail_operator.domain.ownership import Adopter, Claim, check_ownership, loses_to_older_claim, required_adoption
from trail_operator.domain.plan import plan, restart
from trail_operator.domain.sync_result import NOT_OURS, SyncResult, TrailIdentity
from trail_operator.domain.trail import DesiredTrail, ObservedTrail
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
        write_guard: WriteGuard,
        resolver: SpecResolver,
        observation: ReadOnlySync,
        inventory: AccountInventory,
        claims: NameClaims,
        writer: StatusWriter,
        events: EventRecorder,
        *,
        resync: float,
        clock: Callable[[], float],
        drifted: Callable[[Iterable[str]], None],
    ) -> None:
        self._locator = locator
        self._write_guard = write_guard
        self._resolver = resolver
        self._read_only_sync = observation
        self._inventory = inventory
        self._claims = claims
        self._writer = writer
        self._events = events
        self._resync = resync
        self._clock = clock
        self._started = clock()
        self._drifted = drifted

    async def sync(self, state: TrailState) -> SyncResult:
        """One round. Only faults of Kubernetes are raised; all others are findings."""
        state.acting_on = state.generation
        gone: tuple[Difference, ...] = ()
        resolved: ResolvedSpec | None = None
        try:
            if state.observe_only:
                return await self._look(state)
            resolved = await self._resolver.resolve(state)
            observed = await self._observe(state, resolved)
            if observed is None and state.status.arn is not None:
                gone = MISSING  # known, whatever else can't be asked
            if observed is None and (anew := await self._resolver.resolve_organization(resolved)) != resolved:
                resolved, observed = anew, await self._observe(state, anew)
            if observed is None and (home := await self._elsewhere(state, resolved)):
                return self.unknown(state, wrong_home(home, resolved.location.region))
        except FailureError as error:
            if error.failure.reason is Reason.WRONG_HOME_REGION and await self._is_refuted(state):
                await self._writer.clear_identity(state)
                return self.unknown(state, passing("status.arn names no trail of this resource: looking for it anew"))
            if isinstance(error, NotShownError) and state.status.arn is not None:
                gone = MISSING
            if isinstance(error, PartlyReadError) and resolved and not gone:
                return await self._sync_partly(state, resolved, error)
            return self.unknown(state, error.failure, gone)
        if observed is not None and (findings := self._not_ours(state, resolved, observed)):
            return findings
        desired = self._resolver.desired(state, resolved, observed)
        claim = self._claims.enter(state)
        if observed is None or not desired.owns(observed.owner):
            if rank := loses_to_older_claim(claim, self._competitors(claim, observed)):
                return SyncResult(state.acting_on, known=True, observed=None, failure=rank, found=observed)
        elif self._is_in_doubt(state, claim, observed):
            return self.unknown(state, passing("AWS may not show yet that the trail is another Trail's by now"))
        drift = differences(desired, observed)
        if state.synced_generation == state.acting_on:
            self._count(state, drift)
        await self._tell_of_unanswered(state, observed)
        actions = self._due(state, plan(desired, observed))
        refused = {} if state.forcing else self._refused(state, drift, actions)
        if actions:
            return await self._apply(state, resolved, desired, observed, actions, refused)
        return await self._findings(state, resolved, desired, observed, drift, refused)

    def seconds_to_repeat(self, state: TrailState) -> float:
        """Seconds until the next call that AWS refused for good is due again; infinite where there is none."""
        left = (self._refusal_holds(state, entry) for entry in state.status.refusals)
        return min((seconds for seconds in left if seconds > 0.0), default=float("inf"))

    def silent_in(self, state: TrailState) -> float:
        """Seconds until no read of the trail has succeeded for three resyncs."""
        since = state.last_seen if state.last_seen is not None else state.started
        return since + 3 * self._resync - self._clock()

    def unknown(
        self,
        state: TrailState,
        failure: Failure,
        drift: tuple[Difference, ...] = (),
        observed: ObservedTrail | None = None,
    ) -> SyncResult:
        """The findings of a pass that could not see all that the trail is now.

        `drift`: what is known to differ all the same, `observed`: what was read.
        """
        return SyncResult(
            state.acting_on,
            known=False,
            observed=observed,
            drift=drift,
            failure=failure,
            silent_too_long=self._is_silent(state, failure),
            advice=None,
        )

    def _is_silent(self, state: TrailState, failure: Failure | None) -> bool:
        """Whether AWS has not answered every read for three resyncs."""
        return failure is not None and failure.kind is FailureClass.TRANSIENT and self.silent_in(state) <= 0.0

    async def _look(self, state: TrailState) -> SyncResult:
        findings = await self._read_only_sync.sync(state)
        if findings.known:
            state.last_seen = self._clock()
        if state.status.observed_generation == state.acting_on:
            self._count(state, findings.drift)
        return replace(findings, silent_too_long=self._is_silent(state, findings.failure))

    def _count(self, state: TrailState, drift: tuple[Difference, ...]) -> None:
        """Count what has changed in AWS: once, however often it is seen until it is put right."""
        if new := fields_of(drift) - fields_of(state.status.drift):
            state.drifts += 1
            self._drifted(new)

    async def _observe(
        self, state: TrailState, resolved: ResolvedSpec, *, expected: bool = False
    ) -> ObservedTrail | None:
        expected = expected or (state.status.observed_generation >= 0 and state.status.arn == resolved.arn)
        observed = await resolved.access.cloudtrail.observe(resolved.arn, resolved.location.region, expected=expected)
        state.last_seen = self._clock()
        return observed

    async def _sync_partly(self, state: TrailState, resolved: ResolvedSpec, error: PartlyReadError) -> SyncResult:
        """A pass in which AWS did not answer every read: report what it answered, and start the trail if it is stopped.

        Nothing else is written: what was not read might be overwritten. But silence is the worst failure.
        """
        observed = error.observed
        if "tags" not in observed.unreadable and (findings := self._not_ours(state, resolved, observed)):
            state.last_seen = self._clock()  # that it is not ours is all that there is to know
            return findings
        if not self._counts_as_ours(state, observed):
            return self.unknown(state, error.failure)
        findings = self._partly_known(state, resolved, error)
        if state.synced_generation == state.acting_on:
            self._count(state, findings.drift)
        await self._tell_of_unanswered(state, observed)
        desired = self._resolver.desired(state, resolved, observed)
        actions = self._due(state, restart(desired, observed))
        if not actions or self._is_in_doubt(state, self._claims.enter(state), observed):
            return findings
        refused = {} if state.forcing else self._refused(state, findings.drift, actions)
        progress = await self._write(state, resolved, desired, observed, actions, refused)
        if progress.done:
            return await self._after_writes(state, resolved, progress, findings.drift)
        return self._with_failures(state, findings, progress, error.failure)

    def _counts_as_ours(self, state: TrailState, observed: ObservedTrail) -> bool:
        """Whether to report on a trail that was read in part. If its tags were not, what was last reported holds."""
        if "tags" in observed.unreadable:
            ready = state.status.condition(ConditionType.READY)
            return ready is None or ready.reason not in NOT_OURS
        return self._locator.owns(state, observed.tags) or state.status.arn == observed.arn

    def _with_failures(
        self, state: TrailState, findings: SyncResult, progress: _Progress, unread: Failure
    ) -> SyncResult:
        """The findings with what failed of the writes, besides why AWS did not answer every read."""
        failure = together([*progress.failures, unread])
        silent = self._is_silent(state, failure)
        return replace(findings, failure=failure, silent_too_long=silent, refused=progress.refused)

    def _partly_known(self, state: TrailState, resolved: ResolvedSpec, error: PartlyReadError) -> SyncResult:
        desired = self._resolver.desired(state, resolved, error.observed)
        drift = (*differences(desired, error.observed), *state.drift_not_read_again(error.observed))
        return self.unknown(state, error.failure, drift, error.observed)

    async def _is_refuted(self, state: TrailState) -> bool:
        """Whether AWS has no trail of this resource where the record says: a status can be forged."""
        arn = state.recorded_arn
        if arn is None or self._locator.may_lag(state):
            return False
        try:
            tags = await self._resolver.access_for(state).cloudtrail.tags(arn, Arn.parse(arn).region)
        except FailureError as error:
            return error.failure.kind is FailureClass.TERMINAL  # there is no such region, or no such ARN
        return not self._locator.owns(state, tags)

    async def _elsewhere(self, state: TrailState, resolved: ResolvedSpec) -> str | None:
        """In which other region this resource's trail is, before it would be made a second time.

        Spec and settings may lead elsewhere than when it was made, and its ARN not be on record: in a cluster that was
        built anew, or because the answer to CreateTrail was lost. Raises FailureError where AWS does not tell.
        """
        if state.status.arn is not None or state.checked_absent_arn == resolved.arn:
            return None
        location, former = resolved.location, state.status.home_region
        if former not in (None, location.region) and self._locator.may_lag(state):
            raise FailureError(passing(f"AWS may not show yet what was made in {former}"))
        for arn in await resolved.access.cloudtrail.named(resolved.name, location.region):
            there = Arn.parse(arn)
            # The tags of another account's trail are not shown: it is not ours.
            if arn == resolved.arn or there.account != location.account:
                continue
            tags = await resolved.access.cloudtrail.tags(arn, there.region)
            if self._locator.owns(state, tags):
                return there.region
        return None

    def _not_ours(self, state: TrailState, resolved: ResolvedSpec, observed: ObservedTrail) -> SyncResult | None:
        """The findings where the trail of that name is not this Trail's to manage; None if it is."""
        refusal = self._refusal_to_manage(state, resolved.access, resolved.spec.adoption_policy, observed)
        if refusal is None:
            return None
        if self._may_be_of_before(state, observed):
            return self.unknown(state, passing("AWS does not show the trail's owner tag yet"))
        found = observed if "isLogging" not in observed.unreadable else None
        return SyncResult(state.acting_on, known=True, observed=None, failure=refusal, found=found)

    def _refusal_to_manage(
        self, state: TrailState, access: AccountClient, policy: AdoptionPolicy, observed: ObservedTrail
    ) -> Failure | None:
        """Why the trail of that name is not this Trail's to manage: it is another's, or may not be taken over."""
        cluster = self._locator.cluster
        has_held = _has_held(state, observed)
        claimant = Adopter(cluster, str(state.key), policy, access.allowed_adoption, state.status.owner_tag, has_held)
        resource = cluster.resource_of(observed.owner)
        alive = resource is not None and self._claims.may_exist(resource)
        needed = required_adoption(observed, claimant)
        return check_ownership(observed, claimant, owner_is_alive=alive) or check_adoption(
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
            access, policy = self._resolver.access_for(rival), rival.spec.adoption_policy
        except (FailureError, ValidationError):
            return False
        return self._refusal_to_manage(rival, access, policy, observed) is None

    def _may_be_of_before(self, state: TrailState, observed: ObservedTrail) -> bool:
        """Whether AWS may still show the owner tag that the operator replaced, be it an earlier process that did."""
        is_former = self._locator.cluster.resource_of(observed.owner) == str(state.key)
        return self._locator.settling(state) or (is_former and self._locator.may_lag(state))

    def _is_in_doubt(self, state: TrailState, claim: Claim, observed: ObservedTrail) -> bool:
        """Whether the owner tag that AWS shows may be the one of a trail that was there before another Trail's."""
        competitors = self._claims.claimants(claim)
        is_new = state.status.arn != observed.arn and self._locator.may_lag(state)
        return bool(competitors) and (is_new or any(map(self._locator.settling, competitors)))

    async def _apply(
        self,
        state: TrailState,
        resolved: ResolvedSpec,
        desired: DesiredTrail,
        observed: ObservedTrail | None,
        actions: tuple[Action, ...],
        refused: Mapping[str, Failure],
    ) -> SyncResult:
        if observed is None and resolved.key_failure:
            return await self._findings(state, resolved, desired, None, differences(desired, None))
        progress = await self._write(state, resolved, desired, observed, actions, refused)
        # A creation that is refused is tried again soon, and need not be looked for elsewhere each time.
        is_refused = bool(progress.failures) and progress.failures[0].kind is FailureClass.DEPENDENCY
        state.checked_absent_arn = resolved.arn if observed is None and not progress.done and is_refused else None
        drift = differences(desired, observed)
        if progress.done:
            return await self._after_writes(state, resolved, progress, drift)
        state.unsettled = ()
        return await self._findings(state, resolved, desired, observed, drift, progress.refused, progress.failures)

    async def _write(
        self,
        state: TrailState,
        resolved: ResolvedSpec,
        desired: DesiredTrail,
        observed: ObservedTrail | None,
        actions: tuple[Action, ...],
        refused: Mapping[str, Failure],
    ) -> _Progress:
        """Write to AWS, once the trail's account and region are on record."""
        if not self._locator.is_pinned(state, desired):
            await self._writer.pin_identity(state, desired, observed)
        if observed and not observed.unreadable:
            state.before = state.before or observed  # also for a write that takes effect without an answer
        return await self._carry_out(state, resolved.access, desired, observed, actions, refused)

    async def _after_writes(
        self, state: TrailState, resolved: ResolvedSpec, progress: _Progress, before: tuple[Difference, ...]
    ) -> SyncResult:
        """Report what was written, and find out what the trail is now. `before`: what differed before the writes."""
        self._inventory.changed(resolved.access)
        verified, _ = await asyncio.gather(
            self._verified(state, resolved, progress, before),
            self._events.record_applied(state.body, progress.done, drift=state.synced_generation == state.acting_on),
        )
        if isinstance(verified, SyncResult):
            return verified
        resolved, observed = verified
        desired = self._resolver.desired(state, resolved, observed)
        written = {action.operation for action in progress.done}
        state.unsettled = tuple(
            entry for action in plan(desired, observed) if action.operation in written for entry in action.differences
        )
        drift = differences(desired, observed)
        return await self._findings(state, resolved, desired, observed, drift, progress.refused, progress.failures)

    def _refused(
        self, state: TrailState, drift: tuple[Difference, ...], actions: tuple[Action, ...]
    ) -> dict[str, Failure]:
        """The refusals on record that still hold for these actions: the same requests are not sent again."""
        status = state.status
        if status.observed_generation != state.acting_on:
            return {}
        messages = {
            entry.operation: entry.message
            for entry in status.refusals
            if self._refusal_holds(state, entry) > 0.0
            and _judged(status.drift, entry.operation) == _judged(drift, entry.operation)
        }
        return {
            action.operation: Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, messages[action.operation])
            for action in actions
            if action.operation in messages
        }

    def _refusal_holds(self, state: TrailState, refusal: Refusal) -> float:
        """For how many seconds a refusal still stands in for AWS's answer: a record in Kubernetes is no proof."""
        last = state.attempts.get(refusal.operation, self._started)
        return max(last, self._started) + _REFUSAL_HOLDS - self._clock()

    def _due(self, state: TrailState, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        """What is to be done now: not again what was, and only does not show yet."""
        if state.forcing or not self._locator.settling(state):
            return actions
        due = tuple(action for action in actions if any(entry not in state.unsettled for entry in action.differences))
        if actions and actions[0].operation == "CreateTrail":
            return actions if due else ()  # what follows has no differences of its own
        return due

    async def _carry_out(
        self,
        state: TrailState,
        access: AccountClient,
        desired: DesiredTrail,
        observed: ObservedTrail | None,
        actions: tuple[Action, ...],
        refused: Mapping[str, Failure],
    ) -> _Progress:
        """Do as much of a plan as can be done: what fails, for now or for good, stops only what would do harm then."""
        progress = _Progress(failures=[*refused.values()], failed={*refused}, refused={**refused})
        seen = state.last_seen if state.last_seen is not None else state.started
        owner = observed.owner if observed else None
        for action in actions:
            if action.operation in progress.failed or action.requires & progress.failed:
                progress.failed.add(action.operation)
                continue
            precondition = self._write_guard.precondition(state, access, desired.arn, owner, seen)
            try:
                failure = await self._do(state, access, action, desired, precondition)
            except NotSentError as error:
                progress.failures.append(error.failure)
                break
            if failure is None:
                owner = desired.owner if action.operation in ("CreateTrail", "AddTags") else owner
                progress.done.append(action)
                continue
            if failure.kind is FailureClass.TERMINAL:
                state.attempts[action.operation] = self._clock()
                failure = replace(failure, message=failure.message[:_REFUSAL_LENGTH])
                progress.refused[action.operation] = failure
            progress.failed.add(action.operation)
            progress.failures.append(failure)
        return progress

    async def _verified(
        self, state: TrailState, resolved: ResolvedSpec, progress: _Progress, before: tuple[Difference, ...]
    ) -> tuple[ResolvedSpec, ObservedTrail | None] | SyncResult:
        """What the trail is, and is to be, after the writes; or the findings, if that can't be seen."""
        try:
            return await self._resolver.resolve_kms_key(resolved), await self._observe(state, resolved, expected=True)
        except FailureError as error:
            if isinstance(error, PartlyReadError):
                findings = self._partly_known(state, resolved, error)
            else:
                findings = self.unknown(state, error.failure, before)
            return replace(self._with_failures(state, findings, progress, error.failure), has_written=True)

    async def _do(
        self,
        state: TrailState,
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
                self._unanswered(state, action, desired)
            failure = await self._explain(state, access, error, desired)
        except NotSentError:
            raise
        except FailureError as error:
            request_id = ""
            failure = error.failure
            if failure.kind is FailureClass.TRANSIENT:
                self._unanswered(state, action, desired)
        else:
            state.written = self._clock()
            fields = {"operation": action.operation, "arn": desired.arn, "requestID": request_id}
            logger.info(_told(action), extra=state.about(**fields))
            return None
        logger.warning(
            f"{action.operation} failed: {failure.message}",
            extra=state.about(operation=action.operation, arn=desired.arn, reason=failure.reason, requestID=request_id),
        )
        return failure

    def _unanswered(self, state: TrailState, action: Action, desired: DesiredTrail) -> None:
        """Remember a write that may have taken effect: reads may show it later, or show for a while what was before."""
        state.written = self._clock()
        state.unanswered = (*state.unanswered, (action, desired))

    async def _tell_of_unanswered(self, state: TrailState, observed: ObservedTrail | None) -> None:
        """Tell of writes without an answer that took effect, as AWS shows now. What did not is in the next plan."""
        unanswered, state.unanswered = state.unanswered, ()
        done = []
        for action, desired in unanswered:
            if observed and not_read_again(action.differences, observed.unreadable):
                state.unanswered = (*state.unanswered, (action, desired))
                continue
            paths = {entry.path for due in plan(desired, observed) for entry in due.differences}
            if action.differences and not paths & {entry.path for entry in action.differences}:
                done.append(action)
        if done:
            await self._events.record_applied(state.body, done, drift=state.synced_generation == state.acting_on)

    async def _explain(
        self, state: TrailState, access: AccountClient, error: AWSError, desired: DesiredTrail
    ) -> Failure:
        if error.code in NOT_FOUND:
            return passing("the trail has gone from AWS meanwhile")
        try:
            if error.code == ALREADY_EXISTS:
                return await _holder(access, desired)
            return await self._diagnosed(state, access, error, desired)
        except FailureError as further:
            return further.failure

    async def _diagnosed(
        self, state: TrailState, access: AccountClient, error: AWSError, desired: DesiredTrail
    ) -> Failure:
        """What is behind a refusal. Looking costs several calls: the same refusal is not looked into again at once."""
        refusal = (error.code, error.message, desired.configuration)
        known = state.explained
        is_recent = known is not None and self._clock() - known.found < _EXPLANATION_HOLDS
        if known and known.refusal == refusal and is_recent and not state.forcing:
            return known.failure
        failure = await access.diagnosis.explain(error, desired)
        state.explained = Explanation(refusal, failure, self._clock())
        return failure

    async def _findings(
        self,
        state: TrailState,
        resolved: ResolvedSpec,
        desired: DesiredTrail,
        observed: ObservedTrail | None,
        drift: tuple[Difference, ...],
        refused: Mapping[str, Failure] | None = None,
        failures: Sequence[Failure] | None = None,
    ) -> SyncResult:
        refused = refused or {}
        failures = [*refused.values()] if failures is None else failures
        failure = together(failures) or resolved.key_failure
        if observed is not None and not drift and failure is None:
            state.synced_generation = state.acting_on
        if observed is not None:
            is_settled = not drift or (bool(failures) and all(map(_is_lasting, failures)))
            await self._tell_of_losses(state, observed, is_settled=is_settled and not state.unanswered)
        delivery = DeliveryAdvice()
        if observed is not None and observed.failing_destinations:
            delivery = await resolved.access.diagnosis.delivery_advice(desired, observed)
        advice = self._inventory.advice(state, resolved.access, desired, exists=observed is not None)
        if advice is not None:
            advice += (*(failure.advice if failure else ()), *delivery.advice)
        return SyncResult(
            state.acting_on,
            known=True,
            observed=observed,
            drift=drift,
            failure=failure,
            delivery_advice=delivery.message,
            place=_place(desired, observed),
            refused=refused,
            advice=advice,
        )

    async def _tell_of_losses(self, state: TrailState, observed: ObservedTrail, *, is_settled: bool) -> None:
        """Warn of what a change has taken away, once AWS shows what became of it."""
        if state.before is None or not is_settled:
            return
        before, state.before = state.before, None
        if lost := coverage_losses(before, observed):
            await self._events.record_coverage_loss(state.body, lost)


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


def _has_held(state: TrailState, observed: ObservedTrail) -> bool:
    """Whether the trail is on record as the Trail's. One that it only observed is on record, too, but no owner tag."""
    return state.status.arn == observed.arn and state.status.owner_tag is not None


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
