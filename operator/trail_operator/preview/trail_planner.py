"""Plans what the operator would write to trails, by the parts of the operator that decide it.

What a sync reads and decides is in `trail/read.py`, `trail/decision.py` and `trail/observe.py`. A plan ends there, a
sync continues with the writes.
"""

from dataclasses import replace

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.api.trail import DeletionPolicy
from trail_operator.domain.actions import deletion, owner_tag_removal
from trail_operator.domain.coverage import coverage_losses
from trail_operator.domain.failure import Failure, FailureClass, FailureError, combine
from trail_operator.domain.object_plan import Outcome, outcome_of_failure
from trail_operator.domain.sync_result import SyncResult
from trail_operator.domain.trail_plan import TrailPlan, sent, settings_of, state_after, trail_after
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.preview.cluster_objects import ClusterObjects
from trail_operator.preview.doubts import doubts_before_reading, doubts_of
from trail_operator.preview.findings import Findings
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.preview.retries import with_retries
from trail_operator.preview.shards import reconciled_elsewhere
from trail_operator.preview.trail_input import forget_identity
from trail_operator.runtime.clock import Clock
from trail_operator.trail.candidates import TrailCandidates
from trail_operator.trail.checks import WriteChecks
from trail_operator.trail.decision import Decision, WriteDecider
from trail_operator.trail.delete import deletion_policy
from trail_operator.trail.location import Locator
from trail_operator.trail.name_claims import NameClaims
from trail_operator.trail.observe import ReadOnlySync
from trail_operator.trail.read import ReadFailure, TrailReader
from trail_operator.trail.refusals import Refusals, name_conflict
from trail_operator.trail.resolve import SpecResolver
from trail_operator.trail.state import TrailState


