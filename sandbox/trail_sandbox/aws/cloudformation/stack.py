"""A stack: its template and parameters, its resources and events, and how the API describes it."""

import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trail_sandbox.aws.cloudformation.template import Template
from trail_sandbox.aws.cloudformation.types import Made
from trail_sandbox.aws.regions import partition_of

_SUFFIX = 12
_STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Resource:
    """A resource that a stack has made."""

    name: str
    """Its logical id."""
    type: str
    properties: Mapping[str, Any]
    """Without functions, as it was made from them."""
    made: Made
    is_retained: bool
    """It stays when it leaves the stack."""
    is_retained_at_replacement: bool


@dataclass(frozen=True)
class Basis:
    """What a stack is made from."""

    template: Template
    parameters: Mapping[str, str]
    capabilities: Sequence[str] = ()

    def makes_the_same_as(self, other: "Basis") -> bool:
        """Say whether an update from the other to this would change nothing."""
        mine, others = self.template, other.template
        return self.parameters == other.parameters and (mine.resources, mine.conditions, mine.outputs) == (
            others.resources,
            others.conditions,
            others.outputs,
        )


@dataclass
class Stack:
    """A stack of one account and region."""

    name: str
    id: str
    account: str
    region: str
    created: datetime
    basis: Basis
    status: str
    reason: str = ""
    updated: datetime | None = None
    deleted: datetime | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    """By their logical ids, in the order of their creation."""
    outputs: Sequence[Mapping[str, str]] = ()
    events: list[Mapping[str, Any]] = field(default_factory=list)
    """The newest last."""

    @property
    def pseudo_parameters(self) -> dict[str, str]:
        """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html."""
        partition = partition_of(self.region)
        return {
            "AWS::AccountId": self.account,
            "AWS::Partition": partition,
            "AWS::Region": self.region,
            "AWS::StackId": self.id,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
        }

    def name_for(self, logical_id: str, longest: int) -> str:
        """Make a name for a resource that has none: the stack's, its own, and characters by chance."""
        alphabet = string.ascii_uppercase + string.digits
        suffix = "".join(secrets.choice(alphabet) for _ in range(_SUFFIX))
        return f"{f'{self.name}-{logical_id}'[: longest - _SUFFIX - 1]}-{suffix}"

    def turn(self, status: str, now: datetime, reason: str = "") -> None:
        """Go into a status, and keep the event of it."""
        self.status, self.reason = status, reason
        self.record(self.name, _STACK, self.id, status, now, reason)

    def record(
        self, logical_id: str, kind: str, physical_id: str, status: str, now: datetime, reason: str = ""
    ) -> None:
        """Keep what happened to a resource, or to the stack itself."""
        event = {
            "StackId": self.id,
            "StackName": self.name,
            "EventId": f"{logical_id}-{status}-{len(self.events)}",
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": physical_id,
            "ResourceType": kind,
            "Timestamp": now,
            "ResourceStatus": status,
        }
        self.events.append(event | ({"ResourceStatusReason": reason} if reason else {}))

    def describe(self) -> dict[str, Any]:
        """As DescribeStacks answers."""
        found: dict[str, Any] = {
            "StackId": self.id,
            "StackName": self.name,
            "Description": self.basis.template.description,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in self.basis.parameters.items()
            ],
            "CreationTime": self.created,
            "LastUpdatedTime": self.updated,
            "DeletionTime": self.deleted,
            "StackStatus": self.status,
            "StackStatusReason": self.reason,
            "Capabilities": list(self.basis.capabilities),
            "Outputs": list(self.outputs),
        }
        return {name: value for name, value in found.items() if value not in (None, "", [])}

    def describe_resources(self) -> list[dict[str, Any]]:
        """As DescribeStackResources answers."""
        return [
            {
                "StackId": self.id,
                "StackName": self.name,
                "LogicalResourceId": one.name,
                "PhysicalResourceId": one.made.physical_id,
                "ResourceType": one.type,
                "Timestamp": self.updated or self.created,
                "ResourceStatus": self._status_of(one.name),
            }
            for one in self.resources.values()
        ]

    def _status_of(self, logical_id: str) -> str:
        events = (event for event in reversed(self.events) if event["LogicalResourceId"] == logical_id)
        return str(next(events)["ResourceStatus"])
