"""Plans what the operator would write to metric filters and alarms, by the parts of the operator that decide it.

What a sync reads and decides is in `alarms/decision.py`. A plan ends there, a sync continues with the writes.
"""

from dataclasses import replace

from trail_operator.alarms.account import PinnedAccount
from trail_operator.alarms.advice import AlarmAdvisor
from trail_operator.alarms.checks import AlarmChecks
from trail_operator.alarms.comparison import AlarmComparison
from trail_operator.alarms.decision import AlarmDecider, AlarmDecision
from trail_operator.alarms.read import AlarmReader
from trail_operator.alarms.resolve import AlarmSetResolver
from trail_operator.alarms.state import AlarmSetState
from trail_operator.api.reasons import Reason
from trail_operator.api.trail import DeletionPolicy
from trail_operator.domain.alarms.plan import deletion_plan, release_plan
from trail_operator.domain.alarms.set_plan import AlarmSetPlan, exists, refused_before
from trail_operator.domain.failure import Failure, FailureError, combine
from trail_operator.domain.object_plan import Outcome, outcome_of_failure
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.preview.alarm_doubts import alarm_doubts_before_reading, alarm_doubts_of, with_assumed_filters
from trail_operator.preview.cluster_objects import ClusterObjects
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.preview.planned_trails import PlannedTrails
from trail_operator.preview.retries import with_retries
from trail_operator.preview.shards import reconciled_elsewhere
from trail_operator.runtime.clock import Clock
from trail_operator.trail.location import Locator

# Seconds. A command reads nothing twice.
_MAX_AGE = 3600.0
_ASSUMED = (
    "The TrailAlarmSets of the cluster were not read: names are those of a new one, and metric filters beside alarms "
    "with its owner tag count as its own"
)


