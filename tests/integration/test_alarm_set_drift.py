"""Changes by hand to filters and alarms of a TrailAlarmSet are found, reported and corrected.

Nothing of others is ever written.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.alarm_world import SET, TRAIL, AlarmWorld
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import AlarmSets, Trails, alarm_set
from tests.integration.process import Operator
from tests.patience import eventually
from trail_operator.api.constants import OWNER_TAG

ALARMS = [{"name": name, "filterPattern": f"{{$.eventName={name}*}}"} for name in ("Deletions", "Puts")]
NAME = "Deletions"
TOPIC = "alerts"


@dataclass(frozen=True)
class Change:
    """A change by hand to the alarm `Deletions`."""

    title: str
    call: str
    """The call that makes it: what attribution has to find."""
    path: str
    """The path of the difference that it makes."""
    make: Callable[[AlarmWorld], object]


def _set_alarm(**fields: Any) -> Callable[[AlarmWorld], object]:
    return lambda world: world.put_alarm(world.full(NAME), **fields)


def _pattern(world: AlarmWorld) -> None:
    metrics = world.filter(NAME)["metricTransformations"]
    world.put_filter(world.full(NAME), filterPattern="{$.eventName=Nothing}", metricTransformations=metrics)


def _delete_filter(world: AlarmWorld) -> None:
    world.logs.delete_metric_filter(logGroupName="events", filterName=world.full(NAME))


def _tags(world: AlarmWorld) -> None:
    tags = [{"Key": "team", "Value": "theirs"}, {"Key": "extra", "Value": "1"}]
    world.cloudwatch.tag_resource(ResourceARN=world.alarm(NAME)["AlarmArn"], Tags=tags)


def replace_by_composite(world: AlarmWorld) -> None:
    """A composite alarm in place of the alarm, before the operator has created that again."""

    def is_replaced() -> bool:
        with suppress(ClientError):  # it was just deleted
            world.delete_alarm(NAME)
        try:
            world.put_composite(world.full(NAME))
        except ClientError:
            return False
        return True

    eventually("the composite alarm", is_replaced)


CHANGES = [
    Change("threshold", "PutMetricAlarm", "threshold", _set_alarm(Threshold=100.0)),
    Change("actions-emptied", "PutMetricAlarm", "actions.alarm", _set_alarm(AlarmActions=[])),
    Change(
        "actions-disabled",
        "DisableAlarmActions",
        "actionsEnabled",
        lambda world: world.cloudwatch.disable_alarm_actions(AlarmNames=[world.full(NAME)]),
    ),
    Change("pattern", "PutMetricFilter", "filterPattern", _pattern),
    Change("filter-deleted", "DeleteMetricFilter", "filter", _delete_filter),
    Change("alarm-deleted", "DeleteAlarms", "alarm", lambda world: world.delete_alarm(NAME)),
    Change("tags", "TagResource", "tags[team]", _tags),
    Change("statistic", "PutMetricAlarm", "statistic", _set_alarm(Statistic="Average")),
    Change("missing-data", "PutMetricAlarm", "treatMissingData", _set_alarm(TreatMissingData="breaching")),
    Change("period", "PutMetricAlarm", "period", _set_alarm(Period=60)),
]
COMPOSITE = Change("composite", "PutCompositeAlarm", "alarm", replace_by_composite)
each_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.title)
each_change_and_conflict = pytest.mark.parametrize("change", [*CHANGES, COMPOSITE], ids=lambda change: change.title)


def start(operator_process: OperatorFactory, world: AlarmWorld) -> Operator:
    """An operator that allows all topics, and reads tags at each resync."""
    return operator_process("--allowed-action-arns", "*", "--dependency-resync", "1s", **world.environment)


def begin(world: AlarmWorld, alarm_sets: AlarmSets, **spec: Any) -> None:
    """Create Trail and set, and what is of others; wait until the set is in sync."""
    world.put_others()
    topic = world.account.client("sns").create_topic(Name=TOPIC)["TopicArn"]
    world.begin()
    fields = {"alarms": ALARMS, "tags": [{"key": "team", "value": "ours"}], "actions": {"alarm": [topic]}, **spec}
    alarm_sets.create(alarm_set(SET, TRAIL, **fields))
    alarm_sets.wait_ready(SET, 60)


def status(alarm_sets: AlarmSets) -> dict[str, Any]:
    found: dict[str, Any] = (alarm_sets.get(SET) or {}).get("status", {})
    return found


def drift(alarm_sets: AlarmSets) -> set[str]:
    """The paths in status.drift."""
    return {entry["path"] for entry in status(alarm_sets).get("drift", [])}


@pytest.mark.sampled
@each_change
def test_a_change_is_corrected(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld, change: Change
) -> None:
    start(operator_process, alarm_world)
    begin(alarm_world, alarm_sets)
    before = alarm_world.snapshot()
    change.make(alarm_world)
    path = f"alarms[{NAME}].{change.path}"
    eventually("lastDrift", lambda: path in status(alarm_sets).get("lastDrift", {}).get("paths", []))
    eventually("it is corrected", lambda: alarm_world.snapshot() == before)
    eventually("it is reported as corrected", lambda: status(alarm_sets)["lastDrift"].get("correctionTime"))
    (event,) = eventually("the Event", lambda: alarm_sets.events(SET, "DriftCorrected"))
    assert event.type == "Warning"
    assert path in event.message
    alarm_sets.wait_ready(SET)
    assert drift(alarm_sets) == set()
    mark = alarm_world.mark()
    alarm_world.two_more_reads()
    assert alarm_world.writes(mark) == []


@pytest.mark.sampled
@each_change_and_conflict
def test_a_change_is_only_reported_under_observe(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld, change: Change
) -> None:
    start(operator_process, alarm_world)
    begin(alarm_world, alarm_sets)
    alarm_sets.change(SET, managementPolicy="Observe")
    alarm_sets.wait_reason(SET, "Observed")
    mark = alarm_world.mark()
    change.make(alarm_world)
    changed = alarm_world.snapshot()
    condition = alarm_sets.wait_reason(SET, "Drifted")
    path = f"alarms[{NAME}].{change.path}"
    assert condition["status"] == "False"
    assert path in condition["message"]
    assert path in drift(alarm_sets)
    assert path in status(alarm_sets)["lastDrift"]["paths"]
    assert "correctionTime" not in status(alarm_sets)["lastDrift"]
    (event,) = eventually("the Event", lambda: alarm_sets.events(SET, "DriftDetected"))
    assert path in event.message
    alarm_world.two_more_reads()
    assert alarm_world.writes(mark) == []
    assert alarm_world.snapshot() == changed


def test_a_composite_alarm_in_place_of_an_alarm_is_a_conflict(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    start(operator_process, alarm_world)
    begin(alarm_world, alarm_sets)
    before = alarm_world.snapshot("Puts")
    replace_by_composite(alarm_world)
    theirs = alarm_world.snapshot(NAME).alarms
    condition = alarm_sets.wait_reason(SET, "Conflict")
    full_name = alarm_world.full(NAME)
    assert f"Composite alarm {full_name} exists" in condition["message"]
    assert f"alarms[{NAME}].alarm" in drift(alarm_sets)
    eventually("lastDrift", lambda: f"alarms[{NAME}].alarm" in status(alarm_sets).get("lastDrift", {}).get("paths", []))
    # The others go on.
    alarm_world.put_alarm(alarm_world.full("Puts"), Threshold=7.0)
    eventually("the other is corrected", lambda: alarm_world.snapshot("Puts") == before)
    assert alarm_world.snapshot(NAME).alarms == theirs
    alarm_world.cloudwatch.delete_alarms(AlarmNames=[full_name])
    alarm_sets.wait_ready(SET)
    assert alarm_world.alarm(NAME)["Threshold"] == 1.0


def test_a_log_group_that_is_changed_on_the_trail_is_changed_back(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    """By the Trail: filters stay where they are."""
    start(operator_process, alarm_world)
    begin(alarm_world, alarm_sets)
    arn, before = alarm_world.other_group("others"), alarm_world.snapshot()
    cloudtrail = alarm_world.account.cloudtrail
    alarm_world.deliver_to(arn)
    group = f"{alarm_world.group}:*"
    eventually(
        "it is changed back", lambda: cloudtrail.get_trail(Name=TRAIL)["Trail"]["CloudWatchLogsLogGroupArn"] == group
    )
    alarm_world.two_more_reads()
    alarm_sets.wait_ready(SET)
    assert alarm_world.snapshot() == before


def test_filters_follow_the_log_group_of_a_trail_that_is_only_observed(
    operator_process: OperatorFactory, trails: Trails, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    start(operator_process, alarm_world)
    begin(alarm_world, alarm_sets)
    trails.change(TRAIL, managementPolicy="Observe")
    trails.wait_reason(TRAIL, "Observed")
    alarm_sets.wait_ready(SET)
    before = alarm_world.snapshot()
    alarm_world.put_filter("theirs")
    arn = alarm_world.other_group("others")
    alarm_world.deliver_to(arn)
    names = {alarm_world.full(entry["name"]) for entry in ALARMS}
    eventually("filters in the new group", lambda: set(alarm_world.account.filters("others")) == names)
    eventually("none in the old one", lambda: not names & set(alarm_world.account.filters("events")))
    assert "theirs" in alarm_world.account.filters("events")
    eventually("recorded", lambda: {one["logGroup"] for one in status(alarm_sets)["filters"]} == {"others"})
    alarm_sets.wait_ready(SET)
    assert alarm_world.snapshot().alarms == before.alarms, "their metrics are the same"
    assert "lastDrift" not in status(alarm_sets), "it is the Trail's"
    eventually("the Event", lambda: any("logGroup" in one.message for one in alarm_sets.events(SET, "Updated")))


def test_a_changed_log_group_is_only_reported_under_observe(
    operator_process: OperatorFactory, trails: Trails, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    start(operator_process, alarm_world)
    begin(alarm_world, alarm_sets)
    trails.change(TRAIL, managementPolicy="Observe")
    alarm_sets.change(SET, managementPolicy="Observe")
    alarm_sets.wait_reason(SET, "Observed")
    arn, before, mark = alarm_world.other_group("others"), alarm_world.snapshot(), alarm_world.mark()
    alarm_world.deliver_to(arn)
    alarm_sets.wait_reason(SET, "Drifted")
    assert f"alarms[{NAME}].logGroup" in drift(alarm_sets)
    alarm_world.two_more_reads()
    assert alarm_world.writes(mark) == []
    assert alarm_world.snapshot() == before


# -- what is of others


def test_what_has_our_names_and_is_of_others_is_a_conflict(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    """Nothing is written to it, and the other alarms of the set are created and corrected."""
    full_filter, full_alarm = alarm_world.full("Filter"), alarm_world.full("Alarm")
    alarm_world.put_filter(full_filter)
    alarm_world.put_alarm(full_alarm, Tags=[{"Key": OWNER_TAG, "Value": f"{alarm_world.owner}x"}])
    before = alarm_world.snapshot("Filter", "Alarm")
    start(operator_process, alarm_world)
    alarm_world.put_others()
    others = alarm_world.snapshot()
    alarm_world.begin()
    named = [{"name": name, "filterPattern": "{$.eventName=A}"} for name in ("Filter", "Alarm")]
    alarm_sets.create(alarm_set(SET, TRAIL, alarms=[*ALARMS, *named]))
    message = alarm_sets.wait_reason(SET, "Conflict", 60)["message"]
    for text in (
        f"Metric filter {full_filter} exists in log group events and is not recorded in status.filters",
        f"aws logs delete-metric-filter --log-group-name events --filter-name {full_filter}",
        f"Alarm {full_alarm} exists and does not have the owner tag of this resource",
        f"restore its tag {OWNER_TAG}={alarm_world.owner}",
    ):
        assert text in message
    assert alarm_sets.condition(SET, "Stalled")["status"] == "True"
    assert alarm_world.alarm("Puts")["Tags"][OWNER_TAG] == alarm_world.owner
    alarm_world.put_alarm(alarm_world.full("Puts"), Threshold=7.0)
    eventually("the other is corrected", lambda: alarm_world.alarm("Puts")["Threshold"] == 1.0)
    assert alarm_world.snapshot("Filter", "Alarm") == before
    assert status(alarm_sets)["alarmCount"] == len(ALARMS)
    # Nor is anything of others deleted.
    alarm_sets.delete(SET)
    alarm_sets.wait_gone(SET)
    assert alarm_world.snapshot() == others


def test_an_alarm_that_loses_its_tag_is_no_longer_written(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    """Its tags are read right before a write, however long ago they were read last."""
    operator_process("--allowed-action-arns", "*", "--dependency-resync", "1h", **alarm_world.environment)
    begin(alarm_world, alarm_sets)
    alarm_world.two_more_reads()
    arn = alarm_world.alarm(NAME)["AlarmArn"]
    alarm_world.cloudwatch.untag_resource(ResourceARN=arn, TagKeys=[OWNER_TAG])
    alarm_world.put_alarm(alarm_world.full(NAME), Threshold=100.0)
    theirs = alarm_world.snapshot(NAME).alarms
    assert "does not have the owner tag" in alarm_sets.wait_reason(SET, "Conflict")["message"]
    alarm_world.two_more_reads()
    assert alarm_world.snapshot(NAME).alarms == theirs
    alarm_world.cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": OWNER_TAG, "Value": alarm_world.owner}])
    eventually("it is corrected", lambda: alarm_world.alarm(NAME)["Threshold"] == 1.0)
    alarm_sets.wait_ready(SET)


def test_an_alarm_of_others_that_appears_while_alarms_are_created_is_not_replaced(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    start(operator_process, alarm_world)
    world = alarm_world
    world.begin()
    alarms = [{"name": f"A{number}", "filterPattern": "{$.eventName=A}"} for number in range(12)]
    alarm_sets.create(alarm_set(SET, TRAIL, alarms=alarms))
    eventually("the first alarm", lambda: world.alarm("A0"))
    world.put_alarm(world.full("A11"), Threshold=9.0)
    theirs = world.snapshot("A11").alarms
    assert f"Alarm {world.full('A11')} exists" in alarm_sets.wait_reason(SET, "Conflict", 60)["message"]
    assert world.snapshot("A11").alarms == theirs
    assert world.alarm("A10")["Threshold"] == 1.0


def test_tags_are_read_at_once_where_a_user_asks_for_a_reconcile(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    operator_process("--allowed-action-arns", "*", "--dependency-resync", "1h", **alarm_world.environment)
    begin(alarm_world, alarm_sets)
    before = alarm_world.snapshot()
    _tags(alarm_world)
    alarm_sets.annotate(SET, {"trail-operator.dev/reconcile-at": "now"})
    eventually("they are corrected", lambda: alarm_world.snapshot() == before)
