"""An event as a bus has it.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

VIA_CLOUDTRAIL = "AWS API Call via CloudTrail"
# Longer records do not reach EventBridge:
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
_LONGEST_RECORD = 256 * 1024
_MEMBERS = ("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail")


@dataclass(frozen=True)
class Event:
    """An event, and whether another bus sent it here: then no third bus gets it."""

    body: Mapping[str, Any]
    """The members that AWS's events have, in AWS's order. Account and region are those of its origin, on every bus."""
    was_forwarded: bool = False

    def forwarded(self) -> "Event":
        """Return the event as the next bus has it: nothing in it says which way it came."""
        return Event(self.body, was_forwarded=True)


def of_record(account: str, region: str, record: str) -> Event | None:
    """Wrap CloudTrail's record of a call, which is JSON; None if it is too long to be sent."""
    if len(record.encode()) > _LONGEST_RECORD:
        return None
    detail = json.loads(record)
    source = f"aws.{detail['eventSource'].partition('.')[0]}"
    return Event(_body(account, region, source, VIA_CLOUDTRAIL, detail["eventTime"], [], detail, str(uuid.uuid4())))


def of_entry(account: str, region: str, entry: Mapping[str, Any], event_id: str) -> Event:
    """Wrap a valid entry of PutEvents. Its account is the caller's, even if the bus belongs to another account."""
    time = _iso(entry.get("Time") or datetime.now(UTC).timestamp())
    resources, detail = list(entry.get("Resources") or ()), json.loads(entry["Detail"])
    return Event(_body(account, region, entry["Source"], entry["DetailType"], time, resources, detail, event_id))


def of_moto(event: Mapping[str, Any]) -> Event:
    """Wrap what one of moto's own services sends."""
    known = {name: event[name] for name in _MEMBERS if name in event}
    return Event(known | {"time": _iso(event.get("time"))})


def _body(
    account: str, region: str, source: str, kind: str, time: str, resources: list[str], detail: Any, event_id: str
) -> dict[str, Any]:
    values = ("0", event_id, kind, source, account, time, region, resources, detail)
    return dict(zip(_MEMBERS, values, strict=True))


def _iso(time: Any) -> Any:
    """Spell a time that is in seconds of the epoch as events do."""
    if isinstance(time, int | float):
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return time
