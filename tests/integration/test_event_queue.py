"""Events of calls by others: trails are corrected although the resync is far away, and nothing else changes."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Accounts, Trails, trail
from tests.integration.process import Operator
from tests.integration.test_metrics import Scraped
from tests.patience import eventually
from tests.sandbox.buses import OF_CLOUDTRAIL, Bus

NAME = "audit"
QUEUE = "events"
LATER = ("--resync", "10m")

Change = Callable[[Account], Any]


@pytest.fixture
def bus(account: Account) -> Bus:
    """The account's bus, with a rule that puts calls of CloudTrail into a queue."""
    found = Bus(account)
    found.rule(QUEUE, OF_CLOUDTRAIL)
    return found


@pytest.fixture
def operator(operator_process: OperatorFactory, bus: Bus) -> Operator:
    """An operator with that queue, which would otherwise read each trail every ten minutes."""
    return operator_process(*LATER, "--event-queue", QUEUE)


def begin(account: Account, trails: Trails) -> None:
    trails.create(trail(NAME, account.bucket(f"logs-{account.number}", NAME)))
    trails.wait_ready(NAME)


def differs(account: Account) -> set[str]:
    """The trail's settings that are not as the spec says."""
    found = account.trail(NAME)
    if found is None:
        return {"trail"}
    wanted = {"IsLogging": True, "IsMultiRegionTrail": True, "LogFileValidationEnabled": True}
    wrong = {name for name, value in wanted.items() if found[name] != value}
    selectors = account.recorded(NAME)["EventSelectors"]
    return wrong | ({"EventSelectors"} if [one["ReadWriteType"] for one in selectors] != ["All"] else set())


CHANGES: dict[str, tuple[Change, str]] = {
    "StopLogging": (lambda account: account.cloudtrail.stop_logging(Name=NAME), "isLogging"),
    "UpdateTrail": (
        lambda account: account.cloudtrail.update_trail(Name=NAME, EnableLogFileValidation=False),
        "enableLogFileValidation",
    ),
    "PutEventSelectors": (
        lambda account: account.cloudtrail.put_event_selectors(
            TrailName=account.trail_arn(NAME), EventSelectors=[{"ReadWriteType": "WriteOnly"}]
        ),
        "eventSelectors",
    ),
    "DeleteTrail": (lambda account: account.cloudtrail.delete_trail(Name=NAME), "trail"),
}


@pytest.mark.parametrize("call", CHANGES)
def test_a_change_is_corrected_long_before_the_resync(
    operator: Operator, account: Account, trails: Trails, call: str
) -> None:
    begin(account, trails)
    scraped = Scraped(operator, trails.namespace)
    change, field = CHANGES[call]
    change(account)
    eventually("the drift is found", lambda: scraped.value("drift_total", field=field))
    eventually("the trail is as the spec says", lambda: not differs(account))
    trails.wait_ready(NAME)
    eventually("the correction is measured", lambda: scraped.value("time_to_correct_seconds_count") == 1)
    assert scraped.value("event_queue_messages_total", outcome="woken") == 1
    assert scraped.value("event_queue_messages_total", outcome="own")
    assert scraped.value("event_queue_up") == 1


def test_a_trail_that_no_trail_manages_is_listed_long_before_the_resync(
    operator: Operator, account: Account, accounts: Accounts
) -> None:
    name = accounts.create("one", account.number)
    eventually("all are listed", lambda: status(accounts, name).get("trailCount") == 0)
    bucket = account.bucket(f"logs-{account.number}", NAME)
    account.cloudtrail.create_trail(Name=NAME, S3BucketName=bucket)
    account.cloudtrail.start_logging(Name=NAME)  # until then there are no events
    scraped = Scraped(operator, "")
    eventually("the new one is listed", lambda: status(accounts, name).get("unmanagedCount") == 1)
    assert scraped.value("event_queue_messages_total", outcome="inventory") == 1


