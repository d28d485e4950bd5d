"""Warnings about a TrailAlarmSet: alarms that are as the spec has them, and yet notify nobody or never change state.

They are reported on a condition that never affects Ready.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto

from trail_operator.api.reasons import Reason
from trail_operator.domain.alarms.alarm import DesiredAlarmSet
from trail_operator.domain.alarms.presets import PRESET_ALARMS, PresetAlarm
from trail_operator.domain.selectors import may_record_management_event
from trail_operator.domain.texts import listed
from trail_operator.domain.trail import GLOBAL_REGIONS, ObservedTrail, records_global_events
from trail_operator.domain.warnings import Advice

# A message names so many alarms: those of all presets.
_MOST_NAMES = len(PRESET_ALARMS)
_PRESETS = {alarm.name: alarm for alarm in PRESET_ALARMS}
_EVENT_NAMES = re.compile(r'\$\.eventName ?= ?"?([A-Za-z]+)')
# Their events are recorded in one region of the partition:
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
_ORGANIZATIONS = "organizations.amazonaws.com"
_GLOBAL_SOURCES = frozenset({"iam.amazonaws.com", _ORGANIZATIONS})


class TopicState(Enum):
    """What is known of a topic."""

    SUBSCRIBED = auto()
    WITHOUT_SUBSCRIBER = auto()
    """It has no confirmed subscription."""
    NOT_FOUND = auto()
    UNKNOWN = auto()
    """It may not be read."""


def alarm_advice(
    desired: DesiredAlarmSet, trail: ObservedTrail, topics: Mapping[str, TopicState]
) -> tuple[Advice, ...]:
    """Return all warnings, the most important first. `topics`: what is known of the topics in actions, by ARN."""
    found = (
        _not_logging(desired, trail),
        _not_recorded(desired, trail),
        _topics_not_found(desired, topics),
        _topics_without_subscriber(desired, topics),
        _no_action(desired),
    )
    return tuple(advice for advice in found if advice)


def _no_action(desired: DesiredAlarmSet) -> Advice | None:
    silent = [alarm.name for alarm in desired.alarms if not alarm.alarm.alarm_actions]
    disabled = [alarm.name for alarm in desired.alarms if alarm.alarm.alarm_actions and not alarm.alarm.actions_enabled]
    messages = []
    if silent:
        messages.append(
            f"These alarms notify nobody: {_named(silent)}. Set spec.actions.alarm, or actions.alarm of each alarm, to "
            "SNS topics"
        )
    if disabled:
        messages.append(f"Actions are disabled for {_named(disabled)}: set actionsEnabled: true to be notified")
    return Advice(Reason.NO_ACTION, ". ".join(messages)) if messages else None


def _topics_not_found(desired: DesiredAlarmSet, topics: Mapping[str, TopicState]) -> Advice | None:
    found = _by_topic(desired, topics, TopicState.NOT_FOUND)
    message = f"{found}. CloudWatch accepts such actions and notifies nobody: create the topics, or correct the ARNs"
    return Advice(Reason.TOPIC_NOT_FOUND, f"Topics do not exist: {message}") if found else None


def _topics_without_subscriber(desired: DesiredAlarmSet, topics: Mapping[str, TopicState]) -> Advice | None:
    found = _by_topic(desired, topics, TopicState.WITHOUT_SUBSCRIBER)
    message = f"Topics have no confirmed subscription: {found}. Subscribe to them, and confirm the subscriptions"
    return Advice(Reason.TOPIC_WITHOUT_SUBSCRIBER, message) if found else None


def _by_topic(desired: DesiredAlarmSet, topics: Mapping[str, TopicState], state: TopicState) -> str:
    """Return the topics in that state, each with the alarms that use it."""
    entries = []
    for arn in sorted(arn for arn, known in topics.items() if known is state):
        users = [alarm.name for alarm in desired.alarms if arn in alarm.alarm.actions]
        if users:
            entries.append(f"{arn} (of {_named(users)})")
    return listed(entries)


def _not_logging(desired: DesiredAlarmSet, trail: ObservedTrail) -> Advice | None:
    if trail.is_logging or "isLogging" in trail.unreadable:
        return None
    names = _named([alarm.name for alarm in desired.alarms])
    return Advice(
        Reason.TRAIL_NOT_LOGGING,
        f"The trail is not logging, so no event reaches these alarms: {names}. Set isLogging: true in its Trail",
    )


def _not_recorded(desired: DesiredAlarmSet, trail: ObservedTrail) -> Advice | None:
    if not trail.unreadable.isdisjoint({"trail", "eventSelectors"}):
        return None
    presets = [_PRESETS[alarm.name] for alarm in desired.alarms if not alarm.is_custom and alarm.name in _PRESETS]
    messages: dict[str, list[str]] = {}
    for alarm in presets:
        for problem in _problems(alarm, trail, desired.location.partition):
            messages.setdefault(problem, []).append(alarm.name)
    texts = [f"{problem}: {_named(names)}" for problem, names in messages.items()]
    return Advice(Reason.EVENTS_NOT_RECORDED, ". ".join(texts)) if texts else None


def _problems(alarm: PresetAlarm, trail: ObservedTrail, partition: str) -> Iterator[str]:
    """Yield what the trail does not record of an alarm's events: beginnings of sentences that end with alarms."""
    source = alarm.event_source
    if source in _GLOBAL_SOURCES and records_global_events(trail.configuration, partition, trail.home_region) is False:
        where = " and ".join(GLOBAL_REGIONS[partition])
        account = " of the organization's management account" if source == _ORGANIZATIONS else ""
        yield (
            f"The trail does not record events of {source}, which occur in {where}{account} only: set "
            "isMultiRegionTrail: true in its Trail for these alarms"
        )
        return
    if not any(_records(alarm, trail, reads=reads) for reads in (True, False)):
        what = f"no management events of {source}" if source else "no management events"
        yield f"The trail's event selectors record {what}, which these alarms count"
    elif not _records(alarm, trail, reads=False):
        yield "The trail's event selectors do not record all write events, which these alarms count"
    elif alarm.needs_read_events and not _records(alarm, trail, reads=True):
        yield "The trail's event selectors do not record all read events, which these alarms count as well"


def _records(alarm: PresetAlarm, trail: ObservedTrail, *, reads: bool) -> bool:
    """Return whether the trail may record all events that an alarm counts, as far as its pattern names them."""
    known = {"readOnly": str(reads).lower()} | ({"eventSource": alarm.event_source} if alarm.event_source else {})
    events = [{**known, "eventName": name} for name in _EVENT_NAMES.findall(alarm.pattern)] or [known]
    return all(may_record_management_event(trail.event_selectors, event) for event in events)


def _named(alarms: Sequence[str]) -> str:
    return listed(alarms, _MOST_NAMES)
