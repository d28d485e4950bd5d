"""The plan: which writes turn the filters and alarms in AWS into those of a TrailAlarmSet, in which order and why.

A plan is a value. After it was applied, planning again returns an empty plan. A filter is created before its alarm and
deleted after it, so that no alarm watches a metric that nothing feeds. When the log group has changed, each filter is
created in the new one before that in the old one is deleted. What the set does not own is in no action.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.trail_status import Difference
from trail_operator.domain.alarms.actions import AlarmAction
from trail_operator.domain.alarms.alarm import DesiredAlarm, DesiredAlarmSet, FilterKey, ObservedAlarm, ObservedAlarmSet
from trail_operator.domain.alarms.diff import (
    about_tags,
    alarm_differences,
    filter_differences,
    spec_name,
    superfluous_alarm_difference,
    superfluous_alarms,
    superfluous_filter_difference,
    superfluous_filters,
    tag_differences,
)
from trail_operator.domain.alarms.ownership import (
    Owns,
    Standing,
    alarm_conflict,
    alarm_standing,
    filter_conflict,
    filter_standing,
    has_other_owner,
)
from trail_operator.domain.alarms.parameters import (
    delete_alarms_parameters,
    delete_filter_parameters,
    put_alarm_parameters,
    put_filter_parameters,
    tag_parameters,
    untag_parameters,
)
from trail_operator.domain.failure import Failure

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html
_MOST_DELETED = 100


@dataclass(frozen=True)
class AlarmPlan:
    """The writes to make, and what prevents others."""

    actions: tuple[AlarmAction, ...]
    conflicts: tuple[Failure, ...] = ()
    """Filters and alarms with names of the set that belong to others."""
    unread: tuple[ObservedAlarm, ...] = ()
    """Alarms whose owner decides what is written, and whose tags were not read: read them, and plan again."""

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What the writes remove. What conflicts prevent is not among them."""
        return tuple(dict.fromkeys(entry for action in self.actions for entry in action.differences))


def plan(desired: DesiredAlarmSet, observed: ObservedAlarmSet, pinned: Collection[FilterKey]) -> AlarmPlan:
    """Return the writes that make AWS match the spec. `pinned`: the filters that status records."""
    planning = _Planning(desired, observed, frozenset(pinned))
    for wanted in desired.alarms:
        planning.change(wanted)
    planning.delete()
    return AlarmPlan(tuple(planning.actions), tuple(planning.conflicts), tuple(planning.unread))


def deletion_plan(observed: ObservedAlarmSet, pinned: Collection[FilterKey], owns: Owns) -> tuple[AlarmAction, ...]:
    """Return the deletion of all alarms of the set, then of exactly the filters that status records.

    Alarms whose tags were not read are left: their filters stay as well. So do filters of alarms that another owner has
    taken over, such as another cluster to which this resource was moved.
    """
    standings = {name: alarm_standing(alarm, owns) for name, alarm in observed.alarms.items()}
    owned = [alarm for name, alarm in sorted(observed.alarms.items()) if standings[name] is Standing.OWN]
    actions = list(_delete_alarms((alarm, alarm.name, ()) for alarm in owned))
    kept = {name for name, standing in standings.items() if standing is Standing.UNKNOWN}
    kept |= {name for name, alarm in observed.alarms.items() if has_other_owner(alarm, owns)}
    for key in sorted(pinned):
        if key in observed.filters and key.name not in kept:
            actions.append(_delete_filter(key, key.name, (), _positions(actions, key.name)))
    return tuple(actions)


def release_plan(observed: ObservedAlarmSet, owns: Owns) -> tuple[AlarmAction, ...]:
    """Return the removal of the owner tag from all alarms of the set, which are kept with their filters."""
    return tuple(
        AlarmAction(
            "UntagResource", untag_parameters(alarm.arn, [OWNER_TAG]), (name,), existing_alarms={name: alarm.arn}
        )
        for name, alarm in sorted(observed.alarms.items())
        if alarm_standing(alarm, owns) is Standing.OWN
    )


