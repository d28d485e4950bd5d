"""From a bus to the targets of its rules: queues, and other buses, from which an event goes to no third one.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-bus-to-bus.html
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

from moto.events.models import EventBus, Rule

from trail_sandbox.aws.eventbridge.courier import Courier, Message
from trail_sandbox.aws.eventbridge.envelope import Event
from trail_sandbox.aws.eventbridge.inputs import text_for
from trail_sandbox.aws.eventbridge.permissions import may_put, may_send
from trail_sandbox.aws.eventbridge.rules import receives
from trail_sandbox.aws.moto_events import find_bus
from trail_sandbox.aws.moto_sqs import find_queue
from trail_sandbox.aws.regions import partition_of
from trail_sandbox.aws.world import World

_BUS = "event-bus/"

logger = logging.getLogger(__name__)


def split_bus_arn(arn: str) -> tuple[str, str, str]:
    """Read account, region and name of a bus from its ARN."""
    _, _, _, region, account, resource = arn.split(":", 5)
    return account, region, resource.removeprefix(_BUS)


class Router:
    """Brings events to targets. Other kinds of targets than queues and buses get nothing."""

    def __init__(self, world: World, courier: Courier) -> None:
        self._world = world
        self._courier = courier

    def publish(self, bus: EventBus, event: Event) -> None:
        """Put an event on a bus."""
        for rule in list(bus.rules.values()):
            self.offer(rule, event)

    def offer(self, rule: Rule, event: Event, *, transform: bool = True) -> None:
        """Send an event to a rule's targets, if it is for them. A target out of reach is no error of the sender's."""
        if not receives(rule, event.body):
            return
        for target in list(rule.targets):
            try:
                self._send(rule, target, event, transform=transform)
            except Exception as error:  # noqa: BLE001 - whatever moto makes of a target that is gone
                logger.info("no event for %s: %s", target["Arn"], error)

    def _send(self, rule: Rule, target: Mapping[str, Any], event: Event, *, transform: bool) -> None:
        _, _, service, region, account, name = target["Arn"].split(":", 5)
        if service == "sqs":
            self._send_to_queue(rule, target, event, transform=transform)
        elif service == "events" and name.startswith(_BUS):
            bus = find_bus(account, region, name.removeprefix(_BUS))
            if bus is not None and not event.was_forwarded:
                self._send_to_bus(rule, target, bus, event)

    def _send_to_queue(self, rule: Rule, target: Mapping[str, Any], event: Event, *, transform: bool) -> None:
        _, _, _, region, account, name = target["Arn"].split(":", 5)
        queue = find_queue(account, region, name)
        if queue is None or not may_send(self._world, rule, target, queue):
            return
        body = text_for(target, event.body) if transform else json.dumps(event.body)
        group = target.get("SqsParameters", {}).get("MessageGroupId")
        self._courier.send(Message(account, region, name, body, group))

    def _send_to_bus(self, rule: Rule, target: Mapping[str, Any], bus: EventBus, event: Event) -> None:
        is_same_partition = partition_of(bus.region) == partition_of(rule.region_name)
        if is_same_partition and may_put(self._world, rule, target, bus, event.body):
            self.publish(bus, event.forwarded())
