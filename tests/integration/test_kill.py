"""kill -9 at every AWS call of create, update and delete, before it and after it: always one trail, owned and as said.

The emulator holds the call, so the operator dies exactly there. What AWS then did with the call is the fault's `when`:
before means that it never happened, after that it happened and its answer was lost.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory, owner
from tests.integration.kubernetes import Trails, trail
from tests.integration.process import Operator
from tests.patience import eventually, seconds

NAME = "mortal"
HELD_SECONDS = 60.0

# service, operation, how many such calls go through before the one that is held
CREATE = [
    ("sts", "GetCallerIdentity", 0),
    ("kms", "DescribeKey", 0),
    ("cloudtrail", "GetTrail", 0),
    ("cloudtrail", "CreateTrail", 0),
    ("cloudtrail", "StartLogging", 0),
    ("cloudtrail", "GetTrail", 1),
    ("cloudtrail", "GetTrailStatus", 0),
    ("cloudtrail", "ListTags", 0),
]
UPDATE = [
    ("kms", "DescribeKey", 0),
    ("cloudtrail", "GetTrail", 0),
    ("cloudtrail", "GetTrailStatus", 0),
    ("cloudtrail", "ListTags", 0),
    ("cloudtrail", "StopLogging", 0),
    ("cloudtrail", "RemoveTags", 0),
    ("cloudtrail", "AddTags", 0),
    ("cloudtrail", "UpdateTrail", 0),
    ("cloudtrail", "GetTrail", 1),
    ("cloudtrail", "GetTrailStatus", 1),
    ("cloudtrail", "ListTags", 1),
]
DELETE = [("cloudtrail", "ListTags", 0), ("cloudtrail", "DeleteTrail", 0)]

# By what a write is known to have taken effect.
EFFECTS: dict[str, Callable[[dict[str, Any] | None], bool]] = {
    "CreateTrail": lambda found: found is not None,
    "StartLogging": lambda found: found is not None and found["IsLogging"],
    "StopLogging": lambda found: found is not None and not found["IsLogging"],
    "RemoveTags": lambda found: found is not None and "old" not in found["Tags"],
    "AddTags": lambda found: found is not None and "new" in found["Tags"],
    "UpdateTrail": lambda found: found is not None and found.get("S3KeyPrefix") == "changed",
    "DeleteTrail": lambda found: found is None,
}


def cases(calls: list[tuple[str, str, int]]) -> list[Any]:
    return [
        pytest.param(service, operation, skip, when, id=f"{operation}-{skip + 1}-{when}")
        for service, operation, skip in calls
        for when in ("before", "after")
        if when == "before" or operation in EFFECTS  # a read has no effect that could be lost
    ]


def kill_in(
    operator: Operator,
    account: Account,
    begin: Callable[[], object],
    service: str,
    operation: str,
    skip: int,
    when: str,
) -> None:
    """Begin something, and kill the operator while its call is held."""

    def count() -> int:
        return sum((call["service"], call["operation"]) == (service, operation) for call in account.calls())

    due = count() + skip + 1
    account.fault(service=service, operation=operation, delay=HELD_SECONDS, drop=True, when=when, skip=skip, count=1)
    begin()
    eventually(f"{service}:{operation} held", lambda: count() >= due)
    if when == "after":
        eventually(f"{operation} took effect", lambda: EFFECTS[operation](account.trail(NAME)))
    operator.kill()
    account.no_faults()


def prepare(account: Account) -> str:
    bucket = account.bucket(f"logs-{account.number}", NAME)
    account.key(NAME, alias="mortal")
    return bucket


def is_as_said(account: Account, trails: Trails, *, changed: bool) -> None:
    trails.wait_ready(NAME)
    assert account.trails() == [account.trail_arn(NAME)]
    found = account.trail(NAME)
    assert found is not None
    assert found["IsLogging"] is not changed
    assert found.get("S3KeyPrefix") == ("changed" if changed else None)
    assert found["Tags"] == {("new" if changed else "old"): "1", **owner(trails, NAME)}


@pytest.mark.sampled
@pytest.mark.parametrize(("service", "operation", "skip", "when"), cases(CREATE))
def test_killed_while_creating(
    operator_process: OperatorFactory,
    account: Account,
    trails: Trails,
    service: str,
    operation: str,
    skip: int,
    when: str,
) -> None:
    bucket = prepare(account)
    operator = operator_process()
    manifest = trail(NAME, bucket, kmsKeyID="alias/mortal", tags=[{"key": "old", "value": "1"}])
    kill_in(operator, account, lambda: trails.create(manifest), service, operation, skip, when)
    operator.start()
    is_as_said(account, trails, changed=False)
    assert sum(call["operation"] == "CreateTrail" for call in account.writes()) <= 2


@pytest.mark.sampled
@pytest.mark.parametrize(("service", "operation", "skip", "when"), cases(UPDATE))
def test_killed_while_updating(
    operator_process: OperatorFactory,
    account: Account,
    trails: Trails,
    service: str,
    operation: str,
    skip: int,
    when: str,
) -> None:
    bucket = prepare(account)
    operator = operator_process("--resync", "1h")
    trails.create(trail(NAME, bucket, kmsKeyID="alias/mortal", tags=[{"key": "old", "value": "1"}]))
    trails.wait_ready(NAME)
    account.bucket_policy(bucket, NAME, "changed")
    change = {"s3KeyPrefix": "changed", "isLogging": False, "tags": [{"key": "new", "value": "1"}]}
    kill_in(operator, account, lambda: trails.change(NAME, **change), service, operation, skip, when)
    operator.start()
    is_as_said(account, trails, changed=True)


@pytest.mark.sampled
@pytest.mark.parametrize(("service", "operation", "skip", "when"), cases(DELETE))
def test_killed_while_deleting(
    operator_process: OperatorFactory,
    account: Account,
    trails: Trails,
    service: str,
    operation: str,
    skip: int,
    when: str,
) -> None:
    bucket = prepare(account)
    operator = operator_process("--resync", "1h")
    trails.create(trail(NAME, bucket))
    trails.wait_ready(NAME)
    kill_in(operator, account, lambda: trails.delete(NAME), service, operation, skip, when)
    operator.start()
    trails.wait_gone(NAME)
    assert account.trails() == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_to_create_is_no_conflict_with_oneself(
    operator: Operator, account: Account, trails: Trails, when: str
) -> None:
    bucket = prepare(account)
    account.fault(service="cloudtrail", operation="CreateTrail", drop=True, when=when, count=1)
    trails.create(trail(NAME, bucket, tags=[{"key": "old", "value": "1"}]))
    is_as_said(account, trails, changed=False)
    assert operator.running


@pytest.mark.sampled
@pytest.mark.parametrize("again", range(3))
def test_a_stop_amid_many_events_leaves_nothing_to_wait_for(
    operator_process: OperatorFactory, trails: Trails, again: int
) -> None:
    """kopf, cut off amid them, would wait for 5 s for a watch that it never closes: on most tries, not on each."""
    operator = operator_process("--resync", "10m", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert operator.process is not None
    os.kill(operator.process.pid, signal.SIGSTOP)
    names = [f"trail-{number}" for number in range(40)]
    for name in names:
        trails.create(trail(name, f"logs-{again}"))
    os.kill(operator.process.pid, signal.SIGCONT)
    operator.process.terminate()
    assert operator.process.wait(seconds(30)) == 0
    assert "Traceback" not in operator.log.read_text()
    for name in names:
        trails.release(name)
