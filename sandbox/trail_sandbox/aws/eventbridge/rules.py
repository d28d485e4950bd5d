"""Which events a rule receives, by its state and its pattern."""

from collections.abc import Mapping
from typing import Any

from moto.events.models import Rule

from trail_sandbox.aws.eventbridge.envelope import VIA_CLOUDTRAIL

_STATES = frozenset({"ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"})


def receives(rule: Rule, event: Mapping[str, Any]) -> bool:
    """Say whether an event of its bus is for a rule."""
    if rule.state not in _STATES or rule.event_pattern.dump() is None or _is_withheld(rule, event):
        return False
    return bool(rule.event_pattern.matches_event(event))  # type: ignore[arg-type]


def _is_withheld(rule: Rule, event: Mapping[str, Any]) -> bool:
    """Say whether this is a read that only rules for all management events get.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
    """
    detail = event["detail"]
    if event["detail-type"] != VIA_CLOUDTRAIL or rule.state != "ENABLED" or not isinstance(detail, dict):
        return False
    is_token = detail.get("eventName") in ("GetFederationToken", "GetSessionToken")
    is_read = bool(detail.get("readOnly")) and str(detail.get("eventName")).startswith(("Describe", "Get", "List"))
    return is_read and bool(detail.get("managementEvent")) and not is_token
