"""What kinds of events a trail records: insights and aggregation rest on them."""

from collections.abc import Iterator, Mapping
from typing import Any

from trail_sandbox.aws.trails import Trail

Kind = tuple[str, str]
"""A category (Management, Data, NetworkActivity), and Read or Write."""

_BASIC = {"All": ("Read", "Write"), "ReadOnly": ("Read",), "WriteOnly": ("Write",)}
_ADVANCED = {None: ("Read", "Write"), "true": ("Read",), "false": ("Write",)}


def kinds_of(trail: Trail) -> frozenset[Kind]:
    """Give the kinds of events that a trail's selectors select some of."""
    if trail.advanced_event_selectors:
        return frozenset(kind for selector in trail.advanced_event_selectors for kind in _of_advanced(selector))
    return frozenset(kind for selector in trail.event_selectors for kind in _of_basic(selector))


def _of_basic(selector: Mapping[str, Any]) -> Iterator[Kind]:
    for way in _BASIC[selector["ReadWriteType"]]:
        if selector["IncludeManagementEvents"]:
            yield "Management", way
        if any(resource["Values"] for resource in selector["DataResources"]):
            yield "Data", way


def _of_advanced(selector: Mapping[str, Any]) -> Iterator[Kind]:
    fields = {field["Field"]: field for field in selector["FieldSelectors"]}
    read_only = fields["readOnly"]["Equals"][0] if "readOnly" in fields else None
    for way in _ADVANCED[read_only]:
        yield fields["eventCategory"]["Equals"][0], way
