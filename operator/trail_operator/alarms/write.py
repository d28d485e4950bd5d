"""Sends one write to a filter or an alarm, for syncs and for deletions, after the last checks right before it."""

from trail_operator.alarms.scope import AlarmScope
from trail_operator.alarms.state import AlarmSetState, Cached
from trail_operator.aws.error_codes import NOT_FOUND
from trail_operator.aws.errors import AWSError
from trail_operator.aws.rate_limit import Precondition, no_precondition
from trail_operator.domain.alarms.actions import AlarmAction
from trail_operator.domain.alarms.ownership import alarm_conflict
from trail_operator.domain.failure import Failure, FailureClass, FailureError, NotSentError, transient
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.logs import logger
from trail_operator.trail.write_guard import StaleDecisionError

_DELETIONS = ("DeleteMetricFilter", "DeleteAlarms")


class AlarmWriter:
    """Writes filters and alarms. Alarms without an owner tag of the set are never written."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def send(
        self,
        state: AlarmSetState,
        context: ReconcileContext,
        scope: AlarmScope,
        action: AlarmAction,
        still_due: Precondition = no_precondition,
    ) -> Failure | None:
        """Send one write; return why it failed. Raises NotSentError if nothing was sent."""

        def check_requested_state() -> None:
            if state.requested_state != context.requested_state:
                raise StaleDecisionError(transient("The TrailAlarmSet changed while a write waited"))

        async def check() -> None:
            check_requested_state()
            await still_due()
            await self._check_owner(state, scope, action)
            check_requested_state()

        fields = {"operation": action.operation, "alarms": ", ".join(action.alarms)}
        try:
            request_id = await scope.client.alarms.apply(action, scope.location, check)
        except NotSentError:
            raise
        except FailureError as error:
            failure = error.failure
            if not isinstance(error, AWSError) or error.may_have_taken_effect:
                self._record_write(state, action)
            if isinstance(error, AWSError) and error.code in NOT_FOUND and action.operation in _DELETIONS:
                return None
            extra = state.about(**fields, reason=failure.reason, requestID=failure.request_id)
            logger.warning(f"{action.operation} failed: {failure.message}", extra=extra)
            return failure
        self._record_write(state, action)
        self._record_tags(state, scope, action)
        changes = ", ".join(f"{entry.path}: {entry.observed} -> {entry.desired}" for entry in action.differences)
        logger.info(f"{action.operation} {changes}".strip(), extra=state.about(**fields, requestID=request_id))
        return None

    def _record_write(self, state: AlarmSetState, action: AlarmAction) -> None:
        state.writes.last_at = self._clock.monotonic()
        for arn in (action.existing_alarms or {}).values():
            state.cache.tags.pop(arn, None)

    def _record_tags(self, state: AlarmSetState, scope: AlarmScope, action: AlarmAction) -> None:
        """Record the tags of an alarm that was created, unless `_check_owner` has found it: AWS ignores tags then."""
        if _is_creation(action):
            tags = {tag["Key"]: tag["Value"] for tag in action.parameters.get("Tags", ())}
            state.cache.tags.setdefault(_created_arn(scope, action), Cached(tags, self._clock.monotonic()))

    async def _check_owner(self, state: AlarmSetState, scope: AlarmScope, action: AlarmAction) -> None:
        """Read the owner tags of the alarms that are written.

        Also of an alarm that is to be created: PutMetricAlarm would replace one that was created a moment ago, or that
        an incomplete response did not show. Raises NotSentError if one belongs to somebody else, or may not be read.
        """
        is_new = _is_creation(action)
        alarms = {action.parameters["AlarmName"]: _created_arn(scope, action)} if is_new else action.existing_alarms
        for name, arn in (alarms or {}).items():
            try:
                tags = await scope.client.alarms.tags(arn, scope.location.region)
            except FailureError as error:
                is_passing = error.failure.kind is FailureClass.TRANSIENT
                raise (StaleDecisionError if is_passing else NotSentError)(error.failure) from None
            if tags is None and is_new:
                continue
            if tags is None:
                raise StaleDecisionError(transient(f"Alarm {name} was deleted while a write waited"))
            state.cache.tags[arn] = Cached(tags, self._clock.monotonic())
            if not scope.owns(tags):
                raise NotSentError(alarm_conflict(name, owner=scope.owner))


def _is_creation(action: AlarmAction) -> bool:
    """Whether a write creates an alarm."""
    return action.operation == "PutMetricAlarm" and not action.existing_alarms


def _created_arn(scope: AlarmScope, action: AlarmAction) -> str:
    """Return the ARN of the alarm that a write creates."""
    return scope.location.alarm_arn(action.parameters["AlarmName"])
