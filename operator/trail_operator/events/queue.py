"""The event queue in SQS. Its calls use the operator's own identity, and threads of their own.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from trail_operator.api.reasons import Reason
from trail_operator.aws.client import AWSClient
from trail_operator.aws.connection import Connection
from trail_operator.aws.error_codes import NO_SUCH_QUEUE, QUEUE_KEY_DENIED
from trail_operator.aws.errors import AWSError
from trail_operator.aws.executor import CallExecutor
from trail_operator.aws.operations import Queue
from trail_operator.domain.failure import Failure, FailureError, authority, transient
from trail_operator.domain.queue_address import QueueAddress
from trail_operator.domain.texts import clean, listed

MOST_MESSAGES = 10
_WAIT_SECONDS = 20
# For so long nobody else receives a message: long enough to handle ten, and to delete them.
VISIBILITY_SECONDS = 30
_LONGEST_CODE = 80
_LONGEST_TIME = 15  # digits of milliseconds

T = TypeVar("T")


@dataclass(frozen=True)
class Message:
    """A message that was received, and is invisible to others for some seconds."""

    body: str
    receipt: str
    """Deletes the message."""
    sent_at: float | None
    """When it was sent, in seconds since 1970."""


class EventQueue:
    """Receives and deletes messages. All methods raise FailureError, whose message says what to do."""

    def __init__(self, address: QueueAddress, connection: Connection) -> None:
        """`connection`: with an executor that nothing else uses."""
        self._address = address
        self._region = address.region or connection.default_region
        self._executor = connection.executor
        self._client = AWSClient(connection)
        # A poll waits for a message. It has its own thread, so that it can be aborted while others are deleted.
        self._poll_executor = CallExecutor()
        self._poller = AWSClient(replace(connection, executor=self._poll_executor))
        self._url = ""

    async def receive(self) -> list[Message]:
        """Return up to ten messages; waits 20 seconds for the first one."""
        url = await self._find()
        try:
            response = await self._call(
                self._poller,
                Queue.ReceiveMessage,
                QueueUrl=url,
                MaxNumberOfMessages=MOST_MESSAGES,
                WaitTimeSeconds=_WAIT_SECONDS,
                VisibilityTimeout=VISIBILITY_SECONDS,
                AttributeNames=["SentTimestamp"],
            )
        except FailureError:
            self._url = ""  # the queue may have been created again
            raise
        return [_message(entry) for entry in response.get("Messages", ())]

    async def delete(self, messages: Collection[Message]) -> None:
        """Delete messages, at most ten. Raises FailureError also if SQS deletes only some."""
        if not messages:
            return
        entries = [{"Id": str(index), "ReceiptHandle": one.receipt} for index, one in enumerate(messages)]
        response = await self._call(
            self._client, Queue.DeleteMessageBatch, QueueUrl=await self._find(), Entries=entries
        )
        if failed := response.get("Failed"):
            codes = listed(sorted({clean(str(entry["Code"]), _LONGEST_CODE) for entry in failed}))
            raise FailureError(transient(f"SQS has not deleted {len(failed)} messages of {self._address}: {codes}"))

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Return the result of a function that takes a while, such as parsing a large message."""
        return await self._executor.run(function)

    def stop_receiving(self) -> None:
        """End the poll in progress, and start no further one. Messages can still be deleted.

        SQS gives a message to no client that has closed its connection. If it has sent the response already, the
        messages are visible again after some seconds.
        """
        self._poll_executor.abort()

    def close(self) -> None:
        """End all calls."""
        self.stop_receiving()
        self._executor.abort()

    async def _find(self) -> str:
        if not self._url:
            address = self._address
            owner = {"QueueOwnerAWSAccountId": address.account} if address.account else {}
            response = await self._call(self._client, Queue.GetQueueUrl, QueueName=address.name, **owner)
            self._url = str(response["QueueUrl"])
        return self._url

    async def _call(self, client: AWSClient, operation: Queue, **parameters: Any) -> dict[str, Any]:
        if not self._region:
            message = f"No AWS region is configured for the event queue {self._address}: set --event-queue to its ARN"
            raise FailureError(authority(Reason.INVALID_SPEC, message))
        try:
            return await client.call(operation, self._region, **parameters)
        except AWSError as error:
            failure = self._explain(error)
            if failure is None:
                raise
            raise FailureError(failure) from None

    def _explain(self, error: AWSError) -> Failure | None:
        """Return what an error response of SQS means, if it means something else than with other services."""
        if error.code in NO_SUCH_QUEUE:
            message = (
                f"The event queue {self._address} does not exist in {self._region}, or its policy does not allow the "
                "operator to use it: create it (examples/cloudformation/events-hub.yaml), or correct --event-queue"
            )
            return authority(Reason.INVALID_SPEC, message)
        if error.code in QUEUE_KEY_DENIED:
            message = (
                f"The operator is not allowed to perform kms:Decrypt in {self._region} on the key of the event queue "
                f"{self._address}, by its own policies or by that of the key: {error.message or error.code}"
            )
            return authority(Reason.ACCESS_DENIED, message)
        return None


def _message(entry: dict[str, Any]) -> Message:
    sent = str(entry.get("Attributes", {}).get("SentTimestamp", ""))
    is_time = sent.isascii() and sent.isdigit() and len(sent) <= _LONGEST_TIME
    return Message(str(entry.get("Body", "")), str(entry["ReceiptHandle"]), int(sent) / 1000 if is_time else None)
