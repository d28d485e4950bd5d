"""What the condition DependenciesReady says of each state of each dependency."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.builders import ARN, FULL, LOCATION, MINIMAL, observed, policy
from tests.unit.dependency_answers import (
    ACCOUNT,
    AWS,
    BUCKET_POLICY,
    GROUP,
    KEY,
    PLAIN,
    ROOT,
    encrypted,
    metadata,
    role,
)
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.trail_status import TrailStatus
from trail_operator.aws.diagnosis.dependencies import judge_dependencies
from trail_operator.domain.attributes import Configuration
from trail_operator.domain.cloudtrail_calls import Kind
from trail_operator.domain.cloudtrail_resources import ResourceRef
from trail_operator.domain.conditions import State
from trail_operator.domain.dependencies import DependentTrail, dependencies_state, resources_read
from trail_operator.domain.failure import Failure, FailureClass, authority, transient
from trail_operator.domain.iam_policy import prescribed
from trail_operator.domain.sync_result import SyncResult
from trail_operator.domain.trail_status import compute_status, paused, transitions, with_dependencies

EMPTY = policy()
ALIAS = f"arn:aws:kms:eu-central-1:{ACCOUNT}:alias/logs"


def evaluated(configuration: Configuration = FULL, key_failure: Failure | None = None, **changes: Any) -> State | None:
    trail = DependentTrail(None, ARN, LOCATION, configuration, key_failure)
    judgements = asyncio.run(judge_dependencies(AWS(**changes), trail))
    return dependencies_state(trail, judgements.found, judgements.unanswered)


def said(configuration: Configuration = FULL, **changes: Any) -> State:
    state = evaluated(configuration, **changes)
    assert state is not None
    return state


def test_all_that_can_be_read_allows() -> None:
    state = said()
    assert (state.status, state.reason) == (True, Reason.ALLOWED)
    assert "by the policies that can be read; resource control policies are not evaluated" in state.message
    assert "service control policies for the role" in state.message
    assert "service control policies" not in said(MINIMAL, GetBucketPolicy={"Policy": _bucket_policy(MINIMAL)}).message


def _bucket_policy(configuration: Configuration) -> str:
    return policy(*prescribed.bucket_statements(configuration.s3_bucket_name, configuration.s3_key_prefix, ARN))


@pytest.mark.parametrize(
    ("reason", "statement", "changes"),
    [
        (Reason.BUCKET_NOT_FOUND, "AWSCloudTrailWrite20150319", {"GetBucketPolicy": "NoSuchBucket"}),
        (Reason.BUCKET_POLICY_DENIES, "AWSCloudTrailWrite20150319", {"GetBucketPolicy": "NoSuchBucketPolicy"}),
        (Reason.BUCKET_POLICY_DENIES, "AWSCloudTrailAclCheck20150319", {"GetBucketPolicy": {"Policy": EMPTY}}),
        (Reason.BUCKET_POLICY_DENIES, "", {"GetBucketRequestPayment": {"Payer": "Requester"}}),
        (Reason.TOPIC_NOT_FOUND, "AWSCloudTrailSNSPolicy20150319", {"GetTopicAttributes": "NotFound"}),
        (Reason.TOPIC_POLICY_DENIES, "AWSCloudTrailSNSPolicy20150319", {"GetTopicAttributes": {"Attributes": {}}}),
        (Reason.KEY_NOT_FOUND, "", {"DescribeKey": "NotFoundException"}),
        (Reason.KEY_NOT_FOUND, "", {"GetBucketLocation": {"LocationConstraint": "eu-west-1"}}),
        (Reason.KEY_DISABLED, "", {"DescribeKey": metadata(KeyState="Disabled")}),
        (Reason.KEY_DISABLED, "", {"DescribeKey": metadata(KeyState="PendingDeletion")}),
        (Reason.KEY_NOT_USABLE, "Allow CloudTrail to encrypt logs", {"DescribeKey": metadata(KeyManager="AWS")}),
        (Reason.KEY_POLICY_DENIES, "Allow CloudTrail to encrypt logs", {"GetKeyPolicy": {"Policy": policy(ROOT)}}),
        (
            Reason.KEY_POLICY_DENIES,
            "Allow CloudTrail to decrypt a trail",
            {"GetBucketEncryption": encrypted(bucket_key=True)},
        ),
        (Reason.LOG_GROUP_NOT_FOUND, "", {"DescribeLogGroups": {"logGroups": []}}),
        (Reason.ROLE_NOT_FOUND, "AWSCloudTrailPutLogEvents20141101", {"GetRole": "NoSuchEntity"}),
        (Reason.ROLE_NOT_TRUSTED, "sts:AssumeRole", {"GetRole": {"Role": {"AssumeRolePolicyDocument": EMPTY}}}),
        (
            Reason.ROLE_POLICY_DENIES,
            "AWSCloudTrailPutLogEvents20141101",
            {"GetRolePolicy": {"PolicyDocument": EMPTY}},
        ),
        (
            Reason.ROLE_POLICY_DENIES,
            "AWSCloudTrailPutLogEvents20141101",
            {
                "GetRole": role(PermissionsBoundary={"PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/limit"}),
                "GetPolicyVersion": {"PolicyVersion": {"Document": EMPTY}},
            },
        ),
    ],
)
def test_what_refuses_is_false_with_the_missing_statement(
    reason: Reason, statement: str, changes: dict[str, Any]
) -> None:
    state = said(**changes)
    assert (state.status, state.reason) == (False, reason)
    assert statement in state.message


@pytest.mark.parametrize(
    ("permission", "changes"),
    [
        ("s3:GetBucketPolicy", {"GetBucketPolicy": "AccessDenied"}),
        ("s3:GetBucketLocation", {"GetBucketLocation": "AccessDenied"}),
        ("s3:GetBucketRequestPayment", {"GetBucketRequestPayment": "AccessDenied"}),
        ("sns:GetTopicAttributes", {"GetTopicAttributes": "AuthorizationError"}),
        ("kms:DescribeKey", {"DescribeKey": "AccessDeniedException"}),
        ("kms:GetKeyPolicy", {"GetKeyPolicy": "AccessDeniedException"}),
        ("logs:DescribeLogGroups", {"DescribeLogGroups": "AccessDeniedException"}),
        ("iam:GetRole", {"GetRole": "AccessDenied"}),
        ("iam:ListRolePolicies", {"ListRolePolicies": "AccessDenied"}),
        ("iam:GetRolePolicy", {"GetRolePolicy": "AccessDenied"}),
        ("iam:ListAttachedRolePolicies", {"ListAttachedRolePolicies": "AccessDenied"}),
    ],
)
def test_a_permission_that_the_operator_lacks_is_named(permission: str, changes: dict[str, Any]) -> None:
    state = said(**changes)
    assert (state.status, state.reason) == (None, Reason.READ_PERMISSION_MISSING)
    assert f"the operator lacks {permission}" in state.message


def test_the_permission_to_read_the_encryption_is_named_where_it_matters() -> None:
    state = said(PLAIN, GetBucketEncryption="AccessDenied")
    assert (state.status, state.reason) == (None, Reason.READ_PERMISSION_MISSING)
    assert "s3:GetEncryptionConfiguration" in state.message
    assert said(GetBucketEncryption="AccessDenied").status is None


@pytest.mark.parametrize(
    ("configuration", "changes"),
    [
        (FULL, {"GetBucketPolicy": "MethodNotAllowed"}),
        (FULL, {"GetBucketPolicy": {"Policy": "no JSON"}}),
        (FULL, {"GetBucketPolicy": {"Policy": BUCKET_POLICY.replace('"aws:SourceArn"', '"aws:SourceVpcArn"')}}),
        (replace(FULL, cloud_watch_logs_log_group_arn=GROUP.replace(ACCOUNT, "111122223333")), {}),
        (replace(FULL, cloud_watch_logs_role_arn="arn:aws:iam::111122223333:role/trail"), {}),
        (PLAIN, {"GetBucketEncryption": encrypted(), "GetKeyPolicy": {"Policy": policy(ROOT)}}),
    ],
)
def test_what_no_permission_would_show_is_undecidable(configuration: Configuration, changes: dict[str, Any]) -> None:
    state = said(configuration, **changes)
    assert (state.status, state.reason) == (None, Reason.UNDECIDABLE)


def test_a_role_of_another_account_is_not_taken_for_the_one_of_that_name_here() -> None:
    aws = AWS(GetRole="NoSuchEntity")
    elsewhere = replace(FULL, cloud_watch_logs_role_arn="arn:aws:iam::111122223333:role/trail")
    asyncio.run(judge_dependencies(aws, DependentTrail(None, ARN, LOCATION, elsewhere)))
    assert "GetRole" not in {operation for operation, *_ in aws.asked}


def test_a_log_group_of_another_region_is_false() -> None:
    state = said(replace(FULL, cloud_watch_logs_log_group_arn=GROUP.replace("eu-central-1", "eu-west-1")))
    assert (state.status, state.reason) == (False, Reason.LOG_GROUP_NOT_FOUND)


def test_what_refuses_outweighs_what_is_unknown_or_not_answered() -> None:
    denied: dict[str, Any] = {"GetBucketPolicy": {"Policy": EMPTY}}
    assert said(GetTopicAttributes="AuthorizationError", **denied).status is False
    assert said(GetTopicAttributes="InternalError", GetRole="ServiceFailure", **denied).status is False
    assert said(GetBucketPolicy="MethodNotAllowed", GetRole="NoSuchEntity").reason is Reason.ROLE_NOT_FOUND


def test_without_an_answer_nothing_is_said() -> None:
    for operation in ("GetBucketPolicy", "GetTopicAttributes", "GetKeyPolicy", "DescribeLogGroups", "GetRole"):
        unanswered: dict[str, Any] = {operation: "InternalError"}
        assert evaluated(**unanswered) is None


def test_a_key_that_could_not_be_resolved_counts() -> None:
    missing = Failure(FailureClass.DEPENDENCY, Reason.KEY_NOT_FOUND, "alias/logs does not exist")
    state = said(PLAIN, key_failure=missing)
    assert (state.status, state.reason, state.message) == (False, Reason.KEY_NOT_FOUND, missing.message)
    refused = authority(Reason.ACCESS_DENIED, "The operator is not allowed to perform kms:DescribeKey")
    state = said(PLAIN, key_failure=refused)
    assert (state.status, state.reason) == (None, Reason.READ_PERMISSION_MISSING)
    assert refused.message in state.message


def test_only_what_the_trail_names_is_read() -> None:
    aws = AWS(GetBucketPolicy={"Policy": _bucket_policy(MINIMAL)})
    asyncio.run(judge_dependencies(aws, DependentTrail(None, ARN, LOCATION, MINIMAL)))
    assert {operation for operation, *_ in aws.asked} == {
        "GetBucketPolicy",
        "GetBucketRequestPayment",
        "GetBucketEncryption",
    }


def test_other_statements_of_a_policy_are_not_quoted() -> None:
    other = {
        "Sid": "Payroll",
        "Effect": "Allow",
        "Principal": {"AWS": "999988887777"},
        "Action": "s3:*",
        "Resource": "*",
    }
    state = said(GetBucketPolicy={"Policy": policy(other)})
    assert state.status is False
    assert "Payroll" not in state.message
    assert "999988887777" not in state.message
    assert json.dumps(prescribed.bucket_statements("bucket-1", "logs", ARN)[1], separators=(",", ":")) in state.message


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"Bucket": "logs-1"}, {ResourceRef(Kind.BUCKET, "", "", "logs-1")}),
        ({"KeyId": KEY, "PolicyName": "default"}, {ResourceRef(Kind.KEY, ACCOUNT, "eu-central-1", KEY[-36:])}),
        ({"KeyId": ALIAS}, {ResourceRef(Kind.ALIAS, ACCOUNT, "eu-central-1", "alias/logs")}),
        ({"TopicArn": str(FULL.sns_topic_name)}, {ResourceRef(Kind.TOPIC, ACCOUNT, "eu-central-1", "topic")}),
        ({"logGroupNamePrefix": "trail"}, {ResourceRef(Kind.LOG_GROUP, ACCOUNT, "eu-central-1", "trail")}),
        ({"RoleName": "trail", "PolicyName": "logs"}, {ResourceRef(Kind.ROLE, ACCOUNT, "", "trail")}),
        ({"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/x/logs"}, {ResourceRef(Kind.POLICY, ACCOUNT, "", "logs")}),
        ({"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}, set()),
        ({}, set()),
    ],
)
def test_a_read_is_about_the_resource_that_events_name(parameters: dict[str, str], expected: set[ResourceRef]) -> None:
    assert resources_read(parameters, ACCOUNT, "eu-central-1") == expected


# In the status.

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRAIL = DependentTrail(None, ARN, LOCATION, MINIMAL)
ALLOWED = State(True, Reason.ALLOWED, "allowed")
REFUSED = State(False, Reason.BUCKET_POLICY_DENIES, "refused")
GONE = State(False, Reason.BUCKET_NOT_FOUND, "gone")
UNKNOWN = State(None, Reason.UNDECIDABLE, "unknown")
READY = SyncResult(1, known=True, observed=observed(), dependent=TRAIL)


def told(result: SyncResult, previous: TrailStatus | None = None) -> tuple[str, str] | None:
    status = compute_status(previous or TrailStatus(), result, NOW)
    found = status.condition(ConditionType.DEPENDENCIES_READY)
    return (found.status, found.reason) if found else None


def with_state(state: State | None) -> TrailStatus:
    return compute_status(TrailStatus(), replace(READY, dependencies=state), NOW)


def test_a_reconcile_reports_what_is_known_of_the_same_dependencies() -> None:
    assert told(READY) is None
    assert told(replace(READY, dependencies=ALLOWED)) == ("True", "Allowed")
    assert told(READY, with_state(REFUSED)) == ("False", "BucketPolicyDenies")  # until it is evaluated again


def test_dependencies_do_not_affect_ready() -> None:
    for state in (ALLOWED, REFUSED, UNKNOWN):
        ready = with_state(state).condition(ConditionType.READY)
        assert ready is not None
        assert ready.status == "True"


@pytest.mark.parametrize(
    "failure",
    [
        authority(Reason.NAMESPACE_NOT_ALLOWED, "no"),
        authority(Reason.CREDENTIALS_UNAVAILABLE, "no"),
        Failure(FailureClass.TERMINAL, Reason.CONFLICT, "no"),
        Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, "no"),
    ],
)
def test_what_ready_must_resolve_first_is_named(failure: Failure) -> None:
    result = SyncResult(1, known=False, observed=None, failure=failure)
    assert told(result, with_state(ALLOWED)) == ("Unknown", "NotEvaluated")
    condition = compute_status(TrailStatus(), result, NOW).condition(ConditionType.DEPENDENCIES_READY)
    assert condition is not None
    assert failure.reason in condition.message


def test_a_passing_failure_keeps_what_is_known_and_long_silence_does_not() -> None:
    failed = SyncResult(2, known=False, observed=None, failure=transient("no answer"))
    assert told(failed, with_state(ALLOWED)) == ("True", "Allowed")
    assert told(replace(failed, unreachable=True), with_state(ALLOWED)) == ("Unknown", "NotEvaluated")


def test_a_new_trail_has_the_condition_also_if_aws_does_not_answer() -> None:
    failed = SyncResult(1, known=False, observed=None, failure=transient("no answer"))
    assert told(failed) == ("Unknown", "NotEvaluated")


def test_a_trail_that_does_not_exist_has_no_dependencies() -> None:
    absent = SyncResult(1, known=True, observed=None, observe_only=True, not_found="no trail audit")
    assert told(absent) == ("Unknown", "NotEvaluated")


def test_a_paused_trail_says_so() -> None:
    found = paused(with_state(ALLOWED), 1, NOW).condition(ConditionType.DEPENDENCIES_READY)
    assert found is not None
    assert (found.status, found.reason) == ("Unknown", "Paused")


def test_an_evaluation_changes_only_its_condition() -> None:
    before = with_state(ALLOWED)
    after = with_dependencies(before, REFUSED, NOW)
    assert [entry.type for entry in after.conditions] == [entry.type for entry in before.conditions]
    assert [one for one in after.conditions if one not in before.conditions] == [
        after.condition(ConditionType.DEPENDENCIES_READY)
    ]
    assert with_dependencies(after, REFUSED, NOW) == after


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [
        (None, ALLOWED, None),
        (None, REFUSED, "BucketPolicyDenies"),
        (None, UNKNOWN, None),
        (ALLOWED, ALLOWED, None),
        (ALLOWED, REFUSED, "BucketPolicyDenies"),
        (ALLOWED, UNKNOWN, None),
        (REFUSED, REFUSED, None),
        (REFUSED, GONE, "BucketNotFound"),
        (REFUSED, UNKNOWN, None),
        (REFUSED, ALLOWED, "Allowed"),
        (UNKNOWN, ALLOWED, None),
        (UNKNOWN, REFUSED, "BucketPolicyDenies"),
    ],
)
def test_an_event_reports_what_turns_false_and_what_recovers(
    before: State | None, after: State, event: str | None
) -> None:
    reported = transitions(with_state(before), with_dependencies(with_state(before), after, NOW))
    assert [one.reason for one in reported] == ([event] if event else [])


def test_no_event_repeats_the_reason_of_ready() -> None:
    failure = Failure(FailureClass.DEPENDENCY, Reason.BUCKET_POLICY_DENIES, "CreateTrail: denied")
    failed = compute_status(TrailStatus(), replace(READY, failure=failure), NOW)
    assert transitions(failed, with_dependencies(failed, REFUSED, NOW)) == []
    assert [one.reason for one in transitions(failed, with_dependencies(failed, GONE, NOW))] == ["BucketNotFound"]
