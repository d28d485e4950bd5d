"""Plans all Trails of manifests or of the cluster, some at a time."""

import asyncio
from collections.abc import Callable, Sequence

from trail_operator.domain.trail_plan import TrailPlan
from trail_operator.inventory.account_client import AccountClients
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.preview.cluster_objects import ClusterObjects, fill_registry, planned_trails
from trail_operator.preview.manifests import Manifests
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.preview.trail_planner import TrailPlanner
from trail_operator.runtime.clock import Clock
from trail_operator.trail.name_claims import NameClaims
from trail_operator.trail.state import TrailState

_AT_ONCE = 12


async def plan_all(
    manifests: Manifests,
    cluster: ClusterObjects,
    settings: OperatorSettings,
    clients: AccountClients,
    clock: Clock,
    on_planned: Callable[[int, int], None] = lambda *_: None,
) -> list[TrailPlan]:
    """Return a plan for each Trail, in the order of the manifests.

    Without manifests these are the Trails of the cluster, but for those that are left to another operator.
    `on_planned`: called with how many of how many.
    """
    values = settings.values
    registry = AccountRegistry(
        clients, default=values.default_account or None, own_identity=values.own_identity, clock=clock
    )
    fill_registry(registry, cluster, manifests.accounts, settings)
    claims = NameClaims(registry.trail_scope, values.namespace, registry.admits)
    states = planned_trails(cluster, manifests.trails, claims, clock.now())
    planner = TrailPlanner(registry, settings, claims, cluster, clock)
    if not manifests.trails:
        states = [state for state in states if not planner.reconciled_elsewhere(state)]
    return await _each(planner, states, on_planned)


async def _each(
    planner: TrailPlanner, states: Sequence[TrailState], on_planned: Callable[[int, int], None]
) -> list[TrailPlan]:
    slots, done = asyncio.Semaphore(_AT_ONCE), 0

    async def plan(state: TrailState) -> TrailPlan:
        nonlocal done
        async with slots:
            found = await planner.plan(state)
        done += 1
        on_planned(done, len(states))
        return found

    return list(await asyncio.gather(*map(plan, states)))