def test_an_awsaccount_says_that_its_events_arrive(
    operator: Operator, account: Account, accounts: Accounts, trails: Trails
) -> None:
    name = accounts.create("one", account.number, allowedNamespaces={"names": [trails.namespace]})

    def arriving() -> tuple[str, str] | None:
        conditions = {one["type"]: one for one in status(accounts, name).get("conditions", ())}
        found = conditions.get("EventsArriving")
        return (found["status"], found["reason"]) if found else None

    eventually("nothing has arrived", lambda: arriving() == ("Unknown", "NoTraffic"))
    bucket = account.bucket(f"logs-{account.number}", NAME)
    trails.create(trail(NAME, bucket, accountRef={"name": name}))
    trails.wait_ready(NAME)
    eventually("the trail is listed", lambda: status(accounts, name).get("trailCount") == 1)
    account.cloudtrail.stop_logging(Name=NAME)
    eventually("an event has arrived", lambda: arriving() == ("True", "EventsReceived"))
    assert Scraped(operator, "").value("events_arriving", account=name) == 1
    assert not trails.condition(NAME, "EventsArriving")


def test_the_own_identity_receives_also_where_no_trail_may_use_it(
    operator_process: OperatorFactory, bus: Bus, account: Account, accounts: Accounts, trails: Trails
) -> None:
    operator_process(*LATER, "--event-queue", QUEUE, "--own-identity", "false")
    name = accounts.create("one", account.number, allowedNamespaces={"names": [trails.namespace]})
    manifest = trail(NAME, account.bucket(f"logs-{account.number}", NAME))
    manifest["spec"]["accountRef"] = {"name": name}
    trails.create(manifest)
    trails.wait_ready(NAME)
    account.cloudtrail.stop_logging(Name=NAME)
    eventually("the trail logs again", lambda: not differs(account))
    assert bus.has_sent()


def status(accounts: Accounts, name: str) -> dict[str, Any]:
    found: dict[str, Any] = (accounts.get(name) or {}).get("status") or {}
    return found


def test_without_its_queue_an_operator_works_and_says_what_is_missing(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    operator = operator_process("--event-queue", QUEUE)
    begin(account, trails)
    scraped = Scraped(operator, trails.namespace)
    assert scraped.value("event_queue_up") == 0
    assert f"The event queue {QUEUE} does not exist in us-east-1" in operator.log.read_text()
    account.cloudtrail.stop_logging(Name=NAME)
    eventually("the resync starts it", lambda: not differs(account))
    Bus(account).rule(QUEUE, OF_CLOUDTRAIL)
    eventually("the queue works", lambda: scraped.value("event_queue_up") == 1, 90)
    assert "the event queue works again" in operator.log.read_text()


def test_a_queue_that_refuses_stops_nothing_else(operator: Operator, account: Account, trails: Trails) -> None:
    begin(account, trails)
    scraped = Scraped(operator, trails.namespace)
    account.fault(service="sqs", operation="ReceiveMessage", error="InternalFailure", count=3)
    account.cloudtrail.add_tags(ResourceId=account.trail_arn(NAME), TagsList=[{"Key": "a", "Value": "1"}])
    eventually("it fails", lambda: scraped.value("aws_calls_total", operation="ReceiveMessage", code="other"))
    account.cloudtrail.stop_logging(Name=NAME)
    eventually("the trail logs", lambda: not differs(account), 90)
    eventually("the queue works", lambda: scraped.value("event_queue_up") == 1)


def attributes(account: Account, name: str = QUEUE) -> dict[str, int]:
    sqs = account.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return {
        name: int(value)
        for name, value in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].items()
    }


def test_an_operator_that_ends_leaves_no_message_invisible(
    operator: Operator, account: Account, trails: Trails, bus: Bus
) -> None:
    begin(account, trails)
    account.cloudtrail.stop_logging(Name=NAME)
    eventually("the trail logs", lambda: not differs(account))
    assert bus.has_sent()
    eventually("all is received", lambda: not sum(attributes(account).values()))
    assert operator.stop() == 0
    assert attributes(account)["ApproximateNumberOfMessagesNotVisible"] == 0
    account.cloudtrail.stop_logging(Name=NAME)
    assert bus.has_sent()
    assert attributes(account)["ApproximateNumberOfMessages"] > 0, "nobody receives any more"
    operator.start()
    eventually("the next one receives it", lambda: not sum(attributes(account).values()))
    eventually("the trail logs again", lambda: not differs(account))
