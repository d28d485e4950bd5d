"""What else a plan says about a trail: its dependencies, and warnings."""

import asyncio
from dataclasses import dataclass

from trail_operator.api.reasons import Reason
from trail_operator.api.trail import DeletionPolicy
from trail_operator.aws.diagnosis.dependencies import judge_dependencies
from trail_operator.domain.annotations import ignored_annotations
from trail_operator.domain.arns import Location
from trail_operator.domain.conditions import State
from trail_operator.domain.dependencies import DependentTrail, dependencies_state, not_evaluated
from trail_operator.domain.failure import FailureError
from trail_operator.domain.inventory_snapshot import InventorySnapshot, PeerTrail
from trail_operator.domain.sync_result import SyncResult
from trail_operator.domain.texts import sentences
from trail_operator.domain.warnings import Advice, advise
from trail_operator.inventory.account_client import AccountClient
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.trail.comparison import Comparison

# Seconds. What several trails depend on is read once.
_MAX_AGE = 3600.0


@dataclass(frozen=True)
class Found:
    """What was found about one trail."""

    dependencies: State
    warnings: tuple[Advice, ...]


class Findings:
    """Judges dependencies, and collects warnings. Lists the trails of each account once."""

    def __init__(self, settings: OperatorSettings) -> None:
        self._deletion_policy = DeletionPolicy(settings.values.default_deletion_policy)
        self._snapshots: dict[str | None, asyncio.Task[InventorySnapshot]] = {}

    async def of(self, comparison: Comparison) -> Found:
        """Return what is found about the trail that a spec asks for."""
        dependencies, warnings = await asyncio.gather(
            _dependencies(comparison.client, comparison.dependent), self._warnings(comparison)
        )
        return Found(dependencies, warnings)

    async def of_observed(self, client: AccountClient, result: SyncResult) -> State | None:
        """Return whether the dependencies of a trail that is only observed let CloudTrail deliver."""
        return await _dependencies(client, result.dependent) if result.dependent else None

    async def _warnings(self, comparison: Comparison) -> tuple[Advice, ...]:
        state = comparison.state
        about = ignored_annotations(state.annotations, state.manifest.get("deletionPolicy"), self._deletion_policy)
        found = [about] if about else []
        trails: tuple[PeerTrail, ...] = ()
        unread = ""
        try:
            snapshot = await self._snapshot(comparison.client, comparison.desired.location)
            trails, unread = snapshot.trails or (), sentences(snapshot.access_errors)
        except FailureError as error:
            unread = error.failure.message
        found += advise(comparison.desired, trails, exists=comparison.observed is not None)
        if unread:
            found.append(Advice(Reason.NOT_EVALUATED, f"Not all other trails of the account were read: {unread}"))
        return tuple(found)

    async def _snapshot(self, client: AccountClient, location: Location) -> InventorySnapshot:
        if client.name not in self._snapshots:
            self._snapshots[client.name] = asyncio.create_task(client.lister.of(location))
        return await asyncio.shield(self._snapshots[client.name])


async def _dependencies(client: AccountClient, trail: DependentTrail) -> State:
    judged = await judge_dependencies(client.dependencies.reads(_MAX_AGE), trail)
    state = dependencies_state(trail, judged.found, judged.unanswered)
    return state or not_evaluated(sentences(failure.message for failure in judged.unanswered))
