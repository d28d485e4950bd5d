"""`trail-operator policy` for TrailAlarmSets: judged by the emulated CloudWatch, which shares no code with it."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from tests.unit.test_policy_command import ACCOUNT, FULL, OFFLINE, account, actions, manifest, offline, run
from trail_sandbox.aws.alarms.permissions import may_publish
from trail_sandbox.aws.world import Key, Topic, World

__all__ = ["offline", "run"]

TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:alarms"
OTHERS = "arn:aws:sns:eu-west-1:222233334444:alarms"
ALARM = f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:prod/default/cis/RootUsage"
NOBODY = json.dumps({"Version": "2012-10-17", "Statement": []})
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1"


def alarm_set(*topics: str, name: str = "cis", **spec: Any) -> dict[str, Any]:
    body = {"trailRef": {"name": "audit"}, "presets": ["CIS"], "actions": {"alarm": list(topics)}, **spec}
    return {
        "apiVersion": "trail-operator.dev/v1alpha1",
        "kind": "TrailAlarmSet",
        "metadata": {"name": name},
        "spec": body,
    }


class _World:
    """A world with one key."""

    def __init__(self, policy: str) -> None:
        self._policy = policy

    def key(self, identifier: str, owner: str, region: str) -> Key:
        return Key(identifier, owner, region, "Enabled", "SYMMETRIC_DEFAULT", self._policy)


def notifies(policy: str, topic: str = TOPIC, alarm: str = ALARM, key_policy: str | None = None) -> bool:
    """Whether an alarm may publish to a topic with that policy, encrypted with a key if it has a policy."""
    number, world = topic.split(":")[4], cast(World, _World(str(key_policy)))
    key = KEY if key_policy else None
    return may_publish(world, alarm, alarm.split(":")[4], Topic(topic, number, "eu-west-1", policy, key, print))


def policy_of(statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def test_a_topic_in_actions_lets_alarms_publish(run: Any) -> None:
    done = run("topic", "-f", "-", *OFFLINE[2:], stdin=[manifest(), alarm_set(TOPIC)])
    [statement] = done.json
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    alarms = f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:*"
    assert statement["Condition"] == {"ArnLike": {"aws:SourceArn": alarms}}
    assert done.err[0].startswith(
        "AllowCloudWatchAlarmsToPublish: required: CloudWatch publishes the alarms of account"
    )
    policy = policy_of(done.json)
    assert notifies(policy)
    assert not notifies(policy, alarm=ALARM.replace(ACCOUNT, "222233334444"))
    assert not notifies(policy, alarm=ALARM.replace("eu-west-1", "us-east-1"))


def test_a_topic_of_a_trail_and_of_alarms_has_both_statements(run: Any) -> None:
    topic = f"arn:aws:sns:eu-west-1:{ACCOUNT}:notify"
    done = run("topic", *OFFLINE, stdin=[manifest(**FULL), alarm_set(topic)])
    services = [one["Principal"]["Service"] for one in done.json]
    assert services == ["cloudtrail.amazonaws.com", "cloudwatch.amazonaws.com"]
    assert notifies(run("topic", *OFFLINE, "--complete", stdin=[manifest(**FULL), alarm_set(topic)]).out, topic)


def test_the_default_policy_of_a_topic_lacks_nothing_for_its_own_account(run: Any, tmp_path: Path) -> None:
    existing = tmp_path / "policy.json"
    given = [manifest(), alarm_set(OTHERS)]
    default = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["SNS:Publish"],
        "Resource": TOPIC,
        "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT}},
    }
    existing.write_text(policy_of([default]))
    done = run("topic", *OFFLINE, "--merge", str(existing), stdin=[manifest(), alarm_set(TOPIC)])
    assert (done.status, done.err) == (0, ["Nothing is missing"])
    of_others = default | {"Resource": OTHERS, "Condition": {"StringEquals": {"AWS:SourceOwner": "222233334444"}}}
    existing.write_text(policy_of([of_others]))
    assert not notifies(existing.read_text(), OTHERS)
    done = run("topic", *OFFLINE, "--merge", str(existing), stdin=given)
    assert notifies(done.out, OTHERS)
    existing.write_text(done.out)
    assert run("topic", *OFFLINE, "--merge", str(existing), stdin=given).err == ["Nothing is missing"]


def test_a_deny_that_adding_cannot_correct_names_cloudwatch(run: Any, tmp_path: Path) -> None:
    existing = tmp_path / "policy.json"
    deny: dict[str, Any] = {
        "Sid": "NoServices",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "SNS:Publish",
        "Resource": TOPIC,
    }
    deny["Condition"] = {"Bool": {"aws:PrincipalIsAWSService": "true"}}
    existing.write_text(policy_of([deny]))
    done = run("topic", *OFFLINE, "--merge", str(existing), stdin=[manifest(), alarm_set(TOPIC)])
    assert done.status == 3
    [line] = [line for line in done.err if "NoServices" in line]
    assert '"aws:PrincipalServiceName":"cloudwatch.amazonaws.com"' in line


def test_sets_in_one_policy(run: Any) -> None:
    dev = account("dev", "222233334444", region="eu-west-1")
    other = manifest("dev", accountRef={"name": "dev"})
    sets = [alarm_set(TOPIC), alarm_set(TOPIC, name="dev", trailRef={"name": "dev"})]
    [statement] = run("topic", *OFFLINE, stdin=[manifest(), other, dev, *sets]).json
    assert len(statement["Condition"]["ArnLike"]["aws:SourceArn"]) == 2
    assert notifies(policy_of([statement]), alarm=ALARM.replace(ACCOUNT, "222233334444"))
    done = run("topic", *OFFLINE, stdin=[manifest(), alarm_set(TOPIC, OTHERS)])
    assert (done.status, "choose one with --resource" in done.err[0]) == (1, True)
    assert run("topic", *OFFLINE, "--resource", OTHERS, stdin=[manifest(), alarm_set(TOPIC, OTHERS)]).status == 0


def test_the_key_of_a_topic_lets_alarms_publish(run: Any) -> None:
    arguments = ("key", *OFFLINE, "--encrypts", "topic")
    done = run(*arguments, "--resource", "key/1", stdin=[manifest(), alarm_set(TOPIC)])
    [statement] = done.json
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == ["kms:GenerateDataKey*", "kms:Decrypt"]
    publish = policy_of(run("topic", *OFFLINE, stdin=[manifest(), alarm_set(TOPIC)]).json)
    assert notifies(publish, key_policy=policy_of(done.json))
    assert not notifies(publish, key_policy=NOBODY)
    both = run(*arguments, stdin=[manifest(**FULL), alarm_set(TOPIC)]).json
    assert [one["Principal"]["Service"] for one in both] == ["cloudtrail.amazonaws.com", "cloudwatch.amazonaws.com"]
    done = run(*arguments, "--resource", "alias/aws/sns", stdin=[manifest(), alarm_set(TOPIC)])
    assert (done.status, len(done.err)) == (1, 1)
    assert "encrypt the topic with a key of your own" in done.err[0]


def test_the_operators_policy_follows_from_alarm_sets(run: Any) -> None:
    done = run("operator", *OFFLINE, stdin=[manifest(**FULL), alarm_set(TOPIC)])
    requirements = {line.split(": ")[0]: line.split(": ")[1] for line in done.err}
    assert [requirements[name] for name in ("MetricFilters", "Alarms", "AlarmReads")] == ["required"] * 3
    assert "cloudwatch:PutMetricAlarm" in actions(done.json)
    done = run("operator", *OFFLINE, "--features", "dependencies", stdin=[manifest(**FULL), alarm_set(TOPIC)])
    assert "cloudwatch:PutMetricAlarm" not in actions(done.json)
    assert "Left out: alarms, which the TrailAlarmSets need (--features)" in done.err
    alone = run("operator", *OFFLINE, stdin=[alarm_set(TOPIC)])
    resources = {one["Sid"]: one["Resource"] for one in alone.json}
    assert resources["Alarms"] == f"arn:aws:cloudwatch:*:{ACCOUNT}:alarm:*/*"


@pytest.mark.parametrize(
    ("arguments", "given", "problem"),
    [
        (("topic", "-f", "-"), [alarm_set(TOPIC)], "Trail audit is not among the manifests: add it with -f, or give"),
        (("topic", *OFFLINE), [manifest(), alarm_set()], "no Trail names a topic (snsTopicName), and no TrailAlarmSet"),
        (("bucket", *OFFLINE), [alarm_set(TOPIC)], "no Trail names a bucket"),
        (("topic", *OFFLINE), [manifest(), alarm_set(TOPIC.replace("eu-west-1", "us-east-1"))], "must be in region"),
        (("topic", *OFFLINE), [manifest(), alarm_set(TOPIC, presets=["PCI"])], "presets"),
        (("topic", *OFFLINE), [manifest(), alarm_set(TOPIC, exclude=["Nothing"])], "no preset alarm has the name"),
        (("topic", *OFFLINE), [manifest(), alarm_set(TOPIC, trailRef={})], "trailRef"),
    ],
)
def test_a_clear_line_and_status_1(run: Any, arguments: tuple[str, ...], given: Any, problem: str) -> None:
    done = run(*arguments, stdin=given)
    assert (done.status, done.out, len(done.err)) == (1, "", 1)
    assert problem in done.err[0]


def test_alarms_without_their_trail_are_in_the_region_of_their_topics(run: Any) -> None:
    [statement] = run("topic", *OFFLINE, stdin=[alarm_set(TOPIC)]).json
    assert statement["Condition"]["ArnLike"]["aws:SourceArn"] == f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:*"