class TrailPlanner:
    """Plans one Trail at a time. All Trails must be among the claims before the first one is planned.

    A Trail's state then has the trail as its plan leaves it: TrailAlarmSets depend on that.
    """

    def __init__(
        self,
        registry: AccountRegistry,
        settings: OperatorSettings,
        claims: NameClaims,
        cluster: ClusterObjects,
        clock: Clock,
    ) -> None:
        """`cluster`: what was read of it; `registry` and `claims` have its objects already."""
        locator = Locator(settings.cluster)
        resolver = SpecResolver(registry, locator, tuple(settings.values.ignore_tags))
        self._registry = registry
        self._settings = settings
        self._cluster = cluster
        self._clock = clock
        self._reader = TrailReader(locator, resolver, lambda *_: None, forget_identity, clock)
        self._read_only_sync = ReadOnlySync(resolver)
        self._decider = WriteDecider(WriteChecks(locator, resolver, claims, clock))
        self._refusals = Refusals(clock)
        self._candidates = TrailCandidates(registry, locator, clock)
        self._findings = Findings(settings)

    async def plan(self, state: TrailState) -> TrailPlan:
        """Return what the operator would do about a Trail. Repeats reads that fail for a moment."""
        base = _base(state)
        if unmanaged := self.reconciled_elsewhere(state) or self._without_region(state):
            return replace(base, outcome=Outcome.BLOCKED, reason=Reason.NOT_EVALUATED, message=unmanaged)
        if doubts := doubts_before_reading(state, self._settings, self._registry, self._cluster):
            return replace(base, message="; ".join(doubts))
        try:
            return await with_retries(self._clock, lambda: self._plan(base, state))
        except FailureError as error:
            return _failed(base, _for_caller(error.failure, state))

    def reconciled_elsewhere(self, state: TrailState) -> str:
        """Return why the operator leaves a Trail to another operator; "" if it does not."""
        return reconciled_elsewhere(state.key.namespace, self._registry.name_for(state), self._settings, self._registry)

    def _without_region(self, state: TrailState) -> str:
        """Return why the operator cannot tell the home region of a trail; "" if it can."""
        account = self._registry.get(self._registry.name_for(state) or "")
        has_region = state.text("region") or (account and account.spec.region) or self._settings.values.region
        if not has_region and "region" not in self._settings.unknown:  # the caller's own region is not the operator's
            return "No home region is known: set spec.region, or --region of the operator"
        return ""

    async def _plan(self, base: TrailPlan, state: TrailState) -> TrailPlan:
        """Raises FailureError if the plan is not known."""
        context = ReconcileContext(state.generation, state.requested_state)
        if state.paused:
            message = "The Trail is paused by its annotation"
            return replace(base, outcome=Outcome.BLOCKED, reason=Reason.PAUSED, message=message)
        if state.deleting:
            return await self._plan_deletion(base, state)
        if state.observe_only:
            return await self._observe(base, state, await self._read_only_sync.sync(state, context))
        reading = await self._reader.read(state, context)
        if isinstance(reading, ReadFailure):
            raise FailureError(reading.failure)
        return await self._planned(base, self._decider.decide(reading))

    async def _planned(self, base: TrailPlan, decision: Decision) -> TrailPlan:
        comparison, desired, observed = decision.comparison, decision.comparison.desired, decision.comparison.observed
        location = desired.location
        base = replace(base, arn=desired.arn, account=location.account, region=location.region)
        doubts = doubts_of(comparison, decision.actions, self._settings)
        comparison.state.reads.observed = observed
        if decision.blocked and decision.blocked.failure and not doubts:
            return _failed(base, decision.blocked.failure)
        refused = self._refusals.still_valid(comparison, decision.actions)
        if decision.actions and observed is None and (conflict := await name_conflict(comparison.client, desired)):
            refused = refused | {"CreateTrail": conflict}
        failures = [*filter(None, (decision.unread, comparison.resolved.key_failure)), *refused.values()]
        for failure in failures:
            if failure.kind is FailureClass.TRANSIENT:
                raise FailureError(failure)  # reading again may show it
        found = await self._findings.of(comparison)
        plan = replace(
            base,
            outcome=Outcome.NOTHING,
            actions=sent(decision.actions, refused),
            differences=settings_of(desired) if observed is None else comparison.drift,
            dependencies=found.dependencies,
            warnings=found.warnings,
            losses=coverage_losses(observed, state_after(desired, observed)) if observed else (),
        )
        problem = combine(failures)
        if plan.actions:
            plan = replace(plan, outcome=Outcome.UPDATE if observed else Outcome.CREATE)
        if doubts:
            known = tuple(entry for entry in plan.differences if entry.path != f"tags[{OWNER_TAG}]")
            message = "; ".join(doubts)
            return replace(plan, outcome=Outcome.UNKNOWN, message=message, differences=known, actions=(), losses=())
        plan = _failed(plan, problem) if problem else plan
        comparison.state.reads.observed = trail_after(plan, desired, observed)
        return plan

    async def _observe(self, base: TrailPlan, state: TrailState, result: SyncResult) -> TrailPlan:
        """Return the plan under managementPolicy: Observe, which writes nothing."""
        if result.failure and not result.known:
            raise FailureError(result.failure)
        state.reads.observed = result.observed
        base = replace(base, outcome=Outcome.NOTHING, reason=Reason.OBSERVED, message="It is only observed")
        if result.observed is None or result.identity is None:
            return replace(base, reason=Reason.TRAIL_NOT_FOUND, message=result.not_found)
        return replace(
            base,
            arn=result.identity.arn,
            account=result.identity.account,
            region=result.identity.home_region,
            differences=result.drift,
            dependencies=await self._findings.of_observed(self._registry.client_for(state), result),
        )

    async def _plan_deletion(self, base: TrailPlan, state: TrailState) -> TrailPlan:
        """Return the plan of a Trail that is being deleted: `TrailDeleter` does the same with the same candidates."""
        policy = deletion_policy(state, DeletionPolicy(self._settings.values.default_deletion_policy))
        actions = []
        if state.has_finalizer and not state.observe_only:
            async for candidate in self._candidates.find(state):
                base = replace(base, account=candidate.location.account, region=candidate.location.region)
                if self._candidates.locator.owns(state, await self._candidates.tags(state, candidate)):
                    is_kept = policy is DeletionPolicy.RETAIN
                    arn = candidate.arn
                    actions.append(owner_tag_removal(arn, OWNER_TAG) if is_kept else deletion(arn))
                    base = replace(base, arn=arn)
        message = f"The Trail is being deleted, with deletionPolicy {policy}"
        outcome = Outcome.DELETE if actions else Outcome.NOTHING
        return replace(base, outcome=outcome, message=message, actions=tuple(actions))


def _base(state: TrailState) -> TrailPlan:
    return TrailPlan(state.key.namespace, state.key.name, Outcome.UNKNOWN, trail_name=state.trail_name)


def _for_caller(failure: Failure, state: TrailState) -> Failure:
    """Return a failure of the caller's credentials in words for the caller, not for users of the operator."""
    if failure.reason is Reason.ASSUME_ROLE_DENIED:
        return replace(failure, message="The caller cannot assume the role of the Trail's AWSAccount")
    if failure.reason is Reason.IDENTITY_MISMATCH and state.status.account_id and state.account_name is None:
        message = f"The trail is in account {state.status.account_id}, and the caller in another one"
        return replace(failure, message=message)
    return failure


def _failed(base: TrailPlan, failure: Failure) -> TrailPlan:
    return replace(base, outcome=outcome_of_failure(failure), reason=failure.reason, message=failure.message)
