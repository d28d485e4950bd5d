"""What a TrailAlarmSet says, reason by reason, and that nothing is written where it says so."""

import json
from typing import Any

import pytest

from tests.integration.alarm_world import ROLE, SET, TRAIL, AlarmWorld
from tests.integration.aws import REGION, Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Accounts, AlarmSets, Trails, alarm_set
from tests.integration.test_accounts import allowed, role, trusting
from tests.patience import eventually
from tests.sandbox.organizations import Organization
from trail_operator.api.constants import OWNER_TAG, PAUSED
from trail_operator.domain.alarms.presets import PRESET_ALARMS

DELETIONS = {"name": "Deletions", "filterPattern": "{$.eventName=Delete*}"}
NO_LOGS = {"cloudWatchLogsLogGroupARN": None, "cloudWatchLogsRoleARN": None}


@pytest.fixture
def started(operator_process: OperatorFactory, alarm_world: AlarmWorld) -> AlarmWorld:
    """The world, with an operator that allows all topics."""
    operator_process("--allowed-action-arns", "*", "--dependency-resync", "1s", **alarm_world.environment)
    return alarm_world


def create(alarm_sets: AlarmSets, **spec: Any) -> None:
    alarm_sets.create(alarm_set(SET, TRAIL, **({"alarms": [DELETIONS]} | spec)))


def nothing_is_written(world: AlarmWorld, since: int = 0) -> None:
    assert world.writes(since) == []


# -- the Trail


def test_a_trail_without_a_log_group(started: AlarmWorld, trails: Trails, alarm_sets: AlarmSets) -> None:
    started.begin(**NO_LOGS)
    create(alarm_sets)
    condition = alarm_sets.wait_reason(SET, "LogGroupNotConfigured")
    assert condition["status"] == "False"
    assert f"set cloudWatchLogsLogGroupARN and cloudWatchLogsRoleARN of Trail {TRAIL}" in condition["message"]
    nothing_is_written(started)
    trails.change(TRAIL, cloudWatchLogsLogGroupARN=started.group, cloudWatchLogsRoleARN=started.role)
    alarm_sets.wait_ready(SET)
    # What the spec says of the log group does not matter while AWS reports none.
    alarm_sets.delete(SET)
    alarm_sets.wait_gone(SET)


def test_a_trail_that_is_in_conflict(
    operator_process: OperatorFactory, alarm_world: AlarmWorld, trails: Trails, alarm_sets: AlarmSets
) -> None:
    alarm_world.account.cloudtrail.create_trail(
        Name=TRAIL,
        S3BucketName=alarm_world.bucket,
        CloudWatchLogsLogGroupArn=f"{alarm_world.group}:*",
        CloudWatchLogsRoleArn=alarm_world.role,
    )
    operator_process(adoption=None, **alarm_world.environment)
    alarm_world.begin()
    create(alarm_sets)
    trails.wait_reason(TRAIL, "Conflict")
    message = alarm_sets.wait_reason(SET, "TrailNotManaged")["message"]
    assert f"Trail {TRAIL} manages no trail in AWS (Conflict)" in message
    # Nor is the trail of others used where it is only observed.
    trails.change(TRAIL, managementPolicy="Observe", isLogging=False, enableLogFileValidation=False)
    eventually("observed", lambda: trails.condition(TRAIL).get("reason") in ("Observed", "Drifted"))
    eventually("it says so", lambda: "(Conflict)" not in alarm_sets.condition(SET)["message"])
    assert alarm_sets.condition(SET)["reason"] == "TrailNotManaged"
    nothing_is_written(alarm_world)


def test_a_trail_that_comes_into_conflict(started: AlarmWorld, trails: Trails, alarm_sets: AlarmSets) -> None:
    """Its alarms stay as they are, and are not corrected any more."""
    started.begin()
    create(alarm_sets)
    alarm_sets.wait_ready(SET)
    arn = started.account.trail_arn(TRAIL)
    trails.change(TRAIL, adoptionPolicy="Never")
    started.account.cloudtrail.add_tags(ResourceId=arn, TagsList=[{"Key": OWNER_TAG, "Value": "test/other/owner"}])
    trails.wait_reason(TRAIL, "Conflict")
    alarm_sets.wait_reason(SET, "TrailNotManaged")
    mark = started.mark()
    started.put_alarm(started.full("Deletions"), Threshold=9.0)
    alarm_sets.annotate(SET, {"trail-operator.dev/reconcile-at": "now"})
    eventually("it was tried", lambda: len(started.calls()) > mark)
    nothing_is_written(started, mark)
    assert started.alarm("Deletions")["Threshold"] == 9.0


