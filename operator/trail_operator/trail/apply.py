"""Executes a plan: guard each write, send it, classify the answer of AWS, and remember it."""

from trail_operator.aws.errors import AWSError
from trail_operator.aws.rate_limit import Precondition
from trail_operator.domain.actions import Action
from trail_operator.domain.diff import not_read_again
from trail_operator.domain.failure import Failure, FailureClass, FailureError, NotSentError
from trail_operator.domain.plan import plan
from trail_operator.domain.trail import DesiredTrail
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.kube.events import EventRecorder
from trail_operator.reconcile.consistency_window import ConsistencyWindow
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.logs import logger
from trail_operator.trail.comparison import Comparison
from trail_operator.trail.refusals import Refusals
from trail_operator.trail.results import Progress
from trail_operator.trail.state import TrailState
from trail_operator.trail.status_writer import StatusWriter
from trail_operator.trail.write_guard import WriteGuard


class PlanExecutor:
    """Writes trails to AWS."""

    def __init__(
        self,
        write_guard: WriteGuard,
        refusals: Refusals,
        inventory: AccountInventory,
        writer: StatusWriter,
        events: EventRecorder,
        clock: Clock,
    ) -> None:
        self._write_guard = write_guard
        self._refusals = refusals
        self._inventory = inventory
        self._writer = writer
        self._events = events
        self._clock = clock
        self._window = ConsistencyWindow(clock)

    def due(self, comparison: Comparison, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        """Return the actions to send: all but those that were sent and whose effect AWS does not show yet."""
        state = comparison.state
        if comparison.context.force or not self._window.is_open(state):
            return actions
        pending = state.writes.pending_differences
        due = tuple(action for action in actions if any(entry not in pending for entry in action.differences))
        if actions and actions[0].operation == "CreateTrail":
            return actions if due else ()  # the actions after it have no differences of their own
        return due

    async def execute(self, comparison: Comparison, actions: tuple[Action, ...]) -> Progress:
        """Record the trail's account and region in status, then write to AWS."""
        state, desired, observed = comparison.state, comparison.desired, comparison.observed
        refused = self._refusals.still_valid(comparison, actions)
        if not _is_pinned(state, desired):
            failure = await self._writer.pin_identity(state, comparison.context, desired, observed)
            if failure:
                return Progress(failures=[failure])
        if observed and not observed.unreadable:
            # Before the first write: it may take effect without an answer.
            state.writes.state_before = state.writes.state_before or observed
        progress = Progress(failures=[*refused.values()], not_done={*refused}, refused={**refused})
        await self._send_all(comparison, actions, progress)
        if progress.done:
            self._inventory.on_write(comparison.client, desired.location, desired.arn)
        return progress

    async def record_applied(self, comparison: Comparison, done: list[Action]) -> None:
        """Record the writes that took effect in an Event."""
        state = comparison.state
        drift = state.reads.is_drift(comparison.context.generation)
        await self._events.record_applied(state.body, done, drift=drift, caller=state.reads.drift.caller)

    async def record_confirmed(self, comparison: Comparison) -> None:
        """Record unconfirmed writes whose effect AWS shows now. The next plan repeats those without effect."""
        state, observed = comparison.state, comparison.observed
        unconfirmed, state.writes.unconfirmed = state.writes.unconfirmed, ()
        done = []
        for action, desired in unconfirmed:
            if observed and not_read_again(action.differences, observed.unreadable):
                state.writes.unconfirmed = (*state.writes.unconfirmed, (action, desired))
                continue
            paths = {entry.path for due in plan(desired, observed) for entry in due.differences}
            if action.differences and not paths & {entry.path for entry in action.differences}:
                done.append(action)
        if done:
            await self.record_applied(comparison, done)

    async def _send_all(self, comparison: Comparison, actions: tuple[Action, ...], progress: Progress) -> None:
        """Send the actions in order. A failure stops only the actions that require the failed one."""
        state, desired, observed = comparison.state, comparison.desired, comparison.observed
        read_at = state.reads.last_at if state.reads.last_at is not None else state.started
        owner = observed.owner if observed else None
        for action in actions:
            if action.is_stopped_by(progress.not_done):
                progress.not_done.add(action.operation)
                continue
            precondition = self._write_guard.precondition(
                comparison.state, comparison.context, comparison.client, desired.arn, owner, read_at
            )
            try:
                failure = await self._send(comparison, action, precondition)
            except NotSentError as error:
                progress.failures.append(error.failure)
                break
            if failure is None:
                owner = desired.owner if action.operation in ("CreateTrail", "AddTags") else owner
                progress.done.append(action)
                continue
            if failure.kind is FailureClass.TERMINAL:
                failure = self._refusals.remember(state, action.operation, failure)
                progress.refused[action.operation] = failure
            progress.not_done.add(action.operation)
            progress.failures.append(failure)

    async def _send(self, comparison: Comparison, action: Action, precondition: Precondition) -> Failure | None:
        """Send one write; return why it failed. Raises NotSentError if the guard stopped it."""
        state, desired = comparison.state, comparison.desired
        location = desired.location
        try:
            request_id = await comparison.client.cloudtrail.apply(
                action, location.account, location.region, precondition
            )
        except AWSError as error:
            request_id = error.request_id
            if error.may_have_taken_effect:
                state.writes.record_unconfirmed(action, desired, self._clock.monotonic())
            failure = await self._refusals.explain(comparison, error)
        except NotSentError:
            raise
        except FailureError as error:
            request_id = ""
            failure = error.failure
            if failure.kind is FailureClass.TRANSIENT:
                state.writes.record_unconfirmed(action, desired, self._clock.monotonic())
        else:
            state.writes.last_at = self._clock.monotonic()
            fields = {"operation": action.operation, "arn": desired.arn, "requestID": request_id}
            logger.info(_describe(action), extra=state.about(**fields))
            return None
        logger.warning(
            f"{action.operation} failed: {failure.message}",
            extra=state.about(operation=action.operation, arn=desired.arn, reason=failure.reason, requestID=request_id),
        )
        return failure


def _is_pinned(state: TrailState, desired: DesiredTrail) -> bool:
    """Whether status records this account and region, and no other trail."""
    status, location = state.status, desired.location
    is_here = (status.account_id, status.home_region) == (location.account, location.region)
    return is_here and status.arn in (None, desired.arn)


def _describe(action: Action) -> str:
    changes = ", ".join(f"{entry.path}: {entry.observed} -> {entry.desired}" for entry in action.differences)
    return f"{action.operation} {changes}".strip()
