"""SQS as a consumer of events relies on it."""

import json
import time
from typing import Any

import pytest

from tests.conformance import documents
from tests.conformance.account import Account
from tests.conformance.facts import case, fact, refused
from tests.outcomes import outcome

API = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference"
GUIDE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide"
RECEIVE = f"{API}/API_ReceiveMessage.html"
LONG_POLLING = f"{GUIDE}/sqs-short-and-long-polling.html"


def receive(aws: Account, queue: str, **members: Any) -> list[dict[str, Any]]:
    """The messages of one call."""
    messages: list[dict[str, Any]] = aws.client("sqs").receive_message(QueueUrl=queue, **members).get("Messages", [])
    return messages


def sent(aws: Account) -> str:
    """A queue with a message; its URL."""
    queue, _ = aws.queue()
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody="a")
    return queue


@fact(LONG_POLLING)
def test_a_long_poll_ends_as_soon_as_there_is_a_message(aws: Account) -> None:
    queue, begin = sent(aws), time.monotonic()
    assert receive(aws, queue, WaitTimeSeconds=20)
    assert time.monotonic() - begin < 15


@fact(LONG_POLLING)
def test_a_long_poll_waits_for_a_message(aws: Account) -> None:
    (queue, _), begin = aws.queue(), time.monotonic()
    assert receive(aws, queue, WaitTimeSeconds=1) == []
    assert time.monotonic() - begin >= 1


@pytest.mark.parametrize(
    "members",
    [
        case("for 11 messages", RECEIVE, {"MaxNumberOfMessages": 11}),
        case("for 0 messages", RECEIVE, {"MaxNumberOfMessages": 0}),
        case("with a wait of 21 seconds", RECEIVE, {"WaitTimeSeconds": 21}),
    ],
)
def test_a_call_is_refused(aws: Account, members: dict[str, int]) -> None:
    queue, _ = aws.queue()
    with refused("InvalidParameterValue"):
        receive(aws, queue, **members)


@fact(RECEIVE)
def test_a_message_says_when_it_was_sent_in_milliseconds(aws: Account) -> None:
    [message] = aws.eventually(
        lambda: receive(aws, sent(aws), AttributeNames=["SentTimestamp"], WaitTimeSeconds=5), bool
    )
    assert abs(int(message["Attributes"]["SentTimestamp"]) / 1000 - time.time()) < 600


@fact(f"{GUIDE}/sqs-visibility-timeout.html")
def test_a_message_that_was_received_is_invisible_until_its_timeout(aws: Account) -> None:
    queue = sent(aws)
    assert receive(aws, queue, VisibilityTimeout=2, WaitTimeSeconds=5)
    assert receive(aws, queue) == []
    assert aws.eventually(lambda: receive(aws, queue, WaitTimeSeconds=5), bool)


@fact(f"{API}/API_DeleteMessage.html")
def test_a_receipt_handle_that_is_none_is_refused(aws: Account) -> None:
    queue, _ = aws.queue()
    with refused("ReceiptHandleIsInvalid"):
        aws.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle="nonsense")


@fact(f"{API}/API_GetQueueUrl.html")
def test_a_queue_that_is_none_is_refused(aws: Account) -> None:
    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        aws.client("sqs").get_queue_url(QueueName=aws.name("none"))


@fact("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html")
def test_a_deny_for_everybody_binds_the_queues_account_until_it_removes_the_policy(aws: Account) -> None:
    queue, arn = aws.queue()
    sqs = aws.client("sqs")

    def outcomes() -> set[str]:
        return {
            outcome(sqs.send_message, QueueUrl=queue, MessageBody="a"),
            outcome(sqs.receive_message, QueueUrl=queue),
        }

    assert outcomes() == {"ok"}
    denial = documents.allow("*", ["sqs:SendMessage", "sqs:ReceiveMessage"], arn) | {"Effect": "Deny"}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(documents.policy(denial))})
    assert aws.eventually(outcomes, lambda found: found == {"AccessDenied"})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
    assert aws.eventually(outcomes, lambda found: found == {"ok"})
