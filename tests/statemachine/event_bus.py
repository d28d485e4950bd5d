"""EventBridge and the queue of SQS behind it, in virtual time: events may be lost, come twice, late, in any order."""

import asyncio
import itertools
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.statemachine.kubernetes import at

ACCOUNT = "123456789012"
_LATENCY = 0.001
_VISIBILITY = 30.0


@dataclass
class _Message:
    body: str
    sent: float
    visible: float
    handle: str = ""


class EventBus:
    """The messages of the queue. Only what its owner says goes wrong."""

    def __init__(self, loop: asyncio.AbstractEventLoop, uniform: random.Random) -> None:
        self._loop = loop
        self._random = uniform
        self._messages: list[_Message] = []
        self._arrived = asyncio.Event()
        self._numbers = itertools.count()
        self.lost, self.doubled = 0.0, 0.0
        """The share of events that are."""
        self.soonest, self.slowest = 0.0, 0.5
        """How long events take, in seconds: they overtake each other."""

    def send(self, record: Mapping[str, Any]) -> None:
        """Send the record of a call."""
        if self._random.random() < self.lost:
            return
        body = enveloped(record)
        for _ in range(2 if self._random.random() < self.doubled else 1):
            self._loop.call_later(self._random.uniform(self.soonest, self.slowest), self.put, body)

    def put(self, body: str) -> None:
        """Put a message into the queue. It may be forged."""
        self._messages.append(_Message(body, self._loop.time(), self._loop.time()))
        self._arrived.set()

    @property
    def is_empty(self) -> bool:
        """Whether there is no message, also none that somebody has received and not deleted."""
        return not self._messages

    async def answer(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What SQS answers."""
        await asyncio.sleep(_LATENCY)
        if operation == "GetQueueUrl":
            name = parameters["QueueName"]
            return {"QueueUrl": f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/{name}"}
        if operation == "ReceiveMessage":
            return {"Messages": [self._received(one) for one in await self._wait(parameters)]}
        gone = {entry["ReceiptHandle"] for entry in parameters["Entries"]}
        self._messages = [one for one in self._messages if one.handle not in gone]
        return {"Successful": [{"Id": entry["Id"]} for entry in parameters["Entries"]], "Failed": []}

    async def _wait(self, parameters: Mapping[str, Any]) -> list[_Message]:
        end = self._loop.time() + parameters["WaitTimeSeconds"]
        while True:
            now = self._loop.time()
            found = [one for one in self._messages[:1000] if one.visible <= now][: parameters["MaxNumberOfMessages"]]
            if found or now >= end:
                return found
            self._arrived.clear()
            again = min([end, *(one.visible for one in self._messages)])
            try:
                async with asyncio.timeout(again - now):
                    await self._arrived.wait()
            except TimeoutError:
                continue

    def _received(self, message: _Message) -> dict[str, Any]:
        message.visible, message.handle = self._loop.time() + _VISIBILITY, str(next(self._numbers))
        sent = str(int(at(message.sent).timestamp() * 1000))
        return {
            "MessageId": message.handle,
            "ReceiptHandle": message.handle,
            "Body": message.body,
            "Attributes": {"SentTimestamp": sent},
        }


def event(
    time: float,
    region: str,
    operation: str,
    parameters: Mapping[str, Any],
    request_id: str = "",
    error: str = "",
    number: int = 0,
    account: str = ACCOUNT,
    source: str = "cloudtrail",
) -> str:
    """The event of a call, as EventBridge sends it."""
    record = {
        "eventVersion": "1.11",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": operation,
        "eventTime": at(time).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventID": f"event-{number}",
        "requestID": request_id or f"request-of-another-{number}",
        "awsRegion": region,
        "recipientAccountId": account,
        "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{account}:user/mallory"},
        "requestParameters": {
            name[0].lower() + name[1:]: value for name, value in parameters.items() if isinstance(value, str)
        },
        **({"errorCode": error} if error else {}),
    }
    return enveloped(record)


def enveloped(record: Mapping[str, Any]) -> str:
    """A record as EventBridge sends it."""
    return json.dumps(
        {
            "version": "0",
            "detail-type": "AWS API Call via CloudTrail",
            "source": f"aws.{record['eventSource'].partition('.')[0]}",
            "account": record["recipientAccountId"],
            "region": record["awsRegion"],
            "resources": [],
            "detail": record,
        }
    )
