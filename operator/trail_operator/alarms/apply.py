"""Executes a plan for filters and alarms: guard each write, send it, classify the answer of AWS, and remember it.

Filters have no tags, so a filter is recorded in status before it is created: what is recorded is this resource's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from trail_operator.alarms.comparison import AlarmComparison
from trail_operator.alarms.resolve import AlarmSetResolver
from trail_operator.alarms.state import Refusal
from trail_operator.alarms.status_writer import AlarmSetStatusWriter
from trail_operator.alarms.write import AlarmWriter
from trail_operator.api.reasons import Reason
from trail_operator.aws.rate_limit import Precondition
from trail_operator.domain.alarms.actions import AlarmAction
from trail_operator.domain.failure import Failure, FailureClass, FailureError, NotSentError, transient
from trail_operator.reconcile.consistency_window import ConsistencyWindow
from trail_operator.runtime.clock import Clock
from trail_operator.trail.write_guard import StaleDecisionError

# Seconds until a refused write is repeated: AWS may refuse it for reasons that the operator cannot see.
_REFUSAL_TTL = 3600.0


@dataclass
class AlarmProgress:
    """How far the execution of a plan has come."""

    done: list[AlarmAction] = field(default_factory=list)
    not_done: set[int] = field(default_factory=set)
    """Positions of writes that failed, or were skipped because they require one that was not done."""
    failures: list[Failure] = field(default_factory=list)
    refused: dict[str, Failure] = field(default_factory=dict)
    """Terminal failures, by operation."""

    def record_failure(self, position: int, action: AlarmAction, failure: Failure) -> None:
        """Record that a write failed."""
        self.not_done.add(position)
        self.failures.append(failure)
        if failure.kind is FailureClass.TERMINAL and failure.reason is Reason.INVALID_SPEC:
            self.refused[action.operation] = failure


class AlarmExecutor:
    """Writes filters and alarms to AWS."""

    def __init__(
        self,
        resolver: AlarmSetResolver,
        writer: AlarmWriter,
        status: AlarmSetStatusWriter,
        reconcile_trail: Callable[[str], None],
        clock: Clock,
    ) -> None:
        """`reconcile_trail`: called with the UID of a Trail whose trail AWS shows otherwise than the Trail."""
        self._reconcile_trail = reconcile_trail
        self._resolver = resolver
        self._writer = writer
        self._status = status
        self._clock = clock
        self._window = ConsistencyWindow(clock)

    def due(self, comparison: AlarmComparison) -> bool:
        """Whether the plan has a write that was not sent yet, or that AWS has had the time to show."""
        pending = comparison.state.writes.pending_differences
        actions = comparison.plan.actions
        if comparison.context.force or not self._window.is_open(comparison.state):
            return bool(actions)
        return any(entry not in pending for action in actions for entry in action.differences)

    async def execute(self, comparison: AlarmComparison) -> AlarmProgress:
        """Verify that the log group is that of the Trail's trail, record what will be created, and write to AWS."""
        progress = AlarmProgress()
        try:
            await self._verify_trail(comparison)
            await self._pin(comparison)
            for position, action in enumerate(comparison.plan.actions):
                await self._send(comparison, position, action, progress)
        except StaleDecisionError as error:
            progress.failures.append(error.failure)
        return progress

    async def _send(
        self, comparison: AlarmComparison, position: int, action: AlarmAction, progress: AlarmProgress
    ) -> None:
        if not progress.not_done.isdisjoint(action.requires):
            progress.not_done.add(position)
            return

        async def still_due() -> None:
            if not self._resolver.is_unchanged(comparison.resolved, comparison.state):
                raise StaleDecisionError(transient("The Trail changed while a write waited"))

        failure = self._known_refusal(comparison, action)
        try:
            failure = failure or await self._write(comparison, action, still_due)
        except StaleDecisionError:
            raise
        except NotSentError as error:
            failure = error.failure
        if failure:
            progress.record_failure(position, action, failure)
        else:
            progress.done.append(action)

    def _known_refusal(self, comparison: AlarmComparison, action: AlarmAction) -> Failure | None:
        """Return why AWS refused the same request within the last hour: it is not sent again yet."""
        known = comparison.state.writes.refused.get((action.operation, *action.alarms))
        if known is None or known.parameters != action.parameters or comparison.context.force:
            return None
        return known.failure if self._clock.monotonic() - known.at < _REFUSAL_TTL else None

    async def _write(self, comparison: AlarmComparison, action: AlarmAction, still_due: Precondition) -> Failure | None:
        state, scope = comparison.state, comparison.resolved.scope
        failure = await self._writer.send(state, comparison.context, scope, action, still_due)
        key = (action.operation, *action.alarms)
        state.writes.refused.pop(key, None)
        if failure and failure.kind is FailureClass.TERMINAL:
            state.writes.refused[key] = Refusal(action.parameters, failure, self._clock.monotonic())
        return failure

    async def _verify_trail(self, comparison: AlarmComparison) -> None:
        """Read owner and log group of the trail again: what the Trail has shown may be as old as a resync."""
        resolved, desired = comparison.resolved, comparison.desired
        trail, arn = resolved.trail, resolved.observed_trail.arn
        try:
            shown = await comparison.client.cloudtrail.log_delivery(arn, desired.location.region)
        except FailureError as error:
            raise StaleDecisionError(error.failure) from None
        known = resolved.observed_trail
        if shown is None or (shown.owner, shown.log_group_arn) != (
            known.owner,
            known.configuration.cloud_watch_logs_log_group_arn,
        ):
            self._reconcile_trail(trail.uid)
            raise StaleDecisionError(transient(f"Waiting for Trail {trail.key.name}, whose trail has changed in AWS"))

    async def _pin(self, comparison: AlarmComparison) -> None:
        """Record in status account, region, names, and the filters to be created, before the first write."""
        puts = [action.filter for action in comparison.plan.actions if action.operation == "PutMetricFilter"]
        filters, identity = frozenset(filter(None, puts)), comparison.resolved.identity
        renames = comparison.state.status.owner_tag is not None and bool(comparison.former_owners)
        if renames:
            # Until all are rewritten, both names are the set's, whichever the cluster has then.
            identity = replace(identity, owner_tag="")
        if renames or not comparison.state.is_pinned(identity, filters):
            failure = await self._status.pin(comparison.state, comparison.context, identity, filters)
            if failure:
                raise StaleDecisionError(failure)
