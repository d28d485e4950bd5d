"""The permissions of docs/iam.md for alarms are enough, and each is needed for what the page says it is for."""

from typing import Any

import pytest

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import AlarmSets, Trails, alarm_set, trail
from tests.integration.test_least_privilege import FOR_ALARMS, NEEDED, Identity, actions_of
from tests.patience import eventually
from trail_operator.aws import grants
from trail_operator.aws.grants import When
from trail_operator.aws.operations import Read, Write, permissions_of

FIRST = {"name": "Deletions", "filterPattern": "{$.eventName=Delete*}"}
SECOND = {"name": "Stops", "filterPattern": "{$.eventName=StopLogging}"}
TAGS = [{"key": "team", "value": "x"}]
OPTIONAL = {one.action for grant in grants.FOR_ALARMS for one in permissions_of(grant) if "optional" in one.when}
FOR_CREATION = sorted(
    one.action
    for one in (
        *(Read.DescribeMetricFilters, Read.TestMetricFilter, Read.DescribeAlarms),
        *(Write.PutMetricFilter, Write.PutMetricAlarm, Write.TagResource),
    )
)
FOR_CHANGES = sorted(one.action for one in (Read.ListTagsForResource, Write.UntagResource, Write.TagResource))
FOR_DELETION = sorted(one.action for one in (Write.DeleteAlarms, Write.DeleteMetricFilter))
NO_DENIALS = {None, "TrailNotFoundException", "ResourceNotFoundException", "InsightNotEnabledException"}
PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag"}
"""What services are called in IAM, by their names in signatures."""


@pytest.fixture
def identity(account: Account) -> Identity:
    return Identity(account, *NEEDED, *FOR_ALARMS)


@pytest.fixture
def topic(account: Account) -> str:
    """A topic that alarms may notify, with a subscriber."""
    arn: str = account.client("sns").create_topic(Name="alarms")["TopicArn"]
    queue = account.client("sqs").create_queue(QueueName="alarms")["QueueUrl"]
    attributes = account.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    account.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=attributes["QueueArn"])
    return arn


@pytest.fixture
def group(account: Account, trails: Trails) -> str:
    """The log group of the Trail `audit`."""
    group, bucket = account.log_group("events"), account.bucket(f"logs-{account.number}", "audit")
    role = account.role("one", group)
    trails.create(trail("audit", bucket, cloudWatchLogsLogGroupARN=group, cloudWatchLogsRoleARN=role))
    return group


@pytest.fixture
def wanted(topic: str, group: str) -> dict[str, Any]:
    """A set for which every call is made sooner or later; it needs its log group."""
    assert group
    return alarm_set("set", "audit", alarms=[FIRST, SECOND], tags=TAGS, actions={"alarm": [topic]})


def start(operator_process: OperatorFactory, identity: Identity, topic: str) -> None:
    operator_process("--allowed-action-arns", topic, **identity.environment)


def denied(alarm_sets: AlarmSets, action: str) -> None:
    condition = alarm_sets.wait_reason("set", "AccessDenied", 60)
    assert condition["status"] == "False"
    assert f"not allowed to perform {action} in" in condition["message"]


def granted(alarm_sets: AlarmSets, identity: Identity) -> None:
    identity.put()
    alarm_sets.annotate("set", {"trail-operator.dev/reconcile-at": "now"})
    alarm_sets.wait_ready("set", 60)


def test_every_action_is_looked_at() -> None:
    assert {*FOR_CREATION, *FOR_CHANGES, *FOR_DELETION, *OPTIONAL} == set(actions_of(*FOR_ALARMS))
    whens = {one.when for grant in grants.FOR_ALARMS for one in permissions_of(grant) if one.action in OPTIONAL}
    assert whens == {When.ALARM_TAGS, When.ALARM_LOG_GROUP, When.ALARM_TOPICS}