def test_a_trail_that_is_paused(started: AlarmWorld, trails: Trails, alarm_sets: AlarmSets) -> None:
    started.begin()
    create(alarm_sets)
    alarm_sets.wait_ready(SET)
    trails.annotate(TRAIL, {PAUSED: "true"})
    condition = alarm_sets.wait_reason(SET, "Paused")
    assert condition["status"] == "Unknown"
    assert f"Trail {TRAIL} is paused by its annotation trail-operator.dev/paused; remove" in condition["message"]
    mark = started.mark()
    started.put_alarm(started.full("Deletions"), Threshold=9.0)
    alarm_sets.change(SET, alarms=[DELETIONS, {**DELETIONS, "name": "More"}])
    alarm_sets.wait_reason(SET, "Paused")
    nothing_is_written(started, mark)
    trails.annotate(TRAIL, {PAUSED: None})
    alarm_sets.wait_ready(SET)
    assert started.alarm("Deletions")["Threshold"] == 1.0
    assert started.alarm("More")


def test_a_set_that_is_paused(started: AlarmWorld, alarm_sets: AlarmSets) -> None:
    started.begin()
    create(alarm_sets)
    alarm_sets.wait_ready(SET)
    alarm_sets.annotate(SET, {PAUSED: "true"})
    condition = alarm_sets.wait_reason(SET, "Paused")
    assert condition["status"] == "Unknown"
    mark = started.mark()
    started.put_alarm(started.full("Deletions"), Threshold=9.0)
    alarm_sets.delete(SET)
    alarm_sets.annotate(SET, {"trail-operator.dev/reconcile-at": "now"})
    alarm_sets.wait_reason(SET, "Paused")
    nothing_is_written(started, mark)
    assert alarm_sets.get(SET), "a deletion waits as well"
    alarm_sets.annotate(SET, {PAUSED: None})
    alarm_sets.wait_gone(SET)
    assert started.counts() == (0, 0)


@pytest.mark.parametrize("change", [{"allowedTrailNames": ["other"]}, {"allowedBuckets": ["other"]}], ids=str)
def test_a_trail_that_is_not_allowed(
    operator_process: OperatorFactory,
    alarm_world: AlarmWorld,
    trails: Trails,
    accounts: Accounts,
    alarm_sets: AlarmSets,
    change: dict[str, Any],
) -> None:
    """By its AWSAccount: nothing is written for it any more."""
    operator_process(**alarm_world.environment)
    number = alarm_world.account.number
    name = accounts.create("team", number, allowedNamespaces=allowed(trails))
    alarm_world.begin(accountRef={"name": name})
    create(alarm_sets)
    alarm_sets.wait_ready(SET)
    accounts.change(name, **change)
    reason = f"{next(iter(change)).removeprefix('allowed').removesuffix('s')}NotAllowed"
    trails.wait_reason(TRAIL, reason)
    message = alarm_sets.wait_reason(SET, "TrailNotManaged")["message"]
    assert reason in message
    mark = alarm_world.mark()
    alarm_world.put_alarm(alarm_world.full("Deletions"), Threshold=9.0)
    alarm_sets.annotate(SET, {"trail-operator.dev/reconcile-at": "now"})
    accounts.change(name, **dict.fromkeys(change))
    alarm_sets.wait_ready(SET)
    assert alarm_world.writes(mark) == ["PutMetricAlarm"]


# -- the log group


