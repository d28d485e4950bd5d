"""Changes of IAM take a while to reach CloudTrail.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.aws import Account, trust
from tests.outcomes import outcome
from tests.patience import eventually
from tests.sandbox.conftest import fresh, put_settings
from tests.sandbox.identities import allow, client, deny, trusting, user, written

NOT_TRUSTING = "InvalidCloudWatchLogsRoleArnException"
DENIED = "InvalidCloudWatchLogsLogGroupArnException"
A_LONG_TIME = 600.0


@pytest.fixture
def slow(endpoint: str) -> Iterator[Callable[[float], None]]:
    """Makes changes take so many seconds, until the test is over."""
    yield lambda seconds: put_settings(endpoint, iam_propagation=seconds)
    put_settings(endpoint, iam_propagation=0)


def logs(aws: Account, group: str, role: str) -> dict[str, Any]:
    return {"Name": "trail", "CloudWatchLogsLogGroupArn": f"{group}:*", "CloudWatchLogsRoleArn": role}


def becomes(expected: str, aws: Account, update: dict[str, Any]) -> None:
    eventually(expected, lambda: outcome(aws.cloudtrail.update_trail, **update) == expected)


def test_a_new_role_is_missing_at_first(aws: Account, trail: str, slow: Callable[[float], None]) -> None:
    slow(A_LONG_TIME)
    group = aws.log_group("group")
    begin = time.monotonic()
    update = logs(aws, group, aws.role("deliver", group))
    assert outcome(aws.cloudtrail.update_trail, **update) == NOT_TRUSTING
    slow(1.5)
    becomes("ok", aws, update)
    assert time.monotonic() > begin + 1.4


def break_trust(iam: Any, account: str) -> None:
    iam.update_assume_role_policy(RoleName="deliver", PolicyDocument=written(trusting(account)))


def break_inline_policy(iam: Any, _: str) -> None:
    iam.put_role_policy(RoleName="deliver", PolicyName="no", PolicyDocument=written(deny("logs:*")))


def break_managed_policy(iam: Any, account: str) -> None:
    document = written(deny("logs:*"))
    policy = f"arn:aws:iam::{account}:policy/logs"
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=document, SetAsDefault=True)


def delete_policy(iam: Any, account: str) -> None:
    iam.detach_role_policy(RoleName="deliver", PolicyArn=f"arn:aws:iam::{account}:policy/logs")


def break_boundary(iam: Any, account: str) -> None:
    iam.put_role_permissions_boundary(RoleName="deliver", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess")


def break_policy_of_boundary(iam: Any, account: str) -> None:
    policy = f"arn:aws:iam::{account}:policy/bound"
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=written(allow("s3:*")), SetAsDefault=True)


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (break_boundary, DENIED),
        (break_policy_of_boundary, DENIED),
        (break_trust, NOT_TRUSTING),
        (break_inline_policy, DENIED),
        (break_managed_policy, DENIED),
        (delete_policy, DENIED),
    ],
)
def test_what_was_good_stays_so_for_a_while(
    endpoint: str, slow: Callable[[float], None], change: Callable[[Any, str], None], expected: str
) -> None:
    for delay in (1, 5, 25, 125):
        aws = fresh(endpoint)
        update = good_role(aws)
        slow(delay)
        becomes("ok", aws, update)
        begin = time.monotonic()
        change(aws.client("iam"), aws.number)
        at_once = outcome(aws.cloudtrail.update_trail, **update)
        was_in_time = time.monotonic() - begin < delay
        becomes(expected, aws, update)
        assert time.monotonic() - begin > delay - 0.1
        if was_in_time:
            assert at_once == "ok"
            return
    raise AssertionError("no delay was long enough to ask within it")


def good_role(aws: Account) -> dict[str, Any]:
    """A role of the name `deliver` with a managed policy; what has the trail `trail` use it."""
    aws.cloudtrail.create_trail(Name="trail", S3BucketName=aws.bucket(f"logs-{aws.number}", "trail"))
    iam, group = aws.client("iam"), aws.log_group("group")
    arn = iam.create_role(RoleName="deliver", AssumeRolePolicyDocument=json.dumps(trust()))["Role"]["Arn"]
    policy = iam.create_policy(PolicyName="logs", PolicyDocument=written(allow("logs:*")))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="deliver", PolicyArn=policy)
    bound = iam.create_policy(PolicyName="bound", PolicyDocument=written(allow("*")))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="deliver", PermissionsBoundary=bound)
    return logs(aws, group, arn)


def test_callers_are_not_kept_waiting(aws: Account, slow: Callable[[float], None]) -> None:
    slow(300)
    assert outcome(client(aws, "cloudtrail", user(aws, allow("cloudtrail:ListTrails"))).list_trails) == "ok"
