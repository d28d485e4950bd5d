"""What a trail depends on: the reason that names it, the words that mend it, few calls meanwhile, and healing."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.aws import REGION, Account, trust
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Trails, trail
from tests.patience import eventually

NAME = "needy"
CALLS_IN_30_SECONDS = 15


@dataclass(frozen=True)
class Case:
    """Something missing: how it comes about, what the condition says, and what alone mends it."""

    reason: str
    says: tuple[str, ...]
    spec: Callable[[Account], dict[str, Any]]
    mend: Callable[[Account], object]


def bucket(account: Account) -> str:
    return f"logs-{account.number}"


def made(account: Account) -> str:
    return account.bucket(bucket(account), NAME)


def with_policy(account: Account, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """A bucket whose policy is the prescribed one but for one change."""
    made(account)
    document = account.bucket_document(bucket(account), NAME)
    change(document)
    account.client("s3").put_bucket_policy(Bucket=bucket(account), Policy=json.dumps(document))
    return {}


def mend_policy(account: Account) -> None:
    account.bucket_policy(bucket(account), NAME)


def topic_arn(account: Account) -> str:
    return f"arn:aws:sns:{REGION}:{account.number}:topic"


def key(account: Account, **policy: Any) -> str:
    made(account)
    arn = account.key(NAME)
    account.key_policy(arn, NAME, **policy)
    account.client("kms").create_alias(AliasName="alias/only", TargetKeyId=arn)
    return arn


def only_key(account: Account) -> str:
    arn: str = account.client("kms").describe_key(KeyId="alias/only")["KeyMetadata"]["Arn"]
    return arn


def group_arn(account: Account) -> str:
    return f"arn:aws:logs:{REGION}:{account.number}:log-group:group"


def logs(account: Account) -> dict[str, Any]:
    """The spec's log group pair, both there and right."""
    made(account)
    group = account.log_group("group")
    return {"cloudWatchLogsLogGroupARN": group, "cloudWatchLogsRoleARN": account.role("role", group)}


def disabled_key(account: Account) -> dict[str, Any]:
    arn = key(account)
    account.client("kms").disable_key(KeyId=arn.rsplit("/", 1)[1])
    return {"kmsKeyID": arn}


def key_elsewhere(account: Account) -> dict[str, Any]:
    """The bucket is in another region than its key; the bucket, which the case can mend, is made anew there."""
    made(account)
    return {"kmsKeyID": account.key(NAME, region="eu-west-1")}


def move_bucket(account: Account) -> None:
    account.client("s3").delete_bucket(Bucket=bucket(account))
    account.bucket(bucket(account), NAME, region="eu-west-1")


def missing_topic(account: Account) -> dict[str, Any]:
    made(account)
    return {"snsTopicName": "topic"}


def silent_topic(account: Account) -> dict[str, Any]:
    made(account)
    account.client("sns").create_topic(Name="topic")
    return {"snsTopicName": "topic"}


def missing_alias(account: Account) -> dict[str, Any]:
    made(account)
    return {"kmsKeyID": "alias/late"}


def missing_group(account: Account) -> dict[str, Any]:
    made(account)
    return {
        "cloudWatchLogsLogGroupARN": group_arn(account),
        "cloudWatchLogsRoleARN": account.role("role", group_arn(account)),
    }


def untrusted_role(account: Account) -> dict[str, Any]:
    spec = logs(account)
    account.client("iam").update_assume_role_policy(
        RoleName="role", PolicyDocument=json.dumps(trust("ec2.amazonaws.com"))
    )
    return spec


def powerless_role(account: Account) -> dict[str, Any]:
    spec = logs(account)
    account.client("iam").delete_role_policy(RoleName="role", PolicyName="logs")
    return spec


def deny_writes(document: dict[str, Any]) -> None:
    document["Statement"].append(
        {
            "Sid": "NobodyWrites",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"{document['Statement'][0]['Resource']}/*",
        }
    )


def wrong_prefix(document: dict[str, Any]) -> None:
    write = document["Statement"][1]
    write["Resource"] = write["Resource"].replace("/AWSLogs/", "/elsewhere/AWSLogs/")


