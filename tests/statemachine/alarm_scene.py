"""What most tests of TrailAlarmSets begin with: a Trail with a log group, and a set of two alarms."""

from typing import Any

from tests.statemachine.alarm_stage import AlarmStage, until
from tests.statemachine.aws import REGIONS, ROLE, group_arn, topic_arn
from tests.statemachine.kubernetes import Manifest

TRAIL, SET = "team-a/alpha", "team-a/alarms"
REGION = REGIONS[0]
PREFIX = f"test/{SET}/"
TOPIC = topic_arn("one", REGION)
TRAIL_SPEC: Manifest = {
    "s3BucketName": "logs-one",
    "cloudWatchLogsLogGroupARN": group_arn("one", REGION),
    "cloudWatchLogsRoleARN": ROLE,
}
MOVED = TRAIL_SPEC | {"cloudWatchLogsLogGroupARN": group_arn("two", REGION)}
A = {"name": "A", "filterPattern": "{ $.eventName = Delete* }"}
B = {"name": "B", "filterPattern": "{ $.eventName = Create* }", "threshold": 5}
SPEC: Manifest = {"trailRef": {"name": "alpha"}, "alarms": [A, B], "tags": [{"key": "team", "value": "a"}]}


def staged(**settings: Any) -> AlarmStage:
    """A world with a Trail that has a log group."""
    result = AlarmStage(0, drift_attribution="None", **settings)
    result.create(TRAIL, TRAIL_SPEC)
    result.wait(20.0)
    return result


def comes_to_rest(stage: AlarmStage) -> None:
    """Everything comes to rest, and is as it must be."""
    rest = stage.rest()
    assert rest.judge() == []
    assert stage.judge_sets(rest) == []
    assert stage.further() == (0, 0)


def created(stage: AlarmStage, **more: Any) -> None:
    """A set that is Ready."""
    stage.sets.create(SET, SPEC | more)
    until(stage, lambda: stage.ready(SET) == ("True", "InSync"))


def settled(stage: AlarmStage, **more: Any) -> None:
    """A set that is Ready, and whose consistency window has closed."""
    created(stage, **more)
    stage.wait(15.0)
