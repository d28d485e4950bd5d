"""Which calls explain a drift of filters and alarms, and which calls concern a TrailAlarmSet."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.alarm_builders import (
    GROUP,
    OLD_GROUP,
    PREFIX,
    TOPIC,
    alarm_settings,
    desired_alarm,
    desired_set,
    filter_settings,
    observed_alarm,
)
from tests.unit.builders import ARN, LOCATION
from trail_operator.api.trail_status import Difference
from trail_operator.domain.alarms.alarm import FilterKey, ObservedAlarm, ObservedAlarmSet
from trail_operator.domain.alarms.diff import differences
from trail_operator.domain.alarms.drift_causes import causes_of, resources_of
from trail_operator.domain.alarms.place import AlarmPlace
from trail_operator.domain.attribution import DetectedDrift, attribute, trail_ref
from trail_operator.domain.cloudtrail_calls import Kind
from trail_operator.domain.cloudtrail_event import Actor, CloudTrailEvent
from trail_operator.domain.cloudtrail_resources import ResourceRef

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALICE = "arn:aws:sts::123456789012:assumed-role/admin/alice"
WANTED = desired_set(desired_alarm("A"), desired_alarm("B"))
KEYS = [FilterKey(GROUP, f"{PREFIX}{name}") for name in "AB"]
FILTERS = {key: filter_settings() for key in KEYS}
ALARMS = {alarm.name: alarm for alarm in (observed_alarm("A"), observed_alarm("B"))}
TRAIL = trail_ref(ARN)
LOG_GROUP = ResourceRef(Kind.LOG_GROUP, LOCATION.account, LOCATION.region, GROUP)


def alarm_ref(name: str) -> ResourceRef:
    return ResourceRef(Kind.ALARM, LOCATION.account, LOCATION.region, f"{PREFIX}{name}")


def filter_ref(name: str, group: str = GROUP) -> ResourceRef:
    return ResourceRef.of_filter(LOCATION.account, LOCATION.region, group, f"{PREFIX}{name}")


def event(name: str, *resources: ResourceRef, number: int = 1, **more: Any) -> CloudTrailEvent:
    service = "logs" if "Filter" in name or "LogGroup" in name else "monitoring"
    values: dict[str, Any] = {
        "account": LOCATION.account,
        "region": LOCATION.region,
        "event_source": f"{'cloudtrail' if 'Trail' in name else service}.amazonaws.com",
        "event_name": name,
        "event_time": NOW - timedelta(seconds=3),
        "event_id": f"event-{number}",
        "request_id": f"request-{number}",
        "error_code": "",
        "resources": frozenset(resources),
        "actor": Actor(ALICE, "", "", "", ""),
    }
    return CloudTrailEvent(**values | more)


def drift(found: Iterable[Difference]) -> DetectedDrift:
    found = tuple(found)
    paths = tuple(entry.path for entry in found)
    resources = resources_of(found, WANTED, TRAIL)
    return DetectedDrift(resources, paths, causes_of(found), NOW - timedelta(minutes=8), NOW)


def changed(*, filters: Any = None, alarms: Any = None) -> DetectedDrift:
    """The drift after a change of what is in AWS. None removes a filter or an alarm."""
    everything = {**FILTERS, **(filters or {})}, {**ALARMS, **(alarms or {})}
    kept_filters, kept_alarms = ({key: one for key, one in part.items() if one} for part in everything)
    observed = ObservedAlarmSet(kept_filters, kept_alarms)
    return drift(differences(WANTED, observed, {*KEYS, *(filters or {})}))


def alarm(name: str = "A", **more: Any) -> dict[str, ObservedAlarm]:
    found = observed_alarm(name, alarm_settings(**more))
    return {found.name: found}


def is_attributed(found: DetectedDrift, *events: CloudTrailEvent) -> bool:
    cause = attribute(found, events, None, lambda _: False)
    return cause is not None and cause.event.actor.principal == ALICE


A, B = f"{PREFIX}A", f"{PREFIX}B"
TAGGED = replace(ALARMS[A], tags={**(ALARMS[A].tags or {}), "team": "x"})
EXTRA = observed_alarm("C")


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (changed(alarms=alarm(threshold=5.0)), event("PutMetricAlarm", alarm_ref("A"))),
        (changed(alarms=alarm(alarm_actions=())), event("PutMetricAlarm", alarm_ref("A"))),
        (changed(alarms=alarm(alarm_actions=(TOPIC, f"{TOPIC}2"))), event("PutMetricAlarm", alarm_ref("A"))),
        (changed(alarms=alarm(statistic="Average")), event("PutMetricAlarm", alarm_ref("A"))),
        (changed(alarms=alarm(treat_missing_data="missing")), event("PutMetricAlarm", alarm_ref("A"))),
        (changed(alarms=alarm(period=60)), event("PutMetricAlarm", alarm_ref("A"))),
        (changed(alarms=alarm(others={"Dimensions": "x"})), event("PutMetricAlarm", alarm_ref("A"))),
        (changed(alarms=alarm(actions_enabled=False)), event("DisableAlarmActions", alarm_ref("A"))),
        (changed(alarms=alarm(actions_enabled=False)), event("PutMetricAlarm", alarm_ref("A"))),
        (changed(alarms={A: None}), event("DeleteAlarms", alarm_ref("A"))),
        (changed(alarms={A: None, B: None}), event("DeleteAlarms", alarm_ref("A"), alarm_ref("B"))),
        (changed(alarms={A: TAGGED}), event("TagResource", alarm_ref("A"))),
        (changed(alarms={EXTRA.name: EXTRA}), event("PutMetricAlarm", alarm_ref("C"))),
        (changed(alarms={A: replace(ALARMS[A], settings=None)}), event("PutCompositeAlarm", alarm_ref("A"))),
        (changed(filters={KEYS[0]: filter_settings(pattern="")}), event("PutMetricFilter", filter_ref("A"), LOG_GROUP)),
        (changed(filters={KEYS[0]: None}), event("DeleteMetricFilter", filter_ref("A"), LOG_GROUP)),
        (changed(filters=dict.fromkeys(KEYS)), event("DeleteLogGroup", LOG_GROUP)),
        (changed(filters={FilterKey(OLD_GROUP, A): filter_settings()}), event("UpdateTrail", TRAIL)),
    ],
)
def test_the_call_that_produced_a_drift_is_its_cause(found: DetectedDrift, cause: CloudTrailEvent) -> None:
    assert is_attributed(found, cause)
    assert not is_attributed(found, replace(cause, error_code="AccessDenied"))
    assert not is_attributed(found, replace(cause, event_source="example.amazonaws.com"))
    elsewhere = frozenset(replace(one, account="210987654321") for one in cause.resources)
    assert not is_attributed(found, replace(cause, resources=elsewhere))


@pytest.mark.parametrize(
    ("found", "events"),
    [
        (changed(alarms=alarm(threshold=5.0)), [event("PutMetricAlarm", alarm_ref("B"))]),
        (changed(alarms=alarm(threshold=5.0)), [event("DisableAlarmActions", alarm_ref("A"))]),
        (
            changed(alarms=alarm(threshold=5.0)),
            [event("DeleteAlarms", alarm_ref("A")), event("PutMetricAlarm", alarm_ref("A"), number=2)],
        ),
        (changed(alarms={**alarm(period=60), **alarm("B", period=60)}), [event("PutMetricAlarm", alarm_ref("A"))]),
        (
            changed(alarms={**alarm(period=60), **alarm("B", period=60)}),
            [event("PutMetricAlarm", alarm_ref("A")), event("PutMetricAlarm", alarm_ref("B"), number=2)],
        ),
        (changed(alarms={A: None, B: None}), [event("DeleteAlarms", alarm_ref("A"))]),
        (changed(filters={KEYS[0]: None}, alarms={A: None}), [event("DeleteAlarms", alarm_ref("A"))]),
        (changed(filters={KEYS[0]: None}), [event("PutMetricFilter", filter_ref("B"), LOG_GROUP)]),
        (changed(filters={KEYS[0]: None}), [event("DeleteMetricFilter", filter_ref("A", OLD_GROUP))]),
        (changed(filters={KEYS[0]: filter_settings(pattern="")}), [event("DeleteLogGroup", LOG_GROUP)]),
    ],
)
def test_a_cause_is_unknown_if_no_one_call_can_be_all_of_it(
    found: DetectedDrift, events: list[CloudTrailEvent]
) -> None:
    assert not is_attributed(found, *events)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (event("PutMetricAlarm", alarm_ref("A")), True),
        (event("DeleteAlarms", ResourceRef(Kind.ALARM, LOCATION.account, LOCATION.region, "x"), alarm_ref("A")), True),
        (event("PutMetricFilter", filter_ref("A"), LOG_GROUP), True),
        (event("PutMetricFilter", filter_ref("A", OLD_GROUP)), True),
        (event("PutMetricFilter", filter_ref("A", "another")), False),
        (event("DeleteLogGroup", LOG_GROUP), True),
        (event("CreateLogGroup", LOG_GROUP), True),
        (event("UpdateTrail", TRAIL), True),
        (event("UpdateTrail", replace(TRAIL, name="another")), False),
        (event("PutRetentionPolicy", LOG_GROUP, event_source="logs.amazonaws.com"), False),
        (event("PutMetricAlarm", ResourceRef(Kind.ALARM, LOCATION.account, LOCATION.region, "x")), False),
        (event("PutMetricAlarm", ResourceRef(Kind.ALARM, LOCATION.account, "us-east-1", f"{PREFIX}A")), False),
        (event("PutMetricAlarm", ResourceRef(Kind.ALARM, "210987654321", LOCATION.region, f"{PREFIX}A")), False),
        (event("StopLogging", TRAIL, event_source="cloudtrail.amazonaws.com"), False),
    ],
)
def test_a_call_concerns_a_set_if_it_names_what_the_set_has(found: CloudTrailEvent, expected: bool) -> None:
    place = AlarmPlace(LOCATION.account, LOCATION.region, PREFIX, frozenset({GROUP, OLD_GROUP}), TRAIL)
    assert place.concerns(found) is expected
