"""Decides what a sync of a TrailAlarmSet writes: resolve, read, check, plan. `trail-operator plan` ends here."""

from dataclasses import dataclass

from trail_operator.alarms.checks import AlarmChecks
from trail_operator.alarms.comparison import AlarmComparison
from trail_operator.alarms.read import AlarmReader
from trail_operator.alarms.resolve import AlarmSetResolver, ResolvedAlarmSet
from trail_operator.alarms.state import AlarmSetState
from trail_operator.domain.alarms.place import AlarmPlace
from trail_operator.domain.attribution import trail_ref
from trail_operator.domain.failure import Failure
from trail_operator.kube.object_state import ReconcileContext


@dataclass(frozen=True)
class AlarmDecision:
    """What a sync is to write, which is the plan of the comparison, or why nothing."""

    comparison: AlarmComparison
    blocked: Failure | None = None
    """Why nothing may be written."""


class AlarmDecider:
    """Reads what a TrailAlarmSet has in AWS, and decides what is written. Writes nothing."""

    def __init__(self, resolver: AlarmSetResolver, reader: AlarmReader, checks: AlarmChecks) -> None:
        self._resolver = resolver
        self._reader = reader
        self._checks = checks

    async def read(self, state: AlarmSetState, context: ReconcileContext) -> AlarmComparison:
        """Resolve the spec, and read filters and alarms.

        Raises FailureError if the spec cannot be resolved, or AWS does not answer.
        """
        return await self._read(state, context, await self._resolver.resolve(state))

    async def read_again(self, comparison: AlarmComparison) -> AlarmComparison:
        """Return the comparison with filters and alarms as AWS shows them now. Raises FailureError."""
        return await self._read(comparison.state, comparison.context, comparison.resolved)

    async def decide(self, comparison: AlarmComparison) -> AlarmDecision:
        """Check whether anything may be written. Raises FailureError if AWS does not answer."""
        return AlarmDecision(comparison, await self._checks.evaluate(comparison))

    async def _read(
        self, state: AlarmSetState, context: ReconcileContext, resolved: ResolvedAlarmSet
    ) -> AlarmComparison:
        location, desired = resolved.scope.location, resolved.desired
        groups, trail = frozenset({desired.log_group}), trail_ref(resolved.observed_trail.arn)
        if state.reads.place and state.reads.place.trail != trail:
            state.reads.synced = None  # the names of the metrics follow from that of the trail: that is no drift
        state.reads.place = AlarmPlace(location.account, location.region, resolved.scope.prefix, groups, trail)
        observed = await self._reader.read(state, resolved.scope, desired.log_group, force=context.force)
        return AlarmComparison(state, context, resolved, observed)
