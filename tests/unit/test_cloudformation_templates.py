"""The templates of examples/cloudformation: what EventBridge would refuse, and whether they agree with the code."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from docs import permissions

from tests.templates import HUB, MEMBER, ROLE, TEMPLATES
from trail_operator.aws.grants import ACCOUNT_ROLES, FOR_ALARMS, FOR_MESSAGES, FOR_ORGANIZATIONS, NEEDED, Grant
from trail_operator.domain.cloudtrail_calls import CALLS
from trail_sandbox.aws.cloudformation.functions import Evaluator
from trail_sandbox.aws.cloudformation.parameters import texts_of, values_of
from trail_sandbox.aws.cloudformation.template import parse

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
LONGEST_PATTERN, MOST_TARGETS = 2048, 5
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: of all inline policies, without spaces.
LONGEST_POLICIES = 10_240
BUS = "arn:aws:events:eu-central-1:123456789012:event-bus/trail-operator"
PLACE = {
    "AWS::AccountId": "ACCOUNT",
    "AWS::Partition": "aws",
    "AWS::Region": "REGION",
    "AWS::StackName": "stack",
}
EVERYTHING = {
    "OrganizationTrails": "true",
    "LogGroupRole": "ROLE",
    "AccountRole": "ROLE",
    "QueueArn": "arn:aws:sqs:eu-central-1:123456789012:events",
    "ReadEventHistory": "true",
    "AlarmCluster": "CLUSTER",
    "AlarmLogGroup": "LOG_GROUP",
}
# Of the operator alone, beside the table of operations.
OF_THE_QUEUE = {
    "EventQueue": ["sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteMessage"],
    "EventHistory": ["cloudtrail:LookupEvents"],
}
# By source: every call that changes a trail, something that a trail depends on, or alarms.
EVENTS = {
    "aws.cloudtrail": """
        CreateTrail UpdateTrail DeleteTrail StartLogging StopLogging PutEventSelectors PutInsightSelectors
        PutEventConfiguration AddTags RemoveTags RegisterOrganizationDelegatedAdmin
        DeregisterOrganizationDelegatedAdmin""",
    "aws.s3": """
        CreateBucket DeleteBucket PutBucketPolicy DeleteBucketPolicy PutBucketAcl PutBucketOwnershipControls
        DeleteBucketOwnershipControls PutBucketPublicAccessBlock DeleteBucketPublicAccessBlock PutBucketRequestPayment
        PutBucketEncryption DeleteBucketEncryption PutBucketVersioning PutBucketLogging
        PutBucketObjectLockConfiguration PutBucketReplication PutBucketLifecycle DeleteBucketLifecycle""",
    "aws.kms": """
        DisableKey EnableKey ScheduleKeyDeletion CancelKeyDeletion PutKeyPolicy CreateAlias UpdateAlias DeleteAlias
        DeleteKey""",
    "aws.sns": """
        CreateTopic DeleteTopic SetTopicAttributes AddPermission RemovePermission Subscribe ConfirmSubscription
        Unsubscribe""",
    "aws.logs": """
        CreateLogGroup DeleteLogGroup DeleteLogStream AssociateKmsKey DisassociateKmsKey PutRetentionPolicy
        PutMetricFilter DeleteMetricFilter""",
    "aws.monitoring": """
        PutMetricAlarm PutCompositeAlarm DeleteAlarms EnableAlarmActions DisableAlarmActions TagResource
        UntagResource""",
    "aws.iam": """
        CreateRole DeleteRole UpdateAssumeRolePolicy PutRolePolicy DeleteRolePolicy AttachRolePolicy DetachRolePolicy
        PutRolePermissionsBoundary DeleteRolePermissionsBoundary CreatePolicyVersion SetDefaultPolicyVersion
        DeletePolicyVersion DeletePolicy""",
    "aws.organizations": """
        EnableAWSServiceAccess DisableAWSServiceAccess RegisterDelegatedAdministrator DeregisterDelegatedAdministrator
        AttachPolicy DetachPolicy UpdatePolicy LeaveOrganization RemoveAccountFromOrganization""",
}


def resources(path: Path, **parameters: str) -> dict[str, Any]:
    """The resources of a template as they are with these parameters: without functions, references by their names."""
    template = parse(path.read_text())
    values = values_of(template, texts_of(template, parameters))
    names = {name: name for name in template.resources}
    evaluator = Evaluator(template, {**PLACE, **values, **names}, lambda name, attribute: f"{name}.{attribute}")
    return {
        name: evaluator.resolve(resource["Properties"])
        for name, resource in template.resources.items()
        if "Condition" not in resource or evaluator.condition(resource["Condition"])
    }


def statements(**parameters: str) -> dict[str, dict[str, Any]]:
    """The permissions of the operator's role by their Sids."""
    role = resources(ROLE, **parameters)["Role"]
    found = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    return {statement["Sid"]: normal(statement) for statement in found}


