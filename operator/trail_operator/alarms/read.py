"""Reads the filters and alarms of a TrailAlarmSet from AWS. Decides nothing.

Each reconcile reads filters and alarms. Tags of alarms that are the set's are read again only every
`--dependency-resync`: with one call where the operator may call tag:GetResources, else with one for each alarm.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from trail_operator.alarms.scope import AlarmScope
from trail_operator.alarms.state import AlarmSetState, Cached
from trail_operator.api.reasons import Reason
from trail_operator.domain.alarms.alarm import FilterKey, FilterSettings, ObservedAlarm, ObservedAlarmSet
from trail_operator.domain.failure import FailureClass, FailureError, transient
from trail_operator.runtime.clock import Clock

# Seconds after a write in which tag:GetResources may not show new tags yet.
_INDEX_DELAY = 60.0


class AlarmReader:
    """Reads filters and alarms."""

    def __init__(self, clock: Clock, *, dependency_resync: float) -> None:
        """`dependency_resync`: seconds after which tags are read again."""
        self._clock = clock
        self._tags_ttl = dependency_resync

    async def read(
        self, state: AlarmSetState, scope: AlarmScope, log_group: str | None, *, force: bool = False
    ) -> ObservedAlarmSet:
        """Return all filters and alarms in a scope. Raises FailureError.

        `log_group`: the one that must exist. Other log groups that status records may be gone. `force`: whether all
        tags are read again.
        """
        if force:
            state.cache.tags.clear()
        former = {key.log_group for key in state.pinned_filters} - {log_group}
        groups = [*([log_group] if log_group else []), *sorted(former)]
        reads = [self._filters(scope, group, may_be_gone=group in former) for group in groups]
        region = scope.location.region
        alarms, filters = await asyncio.gather(
            scope.client.alarms.observe(scope.prefix, region), asyncio.gather(*reads)
        )
        tagged = await self._with_tags(state, scope, alarms)
        if log_group and (unknown := sorted(alarms.keys() - tagged.keys())):
            message = f"AWS lists alarm {unknown[0]}, but has no tags of it: it was just created or deleted"
            raise FailureError(transient(message))
        state.reads.last_at = self._clock.monotonic()
        return ObservedAlarmSet({key: settings for found in filters for key, settings in found.items()}, tagged)

    async def _filters(
        self, scope: AlarmScope, log_group: str, *, may_be_gone: bool
    ) -> Mapping[FilterKey, FilterSettings]:
        try:
            return await scope.client.filters.observe(log_group, scope.prefix, scope.location.region)
        except FailureError as error:
            if may_be_gone and error.failure.reason is Reason.LOG_GROUP_NOT_FOUND:
                return {}  # DeleteLogGroup deletes the filters as well
            raise

    async def _with_tags(
        self, state: AlarmSetState, scope: AlarmScope, alarms: Mapping[str, ObservedAlarm]
    ) -> dict[str, ObservedAlarm]:
        """Return the alarms with their tags, without those of which AWS has none.

        Those were deleted a moment ago, or somebody has just created them: whose they are is not known.
        """
        now = self._clock.monotonic()
        arns = [alarm.arn for alarm in alarms.values()]
        state.cache.forget_tags(arns, now, self._tags_ttl, scope.owns)
        missing = [arn for arn in arns if arn not in state.cache.tags]
        listable = [arn for arn in missing if arn not in state.cache.doubtful_tags]
        if len(listable) > 1 and (state.writes.last_at is None or now - state.writes.last_at > _INDEX_DELAY):
            listed = await self._listed_tags(scope)
            state.cache.tags |= {arn: Cached(listed[arn], now) for arn in listable if arn in listed}
        # Alarms that the list lacks have another owner or none, or the list is not up to date.
        for arn in missing:
            if arn not in state.cache.tags:
                tags = await scope.client.alarms.tags(arn, scope.location.region)
                if tags is not None:
                    state.cache.tags[arn] = Cached(tags, now)
        read = state.cache.tags
        return {name: replace(alarm, tags=read[alarm.arn].value) for name, alarm in alarms.items() if alarm.arn in read}

    async def _listed_tags(self, scope: AlarmScope) -> Mapping[str, Mapping[str, str]]:
        """Return the tags of all alarms with an owner tag of the set, by ARN; none if the list is not allowed."""
        try:
            return await scope.client.alarms.tags_of_owner(scope.owners, scope.location.region)
        except FailureError as error:
            if error.failure.kind is FailureClass.TRANSIENT:
                raise
            return {}
