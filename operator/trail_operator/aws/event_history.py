"""Reads the event history of an account: which calls were made, and by whom.

Event history exists without a trail, and nobody can stop it. It shows an event some minutes after the call:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trail_operator.aws.client import AWSClient
from trail_operator.aws.operations import Read
from trail_operator.domain.cloudtrail_calls import CALLS, service_of
from trail_operator.domain.cloudtrail_event import CloudTrailEvent, parse_record


@dataclass(frozen=True)
class RecordedCalls:
    """Calls of CloudTrail that event history shows."""

    events: tuple[CloudTrailEvent, ...]
    is_complete: bool
    """Whether no page was truncated, and every record was readable."""


class EventHistory:
    """The event history of one account. One call at a time, so that it occupies one of the account's slots at most."""

    def __init__(self, aws: AWSClient) -> None:
        self._aws = aws
        self._turn = asyncio.Semaphore(1)

    @property
    def account(self) -> str:
        """The number of the account; "" until STS has reported it."""
        return self._aws.account

    async def calls(self, names: Iterable[str], region: str, since: datetime, until: datetime) -> RecordedCalls:
        """Return the calls of CloudTrail of these names in a region. Raises FailureError.

        Of each name only the first page is read: no single call stands out among that many.
        """
        events: list[CloudTrailEvent] = []
        is_complete = True
        for name in sorted(names):
            async with self._turn:
                page = await self._aws.call(
                    Read.LookupEvents,
                    region,
                    LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}],
                    StartTime=since,
                    EndTime=until,
                )
            is_complete = is_complete and not page.get("NextToken")
            for entry in page["Events"]:
                await asyncio.sleep(0)  # a record may have 256 KB
                event = _parse(entry)
                events += [event] if event else []
                is_complete = is_complete and (event is not None or _is_of_other_service(entry))
        return RecordedCalls(tuple(events), is_complete)


def _parse(entry: dict[str, Any]) -> CloudTrailEvent | None:
    """Return the record of an event; None if it is not one, or not the record of this event."""
    event = parse_record(entry["CloudTrailEvent"])
    if not isinstance(event, CloudTrailEvent):
        return None
    return event if (event.event_id, event.event_name) == (entry["EventId"], entry["EventName"]) else None


def _is_of_other_service(entry: dict[str, Any]) -> bool:
    """Whether another service has a call of the same name, such as AddTags."""
    service = service_of(entry.get("EventSource", ""))
    return service != "" and (service, entry["EventName"]) not in CALLS
