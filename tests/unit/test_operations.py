"""The table of AWS operations is whole, and whoever needs one of its columns has each of its rows."""

import json
import re
from pathlib import Path
from typing import get_args

import botocore.session
import pytest
from docs import permissions

from trail_operator.aws.grants import (
    FOR_ALARMS,
    FOR_ATTRIBUTION,
    FOR_EVENTS,
    FOR_MESSAGES,
    FOR_ORGANIZATIONS,
    NEEDED,
    Grant,
    When,
)
from trail_operator.aws.operations import OPERATIONS, Internal, Operation, Queue, Read, Write, iam_action
from trail_operator.domain import actions
from trail_operator.domain.alarms import actions as alarm_actions

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "iam.md").read_text()
POLICIES = {
    "needed": NEEDED,
    "organizations": FOR_ORGANIZATIONS,
    "messages": FOR_MESSAGES,
    "attribution": FOR_ATTRIBUTION,
    "events": FOR_EVENTS,
    "alarms": FOR_ALARMS,
}
# What AWS lets everybody do, or judges by the policy of a role.
FREE = {Read.GetCallerIdentity, Internal.AssumeRoleWithWebIdentity, Internal.HeadBucket}


def test_each_operation_is_in_the_table_once() -> None:
    names = [operation.name for operation in OPERATIONS]
    assert sorted(names) == sorted(set(names)), "responses.py and plan.py know operations by their names alone"
    assert {*OPERATIONS} == {operation for kind in Operation.__subclasses__() for operation in kind}


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_an_operation_is_one_of_aws(operation: Operation) -> None:
    assert operation.name in botocore.session.get_session().get_service_model(operation.service).operation_names


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_an_operation_says_why_and_what_it_needs(operation: Operation) -> None:
    assert operation.why.endswith(".")
    assert bool(operation.permissions) == (operation not in FREE)
    for permission in operation.permissions:
        assert re.fullmatch(r"[a-z0-9]+:[A-Z]\w+", permission.action)


def test_the_plans_know_the_writes_of_the_table_and_no_others() -> None:
    planned = {*get_args(actions.Operation), *get_args(alarm_actions.Operation)}
    assert planned == {operation.name for operation in Write}


def test_every_write_and_every_read_of_what_is_managed_has_its_rate() -> None:
    managed = {"cloudtrail", "cloudwatch", "logs", "resourcegroupstaggingapi"}
    assert all(operation.per_second for operation in (*Read, *Write) if operation.service in managed)
    assert {operation.service for operation in Write} <= managed
    assert (Write.PutMetricAlarm.per_second, Write.DeleteAlarms.per_second) == (2, 2)
    assert {operation.per_second for operation in Write if operation.service == "cloudtrail"} == {1}


def test_an_operation_is_named_as_iam_names_it() -> None:
    assert str(Read.GetResources) == Read.GetResources.action == "tag:GetResources"
    assert str(Write.PutMetricAlarm) == "cloudwatch:PutMetricAlarm"


def test_only_what_is_optional_is_for_messages() -> None:
    for operation in OPERATIONS:
        for permission in operation.permissions:
            assert (permission.grant in FOR_MESSAGES) == (permission.when is When.MESSAGES)
            assert (permission.grant in FOR_ATTRIBUTION) == (permission.when is When.ATTRIBUTION)


@pytest.mark.parametrize("grants", POLICIES.values(), ids=POLICIES)
def test_a_policy_of_the_page_is_that_of_the_table(grants: tuple[Grant, ...]) -> None:
    assert permissions.policy(grants) in PAGE, "run `make docs`"


def test_the_example_policy_of_the_operator_is_that_of_the_table() -> None:
    policy = permissions.policy((*NEEDED, *FOR_MESSAGES, *FOR_ATTRIBUTION))
    assert policy == f"```json\n{(ROOT / 'examples/operator-policy.json').read_text()}```\n", "run `make docs`"


def test_the_page_has_every_call() -> None:
    assert permissions.operations() in PAGE, "run `make docs`"


def test_the_page_allows_what_the_table_has_and_nothing_else() -> None:
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    allowed = [statement["Action"] for block in blocks for statement in block["Statement"]]
    own = {one.action for operation in (*Read, *Write, *Queue) for one in operation.permissions}
    assert {action for entry in allowed for action in ([entry] if isinstance(entry, str) else entry)} == own


def test_iam_action_of_a_call_is_that_of_the_table() -> None:
    assert iam_action("s3:GetBucketEncryption") == "s3:GetEncryptionConfiguration"
    assert iam_action("s3:GetBucketPolicy") == "s3:GetBucketPolicy"
    assert iam_action("other:Call") == "other:Call"