@dataclass
class _Planning:
    """A plan in the making."""

    desired: DesiredAlarmSet
    observed: ObservedAlarmSet
    pinned: frozenset[FilterKey]
    actions: list[AlarmAction] = field(default_factory=list)
    conflicts: list[Failure] = field(default_factory=list)
    unread: list[ObservedAlarm] = field(default_factory=list)

    def change(self, wanted: DesiredAlarm) -> None:
        """Add the writes for a filter and its alarm. The set corrects its own even if others own the other."""
        key = FilterKey(self.desired.log_group, wanted.full_name)
        settings, alarm = self.observed.filters.get(key), self.observed.alarms.get(wanted.full_name)
        of_filter = filter_standing(key, exists=settings is not None, pinned=self.pinned)
        of_alarm = alarm_standing(alarm, self.desired.owns)
        if of_filter is Standing.OTHERS:
            self.conflicts.append(filter_conflict(key))
        if alarm and of_alarm is Standing.OTHERS:
            is_composite = alarm.settings is None
            self.conflicts.append(alarm_conflict(alarm.name, owner=self.desired.owner, is_composite=is_composite))
        can_create = Standing.OTHERS not in (of_filter, of_alarm)
        if of_filter is Standing.OWN or (of_filter is Standing.ABSENT and can_create):
            self._put_filter(wanted, key, filter_differences(wanted, settings, alarm))
        if of_alarm is Standing.ABSENT and can_create:
            self._create_alarm(wanted, alarm_differences(wanted, None, settings))
        elif alarm and of_alarm is Standing.OWN:
            self._update_alarm(wanted, alarm)
        elif alarm and of_alarm is Standing.UNKNOWN and alarm_differences(wanted, alarm, settings):
            self.unread.append(alarm)

    def delete(self) -> None:
        """Add the deletion of what the spec no longer has: alarms before their filters."""
        extra = superfluous_alarms(self.desired, self.observed)
        standings = {alarm.name: alarm_standing(alarm, self.desired.owns) for alarm in extra}
        self.unread += [alarm for alarm in extra if standings[alarm.name] is Standing.UNKNOWN]
        self.actions += _delete_alarms(
            (alarm, spec_name(self.desired, alarm.name), (superfluous_alarm_difference(self.desired, alarm),))
            for alarm in extra
            if standings[alarm.name] is Standing.OWN
        )
        for key in superfluous_filters(self.desired, self.observed, self.pinned):
            if standings.get(key.name) is not Standing.UNKNOWN and not self._is_still_needed(key):
                changed = (superfluous_filter_difference(self.desired, key),)
                name = spec_name(self.desired, key.name)
                self.actions.append(_delete_filter(key, name, changed, _positions(self.actions, name)))

    def _is_still_needed(self, key: FilterKey) -> bool:
        """Whether a filter in a former log group has no successor yet, because others have one of that name."""
        successor = FilterKey(self.desired.log_group, key.name)
        is_wanted = any(wanted.full_name == key.name for wanted in self.desired.alarms)
        is_created = any(action.filter == successor for action in self.actions)
        has_successor = successor in self.pinned and successor in self.observed.filters
        return is_wanted and not is_created and not has_successor

    def _put_filter(self, wanted: DesiredAlarm, key: FilterKey, changed: tuple[Difference, ...]) -> None:
        if changed:
            parameters = put_filter_parameters(key, wanted.filter)
            self.actions.append(AlarmAction("PutMetricFilter", parameters, (wanted.name,), changed, filter=key))

    def _create_alarm(self, wanted: DesiredAlarm, changed: tuple[Difference, ...]) -> None:
        # PutMetricAlarm sends the tags, so that the alarm is recognized if the response is lost.
        tags = {**self.desired.tags, OWNER_TAG: self.desired.owner}
        parameters = put_alarm_parameters(wanted.full_name, wanted.alarm, tags)
        first = _positions(self.actions, wanted.name)
        self.actions.append(AlarmAction("PutMetricAlarm", parameters, (wanted.name,), changed, requires=first))

    def _update_alarm(self, wanted: DesiredAlarm, alarm: ObservedAlarm) -> None:
        existing = {alarm.name: alarm.arn}
        if changed := alarm_differences(wanted, alarm, wanted.filter):
            parameters = put_alarm_parameters(wanted.full_name, wanted.alarm)
            self.actions.append(
                AlarmAction("PutMetricAlarm", parameters, (wanted.name,), changed, existing_alarms=existing)
            )
        tags = alarm.tags or {}
        wrong = tag_differences(self.desired, wanted, alarm)
        keys = [key for key in {*tags, *self.desired.tags} if about_tags(wrong, wanted.name, [key])]
        removed = sorted(key for key in keys if key not in self.desired.tags)
        if removed:  # before others are added, to stay below the limit of 50
            parameters = untag_parameters(alarm.arn, removed)
            about = about_tags(wrong, wanted.name, removed)
            self.actions.append(
                AlarmAction("UntagResource", parameters, (wanted.name,), about, existing_alarms=existing)
            )
        added = {key: self.desired.tags[key] for key in keys if key in self.desired.tags}
        if added or tags.get(OWNER_TAG) != self.desired.owner:
            if tags.get(OWNER_TAG) != self.desired.owner:
                added[OWNER_TAG] = self.desired.owner
            parameters = tag_parameters(alarm.arn, added)
            about = about_tags(wrong, wanted.name, added)
            self.actions.append(AlarmAction("TagResource", parameters, (wanted.name,), about, existing_alarms=existing))


def _delete_alarms(alarms: Iterable[tuple[ObservedAlarm, str, tuple[Difference, ...]]]) -> Iterator[AlarmAction]:
    """Yield the deletion of alarms, each with its name in the spec and the difference that its deletion removes."""
    entries = list(alarms)
    for start in range(0, len(entries), _MOST_DELETED):
        batch = entries[start : start + _MOST_DELETED]
        existing = {alarm.name: alarm.arn for alarm, _, _ in batch}
        changed = tuple(entry for _, _, differences in batch for entry in differences)
        names = tuple(name for _, name, _ in batch)
        yield AlarmAction("DeleteAlarms", delete_alarms_parameters(existing), names, changed, existing_alarms=existing)


def _delete_filter(
    key: FilterKey, name: str, changed: tuple[Difference, ...], requires: tuple[int, ...]
) -> AlarmAction:
    parameters = delete_filter_parameters(key)
    return AlarmAction("DeleteMetricFilter", parameters, (name,), changed, filter=key, requires=requires)


def _positions(actions: Iterable[AlarmAction], name: str) -> tuple[int, ...]:
    """Return where a plan creates or deletes what something else of that name depends on."""
    return tuple(
        at
        for at, action in enumerate(actions)
        if name in action.alarms and action.operation in ("PutMetricFilter", "DeleteAlarms")
    )
