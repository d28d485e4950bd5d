"""EventBridge as the rest of the emulator uses it: give it CloudTrail's records and what PutEvents brings."""

import json
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from moto.events.models import Rule

from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.eventbridge import envelope
from trail_sandbox.aws.eventbridge.courier import Courier
from trail_sandbox.aws.eventbridge.envelope import Event
from trail_sandbox.aws.eventbridge.routing import Router, split_bus_arn
from trail_sandbox.aws.moto_events import DEFAULT_BUS, find_bus
from trail_sandbox.aws.settings import Settings
from trail_sandbox.aws.world import World

_MOST_ENTRIES = 10
_REQUIRED = ("Source", "DetailType", "Detail")
# Only AWS's services have such sources, so that a rule that asks for one receives no event that somebody made up:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
_RESERVED = "aws."


class EventBridge:
    """The buses of all accounts and regions. Events are sent one after the other, by a thread of their own."""

    def __init__(self, world: World | None = None, settings: Settings | None = None) -> None:
        self._courier = Courier(settings or Settings())
        self._router = Router(world or World(), self._courier)
        self._sender = ThreadPoolExecutor(1, "eventbridge")
        router = self._router

        def send_to_targets(rule: Rule, event: Mapping[str, Any], transform_input: bool = True) -> None:
            router.offer(rule, envelope.of_moto(event), transform=transform_input)

        Rule.send_to_targets = send_to_targets  # type: ignore[method-assign, assignment]

    def listens(self, account: str, region: str) -> bool:
        """Say whether a default bus has rules at all; cheap enough for the path of every request."""
        bus = find_bus(account, region)
        return bus is not None and bool(bus.rules)

    def send(self, account: str, region: str, record: str) -> None:
        """Send CloudTrail's record of an event, as JSON, to the default bus of its region, soon."""
        event = envelope.of_record(account, region, record)
        if event is not None:
            self._publish(account, region, DEFAULT_BUS, event)

    def put(self, account: str, region: str, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Take the entries of a PutEvents that may go ahead, and give its output.

        https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
        Not verified: what is put on a bus that does not exist is accepted and lost.
        """
        if not 1 <= len(entries) <= _MOST_ENTRIES:
            raise AwsError("ValidationException", "1 validation error detected: a call has 1 to 10 entries.")
        answers = [self._put(account, region, entry) for entry in entries]
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def settle(self) -> None:
        """Wait until the rules have received every event of the calls so far."""
        self._sender.submit(lambda: None).result()

    def clear(self) -> None:
        """Forget the messages that are on their way."""
        self.settle()
        self._courier.clear()

    def _put(self, account: str, region: str, entry: Mapping[str, Any]) -> dict[str, str]:
        refusal = _refusal(entry)
        if refusal is not None:
            return refusal
        event_id, bus = str(uuid.uuid4()), str(entry.get("EventBusName") or DEFAULT_BUS)
        event = envelope.of_entry(account, region, entry, event_id)
        owner, where, name = split_bus_arn(bus) if bus.startswith("arn:") else (account, region, bus)
        self._publish(owner, where, name, event)
        return {"EventId": event_id}

    def _publish(self, account: str, region: str, name: str, event: Event) -> None:
        bus = find_bus(account, region, name)
        if bus is not None:
            self._sender.submit(self._router.publish, bus, event)


def _refusal(entry: Mapping[str, Any]) -> dict[str, str] | None:
    """Say why an entry is refused: the others of the call are taken."""
    for name in _REQUIRED:
        if not entry.get(name):
            return _error("InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument.")
    if str(entry["Source"]).startswith(_RESERVED):
        return _error("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        is_object = isinstance(json.loads(entry["Detail"]), dict)
    except (ValueError, TypeError):
        is_object = False
    return None if is_object else _error("MalformedDetail", "Detail is malformed.")


def _error(code: str, message: str) -> dict[str, str]:
    return {"ErrorCode": code, "ErrorMessage": message}
