"""Which events a trail delivers: those of its regions that its event selectors select.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_EventSelector.html
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
Insights events, network activity events and aggregated events are never made here.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from trail_sandbox.aws.delivery.classification import is_global
from trail_sandbox.aws.delivery.entry import Entry
from trail_sandbox.aws.regions import partition_of
from trail_sandbox.aws.trails import DEFAULT_SELECTOR, Trail

CLOUDTRAIL = "cloudtrail.amazonaws.com"
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-recursive-logging.html
_RECURSIVE = frozenset({("s3", "PutObject"), ("logs", "PutLogEvents")})

Record = Mapping[str, Any]
Condition = Callable[[Record], bool]

_POSITIVE: Mapping[str, Callable[[str, str], bool]] = {
    "Equals": str.__eq__,
    "StartsWith": str.startswith,
    "EndsWith": str.endswith,
}
_NEGATIVE = {f"Not{name}": operator for name, operator in _POSITIVE.items()}


@dataclass(frozen=True)
class Selection:
    """What of an account's events a trail delivers. Trails that select the same are equal here."""

    region: str | None  # None: of all regions of the partition
    partition: str
    global_events: bool
    recursive: bool
    selectors: str  # as JSON

    @classmethod
    def of(cls, trail: Trail) -> "Selection":
        """Read the selection of a trail. Multi-region trails always include global service events."""
        chosen = trail.advanced_event_selectors or trail.event_selectors
        return cls(
            partition=partition_of(trail.home_region),
            region=None if trail.is_multi_region_trail else trail.home_region,
            global_events=trail.is_multi_region_trail or trail.include_global_service_events,
            recursive=trail.recursive_logging,
            selectors=_DEFAULT if chosen == (DEFAULT_SELECTOR,) else json.dumps(chosen),
        )

    def selects(self, entry: Entry) -> bool:
        """Say whether the trail delivers this event.

        Global service events are events of one region since 22 November 2021, so single-region trails elsewhere have
        none: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html
        """
        if self.region not in (None, entry.region) or self.partition != partition_of(entry.region):
            return False
        if is_global(entry.event) and not self.global_events:
            return False
        if self.selectors == _DEFAULT:
            return entry.is_management
        return (self.recursive or not _is_recursive(entry)) and _condition(self.selectors)(entry.record)


_DEFAULT = json.dumps((DEFAULT_SELECTOR,))


def _is_recursive(entry: Entry) -> bool:
    """Say whether this is a delivery of CloudTrail's own."""
    event = entry.event
    return event.caller.service == CLOUDTRAIL and (event.service, event.operation) in _RECURSIVE


@lru_cache(maxsize=1024)
def _condition(selectors: str) -> Condition:
    """Compile selectors of either kind: an event needs one that selects it."""
    compiled = [_advanced(one) if "FieldSelectors" in one else _basic(one) for one in json.loads(selectors)]
    return lambda record: any(condition(record) for condition in compiled)


def _basic(selector: Mapping[str, Any]) -> Condition:
    kind = selector.get("ReadWriteType", "All")
    with_management = selector.get("IncludeManagementEvents", True)
    excluded = frozenset(selector.get("ExcludeManagementEventSources") or ())
    data = [(one["Type"], value) for one in selector.get("DataResources") or () for value in one.get("Values") or ()]

    def selects(record: Record) -> bool:
        if kind != "All" and record["readOnly"] != (kind == "ReadOnly"):
            return False
        if record["managementEvent"]:
            return bool(with_management) and record["eventSource"] not in excluded
        return any(_covers(value, arn) for kind, value in data for arn in _arns(record, kind))

    return selects


def _covers(value: str, arn: str) -> bool:
    """Say whether a value of a basic selector means this resource: `arn:aws:lambda` is all functions.

    Objects are meant by the beginning of their ARN, functions and tables by all of it.
    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DataResource.html
    """
    is_all, is_s3 = value.count(":") == 2, value.split(":")[2:3] == ["s3"]
    return arn.startswith(f"{value}:") if is_all else arn.startswith(value) if is_s3 else arn == value


def _advanced(selector: Mapping[str, Any]) -> Condition:
    """Compile one advanced selector: all its fields must agree."""
    fields = selector["FieldSelectors"]
    types = [value for one in fields if one["Field"] == "resources.type" for value in one.get("Equals", ())]
    conditions = [_field(one, types) for one in fields]
    return lambda record: all(condition(record) for condition in conditions)


def _field(selector: Mapping[str, Any], types: Sequence[str]) -> Condition:
    """Compile one field: one of the positive operators must agree, and none of the Not… ones may."""
    name = selector["Field"]
    wanted = [(test, value) for operator, test in _POSITIVE.items() for value in selector.get(operator) or ()]
    unwanted = [(test, value) for operator, test in _NEGATIVE.items() for value in selector.get(operator) or ()]

    def agrees(record: Record) -> bool:
        found = list(_values(record, name, types))
        matches = any(test(one, value) for test, value in wanted for one in found)
        return (matches or not wanted) and not any(test(one, value) for test, value in unwanted for one in found)

    return agrees


def _values(record: Record, field: str, types: Sequence[str]) -> Iterable[str]:
    """Read what a record says of a field of selectors."""
    if field == "resources.type":
        return [one["type"] for one in record.get("resources", ())]
    if field == "resources.ARN":
        return [arn for kind in types for arn in _arns(record, kind)]
    if field == "userIdentity.arn":
        return [record["userIdentity"]["arn"]] if "arn" in record["userIdentity"] else []
    value = record.get(field, False if field == "sessionCredentialFromConsole" else None)
    return [] if value is None else [str(value).lower() if isinstance(value, bool) else str(value)]


def _arns(record: Record, kind: str) -> list[str]:
    resources = [one for one in record.get("resources", ()) if one["type"] == kind]
    return [one.get("ARN") or one["ARNPrefix"] for one in resources]
