"""EventBridge as AWS has it where moto has it otherwise: the policies of buses; and how a bus is found.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
"""

from collections.abc import Mapping
from typing import Any

from moto.events.models import EventBus, events_backends

DEFAULT_BUS = "default"
_ANYBODY = ":iam::*:root"


def correct() -> None:
    """Take out what moto decides otherwise than AWS."""
    EventBus.add_policy = _replace_policy  # type: ignore[method-assign, assignment]
    EventBus.add_permission = _put_statement  # type: ignore[method-assign, assignment]


def find_bus(account: str, region: str, name: str = DEFAULT_BUS) -> EventBus | None:
    """Find a bus. An account has no default bus here before EventBridge is first called in it."""
    # Unlike [], get() makes no backend where there is none.
    backends = events_backends.get(account)
    backend = backends.get(region) if backends is not None else None
    return backend.event_buses.get(name) if backend is not None else None


class _Statement:
    """A statement of a bus's policy as it was given: moto keeps but some of its members."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self.principal = document.get("Principal")

    def describe(self) -> dict[str, Any]:
        """Return the statement."""
        return dict(self._document)


def _replace_policy(bus: EventBus, policy: dict[str, Any]) -> None:
    """Put a whole policy in place of the old one: moto keeps old statements, and fails where there is no Sid."""
    given = policy["Statement"]
    statements = given if isinstance(given, list) else [given]
    named = {str(one.get("Sid", f"#{number}")): _Statement(one) for number, one in enumerate(statements)}
    bus._statements = named  # type: ignore[assignment]


def _put_statement(
    bus: EventBus, statement_id: str, action: str, principal: dict[str, str], condition: dict[str, Any] | None
) -> None:
    """Put one statement in place of that of the same id; `*` means everybody, of whom moto makes an account."""
    document: dict[str, Any] = {
        "Sid": statement_id,
        "Effect": "Allow",
        "Principal": "*" if principal["AWS"].endswith(_ANYBODY) else principal,
        "Action": action,
        "Resource": bus.arn,
    }
    if condition:
        document["Condition"] = condition
    bus._statements[statement_id] = _Statement(document)  # type: ignore[assignment]
