"""An event on its way to the trails of one account.

The caller's account gets an event of a request, and so does the account whose resource was used:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html#cloudtrail-object-level-crossaccount
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/shared-event-ID.html
"""

import json
import uuid
from functools import cached_property
from typing import Any

from trail_sandbox.aws.delivery.classification import is_management, is_read_only, region_of
from trail_sandbox.aws.delivery.record import (
    EVENT_VERSION,
    event_name,
    members,
    parameters,
    stranger,
    timestamp,
    user_identity,
)
from trail_sandbox.aws.delivery.resources import HIDDEN, Resource, resources_of
from trail_sandbox.aws.events import ApiEvent
from trail_sandbox.aws.world import World


class Entry:
    """One event for one account; its record is written once, however many trails deliver it."""

    def __init__(
        self, event: ApiEvent, account: str, resources: tuple[Resource, ...] = (), shared_id: str | None = None
    ) -> None:
        self.event = event
        self.account = account
        self.resources = resources
        self.shared_id = shared_id
        self.id = str(uuid.uuid4())
        self.name = event_name(event)
        self.is_management = is_management(event)
        # S3 answers in every region for every bucket, and logs in the bucket's own.
        self.region = (event.service == "s3" and _region(resources)) or region_of(event)

    @cached_property
    def record(self) -> dict[str, Any]:
        """The event's record, as CloudTrail writes it."""
        event = self.event
        read_only = is_read_only(event)
        is_callers = self.account == event.caller.account
        written: dict[str, Any] = {
            "eventVersion": EVENT_VERSION,
            "userIdentity": user_identity(event.caller, event.time) if is_callers else stranger(event.caller),
            "eventTime": timestamp(event.time),
            "eventSource": f"{event.service}.amazonaws.com",
            "eventName": self.name,
            "awsRegion": self.region,
            "sourceIPAddress": event.source_ip,
            "userAgent": event.user_agent,
        }
        if event.error_code:
            written["errorCode"] = event.error_code
            if event.error_message:
                written["errorMessage"] = event.error_message
        written |= {
            "requestParameters": parameters(event),
            "responseElements": None if read_only or event.error_code else members(event.response),
            "requestID": event.request_id,
            "eventID": self.id,
            "readOnly": read_only,
        }
        if self.resources:
            written["resources"] = [one.describe(self._owner(one.account)) for one in self.resources]
        written |= {
            "eventType": "AwsApiCall",
            "managementEvent": self.is_management,
            "recipientAccountId": self.account,
        }
        if self.shared_id:
            written["sharedEventID"] = self.shared_id
        return written | {"eventCategory": "Management" if self.is_management else "Data"}

    @cached_property
    def text(self) -> str:
        """The record as JSON."""
        return json.dumps(self.record, separators=(",", ":"), default=str)

    def _owner(self, account: str | None) -> str | None:
        """Return the owner of a resource, hidden from another account whose request was refused.

        https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-receive-logs-from-multiple-accounts.html
        """
        is_refused = self.event.error_code == "AccessDenied" and not self.is_management
        return HIDDEN if account and account != self.account and is_refused else account


def entries_of(event: ApiEvent, world: World, before: tuple[Resource, ...] | None = None) -> list[Entry]:
    """Record an event for each account that gets it; `before` are the resources of a deletion before it took effect."""
    resources = resources_of(event, world) if before is None or event.error_code else before
    account = event.caller.account
    others = sorted({one.account for one in resources if one.account} - {account})
    if not others:
        return [Entry(event, account, resources)]
    shared_id = str(uuid.uuid4())
    return [Entry(event, told, resources, shared_id) for told in (account, *others)]


def _region(resources: tuple[Resource, ...]) -> str | None:
    return next((one.region for one in resources if one.region), None)