def test_a_log_group_of_another_account(
    operator_process: OperatorFactory, account: Account, trails: Trails, alarm_sets: AlarmSets
) -> None:
    """A trail of the organization that the management account made, seen with a delegated administrator's identity."""
    organization = Organization(account)
    administrator = organization.administrator()
    world = AlarmWorld(account, trails, organization.bucket(trail=TRAIL))
    account.role_permissions(ROLE, world.group)
    statement = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": [f"{world.group}:log-stream:*"],
    }
    account.client("iam").put_role_policy(
        RoleName=ROLE,
        PolicyName="logs",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    arn = organization.trail(
        name=TRAIL, bucket=world.bucket, CloudWatchLogsLogGroupArn=f"{world.group}:*", CloudWatchLogsRoleArn=world.role
    )
    owner = f"test/{trails.namespace}/{TRAIL}"
    account.cloudtrail.add_tags(ResourceId=arn, TagsList=[{"Key": OWNER_TAG, "Value": owner}])
    operator_process(**administrator.environment)
    world.begin(isOrganizationTrail=True, managementPolicy="Observe")
    create(alarm_sets)
    message = alarm_sets.wait_reason(SET, "LogGroupElsewhere")["message"]
    assert f"Log group {world.group} is not in account {administrator.number} and region {REGION}" in message
    assert world.counts() == (0, 0)


def test_a_log_group_of_a_class_without_filters(
    started: AlarmWorld, account: Account, trails: Trails, alarm_sets: AlarmSets
) -> None:
    started.logs.create_log_group(logGroupName="rare", logGroupClass="INFREQUENT_ACCESS")
    group = started.group.replace(":events", ":rare")
    account.role_permissions(ROLE, group)
    started.begin(cloudWatchLogsLogGroupARN=group)
    create(alarm_sets)
    condition = alarm_sets.wait_reason(SET, "LogGroupUnsuitable")
    assert condition["status"] == "False"
    assert "Log group rare is of class INFREQUENT_ACCESS, which has no metric filters" in condition["message"]
    nothing_is_written(started)
    account.role_permissions(ROLE, started.group)
    trails.change(TRAIL, cloudWatchLogsLogGroupARN=started.group)
    alarm_sets.wait_ready(SET)


def test_a_log_group_that_is_deleted(started: AlarmWorld, alarm_sets: AlarmSets) -> None:
    started.begin()
    create(alarm_sets)
    alarm_sets.wait_ready(SET)
    mark = started.mark()
    started.logs.delete_log_group(logGroupName="events")
    condition = alarm_sets.wait_reason(SET, "LogGroupNotFound")
    assert condition["status"] == "False"
    assert "Log group events does not exist" in condition["message"]
    nothing_is_written(started, mark)
    started.account.log_group("events")
    alarm_sets.wait_ready(SET, 60)
    assert started.filter("Deletions")


def test_a_set_whose_log_group_is_gone_is_deleted(started: AlarmWorld, alarm_sets: AlarmSets) -> None:
    started.begin()
    create(alarm_sets)
    alarm_sets.wait_ready(SET)
    started.logs.delete_log_group(logGroupName="events")
    alarm_sets.delete(SET)
    alarm_sets.wait_gone(SET)
    assert started.counts() == (0, 0)


# -- the spec


def test_topics_that_are_not_allowed(
    operator_process: OperatorFactory, alarm_world: AlarmWorld, account: Account, alarm_sets: AlarmSets
) -> None:
    """None without the flag. No topic is read that is not allowed, and nothing is written."""
    topics = [account.client("sns").create_topic(Name=name)["TopicArn"] for name in ("one", "two")]
    first = operator_process(**alarm_world.environment)
    alarm_world.begin()
    create(alarm_sets, actions={"alarm": topics})
    message = alarm_sets.wait_reason(SET, "ActionNotAllowed")["message"]
    assert f"Alarms may not notify {topics[0]}, {topics[1]}; nothing was written" in message
    assert "to add them to --allowed-action-arns" in message
    first.stop()
    second = operator_process("--allowed-action-arns", topics[0], **alarm_world.environment)
    eventually("one is left", lambda: f"may not notify {topics[1]};" in alarm_sets.condition(SET).get("message", ""))
    assert f"or use topics that match {topics[0]}" in alarm_sets.condition(SET)["message"]
    nothing_is_written(alarm_world)
    assert [call for call in alarm_world.calls() if call["service"] == "sns"] == []
    second.stop()
    operator_process("--allowed-action-arns", f"{topics[0][:-3]}*", **alarm_world.environment)
    alarm_sets.wait_ready(SET)
    assert alarm_world.alarm("Deletions")["AlarmActions"] == topics


def test_topics_that_the_account_does_not_allow(
    operator_process: OperatorFactory,
    account: Account,
    other: Account,
    trails: Trails,
    accounts: Accounts,
    alarm_sets: AlarmSets,
) -> None:
    operator_process("--allowed-action-arns", "*")
    world = AlarmWorld(other, trails, f"logs-{other.number}")
    arn = role(other, trusting(account))
    name = accounts.create("team", other.number, roleARN=arn, region=REGION, allowedNamespaces=allowed(trails))
    topic = other.client("sns").create_topic(Name="alerts")["TopicArn"]
    world.begin(accountRef={"name": name})
    create(alarm_sets, alarms=[{**DELETIONS, "actions": {"ok": [topic]}}])
    message = alarm_sets.wait_reason(SET, "ActionNotAllowed")["message"]
    assert f"to add it to allowedActionARNs of AWSAccount {name}" in message
    assert world.counts() == (0, 0)
    assert [call for call in other.calls() if call["operation"] == "GetTopicAttributes"] == []
    accounts.change(name, allowedActionARNs=[topic])
    alarm_sets.wait_ready(SET)
    assert world.alarm("Deletions")["OKActions"] == [topic]


INVALID: list[tuple[str, dict[str, Any], str]] = [
    (
        "override-of-none",
        {"presets": ["CIS"], "overrides": [{"name": "Deletions", "threshold": 2}]},
        "overrides[Deletions]: no alarm of the chosen presets has this name",
    ),
    (
        "name-of-a-preset",
        {"alarms": [DELETIONS, {**DELETIONS, "name": "RootUsage"}]},
        "alarms[RootUsage]: this is the name of a preset alarm",
    ),
    (
        "pattern",
        {"alarms": [DELETIONS, {"name": "Odd", "filterPattern": "{$.eventName=}"}]},
        "alarms[Odd].filterPattern: ",
    ),
    (
        "topic-elsewhere",
        {"actions": {"alarm": ["arn:aws:sns:eu-west-1:123456789012:alerts"]}},
        f"must be in region {REGION} of partition aws",
    ),
]


@pytest.mark.parametrize(("spec", "text"), [case[1:] for case in INVALID], ids=[case[0] for case in INVALID])
def test_a_spec_that_cannot_work(started: AlarmWorld, alarm_sets: AlarmSets, spec: dict[str, Any], text: str) -> None:
    """Nothing at all is written, nor is an alarm that exists corrected; a good spec is carried out."""
    started.begin()
    create(alarm_sets, **spec)
    condition = alarm_sets.wait_reason(SET, "InvalidSpec")
    assert condition["status"] == "False"
    assert text in condition["message"]
    assert alarm_sets.condition(SET, "Stalled")["status"] == "True"
    started.account.deliver()
    nothing_is_written(started)
    alarm_sets.replace_spec(SET, trailRef={"name": TRAIL}, alarms=[DELETIONS])
    alarm_sets.wait_ready(SET)
    mark = started.mark()
    alarm_sets.replace_spec(SET, trailRef={"name": TRAIL}, **({"alarms": [DELETIONS]} | spec))
    alarm_sets.wait_reason(SET, "InvalidSpec")
    started.put_alarm(started.full("Deletions"), Threshold=9.0)
    alarm_sets.annotate(SET, {"trail-operator.dev/reconcile-at": "now"})
    eventually("it was tried", lambda: len(started.calls()) > 0)
    nothing_is_written(started, mark)


def test_many_alarms(started: AlarmWorld, alarm_sets: AlarmSets) -> None:
    """All presets, and as many custom alarms as a set may have."""
    custom = [{"name": f"Custom-{number}", "filterPattern": f"{{$.eventName=A{number}}}"} for number in range(50)]
    started.begin()
    create(alarm_sets, presets=["SecurityHub", "CIS"], alarms=custom)
    body = alarm_sets.wait_ready(SET, 180)
    count = len(custom) + len(PRESET_ALARMS)
    assert count == 65
    assert started.counts() == (count, count)
    assert body["status"]["alarmCount"] == len(body["status"]["filters"]) == count
    condition = alarm_sets.condition(SET)
    assert (condition["reason"], condition["message"]) == (
        "InSync",
        f"{count} alarms and their metric filters are in sync with the spec",
    )
    writes = started.writes()
    assert (writes.count("PutMetricFilter"), writes.count("PutMetricAlarm"), len(writes)) == (count, count, 2 * count)
    mark = started.mark()
    started.two_more_reads()
    nothing_is_written(started, mark)
    alarm_sets.delete(SET)
    alarm_sets.wait_gone(SET, 120)
    assert started.counts() == (0, 0)


# -- Advisory


def advisory(alarm_sets: AlarmSets) -> dict[str, Any]:
    return alarm_sets.condition(SET, "Advisory")


def waits(alarm_sets: AlarmSets, reason: str, *texts: str) -> None:
    """Wait for an Advisory that says so; the set is Ready."""

    def says_so() -> bool:
        condition = advisory(alarm_sets)
        return condition.get("reason") == reason and all(text in condition["message"] for text in texts)

    eventually(f"Advisory {reason}", says_so)
    assert alarm_sets.condition(SET)["status"] == "True"


def _subscribe(account: Account, topic: str) -> None:
    queue = account.client("sqs").create_queue(QueueName="alerts")["QueueUrl"]
    arn = account.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    account.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])


