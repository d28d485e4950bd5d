"""An event on its way to the trails of one account.

The caller's account is told of a request, and so is the account whose resource was used, each by an event of its own:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html#cloudtrail-object-level-crossaccount
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/shared-event-ID.html
"""

import json
import uuid
from functools import cached_property
from typing import Any

from trail_sandbox.aws.delivery import record
from trail_sandbox.aws.delivery.classification import is_management, region_of
from trail_sandbox.aws.delivery.resources import Resource, resources_of
from trail_sandbox.aws.events import ApiEvent
from trail_sandbox.aws.world import World


class Entry:
    """One event as one account is told it; its record is written once, however many trails deliver it."""

    def __init__(
        self, event: ApiEvent, account: str, resources: tuple[Resource, ...] = (), shared_id: str | None = None
    ) -> None:
        self.event = event
        self.account = account
        self.resources = resources
        self.shared_id = shared_id
        self.id = str(uuid.uuid4())
        self.is_management = is_management(event)
        # S3 answers in every region for every bucket, and logs in the bucket's own.
        self.region = (event.service == "s3" and _region(resources)) or region_of(event)

    @cached_property
    def record(self) -> dict[str, Any]:
        """The event's record."""
        return record.record(self)

    @cached_property
    def text(self) -> str:
        """The record as JSON."""
        return json.dumps(self.record, separators=(",", ":"), default=str)


def entries_of(event: ApiEvent, world: World) -> list[Entry]:
    """Write an event up for each account that is told of it."""
    resources = resources_of(event, world)
    account = event.caller.account
    others = sorted({one.account for one in resources if one.account} - {account})
    if not others:
        return [Entry(event, account, resources)]
    shared_id = str(uuid.uuid4())
    return [Entry(event, told, resources, shared_id) for told in (account, *others)]


def _region(resources: tuple[Resource, ...]) -> str | None:
    return next((one.region for one in resources if one.region), None)