def normal(statement: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [value] if name in ("Action", "Resource") and isinstance(value, str) else value
        for name, value in statement.items()
    }


def documented(grants: Iterable[Grant]) -> dict[str, dict[str, Any]]:
    """The statements that docs/iam.md has of the table of operations."""
    text = permissions.policy(grants).removeprefix("```json\n").removesuffix("```\n")
    return {statement["Sid"]: normal(statement) for statement in json.loads(text)["Statement"]}


def test_cfn_lint_finds_nothing() -> None:
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--", *map(str, TEMPLATES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_parameters_and_outputs_are_described(path: Path) -> None:
    template = parse(path.read_text())
    assert 0 < len(template.description.encode()) <= 1024  # what AWS takes
    assert template.parameters
    assert template.outputs
    described = {**template.parameters, **template.outputs}
    assert {name for name, one in described.items() if not one.get("Description")} == set()


def test_members_send_the_events_of_each_service_with_its_source() -> None:
    rules = [one["EventPattern"] for name, one in resources(MEMBER, EventBusArn=BUS).items() if name.endswith("Rule")]
    assert {pattern["source"][0]: pattern["detail"]["eventName"] for pattern in rules} == {
        source: names.split() for source, names in EVENTS.items()
    }
    for pattern in rules:
        assert len(pattern["source"]) == 1
        assert pattern["detail"]["errorCode"] == [{"exists": False}], "calls that failed have changed nothing"
        assert "AWS API Call via CloudTrail" in pattern["detail-type"]


def test_members_send_each_call_that_the_operator_reads() -> None:
    sent = {(source.removeprefix("aws."), name) for source, names in EVENTS.items() for name in names.split()}
    assert sent == CALLS.keys()


@pytest.mark.parametrize("path", [HUB, MEMBER], ids=lambda path: path.name)
def test_rules_stay_within_the_quotas_of_eventbridge(path: Path) -> None:
    given = {"EventBusArn": BUS} if path == MEMBER else {"SecondQueueName": "second", "ThirdQueueName": "third"}
    rules = [one for one in resources(path, **given).values() if "EventPattern" in one]
    assert rules
    for rule in rules:
        assert len(json.dumps(rule["EventPattern"])) <= LONGEST_PATTERN
        assert len(rule["Targets"]) <= MOST_TARGETS


def test_members_use_a_role_without_a_name() -> None:
    assert "RoleName" not in resources(MEMBER, EventBusArn=BUS)["Role"], "a StackSet has a stack in each Region"


def test_the_hub_has_one_target_and_policy_for_each_queue() -> None:
    one = resources(HUB)
    assert [target["Id"] for target in one["Rule"]["Targets"]] == ["Queue"]
    assert "OrganizationPolicy" not in one
    assert "MemberAccountsPolicy" not in one
    all_of_them = resources(HUB, SecondQueueName="second", ThirdQueueName="third")
    queues = ["Queue", "SecondQueue", "ThirdQueue"]
    assert [target["Id"] for target in all_of_them["Rule"]["Targets"]] == queues
    for queue in queues:
        assert all_of_them[queue] == one["Queue"] | {"QueueName": all_of_them[queue]["QueueName"]}
        policy = all_of_them[f"{queue}Policy"]
        assert policy["Queues"] == [queue]
        text = json.dumps(policy["PolicyDocument"]).replace(f'"{queue}.Arn"', '"Queue.Arn"')
        assert json.loads(text) == one["QueuePolicy"]["PolicyDocument"]


