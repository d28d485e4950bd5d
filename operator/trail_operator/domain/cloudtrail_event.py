"""Reads a message of the event queue: an event of EventBridge with a record of CloudTrail, or why it is none.

A message is a reason to read AWS and nothing else, so nothing here is a fact about a trail. The sender of a message
chooses its contents: nothing here raises, costs more than the length of the message, or keeps a text of any
length.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from trail_operator.domain.cloudtrail_calls import CALLS, Kind, service_of
from trail_operator.domain.cloudtrail_resources import ResourceRef, is_account, is_region, resources_of
from trail_operator.domain.texts import clean

# EventBridge and SQS: https://aws.amazon.com/about-aws/whats-new/2025/08/amazon-sqs-max-payload-size-1mib/
_LONGEST_BODY = 1024 * 1024
_NAME, _TEXT, _ARN = 128, 256, 2048
# A key that AWS deletes at the end of its waiting period is a service event.
_DETAIL_TYPES = (  # compared with values that may not be hashable
    "AWS API Call via CloudTrail",
    "AWS Console Action via CloudTrail",
    "AWS Service Event via CloudTrail",
)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z")


class Rejection(StrEnum):
    """Why a message is no event of interest."""

    UNPARSABLE = "unparsable"
    """It is no event with a record of CloudTrail."""
    IRRELEVANT = "irrelevant"
    """The call changes nothing that concerns a trail."""
    CONTRADICTORY = "contradictory"
    """Source, account or region of the event are not those of its record."""


@dataclass(frozen=True)
class Actor:
    """Who made a call, as the record says. Each field may be empty."""

    principal: str
    """`userIdentity.arn`; of a service that acts for itself, its name."""
    source_identity: str
    on_behalf_of: str
    """The user of IAM Identity Center."""
    source_ip_address: str
    """An address, the name of a service, or `AWS Internal`."""
    user_agent: str


@dataclass(frozen=True)
class CloudTrailEvent:
    """A call that changes a trail, or what a trail depends on."""

    account: str
    """The account on whose bus the event arrived."""
    region: str
    event_source: str
    event_name: str
    event_time: datetime
    """In UTC. CloudTrail writes whole seconds."""
    event_id: str
    """The same however often the event is delivered."""
    request_id: str
    """The ID that AWS gave the request; "" if there was none."""
    error_code: str
    """Why the call failed; "" if it did not."""
    resources: frozenset[ResourceRef]
    actor: Actor

    def resources_of(self, kind: Kind) -> list[ResourceRef]:
        """Return the resources of one kind."""
        return [one for one in self.resources if one.kind is kind]


def parse_message(body: str) -> CloudTrailEvent | Rejection:
    """Read the body of a message: an event of EventBridge, without the wrapper of another service."""
    event = _object(body)
    record = event.get("detail")
    if event.get("detail-type") not in _DETAIL_TYPES or not isinstance(record, dict):
        return Rejection.UNPARSABLE
    found = _read(record)
    if isinstance(found, Rejection):
        return found
    envelope = (event.get("source"), event.get("account"), event.get("region"))
    if envelope != (f"aws.{service_of(found.event_source)}", found.account, found.region):
        return Rejection.CONTRADICTORY
    return found


def parse_record(text: str) -> CloudTrailEvent | Rejection:
    """Read a record of CloudTrail on its own, as LookupEvents returns it."""
    return _read(_object(text))


def _object(text: str) -> dict[str, Any]:
    """Return a JSON object; {} for anything else."""
    if len(text) > _LONGEST_BODY:
        return {}
    try:
        # No number is read, and int() takes quadratic time.
        value = json.loads(text, parse_int=_no_number, parse_float=_no_number)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _no_number(_: str) -> int:
    return 0


def _read(record: dict[str, Any]) -> CloudTrailEvent | Rejection:
    event_source, event_name = _text(record, "eventSource", _NAME), _text(record, "eventName", _NAME)
    account, region = record.get("recipientAccountId"), record.get("awsRegion")
    event_time, event_id = _time(record.get("eventTime")), _text(record, "eventID", _NAME)
    if not (event_source and event_name and event_id and event_time and is_account(account) and is_region(region)):
        return Rejection.UNPARSABLE
    named = CALLS.get((service_of(event_source), event_name))
    resources = resources_of(record, named, str(account), str(region)) if named else None
    if not resources:
        return Rejection.IRRELEVANT
    return CloudTrailEvent(
        account=str(account),
        region=str(region),
        event_source=event_source,
        event_name=event_name,
        event_time=event_time,
        event_id=event_id,
        request_id=_text(record, "requestID", _NAME),
        error_code=_error(record),
        resources=resources,
        actor=_actor(record),
    )


def _actor(record: dict[str, Any]) -> Actor:
    identity = _member(record, "userIdentity")
    return Actor(
        principal=_text(identity, "arn", _ARN) or _text(identity, "invokedBy", _TEXT),
        source_identity=_text(_member(identity, "sessionContext"), "sourceIdentity", _TEXT),
        on_behalf_of=_text(_member(identity, "onBehalfOf"), "userId", _TEXT),
        source_ip_address=_text(record, "sourceIPAddress", _TEXT),
        user_agent=_text(record, "userAgent", _TEXT),
    )


def _error(record: dict[str, Any]) -> str:
    """Return the error code. One that is not a text still means that the call failed."""
    code = record.get("errorCode")
    return "" if code in (None, "") else _text(record, "errorCode", _NAME).strip() or "unknown"


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _member(record: dict[str, Any], name: str) -> dict[str, Any]:
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def _text(record: dict[str, Any], name: str, longest: int) -> str:
    value = record.get(name)
    return clean(value, longest) if isinstance(value, str) else ""
