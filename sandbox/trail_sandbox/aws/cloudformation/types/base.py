"""What every resource type has in common."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from trail_sandbox.aws.cloudformation.clients import Clients

Properties = Mapping[str, Any]

_GONE = frozenset(
    {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "NoSuchEntity", "ResourceNotFoundException"}
)


class ResourceError(Exception):
    """A resource that could not be created, changed or deleted, with the reason."""


@dataclass(frozen=True)
class Made:
    """A resource that exists: its physical id, what a Ref to it is, and its attributes."""

    physical_id: str
    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class ResourceType(ABC):
    """A resource type: creates, changes and deletes its resources."""

    properties: ClassVar[frozenset[str]]
    required: ClassVar[frozenset[str]] = frozenset()
    replacing: ClassVar[frozenset[str]] = frozenset()
    """Properties whose change creates the resource again."""
    attributes: ClassVar[frozenset[str]] = frozenset()
    longest_name: ClassVar[int] = 64

    def check(self, properties: Properties) -> None:
        """Raise ResourceError for properties that the type lacks, or that this CloudFormation does not have."""
        unknown = sorted(set(properties) - self.properties)
        if unknown:
            raise ResourceError(f"Encountered unsupported property {unknown[0]}")
        missing = sorted(self.required - set(properties))
        if missing:
            raise ResourceError(f"Property {missing[0]} cannot be empty.")

    @abstractmethod
    def create(self, clients: Clients, name: str, properties: Properties) -> Made:
        """Create a resource; `name` is for one whose properties have no name."""

    @abstractmethod
    def update(self, clients: Clients, made: Made, properties: Properties, before: Properties) -> Made:
        """Change a resource that has the properties `before`."""

    @abstractmethod
    def delete(self, clients: Clients, made: Made, properties: Properties) -> None:
        """Delete a resource."""


def document(value: Any) -> str:
    """Write a property that is JSON: templates give it as an object or as text."""
    return value if isinstance(value, str) else json.dumps(value)


def exists(describe: Callable[..., object], **parameters: str) -> bool:
    """Whether a call that describes a resource finds it."""
    try:
        describe(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return False
        raise
    return True


@contextmanager
def unless_gone() -> Iterator[None]:
    """Ignore the answer that a resource which is to be deleted does not exist."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise
