"""Which writes a plan for filters and alarms has, in which order, and what they send."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.alarm_builders import (
    GROUP,
    OLD_GROUP,
    OTHERS,
    OWNER,
    PREFIX,
    alarm_arn,
    alarm_settings,
    desired_alarm,
    desired_set,
    filter_settings,
    observed_alarm,
)
from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.domain.alarms.actions import AlarmAction
from trail_operator.domain.alarms.alarm import FilterKey, ObservedAlarm, ObservedAlarmSet
from trail_operator.domain.alarms.plan import AlarmPlan, deletion_plan, plan, release_plan
from trail_operator.domain.failure import FailureClass

A, B = (FilterKey(GROUP, f"{PREFIX}{name}") for name in "AB")
OLD_A = FilterKey(OLD_GROUP, f"{PREFIX}A")
WANTED = desired_set(desired_alarm("A"), tags={"team": "x"})
SETTINGS = filter_settings()
ALARM = observed_alarm("A", team="x")


def planned(
    filters: Any = None, *alarms: ObservedAlarm, pinned: Any = (A,), wanted: Any = WANTED, exists: bool = True
) -> AlarmPlan:
    found = {one.name: one for one in alarms or ((ALARM,) if exists else ())}
    return plan(wanted, ObservedAlarmSet({A: SETTINGS} if filters is None else filters, found), pinned)


def shown(made: AlarmPlan) -> list[str]:
    return [f"{action.operation} {', '.join(action.alarms)}" for action in made.actions]


def only(made: AlarmPlan) -> AlarmAction:
    (action,) = made.actions
    return action


def test_what_is_in_sync_needs_no_write() -> None:
    assert planned() == AlarmPlan(())


def test_a_new_alarm_is_created_after_its_filter_with_all_tags() -> None:
    made = planned({}, pinned=(), exists=False)
    assert shown(made) == ["PutMetricFilter A", "PutMetricAlarm A"]
    put_filter, put_alarm = made.actions
    assert put_filter.filter == A
    assert put_filter.existing_alarms is None
    assert put_alarm.requires == (0,)
    assert put_alarm.existing_alarms is None
    assert put_alarm.parameters["Tags"] == [
        {"Key": "team", "Value": "x"},
        {"Key": OWNER_TAG, "Value": OWNER},
    ]
    assert [entry.path for entry in made.differences] == ["alarms[A]"]


def test_an_update_sends_no_tags_and_names_the_alarm_whose_owner_is_read_before() -> None:
    action = only(planned(None, replace(ALARM, settings=alarm_settings(threshold=2.0))))
    assert (action.operation, action.alarms) == ("PutMetricAlarm", ("A",))
    assert "Tags" not in action.parameters
    assert action.existing_alarms == {ALARM.name: ALARM.arn}
    assert [entry.path for entry in action.differences] == ["alarms[A].threshold"]


@pytest.mark.parametrize(
    ("filters", "alarm", "expected"),
    [
        ({}, ALARM, ["PutMetricFilter A"]),
        ({A: filter_settings(pattern="")}, ALARM, ["PutMetricFilter A"]),
        ({A: filter_settings(others={"defaultValue": "0"})}, ALARM, ["PutMetricFilter A"]),
        ({A: SETTINGS}, replace(ALARM, settings=alarm_settings(period=60)), ["PutMetricAlarm A"]),
        ({A: SETTINGS}, observed_alarm("A"), ["TagResource A"]),
        ({A: SETTINGS}, observed_alarm("A", team="y"), ["TagResource A"]),
        ({A: SETTINGS}, observed_alarm("A", team="x", more=""), ["UntagResource A"]),
        ({A: SETTINGS}, observed_alarm("A", more=""), ["UntagResource A", "TagResource A"]),
        (
            {},
            observed_alarm("A", alarm_settings(period=60), more=""),
            ["PutMetricFilter A", "PutMetricAlarm A", "UntagResource A", "TagResource A"],
        ),
    ],
)
def test_only_what_differs_is_written(filters: Any, alarm: ObservedAlarm, expected: list[str]) -> None:
    assert shown(planned(filters, alarm)) == expected


def test_an_alarm_that_was_deleted_is_created_again_with_its_tags() -> None:
    action = only(planned(exists=False))
    assert action.operation == "PutMetricAlarm"
    assert "Tags" in action.parameters
    assert action.requires == ()


def test_a_former_owner_tag_is_rewritten_and_is_no_difference() -> None:
    wanted = replace(WANTED, former_owners=frozenset({"former/default/alarms"}))
    action = only(planned(None, observed_alarm("A", owner="former/default/alarms", team="x"), wanted=wanted))
    assert action.operation == "TagResource"
    assert action.parameters["Tags"] == [{"Key": OWNER_TAG, "Value": OWNER}]
    assert action.differences == ()


@pytest.mark.parametrize(
    ("alarm", "message"),
    [
        (observed_alarm("A", owner=OTHERS), f"restore its tag {OWNER_TAG}={OWNER}"),
        (observed_alarm("A", owner=None), "does not have the owner tag of this resource"),
        (replace(ALARM, settings=None), "Composite alarm cluster/default/alarms/A exists"),
    ],
)
def test_an_alarm_of_others_is_a_conflict_and_is_not_written(alarm: ObservedAlarm, message: str) -> None:
    wanted = replace(WANTED, alarms=(*WANTED.alarms, desired_alarm("B")))
    made = planned({}, alarm, pinned=(), wanted=wanted)
    assert shown(made) == ["PutMetricFilter B", "PutMetricAlarm B"]
    (conflict,) = made.conflicts
    assert (conflict.kind, conflict.reason) == (FailureClass.TERMINAL, Reason.CONFLICT)
    assert alarm.name in conflict.message
    assert message in conflict.message
    assert OTHERS not in conflict.message, "the name of another owner is nobody's business"
    assert {entry.path for entry in made.differences} == {"alarms[B]"}


def test_a_filter_that_status_does_not_record_is_a_conflict() -> None:
    made = planned({A: filter_settings(pattern="")}, pinned=(), exists=False)
    assert made.actions == ()
    (conflict,) = made.conflicts
    assert conflict.reason is Reason.CONFLICT
    assert f"--log-group-name {GROUP} --filter-name {A.name}" in conflict.message


def test_what_is_owned_is_corrected_beside_a_conflict() -> None:
    wrong = replace(ALARM, settings=alarm_settings(period=60))
    assert shown(planned(None, wrong, pinned=())) == ["PutMetricAlarm A"]
    others = observed_alarm("A", owner=OTHERS)
    assert shown(planned({A: filter_settings(pattern="")}, others)) == ["PutMetricFilter A"]


def test_an_alarm_whose_owner_is_unknown_is_read_before_it_is_written() -> None:
    wrong = replace(ALARM, settings=alarm_settings(period=60), tags=None)
    extra = replace(observed_alarm("Old"), tags=None)
    made = planned(None, wrong, extra, pinned=(A, FilterKey(GROUP, extra.name)))
    assert made.actions == ()
    assert made.unread == (wrong, extra)
    assert planned(None, replace(ALARM, tags=None)).unread == (), "nothing would be written"


def test_what_the_spec_no_longer_has_is_deleted_alarm_first() -> None:
    old = observed_alarm("Old")
    key = FilterKey(GROUP, old.name)
    made = planned({A: SETTINGS, key: SETTINGS}, ALARM, old, pinned=(A, key))
    assert shown(made) == ["DeleteAlarms Old", "DeleteMetricFilter Old"]
    assert made.actions[0].existing_alarms == {old.name: old.arn}
    assert made.actions[1].requires == (0,)
    assert made.actions[1].filter == key


def test_superfluous_alarms_of_others_are_left_alone() -> None:
    for owner in (OTHERS, None):
        made = planned(None, ALARM, observed_alarm("Old", owner=owner))
        assert (made.actions, made.conflicts, made.unread) == ((), (), ())
    assert planned({A: SETTINGS, FilterKey(GROUP, f"{PREFIX}Old"): SETTINGS}).actions == ()


def test_a_change_of_the_log_group_creates_the_new_filter_and_deletes_the_recorded_one() -> None:
    unpinned = FilterKey(OLD_GROUP, f"{PREFIX}Other")
    made = planned({OLD_A: SETTINGS, unpinned: SETTINGS}, pinned=(OLD_A,))
    assert shown(made) == ["PutMetricFilter A", "DeleteMetricFilter A"]
    assert [action.filter for action in made.actions] == [A, OLD_A]
    assert made.actions[1].requires == (0,)
    assert [entry.path for entry in made.differences] == ["alarms[A].filter", "alarms[A].logGroup"]


def test_a_filter_stays_in_its_former_log_group_while_others_have_its_name_in_the_new_one() -> None:
    made = planned({A: SETTINGS, OLD_A: SETTINGS}, pinned=(OLD_A,))
    assert made.actions == ()
    assert len(made.conflicts) == 1


def test_more_than_100_alarms_are_deleted_in_several_calls() -> None:
    alarms = [observed_alarm(f"Old{number:03}") for number in range(201)]
    observed = ObservedAlarmSet({}, {alarm.name: alarm for alarm in alarms})
    made = plan(desired_set(), observed, ())
    assert [len(action.parameters["AlarmNames"]) for action in made.actions] == [100, 100, 1]
    deletion = deletion_plan(observed, (), desired_set().owns)
    assert [len(action.parameters["AlarmNames"]) for action in deletion] == [100, 100, 1]


def test_deletion_uses_only_what_is_owned_or_recorded() -> None:
    others = observed_alarm("Other", owner=OTHERS)
    composite = replace(observed_alarm("Composite"), settings=None)
    found = {one.name: one for one in (ALARM, others, composite)}
    observed = ObservedAlarmSet({A: SETTINGS, B: SETTINGS, OLD_A: SETTINGS}, found)
    gone = FilterKey("gone", f"{PREFIX}A")
    actions = deletion_plan(observed, (A, OLD_A, gone), WANTED.owns)
    assert [action.operation for action in actions] == ["DeleteAlarms", "DeleteMetricFilter", "DeleteMetricFilter"]
    assert actions[0].parameters["AlarmNames"] == [ALARM.name]
    assert [action.filter for action in actions[1:]] == [OLD_A, A]
    assert all(action.requires == (0,) for action in actions[1:])


def test_the_filter_of_an_alarm_that_another_owner_has_taken_over_is_kept() -> None:
    """The status was moved to another cluster with the manifest: both record the filter."""
    theirs, untagged = observed_alarm("A", owner=OTHERS), observed_alarm("B", owner=None)
    observed = ObservedAlarmSet({A: SETTINGS, B: SETTINGS}, {one.name: one for one in (theirs, untagged)})
    actions = deletion_plan(observed, (A, B), WANTED.owns)
    assert [action.filter for action in actions] == [B]


def test_release_removes_the_owner_tag() -> None:
    found = {one.name: one for one in (ALARM, observed_alarm("Other", owner=OTHERS))}
    (action,) = release_plan(ObservedAlarmSet({A: SETTINGS}, found), WANTED.owns)
    assert action.operation == "UntagResource"
    assert action.parameters == {"ResourceARN": alarm_arn(ALARM.name), "TagKeys": [OWNER_TAG]}
    assert action.existing_alarms == {ALARM.name: ALARM.arn}
