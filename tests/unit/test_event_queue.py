"""The event queue over HTTP: its requests, its failures and how a poll ends."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.local_server import LocalServer
from tests.unit.aws_clients import connection
from trail_operator.aws.client_pool import ClientPool
from trail_operator.domain.failure import FailureClass, FailureError
from trail_operator.domain.queue_address import QueueAddress
from trail_operator.events.queue import EventQueue, Message

REGION = "eu-central-1"
URL = f"https://sqs.{REGION}.amazonaws.com/123456789012/events"
ONE = {"MessageId": "1", "ReceiptHandle": "r1", "Body": "{}", "Attributes": {"SentTimestamp": "1767225600123"}}
NO_QUEUE = {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist."}
ODD_TIMES = ("soon", "²", "-1", "9" * 400, "9" * 5000)
DELETED = (200, {"Successful": [{"Id": "0"}]})
KEY_DENIED = {
    "__type": "com.amazonaws.sqs#KmsAccessDenied",
    "message": "The ciphertext refers to a customer master key",
}
DENIED = {"__type": "com.amazon.coral.service#AccessDeniedException", "message": "no"}


class Sqs(LocalServer):
    """Returns the configured answers, and records the requests."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {"GetQueueUrl": (200, {"QueueUrl": URL})}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.polled, self.goes_on = threading.Event(), threading.Event()
        super().__init__()

    def respond(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        operation = request.headers["X-Amz-Target"].partition(".")[2]
        self.requests.append((operation, json.loads(body)))
        if operation == "ReceiveMessage":
            self.polled.set()
        if operation not in self.answers:
            self.goes_on.wait(60)
        status, answer = self.answers.get(operation, (200, {}))
        sent = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/x-amz-json-1.0")
        request.send_header("Content-Length", str(len(sent)))
        request.end_headers()
        request.wfile.write(sent)

    def asked(self) -> list[str]:
        return [operation for operation, _ in self.requests]


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sqs]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    server = Sqs()
    yield server
    server.goes_on.set()
    server.close()


def run(sqs: Sqs, scenario: Callable[[EventQueue], Awaitable[None]], **address: str) -> None:
    async def main() -> None:
        clock = asyncio.get_running_loop().time
        pool = ClientPool(None, clock, lambda: None)
        where = QueueAddress(**({"region": REGION, "account": "", "name": "events"} | address))
        queue = EventQueue(where, connection(pool, endpoint_url=sqs.url))
        await scenario(queue)
        queue.close()

    asyncio.run(main())


def test_messages_are_received_ten_at_a_time_and_deleted(sqs: Sqs) -> None:
    sqs.answers |= {"ReceiveMessage": (200, {"Messages": [ONE]}), "DeleteMessageBatch": DELETED}

    async def scenario(queue: EventQueue) -> None:
        messages = await queue.receive()
        assert messages == [Message("{}", "r1", 1767225600.123)]
        await queue.delete(messages)
        await queue.delete([])
        await queue.receive()

    run(sqs, scenario, account="123456789012")
    assert sqs.asked() == ["GetQueueUrl", "ReceiveMessage", "DeleteMessageBatch", "ReceiveMessage"]
    found, received, deleted, _ = (parameters for _, parameters in sqs.requests)
    assert found == {"QueueName": "events", "QueueOwnerAWSAccountId": "123456789012"}
    assert received == {
        "QueueUrl": URL,
        "MaxNumberOfMessages": 10,
        "WaitTimeSeconds": 20,
        "VisibilityTimeout": 30,
        "AttributeNames": ["SentTimestamp"],
    }
    assert deleted == {"QueueUrl": URL, "Entries": [{"Id": "0", "ReceiptHandle": "r1"}]}


def failure(sqs: Sqs, call: Callable[[EventQueue], Awaitable[Any]], **address: str) -> FailureError:
    found: list[FailureError] = []

    async def scenario(queue: EventQueue) -> None:
        with pytest.raises(FailureError) as caught:
            await call(queue)
        found.append(caught.value)

    run(sqs, scenario, **address)
    return found[0]


@pytest.mark.parametrize("operation", ["GetQueueUrl", "ReceiveMessage"])
def test_a_queue_that_does_not_exist_is_named_with_what_to_do(sqs: Sqs, operation: str) -> None:
    sqs.answers[operation] = (400, NO_QUEUE)
    error = failure(sqs, lambda queue: queue.receive())
    assert error.failure.kind is FailureClass.AUTHORITY
    assert f"The event queue events in {REGION} does not exist" in error.failure.message
    assert "events-hub.yaml" in error.failure.message


