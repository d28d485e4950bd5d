"""SQS as a consumer of events sees it: long polling, visibility, receipts, times, policies.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.patience import eventually, seconds
from tests.sandbox.conftest import Refused
from tests.sandbox.identities import allow, client, deny, written


class Queue:
    """A queue of an account."""

    def __init__(self, aws: Account, **attributes: str) -> None:
        self.sqs = aws.client("sqs")
        self.url: str = self.sqs.create_queue(QueueName="q", Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{aws.number}:q"

    def send(self, body: str = "a") -> None:
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def receive(self, **members: Any) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.sqs.receive_message(QueueUrl=self.url, **members).get("Messages", [])
        return messages

    def allow(self, *statements: dict[str, Any]) -> None:
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": written(*statements)})


@pytest.fixture
def queue(aws: Account) -> Queue:
    return Queue(aws)


def while_polling(aws: Account, queue: Queue, act: Callable[[], object], wait: int = 20) -> list[dict[str, Any]]:
    """What a long poll receives that has begun before something is done."""
    since = len(aws.calls())
    with ThreadPoolExecutor(1) as pool:
        polling = pool.submit(queue.receive, WaitTimeSeconds=wait)
        eventually("the poll", lambda: any(one["operation"] == "ReceiveMessage" for one in aws.calls()[since:]))
        act()
        return polling.result(seconds(60))


def test_a_long_poll_answers_at_once_when_a_message_comes(aws: Account, queue: Queue) -> None:
    sent: list[float] = []

    def send() -> None:
        sent.append(time.monotonic())
        queue.send()

    [message] = while_polling(aws, queue, send)
    assert message["Body"] == "a"
    assert time.monotonic() - sent[0] < seconds(3)


def test_a_long_poll_without_a_message_waits_and_is_empty(queue: Queue) -> None:
    begin = time.monotonic()
    assert queue.receive(WaitTimeSeconds=1) == []
    assert time.monotonic() - begin >= 1


def test_a_queue_may_say_how_long_calls_wait(aws: Account) -> None:
    queue, begin = Queue(aws, ReceiveMessageWaitTimeSeconds="1"), time.monotonic()
    assert queue.receive() == []
    assert time.monotonic() - begin >= 1
    begin = time.monotonic()
    assert queue.receive(WaitTimeSeconds=0) == []
    assert time.monotonic() - begin < 1


def test_a_long_poll_sees_a_message_that_becomes_visible_again(aws: Account, queue: Queue) -> None:
    queue.send()
    begin = time.monotonic()
    assert queue.receive(VisibilityTimeout=2)
    assert queue.receive() == []
    [message] = queue.receive(WaitTimeSeconds=20, AttributeNames=["All"])
    assert 2 <= time.monotonic() - begin < seconds(4)
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"


def test_many_long_polls_keep_no_other_call_waiting(aws: Account, queue: Queue) -> None:
    with ThreadPoolExecutor(40) as pool:
        polls = [pool.submit(queue.receive, WaitTimeSeconds=20) for _ in range(40)]
        eventually("the polls", lambda: sum(one["operation"] == "ReceiveMessage" for one in aws.calls()) == 40)
        begin = time.monotonic()
        aws.client("kms").list_keys()
        assert time.monotonic() - begin < seconds(5)
        for _ in range(40):
            queue.send()
        assert sum(len(one.result(seconds(60))) for one in polls) == 40


def test_who_has_gone_takes_no_message(aws: Account, queue: Queue, endpoint: str) -> None:
    host, port = endpoint.removeprefix("http://").split(":")
    body = json.dumps({"QueueUrl": queue.url, "WaitTimeSeconds": 20})
    head = (
        "POST / HTTP/1.1\r\nHost: sqs\r\nContent-Type: application/x-amz-json-1.0\r\n"
        f"X-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: AWS4-HMAC-SHA256 Credential={aws.number}/20261130/us-east-1/sqs/aws4_request\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), seconds(30)) as connection:
        connection.sendall((head + body).encode())
        eventually("the poll", lambda: [one for one in aws.calls() if one["operation"] == "ReceiveMessage"])
    eventually("its end", lambda: all(one["answered"] for one in aws.calls() if one["operation"] == "ReceiveMessage"))
    queue.send()
    assert queue.receive(), "the message is for the next receiver"


def test_a_queue_that_is_deleted_ends_the_wait(aws: Account, queue: Queue, refused: Refused) -> None:
    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        while_polling(aws, queue, lambda: queue.sqs.delete_queue(QueueUrl=queue.url))


@pytest.mark.parametrize("wait", [-1, 21])
def test_a_wait_is_20_seconds_at_most(queue: Queue, refused: Refused, wait: int) -> None:
    with refused("InvalidParameterValue"):
        queue.receive(WaitTimeSeconds=wait)


def test_a_call_gets_10_messages_at_most(queue: Queue, refused: Refused) -> None:
    for number in range(12):
        queue.send(str(number))
    assert len(queue.receive(MaxNumberOfMessages=10)) == 10
    assert len(queue.receive(MaxNumberOfMessages=10)) == 2
    with refused("InvalidParameterValue"):
        queue.receive(MaxNumberOfMessages=11)


def test_a_message_is_there_until_it_is_deleted(queue: Queue, refused: Refused) -> None:
    queue.send()
    [first] = queue.receive(VisibilityTimeout=0)
    [second] = queue.receive(VisibilityTimeout=0)
    assert first["MessageId"] == second["MessageId"]
    queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=second["ReceiptHandle"])
    assert queue.receive() == []
    with refused("ReceiptHandleIsInvalid"):
        queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle="nonsense")


def test_a_message_says_when_it_was_sent(queue: Queue) -> None:
    begin = time.time()
    queue.send()
    [message] = queue.receive(AttributeNames=["SentTimestamp"])
    assert begin - 1 <= int(message["Attributes"]["SentTimestamp"]) / 1000 <= time.time() + 1


def test_the_calls_of_a_queue_are_listed(aws: Account, queue: Queue) -> None:
    queue.receive(MaxNumberOfMessages=10, WaitTimeSeconds=0)
    [call] = [one for one in aws.calls() if one["operation"] == "ReceiveMessage"]
    assert (call["service"], call["region"], call["answered"]) == ("sqs", "us-east-1", True)
    assert call["parameters"]["MaxNumberOfMessages"] == 10


def test_no_message_is_lost_that_is_sent_while_others_are_deleted(queue: Queue) -> None:
    count, taken = 200, set[str]()

    def send() -> None:
        for number in range(count):
            queue.send(str(number))

    sender = threading.Thread(target=send)
    sender.start()

    def take() -> bool:
        for message in queue.receive(MaxNumberOfMessages=10, WaitTimeSeconds=1):
            taken.add(message["Body"])
            queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
        return len(taken) == count

    eventually("all messages", take, at_rest=60)
    sender.join()


# Who may use a queue.


def user(aws: Account, *actions: str) -> Any:
    iam = aws.client("iam")
    iam.create_user(UserName="u")
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=written(allow(*actions)))
    return client(aws, "sqs", iam.create_access_key(UserName="u")["AccessKey"])


def test_the_policy_of_a_queue_can_keep_its_own_account_out(aws: Account, queue: Queue, refused: Refused) -> None:
    sqs = user(aws, "sqs:*")
    sqs.send_message(QueueUrl=queue.url, MessageBody="a")
    is_no_service = {"Bool": {"aws:PrincipalIsAWSService": "false"}}
    queue.allow({**deny("sqs:SendMessage", resource=queue.arn), "Principal": "*", "Condition": is_no_service})
    with refused("AccessDenied"):
        sqs.send_message(QueueUrl=queue.url, MessageBody="forged")
    assert [one["Body"] for one in queue.receive(MaxNumberOfMessages=10)] == ["a"]


def test_another_account_needs_the_policy_of_the_queue(
    aws: Account, another: Account, queue: Queue, refused: Refused
) -> None:
    theirs = another.client("sqs")
    Queue(another)  # of the same name, which must not be taken for the other one
    with refused("AccessDenied"):
        theirs.receive_message(QueueUrl=queue.url)
    reader = {"Principal": {"AWS": f"arn:aws:iam::{another.number}:root"}}
    queue.allow({**allow("sqs:ReceiveMessage", resource=queue.arn), **reader})
    queue.send("of the owner")
    [message] = theirs.receive_message(QueueUrl=queue.url)["Messages"]
    assert message["Body"] == "of the owner"
    with refused("AccessDenied"):
        theirs.send_message(QueueUrl=queue.url, MessageBody="a")


def test_the_url_of_another_accounts_queue(aws: Account, another: Account, queue: Queue, refused: Refused) -> None:
    theirs = another.client("sqs")
    with refused("AccessDenied"):
        theirs.get_queue_url(QueueName="q", QueueOwnerAWSAccountId=aws.number)
    reader = {"Principal": {"AWS": another.number}}
    queue.allow({**allow("sqs:GetQueueUrl", resource=queue.arn), **reader})
    assert theirs.get_queue_url(QueueName="q", QueueOwnerAWSAccountId=aws.number)["QueueUrl"] == queue.url


def test_an_encrypted_queue_is_readable_with_its_key_alone(aws: Account, queue: Queue, refused: Refused) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    queue.send()
    queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"KmsMasterKeyId": key})
    sqs = user(aws, "sqs:*")
    with refused("KMS.AccessDeniedException"):
        sqs.receive_message(QueueUrl=queue.url)
    context = {"StringEquals": {"kms:EncryptionContext:aws:sqs:arn": queue.arn}}
    statements = allow("sqs:*"), allow("kms:Decrypt", resource=key, Condition=context)
    aws.client("iam").put_user_policy(UserName="u", PolicyName="p", PolicyDocument=written(*statements))
    assert sqs.receive_message(QueueUrl=queue.url)["Messages"]
