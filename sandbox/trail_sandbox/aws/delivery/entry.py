"""An event on its way to the trails of its account."""

import json
from functools import cached_property
from typing import Any

from trail_sandbox.aws.delivery.record import record
from trail_sandbox.aws.events import ApiEvent


class Entry:
    """One event; its record is written once, however many trails deliver it: all of them tell the same eventID."""

    def __init__(self, event: ApiEvent) -> None:
        self.event = event

    @cached_property
    def record(self) -> dict[str, Any]:
        """The event's record."""
        return record(self.event)

    @cached_property
    def text(self) -> str:
        """The record as JSON."""
        return json.dumps(self.record, separators=(",", ":"), default=str)
