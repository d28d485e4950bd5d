"""What a TrailAlarmSet says of itself while AWS, people and faults come between; and whose alarms it leaves."""

import pytest

from tests.statemachine.alarm_scene import (
    MOVED,
    PREFIX,
    REGION,
    SET,
    SPEC,
    TRAIL,
    A,
    B,
    comes_to_rest,
    created,
    settled,
)
from tests.statemachine.alarm_stage import AlarmStage, until
from tests.statemachine.aws import topic_arn
from tests.statemachine.expectation import OWNER

ALARM = (REGION, f"{PREFIX}A")


@pytest.fixture
def stage(alarm_stage: AlarmStage) -> AlarmStage:
    """A Trail with a log group, and no set."""
    return alarm_stage


def theirs(stage: AlarmStage, **more: object) -> None:
    """Somebody else's alarm with the name of A's."""
    given = {"AlarmName": ALARM[1], "MetricName": "theirs", "Namespace": "theirs", "EvaluationPeriods": 1, **more}
    operation = "PutCompositeAlarm" if "AlarmRule" in given else "PutMetricAlarm"
    stage.by_hand_on_alarms(REGION, operation, **given)


def test_an_alarm_of_others_that_has_no_tags_yet_is_not_overwritten(stage: AlarmStage) -> None:
    """AWS lists it, and does not show its tags yet: whose it is is not known."""
    theirs(stage)
    stage.fault(operation="ListTagsForResource", error="ResourceNotFoundException", count=3)
    stage.sets.create(SET, SPEC)
    stage.wait(30.0)
    comes_to_rest(stage)
    assert stage.alarms[ALARM]["MetricName"] == "theirs"
    assert stage.ready(SET) == ("False", "Conflict")


@pytest.mark.parametrize("rule", [{}, {"AlarmRule": "FALSE"}], ids=["metric", "composite"])
def test_the_other_alarms_of_a_set_are_created_beside_a_conflict(stage: AlarmStage, rule: dict[str, str]) -> None:
    theirs(stage, **rule)
    stage.sets.create(SET, SPEC)
    comes_to_rest(stage)
    assert stage.ready(SET) == ("False", "Conflict")
    assert set(stage.filters) == {(REGION, "one", f"{PREFIX}B")}
    stage.by_hand_on_alarms(REGION, "DeleteAlarms", AlarmNames=[ALARM[1]])
    comes_to_rest(stage)
    assert stage.ready(SET) == ("True", "InSync")


def test_a_filter_that_is_not_recorded_is_others(stage: AlarmStage) -> None:
    metric = {"metricName": "x", "metricNamespace": "y", "metricValue": "1"}
    given = {"logGroupName": "one", "filterPattern": "", "metricTransformations": [metric]}
    stage.by_hand_on_alarms(REGION, "PutMetricFilter", filterName=f"{PREFIX}A", **given)
    stage.by_hand_on_alarms(REGION, "PutMetricFilter", filterName=f"{PREFIX}C", **given)
    stage.sets.create(SET, SPEC)
    comes_to_rest(stage)
    assert stage.ready(SET) == ("False", "Conflict")
    assert {name for _, name in stage.alarms} == {f"{PREFIX}B"}
    stage.sets.delete(SET)
    comes_to_rest(stage)
    assert {name for *_, name in stage.filters} == {f"{PREFIX}A", f"{PREFIX}C"}


@pytest.mark.parametrize("operation", ["DescribeLogGroups", "TestMetricFilter"])
def test_it_is_not_ready_while_a_check_is_not_answered(stage: AlarmStage, operation: str) -> None:
    """What was read of filters and alarms counts, although nothing can be written yet."""
    settled(stage)
    stage.kill(0)
    stage.fault(operation=operation, error="ThrottlingException")
    stage.by_hand_on_alarms(REGION, "DeleteMetricFilter", logGroupName="one", filterName=f"{PREFIX}A")
    stage.restart()
    stage.wait(80.0)
    assert stage.ready(SET)[0] == "False"
    comes_to_rest(stage)


