"""EventBridge as AWS has it where moto has it otherwise: the policies of buses.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
"""

from collections.abc import Mapping
from typing import Any

from moto.events.models import EventBus

_ANYBODY = ":iam::*:root"


def correct() -> None:
    """Take out what moto decides otherwise than AWS."""
    EventBus.add_policy = _replace_policy  # type: ignore[method-assign, assignment]
    EventBus.add_permission = _put_statement  # type: ignore[method-assign, assignment]


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
