"""Warnings about alarms that are as the spec has them."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.alarm_builders import TOPIC, alarm_settings, desired_alarm, desired_set
from tests.unit.builders import LOCATION, MINIMAL, observed
from trail_operator.api.reasons import Reason
from trail_operator.domain.alarms.advice import TopicState, alarm_advice
from trail_operator.domain.alarms.presets import PRESET_ALARMS
from trail_operator.domain.selectors import (
    AdvancedSelector,
    BasicSelector,
    FieldCondition,
    Selectors,
    may_record_management_event,
)
from trail_operator.domain.trail import ObservedTrail

SECOND = f"{TOPIC}-2"
PRESETS = desired_set(*(desired_alarm(alarm.name) for alarm in PRESET_ALARMS))
READS = {alarm.name for alarm in PRESET_ALARMS if alarm.needs_read_events}
ALL = {alarm.name for alarm in PRESET_ALARMS}


def advised(
    desired: Any = PRESETS, trail: ObservedTrail | None = None, topics: dict[str, TopicState] | None = None
) -> dict[str, str]:
    found = alarm_advice(desired, trail or observed(), topics or {})
    assert len({one.reason for one in found}) == len(found)
    return {one.reason: one.message for one in found}


def named(message: str) -> set[str]:
    return {name for name in ALL if name in message}


def test_alarms_that_notify_and_count_what_is_recorded_have_no_warning() -> None:
    assert advised() == {}
    assert advised(topics={TOPIC: TopicState.SUBSCRIBED}) == {}
    assert advised(topics={TOPIC: TopicState.UNKNOWN}) == {}


def test_alarms_without_an_action_for_the_state_alarm_are_named() -> None:
    silent = desired_alarm("RootUsage", of_alarm=alarm_settings(alarm_actions=(), ok_actions=(TOPIC,)))
    found = advised(desired_set(silent, desired_alarm("VPCChanges")))
    assert set(found) == {Reason.NO_ACTION}
    assert named(found[Reason.NO_ACTION]) == {"RootUsage"}


def test_alarms_with_disabled_actions_are_named() -> None:
    disabled = desired_alarm("RootUsage", of_alarm=alarm_settings(actions_enabled=False))
    found = advised(desired_set(disabled, desired_alarm("VPCChanges")))
    assert "actionsEnabled: true" in found[Reason.NO_ACTION]
    assert named(found[Reason.NO_ACTION]) == {"RootUsage"}


def test_all_alarms_of_the_presets_are_named_in_full() -> None:
    silent = [desired_alarm(name, of_alarm=alarm_settings(alarm_actions=())) for name in ALL]
    assert named(advised(desired_set(*silent))[Reason.NO_ACTION]) == ALL


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (TopicState.NOT_FOUND, Reason.TOPIC_NOT_FOUND),
        (TopicState.WITHOUT_SUBSCRIBER, Reason.TOPIC_WITHOUT_SUBSCRIBER),
    ],
)
def test_topics_that_reach_nobody_are_named_with_their_alarms(state: TopicState, reason: Reason) -> None:
    other = desired_alarm("VPCChanges", of_alarm=alarm_settings(alarm_actions=(TOPIC,), ok_actions=(SECOND,)))
    desired = desired_set(desired_alarm("RootUsage"), other)
    found = advised(desired, topics={TOPIC: TopicState.SUBSCRIBED, SECOND: state, f"{TOPIC}-unused": state})
    assert set(found) == {reason}
    assert SECOND in found[reason]
    assert named(found[reason]) == {"VPCChanges"}
    assert "unused" not in found[reason]


def test_a_trail_that_is_not_logging_reaches_no_alarm() -> None:
    found = advised(trail=observed(is_logging=False))
    assert set(found) == {Reason.TRAIL_NOT_LOGGING}
    assert named(found[Reason.TRAIL_NOT_LOGGING]) == ALL


def test_what_could_not_be_read_causes_no_warning() -> None:
    trail = observed(
        is_logging=False,
        event_selectors=(BasicSelector(include_management_events=False),),
        unreadable=frozenset({"isLogging", "eventSelectors"}),
    )
    assert advised(trail=trail) == {}


def advanced(**conditions: FieldCondition) -> AdvancedSelector:
    category = FieldCondition("eventCategory", equals=("Management",))
    return AdvancedSelector("", (category, *conditions.values()))


def is_read_only(value: str) -> FieldCondition:
    return FieldCondition("readOnly", equals=(value,))


KMS = "kms.amazonaws.com"
NO_KMS = FieldCondition("eventSource", not_equals=(KMS,))
DATA = AdvancedSelector("", (FieldCondition("eventCategory", equals=("Data",)),))


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        ((BasicSelector(),), set()),
        ((BasicSelector(read_write_type="WriteOnly"),), READS),
        ((BasicSelector(read_write_type="ReadOnly"),), ALL),
        ((BasicSelector(include_management_events=False),), ALL),
        ((BasicSelector(excluded_sources=(KMS,)),), {"KMSKeyDisabledOrDeleted"}),
        ((BasicSelector(excluded_sources=("rdsdata.amazonaws.com",)),), set()),
        ((BasicSelector(read_write_type="ReadOnly"), BasicSelector(read_write_type="WriteOnly")), set()),
        ((advanced(),), set()),
        ((advanced(one=is_read_only("false")),), READS),
        ((advanced(one=is_read_only("true")),), ALL),
        ((advanced(one=is_read_only("true")), advanced(one=is_read_only("false"))), set()),
        ((advanced(one=NO_KMS),), {"KMSKeyDisabledOrDeleted"}),
        ((advanced(one=FieldCondition("eventName", not_equals=("StopLogging",))),), {"CloudTrailChanges"}),
        ((DATA,), ALL),
    ],
)
def test_alarms_whose_events_are_not_recorded_are_named(selectors: Selectors, expected: set[str]) -> None:
    found = advised(trail=observed(event_selectors=selectors))
    assert set(found) == ({Reason.EVENTS_NOT_RECORDED} if expected else set())
    assert named(found.get(Reason.EVENTS_NOT_RECORDED, "")) == expected


GLOBAL = {"IAMPolicyChanges", "OrganizationsChanges"}


@pytest.mark.parametrize(
    ("region", "multi", "with_global", "expected"),
    [
        ("eu-central-1", True, True, set()),
        ("eu-central-1", False, True, GLOBAL),
        ("us-east-1", False, True, set()),
        ("us-east-1", False, False, GLOBAL),
    ],
)
def test_events_of_global_services_need_a_trail_that_records_them(
    region: str, multi: bool, with_global: bool, expected: set[str]
) -> None:
    configuration = replace(MINIMAL, is_multi_region_trail=multi, include_global_service_events=with_global)
    desired = replace(PRESETS, location=replace(LOCATION, region=region))
    found = advised(desired, replace(observed(configuration), home_region=region))
    assert named(found.get(Reason.EVENTS_NOT_RECORDED, "")) == expected
    if expected:
        assert "in us-east-1 of the organization's management account only" in found[Reason.EVENTS_NOT_RECORDED]


def test_the_region_of_global_services_is_not_guessed_in_an_unknown_partition() -> None:
    configuration = replace(MINIMAL, is_multi_region_trail=False)
    desired = replace(PRESETS, location=replace(LOCATION, partition="aws-iso"))
    assert advised(desired, observed(configuration)) == {}


def test_custom_alarms_are_not_judged_by_their_patterns() -> None:
    trail = observed(event_selectors=(DATA,))
    assert advised(desired_set(desired_alarm("Own", is_custom=True)), trail) == {}


@pytest.mark.parametrize(
    ("selectors", "event", "expected"),
    [
        ((BasicSelector(),), {"readOnly": "true"}, True),
        ((BasicSelector(read_write_type="WriteOnly"),), {"readOnly": "true"}, False),
        ((BasicSelector(excluded_sources=(KMS,)),), {"readOnly": "false", "eventSource": KMS}, False),
        ((BasicSelector(excluded_sources=(KMS,)),), {"readOnly": "false"}, True),
        ((advanced(one=NO_KMS),), {"readOnly": "false"}, True),
        ((DATA,), {"readOnly": "false"}, False),
    ],
)
def test_a_management_event_is_recorded_by_one_selector(
    selectors: Selectors, event: dict[str, str], expected: bool
) -> None:
    assert may_record_management_event(selectors, event) is expected