def test_an_alarm_whose_tag_was_restored_is_deleted(stage: AlarmStage) -> None:
    """As the message of the conflict advises. What was read before is not believed."""
    created(stage)
    arn = stage.aws.alarms.arn(*ALARM)
    stage.by_hand_on_alarms(REGION, "UntagResource", ResourceARN=arn, TagKeys=[OWNER])
    until(stage, lambda: stage.ready(SET) == ("False", "Conflict"))
    assert OWNER in stage.message(SET)
    stage.by_hand_on_alarms(REGION, "TagResource", ResourceARN=arn, Tags=[{"Key": OWNER, "Value": f"test/{SET}"}])
    stage.sets.delete(SET)
    stage.wait(20.0)
    assert not stage.sets.objects
    assert not stage.alarms


def test_a_deletion_says_that_the_owner_may_not_be_read(stage: AlarmStage) -> None:
    settled(stage)
    stage.fault(operation="ListTagsForResource", error="AccessDeniedException")
    stage.sets.delete(SET)
    stage.wait(20.0)
    assert stage.ready(SET) == ("False", "AccessDenied")
    assert "cloudwatch:ListTagsForResource" in stage.message(SET)
    assert "set deletionPolicy: Retain" in stage.message(SET)
    assert len(stage.alarms) == 2
    comes_to_rest(stage)
    assert not stage.alarms


def test_retain_says_which_tag_was_not_removed_and_removes_the_others(stage: AlarmStage) -> None:
    settled(stage, deletionPolicy="Retain")
    stage.fault(operation="UntagResource", error="AccessDeniedException", count=1)
    stage.sets.delete(SET)
    stage.wait(20.0)
    assert not stage.sets.objects
    assert [OWNER in one["Tags"] for _, one in sorted(stage.alarms.items())] == [True, False]
    (note,) = stage.notes("OwnerTagRemovalFailed")
    assert "cloudwatch:UntagResource" in note


def test_a_topic_that_is_withdrawn_while_a_write_waits_is_not_written(stage: AlarmStage) -> None:
    """AWS allows few writes a second: those that wait are not sent."""
    stage.put_account("account", allowedNamespaces={"names": ["team-a"]}, allowedActionARNs=[topic_arn("one", "*")])
    stage.replace_spec(TRAIL, stage.objects[TRAIL]["spec"] | {"accountRef": {"name": "account"}})
    alarms = [A | {"name": f"Alarm{number}"} for number in range(10)]
    spec = SPEC | {"alarms": alarms, "actions": {"alarm": [topic_arn("one", REGION)]}}
    stage.sets.create(SET, spec)
    until(stage, lambda: len(stage.alarms) == 3)
    stage.put_account("account", allowedNamespaces={"names": ["team-a"]})
    stage.wait(1.0)
    there = len(stage.alarms)
    stage.wait(60.0)
    assert len(stage.alarms) == there <= 5
    assert stage.ready(SET) == ("False", "ActionNotAllowed")


def test_the_trail_is_read_again_before_a_write(stage: AlarmStage) -> None:
    """Somebody has moved the trail to another log group a moment ago."""
    settled(stage)
    arn = f"arn:aws:cloudtrail:{REGION}:123456789012:trail/alpha"
    group, role = f"{MOVED['cloudWatchLogsLogGroupARN']}:*", MOVED["cloudWatchLogsRoleARN"]
    moved = {"CloudWatchLogsLogGroupArn": group, "CloudWatchLogsRoleArn": role}
    stage.by_hand(REGION, "UpdateTrail", Name=arn, **moved)
    stage.sets.replace_spec(SET, SPEC | {"alarms": [A, B, A | {"name": "C"}]})
    stage.wait(0.3)
    assert {group for _, group, _ in stage.filters} == {"one"}
    assert not any(name.endswith("/C") for *_, name in stage.filters)
    comes_to_rest(stage)