def test_the_documented_permissions_are_enough(
    operator_process: OperatorFactory,
    account: Account,
    alarm_sets: AlarmSets,
    identity: Identity,
    topic: str,
    wanted: dict[str, Any],
) -> None:
    operator = operator_process("--allowed-action-arns", topic, **identity.environment)
    alarm_sets.create(wanted)
    alarm_sets.wait_ready("set", 60)
    alarm_sets.change("set", tags=[{"key": "cost", "value": "1"}])
    alarm_sets.wait_ready("set", 60)
    operator.stop()
    operator.start()  # it reads the tags of both alarms, whose index is up to date by then
    eventually("the tags are read", lambda: "GetResources" in [call["operation"] for call in identity.calls()])
    assert alarm_sets.condition("set", "Advisory") == {}
    alarm_sets.delete("set")
    alarm_sets.wait_gone("set")
    made = {call["operation"]: f"{PREFIXES.get(call['service'], call['service'])}" for call in identity.calls()}
    of_alarms = [call for call in identity.calls() if call["service"] in ("logs", "monitoring", "tagging", "sns")]
    assert {call["error"] for call in of_alarms} <= NO_DENIALS
    assert {f"{service}:{operation}" for operation, service in made.items()} >= set(actions_of(*FOR_ALARMS))
    assert account.alarms() == {}


@pytest.mark.sampled
@pytest.mark.parametrize("action", FOR_CREATION)
def test_an_action_that_is_missing_while_alarms_are_made(
    operator_process: OperatorFactory,
    account: Account,
    alarm_sets: AlarmSets,
    identity: Identity,
    topic: str,
    wanted: dict[str, Any],
    action: str,
) -> None:
    identity.put(without=action)
    start(operator_process, identity, topic)
    alarm_sets.create(wanted)
    denied(alarm_sets, action)
    assert account.alarms() == {}
    granted(alarm_sets, identity)
    assert len(account.alarms()) == 2


@pytest.mark.sampled
@pytest.mark.parametrize("action", FOR_CHANGES)
def test_an_action_that_is_missing_while_alarms_are_changed(
    operator_process: OperatorFactory,
    alarm_sets: AlarmSets,
    identity: Identity,
    topic: str,
    wanted: dict[str, Any],
    action: str,
) -> None:
    start(operator_process, identity, topic)
    alarm_sets.create(wanted)
    alarm_sets.wait_ready("set", 60)
    identity.put(without=action)
    alarm_sets.change("set", tags=[{"key": "cost", "value": "1"}])
    denied(alarm_sets, action)
    granted(alarm_sets, identity)


@pytest.mark.sampled
@pytest.mark.parametrize("action", FOR_DELETION)
def test_without_the_permission_to_delete_a_set_is_held(
    operator_process: OperatorFactory,
    account: Account,
    alarm_sets: AlarmSets,
    identity: Identity,
    topic: str,
    wanted: dict[str, Any],
    action: str,
) -> None:
    identity.put(without=action)
    start(operator_process, identity, topic)
    alarm_sets.create(wanted)
    alarm_sets.wait_ready("set", 60)
    alarm_sets.delete("set")
    denied(alarm_sets, action)
    assert "deletionPolicy: Retain" in alarm_sets.condition("set")["message"]
    identity.put()
    alarm_sets.wait_gone("set")
    assert account.alarms() == {}


@pytest.mark.sampled
@pytest.mark.parametrize("action", sorted(OPTIONAL))
def test_what_is_optional_is_not_missed(
    operator_process: OperatorFactory,
    alarm_sets: AlarmSets,
    identity: Identity,
    topic: str,
    wanted: dict[str, Any],
    action: str,
) -> None:
    identity.put(without=action)
    operator = operator_process("--allowed-action-arns", topic, **identity.environment)
    alarm_sets.create(wanted)
    alarm_sets.wait_ready("set", 60)
    operator.stop()
    operator.start()

    def is_denied() -> bool:
        asked = {"tag:GetResources": "tagging"}.get(action, action.partition(":")[0])
        return any(call["service"] == asked and call["error"] is not None for call in identity.calls())

    eventually("the denial", is_denied)
    alarm_sets.change("set", tags=[])
    alarm_sets.wait_ready("set", 60)
    assert alarm_sets.condition("set", "Advisory") == {}