def test_warnings_about_topics(started: AlarmWorld, account: Account, alarm_sets: AlarmSets) -> None:
    started.begin()
    create(alarm_sets)
    alarm_sets.wait_ready(SET)
    waits(alarm_sets, "NoAction", "These alarms notify nobody: Deletions")
    topic = f"arn:aws:sns:{REGION}:{account.number}:alerts"
    alarm_sets.change(SET, actions={"alarm": [topic]})
    waits(alarm_sets, "TopicNotFound", f"Topics do not exist: {topic} (of Deletions)")
    account.client("sns").create_topic(Name="alerts")
    waits(alarm_sets, "TopicWithoutSubscriber", f"Topics have no confirmed subscription: {topic} (of Deletions)")
    _subscribe(account, topic)
    eventually("no warning", lambda: not advisory(alarm_sets))
    alarm_sets.change(SET, alarms=[{**DELETIONS, "actionsEnabled": False}])
    waits(alarm_sets, "NoAction", "Actions are disabled for Deletions: set actionsEnabled: true")


@pytest.mark.parametrize(
    ("reason", "spec", "change", "text"),
    [
        ("TrailNotLogging", {"isLogging": False}, {"isLogging": True}, "The trail is not logging"),
        (
            "EventsNotRecorded",
            {"eventSelectors": [{"readWriteType": "ReadOnly", "includeManagementEvents": True}]},
            {"eventSelectors": None},
            "The trail's event selectors do not record all write events, which these alarms count: IAMPolicyChanges",
        ),
        (
            "EventsNotRecorded",
            {"isMultiRegionTrail": False, "includeGlobalServiceEvents": False},
            {"isMultiRegionTrail": True, "includeGlobalServiceEvents": True},
            "does not record events of iam.amazonaws.com",
        ),
    ],
    ids=["not-logging", "selectors", "one-region"],
)
def test_warnings_about_the_trail(
    started: AlarmWorld,
    account: Account,
    trails: Trails,
    alarm_sets: AlarmSets,
    reason: str,
    spec: dict[str, Any],
    change: dict[str, Any],
    text: str,
) -> None:
    topic = account.client("sns").create_topic(Name="alerts")["TopicArn"]
    _subscribe(account, topic)
    started.begin(**spec)
    exclude = [one.name for one in PRESET_ALARMS if one.name not in ("IAMPolicyChanges", "CloudTrailChanges")]
    create(alarm_sets, alarms=None, presets=["CIS"], exclude=exclude, actions={"alarm": [topic]})
    alarm_sets.wait_ready(SET)
    waits(alarm_sets, reason, text)
    trails.change(TRAIL, **change)
    eventually("no warning", lambda: not advisory(alarm_sets))
    assert alarm_sets.condition(SET)["status"] == "True"