CASES = {
    "bucket missing": Case("BucketNotFound", ("s3:PutObject", "s3:GetBucketAcl"), lambda _: {}, made),
    "policy statement missing": Case(
        "BucketPolicyDenies",
        ("s3:PutObject", "AWSCloudTrailWrite20150319"),
        lambda account: with_policy(account, lambda document: document["Statement"].pop()),
        mend_policy,
    ),
    "wrong prefix in policy": Case(
        "BucketPolicyDenies",
        ("/elsewhere/AWSLogs/", "s3:PutObject"),
        lambda account: with_policy(account, wrong_prefix),
        mend_policy,
    ),
    "explicit Deny": Case(
        "BucketPolicyDenies",
        ("NobodyWrites", "denies"),
        lambda account: with_policy(account, deny_writes),
        mend_policy,
    ),
    "topic missing": Case(
        "TopicNotFound",
        ("topic", "SNS:Publish"),
        missing_topic,
        lambda account: account.topic("topic", NAME),
    ),
    "topic policy": Case(
        "TopicPolicyDenies",
        ("SNS:Publish", "cloudtrail.amazonaws.com"),
        silent_topic,
        lambda account: account.topic_policy(topic_arn(account), NAME),
    ),
    "key missing": Case(
        "KeyNotFound",
        ("alias/late",),
        missing_alias,
        lambda account: account.key(NAME, alias="late"),
    ),
    "key disabled": Case(
        "KeyDisabled",
        ("Disabled", "Enable it"),
        disabled_key,
        lambda account: account.client("kms").enable_key(KeyId=only_key(account).rsplit("/", 1)[1]),
    ),
    "key in another region": Case(
        "KeyNotFound",
        ("eu-west-1", "us-east-1"),
        key_elsewhere,
        move_bucket,
    ),
    "key policy": Case(
        "KeyPolicyDenies",
        ("kms:GenerateDataKey*", "cloudtrail.amazonaws.com"),
        lambda account: {"kmsKeyID": key(account, cloudtrail=False)},
        lambda account: account.key_policy(only_key(account), NAME),
    ),
    "log group missing": Case(
        "LogGroupNotFound",
        ("group", "does not exist"),
        missing_group,
        lambda account: account.log_group("group"),
    ),
    "role untrusted": Case(
        "RoleNotTrusted",
        ("sts:AssumeRole", "cloudtrail.amazonaws.com"),
        untrusted_role,
        lambda account: account.client("iam").update_assume_role_policy(
            RoleName="role", PolicyDocument=json.dumps(trust())
        ),
    ),
    "role missing": Case(
        "RoleNotFound",
        ("does not exist", "sts:AssumeRole", "logs:PutLogEvents"),
        lambda account: {
            **missing_group(account),
            "cloudWatchLogsLogGroupARN": account.log_group("group"),
            "cloudWatchLogsRoleARN": f"arn:aws:iam::{account.number}:role/late",
        },
        lambda account: account.role("late", group_arn(account)),
    ),
    "role without permission": Case(
        "RolePolicyDenies",
        ("logs:PutLogEvents", "logs:CreateLogStream"),
        powerless_role,
        lambda account: account.role_permissions("role", group_arn(account)),
    ),
}


@pytest.mark.sampled
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_dependency_that_is_missing_or_refuses(
    operator_process: OperatorFactory, account: Account, trails: Trails, case: Case
) -> None:
    operator = operator_process()
    trails.create(trail(NAME, bucket(account), **case.spec(account)))
    condition = trails.wait_reason(NAME, case.reason)
    for words in case.says:
        assert words in condition["message"]
    assert account.trails() == []
    case.mend(account)
    trails.wait_ready(NAME, 60)
    assert operator.running


@pytest.mark.waits
def test_a_dependency_that_refuses_causes_few_calls(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    """On a process; in virtual time the state machine's table of errors bounds the calls that each error causes."""
    operator_process("--resync", "5m")  # what is counted is what the failure causes
    case = CASES["policy statement missing"]
    spec = case.spec(account)
    since = len(account.calls())
    until = datetime.now(UTC) + timedelta(seconds=30)
    trails.create(trail(NAME, bucket(account), **spec))
    trails.wait_reason(NAME, case.reason)
    eventually("half a minute has passed", lambda: datetime.now(UTC) >= until)
    calls = [call for call in account.calls()[since:] if datetime.fromisoformat(call["time"]) < until]
    assert len(calls) < CALLS_IN_30_SECONDS, [call["operation"] for call in calls]
