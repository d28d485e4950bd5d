"""Warned before it bites: what the Advisory condition says, and that it never touches Ready."""

import json
from typing import Any

import pytest

from tests.integration.aws import REGION, Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Trails, trail
from tests.integration.process import Operator
from tests.patience import eventually


def advised(trails: Trails, name: str, *texts: str) -> dict[str, Any]:
    """The Advisory, once it says all of that; Ready stays True."""

    def check() -> dict[str, Any] | None:
        advice = trails.condition(name, "Advisory")
        return advice if all(text in advice.get("message", "") for text in texts) else None

    advice: dict[str, Any] = eventually(f"{name} is advised of {texts}", check)
    assert advice["status"] == "True"
    assert trails.condition(name)["status"] == "True"
    return advice


def bucket(account: Account, *names: str, regions: tuple[str, ...] = (REGION,)) -> str:
    """One bucket for several trails."""
    name = f"logs-{account.number}"
    account.client("s3").create_bucket(Bucket=name)
    document = account.bucket_document(name, names[0])
    arns = [account.trail_arn(trail, region) for trail in names for region in regions]
    for statement in document["Statement"]:
        statement["Condition"]["StringEquals"]["aws:SourceArn"] = arns
    account.client("s3").put_bucket_policy(Bucket=name, Policy=json.dumps(document))
    return name


def test_global_events_twice_and_a_duplicate_management_events(
    operator: Operator, account: Account, trails: Trails
) -> None:
    name = bucket(account, "first", "second")
    trails.create(trail("first", name))
    trails.create(trail("second", name, isMultiRegionTrail=False))
    first = advised(trails, "first", "global services", "Management events are recorded more than once")
    assert first["reason"] == "DuplicateGlobalServiceEvents"
    assert account.trail_arn("second") in first["message"]
    advised(trails, "second", account.trail_arn("first"))
    (event,) = eventually("an Event", lambda: trails.events("first", "DuplicateGlobalServiceEvents"))
    assert event.type == "Warning"

    trails.change("second", includeGlobalServiceEvents=False)
    eventually(
        "only the copy is left",
        lambda: trails.condition("first", "Advisory").get("reason") == "DuplicateManagementEvents",
    )
    trails.delete("second")
    eventually("nothing to warn of", lambda: not trails.condition("first", "Advisory"))
    assert trails.condition("first")["status"] == "True"


def test_a_trail_that_somebody_else_makes_is_noticed(operator: Operator, account: Account, trails: Trails) -> None:
    name = bucket(account, "ours", "theirs")
    trails.create(trail("ours", name))
    trails.wait_ready("ours")
    account.cloudtrail.create_trail(Name="theirs", S3BucketName=name)
    account.cloudtrail.start_logging(Name="theirs")
    advised(trails, "ours", account.trail_arn("theirs"))
    account.cloudtrail.stop_logging(Name="theirs")
    eventually("a silent trail is no copy", lambda: not trails.condition("ours", "Advisory"))


def test_global_events_without_effect(operator: Operator, account: Account, trails: Trails) -> None:
    name = bucket(account, "west", regions=("us-west-2",))
    trails.create(trail("west", name, region="us-west-2", isMultiRegionTrail=False))
    assert advised(trails, "west", "us-east-1")["reason"] == "GlobalServiceEventsIgnored"
    trails.change("west", includeGlobalServiceEvents=False)
    eventually("no warning", lambda: trails.condition("west") and not trails.condition("west", "Advisory"))


@pytest.mark.parametrize("value", ["arn:aws:s3", "arn:aws:s3:::{bucket}/", "arn:aws:s3:::{bucket}/AWSLogs/"])
def test_a_trail_that_logs_its_own_delivery(value: str, operator: Operator, account: Account, trails: Trails) -> None:
    name = bucket(account, "loop")
    resources = [{"type": "AWS::S3::Object", "values": [value.format(bucket=name)]}]
    trails.create(trail("loop", name, eventSelectors=[{"dataResources": resources}]))
    assert advised(trails, "loop", "recursiveLogging: false")["reason"] == "LogsOwnDelivery"
    trails.change("loop", recursiveLogging=False)
    eventually("no warning", lambda: trails.condition("loop") and not trails.condition("loop", "Advisory"))


def test_no_management_events(operator: Operator, account: Account, trails: Trails) -> None:
    name = bucket(account, "data")
    resources = [{"type": "AWS::S3::Object", "values": ["arn:aws:s3:::elsewhere/"]}]
    selectors = [{"includeManagementEvents": False, "dataResources": resources}]
    trails.create(trail("data", name, eventSelectors=selectors))
    assert advised(trails, "data", "no management events")["reason"] == "NoManagementEvents"


def test_a_full_region_names_its_trails_and_creation_resumes(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    names = [f"old-{number}" for number in range(5)]
    name = bucket(account, *names, "sixth")
    for old in names:
        account.cloudtrail.create_trail(Name=old, S3BucketName=name)
    operator_process()
    trails.create(trail("sixth", name))
    full = trails.wait_reason("sixth", "QuotaExceeded")
    assert all(account.trail_arn(old) in full["message"] for old in names)
    assert "one that is not needed" in full["message"]
    account.cloudtrail.delete_trail(Name="old-3")
    trails.wait_ready("sixth", 60)


def test_advice_survives_a_restart_without_a_write(operator: Operator, account: Account, trails: Trails) -> None:
    name = bucket(account, "first", "second")
    for each in ("first", "second"):
        trails.create(trail(each, name))
    advised(trails, "first", "more than once")
    advised(trails, "second", "more than once")
    versions = [(trails.get(each) or {})["metadata"]["resourceVersion"] for each in ("first", "second")]
    operator.stop()
    mark = sum(call["operation"] == "ListTrails" for call in account.calls())
    operator.start()
    eventually(
        "the neighbours are read again",
        lambda: sum(call["operation"] == "ListTrails" for call in account.calls()) > mark + 1,
    )
    assert [(trails.get(each) or {})["metadata"]["resourceVersion"] for each in ("first", "second")] == versions
