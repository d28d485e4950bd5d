"""The result of a sync, computed from what it read, wrote and failed to do."""

from dataclasses import dataclass, field, replace

from trail_operator.api.trail_status import Difference
from trail_operator.aws.diagnosis import DeliveryAdvice
from trail_operator.domain.actions import Action
from trail_operator.domain.coverage import coverage_losses
from trail_operator.domain.failure import Failure, FailureClass, combine
from trail_operator.domain.sync_result import SyncResult
from trail_operator.domain.trail import ObservedTrail
from trail_operator.domain.warnings import AdviceBasis
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.reconcile.reachability import Reachability
from trail_operator.trail.comparison import Comparison
from trail_operator.trail.state import TrailState


@dataclass
class Progress:
    """How far the execution of a plan has come."""

    done: list[Action] = field(default_factory=list)
    not_done: set[str] = field(default_factory=set)
    """Operations that failed, or were skipped because they require one that was not done."""
    failures: list[Failure] = field(default_factory=list)
    refused: dict[str, Failure] = field(default_factory=dict)
    """Terminal failures, by operation."""


class SyncResults:
    """Builds results."""

    def __init__(self, inventory: AccountInventory, events: EventRecorder, reachability: Reachability) -> None:
        self._inventory = inventory
        self._events = events
        self._reachability = reachability

    def incomplete(
        self,
        state: TrailState,
        context: ReconcileContext,
        failure: Failure,
        drift: tuple[Difference, ...] = (),
        observed: ObservedTrail | None = None,
    ) -> SyncResult:
        """Return the result of a sync that could not read all of the trail.

        `drift`: differences that are certain even so; `observed`: what was read.
        """
        return self.judged(state, SyncResult.incomplete(context.generation, failure, drift, observed))

    def judged(self, state: TrailState, result: SyncResult) -> SyncResult:
        """Add to a result whether AWS has not answered for long."""
        return replace(result, unreachable=self._reachability.is_unreachable(state, result.failure))

    def partial(self, comparison: Comparison, failure: Failure) -> SyncResult:
        """Return the result of a sync that read a part of the trail. `failure`: why not all."""
        state = comparison.state
        drift = (*comparison.drift, *state.unread_drift(comparison.unread, comparison.context.generation))
        result = self.incomplete(state, comparison.context, failure, drift, comparison.observed)
        return replace(result, dependent=comparison.dependent)

    def with_failures(self, state: TrailState, result: SyncResult, progress: Progress) -> SyncResult:
        """Add the failures of writes to a result that has the failure of reads."""
        failure = combine([*progress.failures, *([result.failure] if result.failure else [])])
        unreachable = self._reachability.is_unreachable(state, failure)
        return replace(result, failure=failure, unreachable=unreachable, refused=progress.refused)

    async def complete(self, comparison: Comparison, progress: Progress | None = None) -> SyncResult:
        """Return the result of a sync that read all of the trail, after the last write. `progress`: of the plan."""
        state, resolved, observed, drift = comparison.state, comparison.resolved, comparison.observed, comparison.drift
        failures = progress.failures if progress else []
        failure = combine(failures) or resolved.key_failure
        if observed is not None and not drift and failure is None:
            state.reads.synced_generation = comparison.context.generation
        if observed is not None:
            is_settled = not drift or (bool(failures) and all(map(_is_lasting, failures)))
            await self._record_coverage_loss(state, observed, is_settled=is_settled and not state.writes.unconfirmed)
        delivery = DeliveryAdvice()
        if observed is not None and observed.failing_destinations:
            delivery = await resolved.client.diagnosis.delivery_advice(comparison.desired, observed)
        desired, found = comparison.desired, (*(failure.advice if failure else ()), *delivery.advice)
        basis = AdviceBasis(resolved.client.name, desired, exists=observed is not None, found=found)
        state.reads.advice_basis = basis
        self._inventory.record(resolved.client, desired.location, desired.arn, observed)
        return SyncResult(
            comparison.context.generation,
            known=True,
            observed=observed,
            drift=drift,
            failure=failure,
            delivery_advice=delivery.message,
            identity=comparison.identity,
            refused=progress.refused if progress else {},
            advice=self._inventory.advice(state, basis),
            dependent=comparison.dependent,
        )

    async def _record_coverage_loss(self, state: TrailState, observed: ObservedTrail, *, is_settled: bool) -> None:
        """Record in an Event what a change has removed from the log, once AWS shows the effect of the change."""
        if state.writes.state_before is None or not is_settled:
            return
        before, state.writes.state_before = state.writes.state_before, None
        if lost := coverage_losses(before, observed):
            await self._events.record_coverage_loss(state.body, lost)


def _is_lasting(failure: Failure) -> bool:
    return failure.kind is not FailureClass.TRANSIENT
