"""The examples of TrailAlarmSets on the trail of the complete example, and who allows their topics."""

from typing import Any

import pytest
import yaml

from tests.integration.aws import REGION, Account
from tests.integration.conftest import ROOT, OperatorFactory
from tests.integration.kubernetes import Accounts, AlarmSets, Trails
from tests.integration.process import Operator
from tests.integration.test_examples import EXAMPLE_ACCOUNT, EXAMPLES, Example, apply

SECRETS, ALARMS = "example-secrets", "example-alarms"


@pytest.fixture
def example(account: Account, trails: Trails, accounts: Accounts) -> Example:
    """The trail of the complete example and its AWSAccount, without topics for alarms."""
    found = Example(account, EXAMPLES / "complete.yaml")
    found.prepare()
    apply(found, trails, accounts)
    return found


def manifest(account: Account, name: str) -> dict[str, Any]:
    text = (EXAMPLES / f"{name}.yaml").read_text().replace(EXAMPLE_ACCOUNT, account.number)
    body: dict[str, Any] = yaml.safe_load(text)
    return body


def topic(account: Account, name: str) -> str:
    """A topic with a subscriber, as `examples/README.md` says."""
    sns, sqs = account.client("sns"), account.client("sqs")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    endpoint = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    arn: str = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=endpoint)
    return arn


def test_the_small_example_makes_the_alarms_of_security_hub(
    operator: Operator, account: Account, example: Example, alarm_sets: AlarmSets
) -> None:
    arn = topic(account, ALARMS)
    alarm_sets.create(manifest(account, "alarms"))
    body = alarm_sets.wait_ready("security-hub", 60)
    assert body["status"]["alarmCount"] == 14
    made = account.alarms(f"test/{alarm_sets.namespace}/security-hub/")
    assert len(made) == 14
    assert {tuple(alarm["AlarmActions"]) for alarm in made.values()} == {(arn,)}
    assert alarm_sets.condition("security-hub", "Advisory") == {}
    assert len(account.filters(example.name)) == 14


def test_every_field_of_the_complete_example_is_in_aws(
    operator: Operator, account: Account, example: Example, alarm_sets: AlarmSets
) -> None:
    arns = {name: topic(account, name) for name in (ALARMS, SECRETS)}
    body = manifest(account, "alarms-complete")
    alarm_sets.create(body)
    alarm_sets.wait_ready("alarms-complete", 60)
    prefix = f"test/{alarm_sets.namespace}/alarms-complete/"
    made = {name.removeprefix(prefix): alarm for name, alarm in account.alarms(prefix).items()}
    (wanted,) = body["spec"]["alarms"]
    alarm = made["SecretsDeleted"]
    expected = {
        "AlarmDescription": wanted["description"],
        "Statistic": wanted["statistic"],
        "Period": wanted["period"],
        "EvaluationPeriods": wanted["evaluationPeriods"],
        "DatapointsToAlarm": wanted["datapointsToAlarm"],
        "Threshold": wanted["threshold"],
        "ComparisonOperator": wanted["comparisonOperator"],
        "TreatMissingData": wanted["treatMissingData"],
        "ActionsEnabled": wanted["actionsEnabled"],
        "AlarmActions": [arns[SECRETS]],
        "OKActions": [],
        "InsufficientDataActions": [],
    }
    assert {name: alarm[name] for name in expected} == expected
    found = account.filters(example.name)[f"{prefix}SecretsDeleted"]
    assert found["filterPattern"] == wanted["filterPattern"]
    assert found["metricTransformations"][0]["metricValue"] == wanted["metricValue"]
    assert "S3BucketPolicyChanges" not in made
    assert made["UnauthorizedAPICalls"]["Threshold"] == 10
    assert (made["ConsoleSignInFailures"]["Period"], made["ConsoleSignInFailures"]["Threshold"]) == (3600, 5)
    assert (made["RootUsage"]["AlarmActions"], made["RootUsage"]["OKActions"]) == ([arns[ALARMS]], [arns[ALARMS]])
    owner = {"trail-operator.dev/owner": prefix.removesuffix("/")}
    assert made["RootUsage"]["Tags"] == {"team": "security", **owner}


def test_no_topic_is_notified_that_the_account_does_not_allow(
    operator: Operator, account: Account, example: Example, alarm_sets: AlarmSets, accounts: Accounts
) -> None:
    arn, name = topic(account, ALARMS), str(example.spec.account_ref and example.spec.account_ref.name)
    accounts.change(name, allowedActionARNs=None)
    alarm_sets.create(manifest(account, "alarms"))
    said = alarm_sets.wait_reason("security-hub", "ActionNotAllowed")["message"]
    assert f"add it to allowedActionARNs of AWSAccount {name}" in said
    assert arn in said
    assert account.alarms() == {}
    assert account.filters(example.name) == {}
    accounts.change(name, allowedActionARNs=[f"arn:aws:sns:{REGION}:{account.number}:example-?larms"])
    alarm_sets.wait_ready("security-hub", 60)
    # What was made stays as it is when the account no longer allows it.
    accounts.change(name, allowedActionARNs=["*:other"])
    alarm_sets.wait_reason("security-hub", "ActionNotAllowed")
    assert len(account.alarms()) == 14


def test_the_setting_allows_topics_of_the_own_identity(
    operator_process: OperatorFactory, account: Account, trails: Trails, alarm_sets: AlarmSets
) -> None:
    group = account.log_group("events")
    bucket = account.bucket(f"logs-{account.number}", "audit-complete")
    spec = {
        "s3BucketName": bucket,
        "cloudWatchLogsLogGroupARN": group,
        "cloudWatchLogsRoleARN": account.role("logs", group),
    }
    complete = yaml.safe_load((ROOT / "examples" / "complete.yaml").read_text())
    trails.create({**complete, "spec": spec})
    topic(account, ALARMS)
    first = operator_process()
    alarm_sets.create(manifest(account, "alarms"))
    said = alarm_sets.wait_reason("security-hub", "ActionNotAllowed")["message"]
    assert "an administrator of the operator to add it to --allowed-action-arns" in said
    first.stop()
    operator_process(
        "--allowed-action-arns", f"arn:aws:sns:*:{account.number}:*", "--allowed-action-arns", "arn:aws:sns:*:other"
    )
    alarm_sets.wait_ready("security-hub", 60)
