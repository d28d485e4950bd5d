"""Plans all Trails and TrailAlarmSets of manifests or of the cluster, some at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from trail_operator.alarms.state import AlarmSetState
from trail_operator.domain.alarms.set_plan import AlarmSetPlan
from trail_operator.domain.trail_plan import TrailPlan
from trail_operator.inventory.account_client import AccountClients
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.preview.alarm_set_planner import AlarmSetPlanner
from trail_operator.preview.cluster_objects import ClusterObjects, fill_registry, planned_alarm_sets, planned_trails
from trail_operator.preview.manifests import Manifests
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.preview.planned_trails import PlannedTrails
from trail_operator.preview.trail_planner import TrailPlanner
from trail_operator.runtime.clock import Clock
from trail_operator.trail.location import Locator
from trail_operator.trail.name_claims import NameClaims
from trail_operator.trail.state import TrailState

_AT_ONCE = 12
S = TypeVar("S", TrailState, AlarmSetState)
P = TypeVar("P")


@dataclass(frozen=True)
class Plans:
    """The plans of all objects, in the order of the manifests."""

    trails: tuple[TrailPlan, ...]
    alarm_sets: tuple[AlarmSetPlan, ...] = ()


async def plan_all(
    manifests: Manifests,
    cluster: ClusterObjects,
    settings: OperatorSettings,
    clients: AccountClients,
    clock: Clock,
    on_planned: Callable[[int, int], None] = lambda *_: None,
) -> Plans:
    """Return a plan for each Trail and TrailAlarmSet of the manifests.

    Without manifests these are those of the cluster, but for those that are left to another operator.
    `on_planned`: called with how many of how many.
    """
    values = settings.values
    registry = AccountRegistry(
        clients, default=values.default_account or None, own_identity=values.own_identity, clock=clock
    )
    fill_registry(registry, cluster, manifests.accounts, settings)
    claims = NameClaims(registry.trail_scope, values.namespace, registry.admits)
    given, others = planned_trails(cluster, manifests.trails, claims, clock.now())
    alarm_sets = planned_alarm_sets(cluster, manifests, clock.now())
    planner = TrailPlanner(registry, settings, claims, cluster, clock)
    shown = given if manifests else [state for state in others if not planner.reconciled_elsewhere(state)]
    named = {state.trail_key for state in alarm_sets} - {state.key for state in shown}
    hidden = [state for state in others if state.key in named]
    progress = _Progress(len(shown) + len(hidden) + len(alarm_sets), on_planned)
    plans = await progress.each(planner.plan, [*shown, *hidden])
    of_trails = {state.key: plan for state, plan in zip([*shown, *hidden], plans, strict=True)}
    trails = PlannedTrails([*given, *others], of_trails, Locator(settings.cluster))
    alarm_planner = AlarmSetPlanner(registry, settings, trails, cluster, clock)
    if not manifests:
        alarm_sets = [state for state in alarm_sets if not alarm_planner.reconciled_elsewhere(state)]
    return Plans(tuple(plans[: len(shown)]), tuple(await progress.each(alarm_planner.plan, alarm_sets)))


class _Progress:
    """Plans some objects at a time, and reports how many are planned."""

    def __init__(self, count: int, on_planned: Callable[[int, int], None]) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._count, self._done = count, 0
        self._on_planned = on_planned

    async def each(self, plan: Callable[[S], Awaitable[P]], states: Sequence[S]) -> list[P]:
        """Return the plan of each object."""

        async def one(state: S) -> P:
            async with self._slots:
                found = await plan(state)
            self._done += 1
            self._on_planned(self._done, self._count)
            return found

        return list(await asyncio.gather(*map(one, states)))