def test_the_operators_role_has_exactly_the_permissions_of_the_page() -> None:
    table = documented((*NEEDED, *FOR_ORGANIZATIONS, *FOR_MESSAGES, ACCOUNT_ROLES, *FOR_ALARMS))
    # A role session of EKS Pod Identity has tags, which AssumeRole passes on.
    table["RolesOfTrailAccounts"]["Action"].append("sts:TagSession")
    found = statements(**EVERYTHING)
    assert {sid: found[sid] for sid in table} == table
    assert {sid: found[sid]["Action"] for sid in found if sid not in table} == {
        sid: actions for sid, actions in OF_THE_QUEUE.items() if sid not in table
    }


def test_the_operators_role_reads_its_own_queue_only() -> None:
    queue = statements(**EVERYTHING)["EventQueue"]
    assert (queue["Action"], queue["Resource"]) == (OF_THE_QUEUE["EventQueue"], [EVERYTHING["QueueArn"]])


def test_what_is_not_asked_for_is_left_out_of_the_role() -> None:
    assert set(statements()) == {"Trails", "OtherTrails", "KeyAliases", "WhatTrailsDependOn"}
    assert set(statements(ExplainRefusals="false")) == {"Trails", "OtherTrails", "KeyAliases"}
    not_trails = {"OrganizationTrails": "true", "ReadEventHistory": "true", "AlarmCluster": "prod"}
    others = statements(ManageTrails="false", AccountRole="trails", **not_trails)
    assert set(others) == {"RolesOfTrailAccounts"}
    with_irsa = statements(Identity="IRSA", OIDCProvider="oidc.example.com/id/A", AccountRole="trails")
    assert with_irsa["RolesOfTrailAccounts"]["Action"] == ["sts:AssumeRole"]
    managed = statements(ManagementAccount="210987654321")["Trails"]["Resource"]
    assert managed == [f"arn:aws:cloudtrail:*:{number}:trail/*" for number in ("ACCOUNT", "210987654321")]


def test_alarms_are_those_of_one_cluster_in_any_log_group_unless_one_is_named() -> None:
    found = statements(AlarmCluster="prod")
    assert found["Alarms"]["Resource"] == ["arn:aws:cloudwatch:*:ACCOUNT:alarm:prod/*"]
    assert found["MetricFilters"]["Resource"] == ["arn:aws:logs:*:ACCOUNT:log-group:*:*"]


def test_the_policies_of_the_role_are_not_too_long() -> None:
    role = resources(ROLE, **EVERYTHING | {"ManagementAccount": "210987654321"})["Role"]
    texts = [json.dumps(policy["PolicyDocument"], separators=(",", ":")) for policy in role["Policies"]]
    assert sum(map(len, texts)) <= LONGEST_POLICIES


def test_with_irsa_the_role_trusts_one_service_account_of_one_provider() -> None:
    provider = "oidc.eks.eu-central-1.amazonaws.com/id/A"
    trust = resources(ROLE, Identity="IRSA", OIDCProvider=provider, Namespace="ns")["Role"]["AssumeRolePolicyDocument"]
    [statement] = json.loads(trust)["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::ACCOUNT:oidc-provider/{provider}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                f"{provider}:aud": "sts.amazonaws.com",
                f"{provider}:sub": "system:serviceaccount:ns:trail-operator",
            }
        },
    }


def test_with_pod_identity_the_role_trusts_one_service_account() -> None:
    [statement] = resources(ROLE, Namespace="ns")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == (
        {"Service": "pods.eks.amazonaws.com"},
        ["sts:AssumeRole", "sts:TagSession"],
    )
    assert statement["Condition"]["StringEquals"] == {
        "aws:RequestTag/kubernetes-namespace": "ns",
        "aws:RequestTag/kubernetes-service-account": "trail-operator",
    }
