"""DependenciesReady: each dependency that breaks while the trail is Ready, and its repair."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.aws import Account, trust
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Trails, trail
from tests.integration.process import Operator
from tests.integration.whole import World
from tests.patience import eventually, resync

NAME = "whole"
_KIND = "DependenciesReady"
_OFTEN = "--dependency-resync"


@dataclass(frozen=True)
class Break:
    """Something that breaks: what the condition then says, and what alone repairs it."""

    reason: str
    says: str
    breaks: Callable[[Account, World], object]
    repairs: Callable[[Account, World], object]


def _key_id(world: World) -> str:
    return str(world.basic["kmsKeyID"]).rpartition("/")[2]


def _trusts(account: Account, service: str) -> None:
    account.client("iam").update_assume_role_policy(RoleName="one", PolicyDocument=json.dumps(trust(service)))


BREAKS = {
    "bucket policy": Break(
        "BucketPolicyDenies",
        '"Sid":"AWSCloudTrailWrite20150319"',
        lambda account, world: account.client("s3").delete_bucket_policy(Bucket=world.bucket),
        lambda account, world: account.bucket_policy(world.bucket, NAME, "*"),
    ),
    "topic policy": Break(
        "TopicPolicyDenies",
        '"Sid":"AWSCloudTrailSNSPolicy20150319"',
        lambda account, world: account.topic_policy(world.basic["snsTopicName"], "another"),
        lambda account, world: account.topic_policy(world.basic["snsTopicName"], NAME),
    ),
    "key policy": Break(
        "KeyPolicyDenies",
        '"Sid":"Allow CloudTrail to encrypt logs"',
        lambda account, world: account.key_policy(world.basic["kmsKeyID"], NAME, cloudtrail=False),
        lambda account, world: account.key_policy(world.basic["kmsKeyID"], NAME),
    ),
    "key": Break(
        "KeyDisabled",
        "Enable it",
        lambda account, world: account.client("kms").disable_key(KeyId=_key_id(world)),
        lambda account, world: account.client("kms").enable_key(KeyId=_key_id(world)),
    ),
    "log group": Break(
        "LogGroupNotFound",
        "Create it",
        lambda account, _: account.client("logs").delete_log_group(logGroupName="events"),
        lambda account, _: account.log_group("events"),
    ),
    "role's trust": Break(
        "RoleNotTrusted",
        '"Action":"sts:AssumeRole"',
        lambda account, _: _trusts(account, "ec2.amazonaws.com"),
        lambda account, _: _trusts(account, "cloudtrail.amazonaws.com"),
    ),
    "role's permissions": Break(
        "RolePolicyDenies",
        '"Action":"logs:PutLogEvents"',
        lambda account, _: account.client("iam").delete_role_policy(RoleName="one", PolicyName="logs"),
        lambda account, world: account.role_permissions("one", world.basic["cloudWatchLogsLogGroupARN"]),
    ),
}


def wait_said(trails: Trails, status: str, reason: str) -> dict[str, Any]:
    """The condition, once it says this of the present spec."""

    def check() -> dict[str, Any] | None:
        found = trails.condition(NAME, _KIND)
        return found if (found.get("status"), found.get("reason")) == (status, reason) else None

    result: dict[str, Any] = eventually(f"{_KIND} {status} {reason}", check, 60)
    return result


def begin(trails: Trails, spec: dict[str, Any]) -> None:
    """Create a Trail, and wait until its dependencies are found to be right."""
    trails.create({**trail(NAME, "-"), "spec": spec})
    trails.wait_ready(NAME, 60)
    message = wait_said(trails, "True", "Allowed")["message"]
    assert "by the policies that can be read; resource control policies are not evaluated" in message


def dependencies(world: World) -> dict[str, Any]:
    """A spec with all dependencies that a trail can have."""
    names = ("snsTopicName", "kmsKeyID", "cloudWatchLogsLogGroupARN", "cloudWatchLogsRoleARN")
    return world.minimal | {name: world.basic[name] for name in names}


@pytest.mark.sampled
@pytest.mark.parametrize("one", BREAKS.values(), ids=BREAKS.keys())
def test_what_breaks_is_named_before_aws_fails_and_recovers(
    operator_process: OperatorFactory, account: Account, trails: Trails, world: World, one: Break
) -> None:
    operator_process(_OFTEN, resync(2))
    begin(trails, dependencies(world))
    one.breaks(account, world)
    condition = wait_said(trails, "False", one.reason)
    assert one.says in condition["message"]
    events = eventually("the Event", lambda: trails.events(NAME, one.reason))
    assert {event.type for event in events} == {"Warning"}
    assert any(one.says in event.message for event in events)
    one.repairs(account, world)
    wait_said(trails, "True", "Allowed")
    eventually("the Event", lambda: [event.type for event in trails.events(NAME, "Allowed")] == ["Normal"])


def test_a_bucket_of_another_account_that_cannot_be_read_is_unknown(
    operator_process: OperatorFactory, account: Account, other: Account, trails: Trails
) -> None:
    bucket = f"logs-{other.number}"
    other.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(account.bucket_document(bucket, NAME)))
    operator_process(_OFTEN, resync(2))
    trails.create(trail(NAME, bucket))
    trails.wait_ready(NAME)
    message = wait_said(trails, "Unknown", "ReadPermissionMissing")["message"]
    assert f"the bucket is not in account {account.number}" in message
    assert trails.condition(NAME)["status"] == "True"
    assert trails.events(NAME, "ReadPermissionMissing") == []


def test_an_observed_trail_is_judged_by_what_it_names(
    operator_process: OperatorFactory, account: Account, trails: Trails, world: World
) -> None:
    account.bucket_policy(world.other_bucket, NAME, "*")
    account.cloudtrail.create_trail(Name=NAME, S3BucketName=world.other_bucket, IsMultiRegionTrail=True)
    account.cloudtrail.start_logging(Name=NAME)
    account.client("s3").delete_bucket_policy(Bucket=world.bucket)
    operator_process(_OFTEN, resync(2))
    trails.create(trail(NAME, world.bucket, managementPolicy="Observe"))
    wait_said(trails, "True", "Allowed")
    account.client("s3").delete_bucket_policy(Bucket=world.other_bucket)
    assert world.other_bucket in wait_said(trails, "False", "BucketPolicyDenies")["message"]


def test_a_paused_trail_reads_none_of_its_dependencies(
    operator_process: OperatorFactory, account: Account, trails: Trails, world: World
) -> None:
    operator: Operator = operator_process(_OFTEN, resync(2))
    begin(trails, dependencies(world))
    trails.annotate(NAME, {"trail-operator.dev/paused": "true"})
    wait_said(trails, "Unknown", "Paused")
    second = "beside"
    account.bucket_policy(world.other_bucket, second, "*")
    before = len(account.calls())
    trails.create(trail(second, world.other_bucket))
    trails.wait_ready(second)

    def read_often() -> bool:
        policies = [call for call in account.calls()[before:] if call["operation"] == "GetBucketPolicy"]
        return len(policies) >= 3

    eventually("the other Trail's bucket is read three times", read_often, 60)
    names = {call["parameters"].get("Bucket") for call in account.calls()[before:] if call["service"] == "s3"}
    assert names == {world.other_bucket}
    assert not {"kms", "sns", "iam", "logs"} & {call["service"] for call in account.calls()[before:]}
    assert operator.running


def test_many_trails_of_one_bucket_read_it_once(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    bucket = f"logs-{account.number}"
    account.open_bucket(bucket)
    regions = ("us-east-1", "eu-west-1", "eu-central-1", "us-west-2", "ap-south-1")
    operator_process()
    for number in range(25):
        # Five trails in each region, and one second between two CreateTrail calls.
        spec = {"region": regions[number % 5], "isMultiRegionTrail": False, "isLogging": False}
        trails.create(trail(f"trail-{number}", bucket, **spec))

    def all_evaluated() -> bool:
        return all(
            any(
                one["type"] == _KIND and one["reason"] == "Allowed"
                for one in body.get("status", {}).get("conditions", [])
            )
            for body in trails.all()
        )

    eventually("all are evaluated", all_evaluated, 120)
    policies = [call for call in account.calls() if call["operation"] == "GetBucketPolicy"]
    assert len(policies) == 1
