"""Event buses, their policies, and rules with targets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-events-eventbus.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-events-eventbuspolicy.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-events-rule.html
"""

import json
from typing import Any, ClassVar

from trail_sandbox.aws.cloudformation.clients import Clients
from trail_sandbox.aws.cloudformation.types.base import (
    Made,
    Properties,
    ResourceError,
    ResourceType,
    document,
    exists,
    unless_gone,
)

_DEFAULT_BUS = "default"


class EventBus(ResourceType):
    """An event bus beside the default one."""

    properties: ClassVar = frozenset({"Name", "Tags"})
    required: ClassVar = frozenset({"Name"})
    replacing: ClassVar = properties
    attributes: ClassVar = frozenset({"Arn", "Name"})

    def create(self, clients: Clients, name: str, properties: Properties) -> Made:
        """Create a bus."""
        arn = clients.of("events").create_event_bus(**properties)["EventBusArn"]
        name = str(properties["Name"])
        return Made(name, name, {"Arn": arn, "Name": name})

    def update(self, clients: Clients, made: Made, properties: Properties, before: Properties) -> Made:
        """Change nothing: each property belongs to its creation."""
        return made

    def delete(self, clients: Clients, made: Made, properties: Properties) -> None:
        """Delete the bus."""
        with unless_gone():
            clients.of("events").delete_event_bus(Name=made.physical_id)


class EventBusPolicy(ResourceType):
    """One statement of a bus's policy. The others stay."""

    properties: ClassVar = frozenset({"EventBusName", "StatementId", "Statement"})
    required: ClassVar = frozenset({"StatementId", "Statement"})
    replacing: ClassVar = frozenset({"EventBusName", "StatementId"})

    def create(self, clients: Clients, name: str, properties: Properties) -> Made:
        """Add the statement, unless there is one of its id."""
        bus, sid = _bus(properties), properties["StatementId"]
        if any(statement.get("Sid") == sid for statement in _statements(clients, bus)):
            raise ResourceError(f"Statement {sid} already exists in the policy of event bus {bus}.")
        self._put(clients, properties)
        return Made(f"{bus}|{sid}", f"{bus}|{sid}")

    def update(self, clients: Clients, made: Made, properties: Properties, before: Properties) -> Made:
        """Put the statement in the place of what it was."""
        self._put(clients, properties)
        return made

    def delete(self, clients: Clients, made: Made, properties: Properties) -> None:
        """Remove the statement."""
        with unless_gone():
            clients.of("events").remove_permission(EventBusName=_bus(properties), StatementId=properties["StatementId"])

    def _put(self, clients: Clients, properties: Properties) -> None:
        bus, sid = _bus(properties), properties["StatementId"]
        others = [statement for statement in _statements(clients, bus) if statement.get("Sid") != sid]
        policy = {"Version": "2012-10-17", "Statement": [*others, {"Sid": sid, **properties["Statement"]}]}
        clients.of("events").put_permission(EventBusName=bus, Policy=json.dumps(policy))


class Rule(ResourceType):
    """A rule with its targets."""

    properties: ClassVar = frozenset(
        {"Name", "Description", "EventBusName", "EventPattern", "ScheduleExpression", "State", "Targets"}
    )
    replacing: ClassVar = frozenset({"Name", "EventBusName"})
    attributes: ClassVar = frozenset({"Arn"})

    def create(self, clients: Clients, name: str, properties: Properties) -> Made:
        """Create a rule, unless there is one of its name: PutRule would change that one."""
        bus, name = _bus(properties), str(properties.get("Name") or name)
        if exists(clients.of("events").describe_rule, Name=name, EventBusName=bus):
            raise ResourceError(f"Rule {name} already exists on EventBus {bus}.")
        arn = _put_rule(clients, bus, name, properties)
        made = Made(name, name if bus == _DEFAULT_BUS else f"{bus}|{name}", {"Arn": arn})
        try:
            _put_targets(clients, bus, name, properties.get("Targets", []))
        except Exception:
            self.delete(clients, made, properties)
            raise
        return made

    def update(self, clients: Clients, made: Made, properties: Properties, before: Properties) -> Made:
        """Change the rule, and its targets to those that it names."""
        bus, targets = _bus(properties), properties.get("Targets", [])
        _put_rule(clients, bus, made.physical_id, properties)
        kept = {target["Id"] for target in targets}
        gone = [target for target in before.get("Targets", []) if target["Id"] not in kept]
        _remove_targets(clients, bus, made.physical_id, gone)
        _put_targets(clients, bus, made.physical_id, targets)
        return made

    def delete(self, clients: Clients, made: Made, properties: Properties) -> None:
        """Delete the rule, its targets first."""
        bus = _bus(properties)
        with unless_gone():
            _remove_targets(clients, bus, made.physical_id, properties.get("Targets", []))
            clients.of("events").delete_rule(Name=made.physical_id, EventBusName=bus)


def _bus(properties: Properties) -> str:
    return str(properties.get("EventBusName", _DEFAULT_BUS))


def _statements(clients: Clients, bus: str) -> list[dict[str, Any]]:
    policy = clients.of("events").describe_event_bus(Name=bus).get("Policy")
    statements: list[dict[str, Any]] = json.loads(policy)["Statement"] if policy else []
    return statements


def _put_rule(clients: Clients, bus: str, name: str, properties: Properties) -> str:
    given = {key: properties[key] for key in ("Description", "ScheduleExpression", "State") if key in properties}
    if "EventPattern" in properties:
        given["EventPattern"] = document(properties["EventPattern"])
    arn: str = clients.of("events").put_rule(Name=name, EventBusName=bus, **given)["RuleArn"]
    return arn


def _put_targets(clients: Clients, bus: str, rule: str, targets: list[dict[str, Any]]) -> None:
    if not targets:
        return
    answer = clients.of("events").put_targets(Rule=rule, EventBusName=bus, Targets=targets)
    if answer["FailedEntryCount"]:
        raise ResourceError(str(answer["FailedEntries"][0]["ErrorMessage"]))


def _remove_targets(clients: Clients, bus: str, rule: str, targets: list[dict[str, Any]]) -> None:
    if targets:
        clients.of("events").remove_targets(Rule=rule, EventBusName=bus, Ids=[target["Id"] for target in targets])
