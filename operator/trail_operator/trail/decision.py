"""Decides what a sync writes, from what it has read. Writes nothing: `trail-operator plan` ends here."""

from dataclasses import dataclass

from trail_operator.domain.actions import Action
from trail_operator.domain.failure import Failure
from trail_operator.domain.plan import plan, restart
from trail_operator.domain.sync_result import SyncResult
from trail_operator.trail.checks import WriteChecks
from trail_operator.trail.comparison import Comparison
from trail_operator.trail.read import Reading


@dataclass(frozen=True)
class Decision:
    """What a sync is to write, or why nothing."""

    comparison: Comparison
    actions: tuple[Action, ...] = ()
    """The writes in order; none if the trail matches the spec."""
    blocked: SyncResult | None = None
    """The result of a sync that may write nothing."""
    unread: Failure | None = None
    """Why the trail was read only in part."""
    ends_reads: bool = False
    """Whether the reads that failed do not matter."""


class WriteDecider:
    """Decides what to write to trails."""

    def __init__(self, checks: WriteChecks) -> None:
        self._checks = checks

    def decide(self, reading: Reading) -> Decision:
        """Check whether the trail may be written, and plan the writes."""
        comparison = reading.comparison
        if reading.failure:
            return self._restart(comparison, reading.failure)
        if blocked := self._checks.evaluate(comparison):
            return Decision(comparison, blocked=blocked)
        if comparison.observed is None and comparison.resolved.key_failure:
            return Decision(comparison)  # a trail is not created without its key
        return Decision(comparison, plan(comparison.desired, comparison.observed))

    def _restart(self, comparison: Comparison, failure: Failure) -> Decision:
        """Start a trail that is stopped even if it was read only in part: a stopped trail records nothing.

        Nothing else is written: it could overwrite what was not read.
        """
        observed = comparison.observed
        if "tags" not in comparison.unread and (blocked := self._checks.belongs_to_other_owner(comparison)):
            # The other reads of another owner's trail do not matter.
            return Decision(comparison, blocked=blocked, ends_reads=True)
        if observed is None or not self._checks.is_own_as_far_as_read(comparison):
            return Decision(comparison, blocked=SyncResult.incomplete(comparison.context.generation, failure))
        if self._checks.owner_may_be_stale(comparison):
            return Decision(comparison, unread=failure)
        return Decision(comparison, restart(comparison.desired, observed), unread=failure)