@pytest.mark.parametrize(
    ("operation", "action"),
    [("GetQueueUrl", "sqs:GetQueueUrl"), ("ReceiveMessage", "sqs:ReceiveMessage")],
)
def test_an_action_that_is_denied_is_named(sqs: Sqs, operation: str, action: str) -> None:
    sqs.answers[operation] = (400, DENIED)
    error = failure(sqs, lambda queue: queue.receive())
    assert f"not allowed to perform {action} in {REGION}" in error.failure.message


def test_a_deletion_that_is_denied_is_named(sqs: Sqs) -> None:
    sqs.answers["DeleteMessageBatch"] = (400, DENIED)
    error = failure(sqs, lambda queue: queue.delete([Message("", "r1", None)]))
    assert f"not allowed to perform sqs:DeleteMessage in {REGION}" in error.failure.message


def test_a_key_that_may_not_be_used_is_named_with_its_action(sqs: Sqs) -> None:
    sqs.answers["ReceiveMessage"] = (400, KEY_DENIED)
    error = failure(sqs, lambda queue: queue.receive())
    assert error.failure.kind is FailureClass.AUTHORITY
    assert f"not allowed to perform kms:Decrypt in {REGION} on the key of the event queue" in error.failure.message


def test_messages_that_are_not_deleted_are_a_failure(sqs: Sqs) -> None:
    failed = {"Id": "0", "SenderFault": True, "Code": "ReceiptHandleIsInvalid"}
    sqs.answers["DeleteMessageBatch"] = (200, {"Failed": [failed]})
    error = failure(sqs, lambda queue: queue.delete([Message("", "r1", None)]))
    assert error.failure.message == f"SQS has not deleted 1 messages of events in {REGION}: ReceiptHandleIsInvalid"


@pytest.mark.parametrize(
    "answer",
    [{}, {"Successful": []}, {"Successful": [{"Id": "1"}]}, {"Failed": [{"Code": "a"}]}, {"Successful": [{"Id": 0}]}],
)
def test_an_answer_that_says_nothing_of_a_deletion_is_refused(sqs: Sqs, answer: dict[str, Any]) -> None:
    sqs.answers["DeleteMessageBatch"] = (200, answer)
    error = failure(sqs, lambda queue: queue.delete([Message("", "r1", None)]))
    assert "not a valid response of AWS" in error.failure.message


def test_more_messages_than_were_asked_for_are_refused(sqs: Sqs) -> None:
    sqs.answers["ReceiveMessage"] = (200, {"Messages": [ONE] * 11})
    assert "not a valid response of AWS" in failure(sqs, lambda queue: queue.receive()).failure.message


def test_without_a_region_nothing_is_sent(sqs: Sqs) -> None:
    error = failure(sqs, lambda queue: queue.receive(), region="")
    assert "set --event-queue to its ARN" in error.failure.message
    assert sqs.requests == []


def test_an_answer_about_another_queue_is_refused(sqs: Sqs) -> None:
    sqs.answers["GetQueueUrl"] = (200, {"QueueUrl": URL.replace("events", "others")})
    assert "not a valid response of AWS" in failure(sqs, lambda queue: queue.receive()).failure.message


def test_a_queue_that_was_created_again_is_found_again(sqs: Sqs) -> None:
    sqs.answers["ReceiveMessage"] = (400, NO_QUEUE)

    async def scenario(queue: EventQueue) -> None:
        with pytest.raises(FailureError):
            await queue.receive()
        sqs.answers["ReceiveMessage"] = (200, {})
        assert await queue.receive() == []

    run(sqs, scenario)
    assert sqs.asked() == ["GetQueueUrl", "ReceiveMessage"] * 2


def test_a_poll_ends_when_nothing_more_is_to_be_received_and_messages_are_still_deleted(sqs: Sqs) -> None:
    sqs.answers["DeleteMessageBatch"] = DELETED

    async def scenario(queue: EventQueue) -> None:
        poll = asyncio.create_task(queue.receive())
        await asyncio.to_thread(sqs.polled.wait, 60)
        queue.stop_receiving()
        with pytest.raises(FailureError):
            await poll
        await queue.delete([Message("", "r1", None)])

    run(sqs, scenario)
    assert sqs.asked()[-1] == "DeleteMessageBatch"


def test_a_time_that_is_none_is_left_out(sqs: Sqs) -> None:
    odd = [ONE | {"Attributes": attributes} for attributes in ({}, *({"SentTimestamp": time} for time in ODD_TIMES))]
    sqs.answers["ReceiveMessage"] = (200, {"Messages": odd})

    async def scenario(queue: EventQueue) -> None:
        assert [one.sent_at for one in await queue.receive()] == [None] * len(odd)

    run(sqs, scenario)
