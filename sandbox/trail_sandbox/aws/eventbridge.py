"""EventBridge as CloudTrail's events reach it: envelopes for the default bus, and rules that bear themselves as AWS's.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
moto keeps buses, rules and targets and matches patterns; which rules an event goes to and what its targets get is here.
"""

import json
import logging
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from moto.events.models import Rule, events_backends
from moto.events.utils import EventTemplateParser
from moto.sqs.models import sqs_backends

from trail_sandbox.aws.policy import Decision, Principal, Request, evaluate

_EVENTBRIDGE = Principal.service("events.amazonaws.com")
_VIA_CLOUDTRAIL = "AWS API Call via CloudTrail"
_DEFAULT_BUS = "default"
_ALL_STATES = frozenset({"ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"})
# Longer events do not reach it: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
_LONGEST = 256 * 1024
_MEMBERS = ("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail")

logger = logging.getLogger(__name__)

Event = Mapping[str, Any]


class EventBridge:
    """The default buses of all accounts and regions. Events are sent one after the other, by a thread of their own."""

    def __init__(self) -> None:
        Rule.send_to_targets = _send_to_targets  # type: ignore[method-assign, assignment]
        self._sender = ThreadPoolExecutor(1, "eventbridge")

    def listens(self, account: str, region: str) -> bool:
        """Say whether a default bus has rules at all; cheap enough for the path of every request."""
        # Unlike [], get() makes no backend where there is none.
        backends = events_backends.get(account)
        backend = backends.get(region) if backends is not None else None
        return backend is not None and bool(backend.event_buses[_DEFAULT_BUS].rules)

    def send(self, account: str, region: str, record: Event) -> None:
        """Send CloudTrail's record of an event to the default bus of its region, soon."""
        self._sender.submit(_send, account, region, record)


def _send(account: str, region: str, record: Event) -> None:
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": _VIA_CLOUDTRAIL,
        "source": f"aws.{record['eventSource'].partition('.')[0]}",
        "account": account,
        "time": record["eventTime"],
        "region": region,
        "resources": [],
        "detail": record,
    }
    text = json.dumps(event, default=str)
    if len(text) > _LONGEST:
        return
    for rule in list(events_backends[account][region].event_buses[_DEFAULT_BUS].rules.values()):
        _send_to_targets(rule, json.loads(text))


def _send_to_targets(rule: Rule, event: dict[str, Any], transform_input: bool = True) -> None:
    """Send an event to a rule's targets, if it is for them. A target out of reach is no error of the sender's."""
    told = _as_told(event)
    if rule.state not in _ALL_STATES or rule.event_pattern.dump() is None or _is_withheld(rule, told):
        return
    if not rule.event_pattern.matches_event(told):  # type: ignore[arg-type]
        return
    for target in list(rule.targets):
        try:
            _send_to_target(rule, target, told, transform_input=transform_input)
        except Exception as error:  # noqa: BLE001 - whatever moto makes of a target that is gone
            logger.info("no event for %s: %s", target["Arn"], error)


def _is_withheld(rule: Rule, event: Event) -> bool:
    """Say whether this is a read that only rules for all management events get.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
    """
    detail = event["detail"]
    if event["detail-type"] != _VIA_CLOUDTRAIL or rule.state != "ENABLED" or not isinstance(detail, dict):
        return False
    is_token = detail.get("eventName") in ("GetFederationToken", "GetSessionToken")
    is_read = bool(detail.get("readOnly")) and str(detail.get("eventName")).startswith(("Describe", "Get", "List"))
    return is_read and bool(detail.get("managementEvent")) and not is_token


def _as_told(event: Event) -> dict[str, Any]:
    """Give an event the members that AWS's have, in AWS's order."""
    when = event.get("time")
    if isinstance(when, int | float):
        when = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {name: event[name] for name in _MEMBERS if name in event} | {"time": when}


def _send_to_target(rule: Rule, target: Mapping[str, Any], event: dict[str, Any], *, transform_input: bool) -> None:
    """Put an event into a queue whose policy lets EventBridge; roles and other kinds of targets are not served.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions
    """
    _, _, service, region, account, name = target["Arn"].split(":", 5)
    queue = sqs_backends[account][region].queues.get(name) if service == "sqs" else None
    source = {"aws:SourceArn": rule.arn, "aws:SourceAccount": rule.account_id}
    request = Request(_EVENTBRIDGE, "sqs:SendMessage", target["Arn"], source)
    if queue is None or not queue.policy or evaluate(queue.policy, request) is not Decision.ALLOW:
        return
    group = target.get("SqsParameters", {}).get("MessageGroupId")
    body = _input(target, event) if transform_input else json.dumps(event)
    sqs_backends[account][region].send_message(queue_name=name, message_body=body, group_id=group)


def _input(target: Mapping[str, Any], event: dict[str, Any]) -> str:
    """Write what a target gets: the event, a constant, a part of the event, or a text made of parts."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        part: Any = event
        for name in target["InputPath"].removeprefix("$").split(".")[1:]:
            part = part[name]
        return json.dumps(part)
    transformer = target.get("InputTransformer")
    if transformer is None:
        return json.dumps(event)
    return json.dumps(
        EventTemplateParser.parse(
            transformer["InputTemplate"],
            transformer.get("InputPathsMap", {}),
            event | {"ingestion-time": event["time"]},  # type: ignore[arg-type]
        )
    )
