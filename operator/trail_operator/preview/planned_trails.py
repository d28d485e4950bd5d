"""The Trails on which TrailAlarmSets depend, as they are once their own plans were carried out."""

from collections.abc import Iterable, Mapping

from trail_operator.alarms.managed_trail import trail_not_managed
from trail_operator.alarms.state import AlarmSetState
from trail_operator.domain.account_policy import TRAIL_REFUSALS
from trail_operator.domain.arns import Arn
from trail_operator.domain.failure import FailureError
from trail_operator.domain.object_plan import Outcome
from trail_operator.domain.trail import ObservedTrail
from trail_operator.domain.trail_plan import TrailPlan
from trail_operator.inventory.account_client import AccountClient
from trail_operator.kube.client import Key
from trail_operator.trail.controller import TrailStore
from trail_operator.trail.location import Locator
from trail_operator.trail.state import TrailState


class PlannedTrails:
    """Trails with their plans: where a plan of alarms finds the log group."""

    def __init__(self, states: Iterable[TrailState], plans: Mapping[Key, TrailPlan], locator: Locator) -> None:
        """`states`: all Trails; `plans`: those of the Trails that TrailAlarmSets name."""
        self.store = TrailStore()
        for state in states:
            self.store.add(state.key, state)
        self._plans = plans
        self._locator = locator

    def plan_of(self, key: Key) -> TrailPlan | None:
        """Return the plan of a Trail; None if there is no such Trail."""
        return self._plans.get(key)

    async def observed(self, state: AlarmSetState, trail: TrailState, client: AccountClient) -> ObservedTrail:
        """Return the trail of a set's Trail. Raises FailureError unless it is the Trail's own."""
        del state  # a command keeps nothing between reads
        plan, observed, arn = self._plans[trail.key], trail.reads.observed, trail.recorded_arn
        if plan.outcome is Outcome.BLOCKED and plan.reason in TRAIL_REFUSALS:
            raise FailureError(trail_not_managed(trail.key.name, plan.reason))
        if observed is None and arn and plan.outcome is Outcome.BLOCKED:
            # As its spec is invalid, the Trail itself reads none. The sets of such a Trail are reconciled as usual.
            region = Arn.parse(arn).region
            await self._locator.location(trail, client, region)  # the credentials may be for another account
            observed = await client.cloudtrail.observe(arn, region, expected=True, read_only=True)
        if observed is not None and observed.owner in self._locator.owners(trail):
            return observed
        raise FailureError(trail_not_managed(trail.key.name, plan.reason or plan.outcome))

    def moves(self, key: Key) -> bool:
        """Whether the plan of a Trail gives its trail another log group."""
        plan = self._plans[key]
        return plan.outcome is Outcome.UPDATE and any("LogGroup" in entry.path for entry in plan.differences)

    def notes(self, key: Key) -> tuple[str, ...]:
        """Return what a plan of alarms on this Trail assumes about it."""
        plan = self._plans[key]
        if plan.outcome is Outcome.CREATE:
            return (f"Trail {key.name} has no trail yet: planned with the log group in its spec, for when it has",)
        if self.moves(key):
            return (f"Planned with the log group that Trail {key.name} has after its update",)
        return ()
