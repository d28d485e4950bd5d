"""The resource types that stacks can have. Each makes its resources by calls to their service."""

from collections.abc import Mapping

from trail_sandbox.aws.cloudformation.types.base import Made, ResourceError, ResourceType
from trail_sandbox.aws.cloudformation.types.events import EventBus, EventBusPolicy, Rule
from trail_sandbox.aws.cloudformation.types.iam import Role
from trail_sandbox.aws.cloudformation.types.sqs import Queue, QueuePolicy

TYPES: Mapping[str, ResourceType] = {
    "AWS::Events::EventBus": EventBus(),
    "AWS::Events::EventBusPolicy": EventBusPolicy(),
    "AWS::Events::Rule": Rule(),
    "AWS::IAM::Role": Role(),
    "AWS::SQS::Queue": Queue(),
    "AWS::SQS::QueuePolicy": QueuePolicy(),
}

__all__ = ["TYPES", "Made", "ResourceError", "ResourceType"]
