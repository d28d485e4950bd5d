"""SQS queues and their policies.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-sqs-queue.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-sqs-queuepolicy.html
"""

from typing import ClassVar

from trail_sandbox.aws.cloudformation.clients import Clients
from trail_sandbox.aws.cloudformation.functions import text_of
from trail_sandbox.aws.cloudformation.types.base import (
    Made,
    Properties,
    ResourceError,
    ResourceType,
    document,
    exists,
    unless_gone,
)

_ATTRIBUTES = frozenset(
    {
        *("DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds"),
        *("VisibilityTimeout", "SqsManagedSseEnabled", "RedrivePolicy"),
    }
)
_DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "262144",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
    "SqsManagedSseEnabled": "true",
    "RedrivePolicy": "",
}


class Queue(ResourceType):
    """A standard queue."""

    properties: ClassVar = _ATTRIBUTES | {"QueueName", "Tags"}
    replacing: ClassVar = frozenset({"QueueName"})
    attributes: ClassVar = frozenset({"Arn", "QueueName", "QueueUrl"})
    longest_name: ClassVar = 80

    def create(self, clients: Clients, name: str, properties: Properties) -> Made:
        """Create a queue, unless there is one of its name: SQS would answer with that one."""
        sqs, name = clients.of("sqs"), str(properties.get("QueueName") or name)
        if exists(sqs.get_queue_url, QueueName=name):
            raise ResourceError(f"Resource of type 'AWS::SQS::Queue' with identifier '{name}' already exists.")
        tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", ())}
        url = sqs.create_queue(QueueName=name, Attributes=_attributes(properties), tags=tags)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return Made(url, url, {"Arn": arn, "QueueName": name, "QueueUrl": url})

    def update(self, clients: Clients, made: Made, properties: Properties, before: Properties) -> Made:
        """Set what changed; what is no longer given has its default again."""
        wanted, had = _attributes(properties), _attributes(before)
        changed = {name: value for name, value in wanted.items() if had.get(name) != value}
        changed |= {name: _DEFAULTS[name] for name in had if name not in wanted}
        if changed:
            clients.of("sqs").set_queue_attributes(QueueUrl=made.physical_id, Attributes=changed)
        return made

    def delete(self, clients: Clients, made: Made, properties: Properties) -> None:
        """Delete the queue with its messages."""
        with unless_gone():
            clients.of("sqs").delete_queue(QueueUrl=made.physical_id)


class QueuePolicy(ResourceType):
    """The policy of one or several queues."""

    properties: ClassVar = frozenset({"Queues", "PolicyDocument"})
    required: ClassVar = frozenset({"Queues", "PolicyDocument"})

    def create(self, clients: Clients, name: str, properties: Properties) -> Made:
        """Set the policy."""
        _set_policy(clients, properties["Queues"], document(properties["PolicyDocument"]))
        return Made(name, name)

    def update(self, clients: Clients, made: Made, properties: Properties, before: Properties) -> Made:
        """Set the policy, and remove it from queues that are no longer named."""
        _set_policy(clients, [url for url in before["Queues"] if url not in properties["Queues"]], "")
        _set_policy(clients, properties["Queues"], document(properties["PolicyDocument"]))
        return made

    def delete(self, clients: Clients, made: Made, properties: Properties) -> None:
        """Remove the policy."""
        _set_policy(clients, properties["Queues"], "")


def _attributes(properties: Properties) -> dict[str, str]:
    return {
        name: document(value) if name == "RedrivePolicy" else text_of(value)
        for name, value in properties.items()
        if name in _ATTRIBUTES
    }


def _set_policy(clients: Clients, urls: list[str], policy: str) -> None:
    for url in urls:
        with unless_gone():
            clients.of("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