class AlarmSetPlanner:
    """Plans one TrailAlarmSet at a time, once the Trails are planned."""

    def __init__(
        self,
        registry: AccountRegistry,
        settings: OperatorSettings,
        trails: PlannedTrails,
        cluster: ClusterObjects,
        clock: Clock,
    ) -> None:
        """`cluster`: what was read of it; `registry` has its AWSAccounts already."""
        self._registry = registry
        self._settings = settings
        self._trails = trails
        self._cluster = cluster
        self._clock = clock
        self._reader = AlarmReader(clock, dependency_resync=_MAX_AGE)
        values = settings.values
        if "allowed_action_arns" in settings.unknown:  # a doubt, once the rest is known
            values = values.model_copy(update={"allowed_action_arns": ["*"]})
        resolver = AlarmSetResolver(trails.store, registry, Locator(settings.cluster), trails, values)
        self._decider = AlarmDecider(resolver, self._reader, AlarmChecks(clock, dependency_resync=_MAX_AGE))
        self._advisor = AlarmAdvisor(dependency_resync=_MAX_AGE)
        self._account = PinnedAccount(registry, settings.cluster)

    async def plan(self, state: AlarmSetState) -> AlarmSetPlan:
        """Return what the operator would do about a TrailAlarmSet. Repeats reads that fail for a moment."""
        base = self._base(state)
        if unmanaged := self.reconciled_elsewhere(state):
            return replace(base, outcome=Outcome.BLOCKED, reason=Reason.NOT_EVALUATED, message=unmanaged)
        if doubts := alarm_doubts_before_reading(state, self._settings, self._cluster, self._trails):
            return replace(base, message="; ".join(doubts))
        try:
            return await with_retries(self._clock, lambda: self._plan(base, state))
        except FailureError as error:
            return _failed(base, error.failure)

    def reconciled_elsewhere(self, state: AlarmSetState) -> str:
        """Return why the operator leaves a TrailAlarmSet to another operator; "" if it does not."""
        trail = self._trails.store.get(state.trail_key)
        account = self._registry.name_for(trail) if trail else state.status.account_name
        return reconciled_elsewhere(state.key.namespace, account, self._settings, self._registry)

    def _base(self, state: AlarmSetState) -> AlarmSetPlan:
        prefix, status = state.name_prefix or "", state.status
        if not prefix and self._settings.values.cluster_name:
            prefix = f"{self._settings.values.cluster_name}/{state.key}/"
        return AlarmSetPlan(
            state.key.namespace,
            state.key.name,
            Outcome.UNKNOWN,
            account=status.account_id or "",
            region=status.region or "",
            trail=state.trail_name,
            name_prefix=prefix,
        )

    async def _plan(self, base: AlarmSetPlan, state: AlarmSetState) -> AlarmSetPlan:
        """Raises FailureError if the plan is not known."""
        if state.paused:
            message = "The TrailAlarmSet is paused by its annotation"
            return replace(base, outcome=Outcome.BLOCKED, reason=Reason.PAUSED, message=message)
        if state.deleting:
            return await self._plan_deletion(base, state)
        context = ReconcileContext(state.generation, state.requested_state)
        comparison = await self._decider.read(state, context)
        notes = self._trails.notes(state.trail_key)
        if self._cluster.alarm_sets is None:
            comparison = with_assumed_filters(comparison)
            notes = (*notes, _ASSUMED)
        desired = comparison.desired
        base = replace(
            base,
            account=desired.location.account,
            region=desired.location.region,
            log_group=desired.log_group,
            name_prefix=desired.name_prefix,
            alarm_count=len(desired.alarms),
            differences=comparison.drift,
            notes=notes,
        )
        if doubts := alarm_doubts_of(comparison, self._settings, self._cluster, self._trails):
            return replace(base, message="; ".join(doubts))
        base = replace(base, warnings=await self._advisor.advice(comparison))
        if state.observe_only:
            return replace(base, outcome=Outcome.NOTHING, reason=Reason.OBSERVED, message="It is only observed")
        return _planned(base, await self._decider.decide(comparison))

    async def _plan_deletion(self, base: AlarmSetPlan, state: AlarmSetState) -> AlarmSetPlan:
        """Return the plan of a set that is being deleted: `AlarmSetDeleter` does the same."""
        policy = state.deletion_policy(DeletionPolicy(self._settings.values.default_deletion_policy))
        base = replace(base, message=f"The TrailAlarmSet is being deleted, with deletionPolicy {policy}")
        if not state.has_finalizer or state.observe_only or not state.is_on_record:
            return replace(base, outcome=Outcome.NOTHING)
        scope = await self._account.scope(state)
        observed = await self._reader.read(state, scope, None)
        if policy is DeletionPolicy.RETAIN:
            actions = release_plan(observed, scope.owns)
        else:
            actions = deletion_plan(observed, state.pinned_filters, scope.owns)
        return replace(base, outcome=Outcome.DELETE if actions else Outcome.NOTHING, actions=actions)


def _planned(base: AlarmSetPlan, decision: AlarmDecision) -> AlarmSetPlan:
    """Return the plan of a set that may be written. Conflicts concern some of its alarms only."""
    if decision.blocked:
        return _failed(base, decision.blocked)
    comparison = decision.comparison
    actions, conflicts = comparison.plan.actions, comparison.plan.conflicts
    problem = combine([*_refused(comparison), *conflicts])
    plan = replace(base, outcome=Outcome.NOTHING, actions=actions)
    if actions:
        is_there = exists(comparison.desired, comparison.observed, comparison.state.pinned_filters)
        plan = replace(plan, outcome=Outcome.UPDATE if is_there else Outcome.CREATE)
    return _failed(plan, problem) if problem else plan


def _refused(comparison: AlarmComparison) -> list[Failure]:
    """Return what AWS has refused of the plan. The operator repeats such writes, which is seldom of use."""
    state = comparison.state
    refusals = state.status.refusals if state.status.observed_generation == state.generation else ()
    return refused_before(comparison.plan.actions, refusals)


def _failed(base: AlarmSetPlan, failure: Failure) -> AlarmSetPlan:
    return replace(base, outcome=outcome_of_failure(failure), reason=failure.reason, message=failure.message)
