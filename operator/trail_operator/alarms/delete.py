"""Deletes or releases the filters and alarms of a TrailAlarmSet that is being deleted, by its deletion policy.

Uses only what status records: the Trail and its log group may be gone.
"""

from collections.abc import Collection

from trail_operator.alarms.account import PinnedAccount
from trail_operator.alarms.read import AlarmReader
from trail_operator.alarms.scope import AlarmScope
from trail_operator.alarms.state import AlarmSetState
from trail_operator.alarms.write import AlarmWriter
from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import EventReason
from trail_operator.api.trail import DeletionPolicy
from trail_operator.aws.cancel_scope import ClosedError
from trail_operator.domain.alarms.alarm import ObservedAlarmSet
from trail_operator.domain.alarms.plan import deletion_plan, release_plan
from trail_operator.domain.failure import FailureClass, FailureError, NotSentError
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.reconcile.consistency_window import CONSISTENCY_WINDOW, ConsistencyWindow
from trail_operator.reconcile.release import NotYet, Released
from trail_operator.runtime.clock import Clock
from trail_operator.trail.write_guard import StaleDecisionError


class AlarmSetDeleter:
    """Deletes filters that status records and alarms with the set's owner tag, or removes that tag."""

    def __init__(
        self, account: PinnedAccount, reader: AlarmReader, writer: AlarmWriter, default: DeletionPolicy, clock: Clock
    ) -> None:
        """`default`: the deletion policy of sets without one."""
        self._account = account
        self._reader = reader
        self._writer = writer
        self._default = default
        self._window = ConsistencyWindow(clock)

    async def release(self, state: AlarmSetState, context: ReconcileContext) -> Released | NotYet:
        """Apply the deletion policy. Raises FailureError if AWS or an account prevents that."""
        if state.observe_only:
            return Released("Observed only; nothing to delete")
        if not state.is_on_record:
            return Released("Nothing was created; nothing to delete")
        if state.deletion_policy(self._default) is DeletionPolicy.RETAIN:
            return await self._retain(state, context)
        return await self._delete(state, context)

    async def _delete(self, state: AlarmSetState, context: ReconcileContext) -> Released | NotYet:
        """Delete alarms, then filters. They are deleted once AWS shows none of them any more."""
        scope = await self._account.scope(state)
        observed = await self._reader.read(state, scope, None)
        if await self._send(state, context, scope, observed):
            observed = await self._reader.read(state, scope, None)
        left = deletion_plan(observed, state.pinned_filters, scope.owns)
        deleted = {key.name for key in state.deletion.filters} & state.deletion.alarms
        if left or self._may_be_hidden(state, deleted):
            return NotYet(CONSISTENCY_WINDOW)
        kept = sorted(observed.alarms)
        note = f"Deleted {len(state.deletion.alarms)} alarms and {len(state.deletion.filters)} metric filters"
        return Released(f"{note}. Kept what other owners have: {', '.join(kept)}" if kept else note)

    async def _send(
        self, state: AlarmSetState, context: ReconcileContext, scope: AlarmScope, observed: ObservedAlarmSet
    ) -> bool:
        """Send the deletions; return whether there were any. Raises FailureError for the first that fails."""
        actions = deletion_plan(observed, state.pinned_filters, scope.owns)
        for action in actions:
            if failure := await self._writer.send(state, context, scope, action):
                raise FailureError(failure)
            if action.filter:
                state.deletion.filters.add(action.filter)
            state.deletion.alarms |= set(action.existing_alarms or ())
        return bool(actions)

    def _may_be_hidden(self, state: AlarmSetState, done: Collection[str]) -> bool:
        """Whether AWS may not show everything yet that was created just before the deletion. `done`: names in AWS."""
        is_complete = {key.name for key in state.pinned_filters} <= set(done)
        return not is_complete and self._window.may_be_open(state)

    async def _retain(self, state: AlarmSetState, context: ReconcileContext) -> Released | NotYet:
        """Remove the owner tags, once: that must not block the deletion of the resource."""
        try:
            scope = await self._account.scope(state)
            observed = await self._reader.read(state, scope, None)
            problem = await self._release_all(state, context, scope, observed)
        except (ClosedError, StaleDecisionError):
            raise
        except FailureError as error:
            problem = error.failure.message
        if not problem and self._may_be_hidden(state, state.deletion.alarms):
            return NotYet(CONSISTENCY_WINDOW)
        kept = "Kept the alarms and metric filters"
        if not problem:
            return Released(f"{kept}, and removed the owner tags of the alarms")
        note = f"{kept}. The tag {OWNER_TAG} of their alarms was not removed: {problem}. Remove it manually"
        return Released(note, EventReason.OWNER_TAG_REMOVAL_FAILED)

    async def _release_all(
        self, state: AlarmSetState, context: ReconcileContext, scope: AlarmScope, observed: ObservedAlarmSet
    ) -> str:
        """Remove the owner tag of each alarm once, whatever becomes of the others; return what went wrong first.

        Stops if AWS does not answer, as each of many alarms would take as long.
        """
        problems = []
        for action in release_plan(observed, scope.owns):
            names = set(action.existing_alarms or ())
            if names <= state.deletion.alarms:
                continue
            try:
                failure = await self._writer.send(state, context, scope, action)
            except (ClosedError, StaleDecisionError):
                raise
            except NotSentError as error:
                failure = error.failure
            state.deletion.alarms |= names
            problems += [failure.message] if failure else []
            if failure and failure.kind is FailureClass.TRANSIENT and not failure.request_id:
                break
        return next(iter(problems), "")
