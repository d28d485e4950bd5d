"""Resolves a TrailAlarmSet: its Trail, the account, the log group that AWS reports, and the desired filters and alarms.

Makes no call but to STS: what AWS reports of the trail is what the last complete read of its Trail has shown.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from trail_operator.alarms.managed_trail import TrailSource
from trail_operator.alarms.scope import AlarmScope
from trail_operator.alarms.state import AlarmSetState
from trail_operator.api.constants import PAUSED
from trail_operator.api.reasons import Reason
from trail_operator.api.trail_alarm_set import TrailAlarmSetSpec
from trail_operator.domain.account_policy import check_actions
from trail_operator.domain.alarms.alarm import DesiredAlarmSet
from trail_operator.domain.alarms.desired import action_arns, alarm_problems, desired_alarms
from trail_operator.domain.alarms.log_group import trail_log_group
from trail_operator.domain.alarms.result import AlarmSetIdentity
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.domain.trail import ObservedTrail
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.kube.client import Key
from trail_operator.settings import Settings
from trail_operator.trail.controller import TrailStore
from trail_operator.trail.location import Locator
from trail_operator.trail.state import TrailState


@dataclass(frozen=True)
class ResolvedAlarmSet:
    """A resolved TrailAlarmSet."""

    spec: TrailAlarmSetSpec
    trail: TrailState
    observed_trail: ObservedTrail
    scope: AlarmScope
    desired: DesiredAlarmSet

    @property
    def identity(self) -> AlarmSetIdentity:
        """What status records before the first write."""
        scope = self.scope
        return AlarmSetIdentity(scope.location.account, scope.client.name, scope.location.region, scope.prefix)


class AlarmSetResolver:
    """Resolves TrailAlarmSets."""

    def __init__(
        self,
        trails: TrailStore,
        registry: AccountRegistry,
        locator: Locator,
        managed: TrailSource,
        settings: Settings,
    ) -> None:
        self._trails = trails
        self._managed = managed
        self._registry = registry
        self.locator = locator
        self._allowed_actions = tuple(settings.allowed_action_arns)
        """Patterns of the topics that the operator's own identity may use."""
        self._ignored_tags = tuple(settings.ignore_tags)

    async def resolve(self, state: AlarmSetState) -> ResolvedAlarmSet:
        """Resolve the spec. Raises FailureError if nothing may be written, or AWS does not answer."""
        spec = state.spec
        _check_spec(spec)
        trail = self.trail_of(state)
        with _about(trail):
            client = self._registry.client_for(trail)
        observed = await self._managed.observed(state, trail, client)
        arn = Arn.parse(observed.arn)
        with _about(trail):
            location = await self.locator.location(trail, client, arn.region)
        _check_pins(state, location)
        log_group = trail_log_group(trail.key.name, observed, location)
        if isinstance(log_group, Failure):
            raise FailureError(log_group)
        _check_spec(spec, location)
        allowed = client.spec.allowed_action_arns if client.spec else self._allowed_actions
        if refusal := check_actions(action_arns(spec), allowed, client.name):
            raise FailureError(refusal)
        prefix = state.name_prefix or f"{self.locator.cluster.name}/{state.key}/"
        alarms = desired_alarms(spec, name_prefix=prefix, trail_name=arn.name, set_name=state.key.name)
        owner, owners = self.locator.cluster.owner_tag(str(state.key)), self.owners(state)
        desired = DesiredAlarmSet(
            location,
            log_group,
            prefix,
            alarms,
            owner,
            owners - {owner},
            {tag.key: tag.value for tag in spec.tags},
            self._ignored_tags,
        )
        return ResolvedAlarmSet(spec, trail, observed, AlarmScope(client, location, prefix, owner, owners), desired)

    def trail_of(self, state: AlarmSetState) -> TrailState:
        """Return the Trail of a set. Raises FailureError if it is gone or paused."""
        name = state.trail_name
        trail = self._trails.get(Key(state.key.namespace, name))
        where = f"in namespace {state.key.namespace}"
        if trail is None:
            raise _dependency(Reason.TRAIL_NOT_FOUND, f"Trail {name} does not exist {where}: create it")
        if trail.deleting:
            raise _dependency(Reason.TRAIL_NOT_FOUND, f"Trail {name} {where} is being deleted: create it again")
        if trail.paused:
            message = f"Trail {name} is paused by its annotation {PAUSED}; remove the annotation to resume"
            raise FailureError(Failure(FailureClass.DEPENDENCY, Reason.PAUSED, message))
        return trail

    def owners(self, state: AlarmSetState) -> frozenset[str]:
        """Return every owner tag that identifies an alarm as this set's."""
        return self.locator.cluster.owner_tags(str(state.key), state.status.owner_tag)

    def is_unchanged(self, resolved: ResolvedAlarmSet, state: AlarmSetState) -> bool:
        """Whether the Trail is still as it was resolved, so that a write that has waited may be sent."""
        try:
            trail = self.trail_of(state)
        except FailureError:
            return False
        shown = trail.reads.observed
        return trail is resolved.trail and (shown is None or _delivery(shown) == _delivery(resolved.observed_trail))


@contextmanager
def _about(trail: TrailState) -> Iterator[None]:
    """Have a failure name the Trail that it is about: its message says what to change in spec or status of that."""
    try:
        yield
    except FailureError as error:
        failure = error.failure
        raise FailureError(replace(failure, message=f"Trail {trail.key.name}: {failure.message}")) from None


def _check_spec(spec: TrailAlarmSetSpec, location: Location | None = None) -> None:
    """Raise FailureError if a spec cannot work. `location`: of the log group, if it is known."""
    if problem := alarm_problems(spec, location):
        raise FailureError(Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, f"spec: {problem}"))


def _delivery(observed: ObservedTrail) -> tuple[object, ...]:
    return observed.arn, observed.owner, observed.configuration.cloud_watch_logs_log_group_arn


def _check_pins(state: AlarmSetState, location: Location) -> None:
    """Raise FailureError if status records another account or region."""
    status = state.status
    for what, pinned, present, reason in (
        ("accountID", status.account_id, location.account, Reason.IDENTITY_MISMATCH),
        ("region", status.region, location.region, Reason.WRONG_HOME_REGION),
    ):
        if pinned not in (None, present):
            message = (
                f"status.{what} records {pinned}, but the trail is in {present}; nothing was written. "
                "Delete this TrailAlarmSet, which deletes its alarms where they are, and create it again"
            )
            raise FailureError(Failure(FailureClass.TERMINAL, reason, message))


def _dependency(reason: Reason, message: str) -> FailureError:
    return FailureError(Failure(FailureClass.DEPENDENCY, reason, message))
