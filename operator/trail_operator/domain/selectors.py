"""What a trail records, in normal form: event selectors, insights and aggregation, and which of them needs which.

The normal form ignores order and repetition in lists, omitted defaults and the spelling of "all". It keeps the order of
selectors, as AWS does. Comparing requires no list of fields or resource types.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
"""

from collections.abc import Mapping
from dataclasses import dataclass

MANAGEMENT, DATA = "Management", "Data"
CALL_RATE = "ApiCallRateInsight"


@dataclass(frozen=True)
class BasicSelector:
    """A basic event selector."""

    read_write_type: str = "All"
    include_management_events: bool = True
    data_resources: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Values by resource type."""
    excluded_sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class FieldCondition:
    """All conditions on one field. Positive operators are alternatives; all negative ones must match."""

    field: str
    equals: tuple[str, ...] = ()
    starts_with: tuple[str, ...] = ()
    ends_with: tuple[str, ...] = ()
    not_equals: tuple[str, ...] = ()
    not_starts_with: tuple[str, ...] = ()
    not_ends_with: tuple[str, ...] = ()

    def matches(self, value: str) -> bool:
        """Return whether a value of the field matches."""
        wanted = self.equals or self.starts_with or self.ends_with
        found = value in self.equals or value.startswith(self.starts_with) or value.endswith(self.ends_with)
        refused = (
            value in self.not_equals or value.startswith(self.not_starts_with) or value.endswith(self.not_ends_with)
        )
        return (found or not wanted) and not refused

    def may_match(self, beginning: str, ending: str) -> bool:
        """Return whether some value with this prefix and suffix matches."""
        ways = [
            *((one, one) for one in self.equals if one.startswith(beginning) and one.endswith(ending)),
            *((max(one, beginning, key=len), ending) for one in self.starts_with if _begin_alike(one, beginning)),
            *(
                (beginning, max(one, ending, key=len))
                for one in self.ends_with
                if _begin_alike(one[::-1], ending[::-1])
            ),
        ]
        if not (self.equals or self.starts_with or self.ends_with):
            ways = [(beginning, ending)]
        return any(
            not first.startswith(self.not_starts_with) and not last.endswith(self.not_ends_with) for first, last in ways
        )


@dataclass(frozen=True)
class AdvancedSelector:
    """An advanced event selector: an event is recorded if all conditions match."""

    name: str
    conditions: tuple[FieldCondition, ...]

    def on(self, name: str) -> FieldCondition | None:
        """Return the conditions on one field."""
        return next((entry for entry in self.conditions if entry.field == name), None)

    def records(self, event: Mapping[str, str]) -> bool:
        """Return whether it may record an event with these known fields."""
        return all(entry.matches(event[entry.field]) for entry in self.conditions if entry.field in event)

    @property
    def category(self) -> str:
        """Management, Data, NetworkActivity, ..."""
        condition = self.on("eventCategory")
        return condition.equals[0] if condition and condition.equals else ""


Selectors = tuple[BasicSelector, ...] | tuple[AdvancedSelector, ...]
"""Selectors of one kind. Never empty: a trail always has selectors."""

Insights = frozenset[tuple[str, str]]
"""Pairs of insight type and event category."""

Aggregations = frozenset[tuple[str, str]]
"""Pairs of event category and template."""

DEFAULT: Selectors = (BasicSelector(),)
"""The selectors of a new trail in AWS: all management events.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetEventSelectors.html
"""


def management_events(selectors: Selectors) -> frozenset[str]:
    """Return which management events are recorded: Read, Write, both or none."""
    recorded: set[str] = set()
    for entry in selectors:
        if isinstance(entry, BasicSelector):
            if entry.include_management_events:
                recorded |= {"Read"} if entry.read_write_type != "WriteOnly" else set()
                recorded |= {"Write"} if entry.read_write_type != "ReadOnly" else set()
        elif entry.category == MANAGEMENT:
            recorded |= {"Read"} if entry.records({"readOnly": "true"}) else set()
            recorded |= {"Write"} if entry.records({"readOnly": "false"}) else set()
    return frozenset(recorded)


def may_record_management_event(selectors: Selectors, event: Mapping[str, str]) -> bool:
    """Return whether a management event with these known fields, `readOnly` among them, may be recorded."""
    event = {"eventCategory": MANAGEMENT, **event}
    for entry in selectors:
        if isinstance(entry, AdvancedSelector):
            if entry.category == MANAGEMENT and entry.records(event):
                return True
        elif entry.include_management_events and event.get("eventSource") not in entry.excluded_sources:
            refused = "WriteOnly" if event["readOnly"] == "true" else "ReadOnly"
            if entry.read_write_type != refused:
                return True
    return False


def records_data_events(selectors: Selectors) -> bool:
    """Return whether any data events are recorded."""
    return any(
        bool(entry.data_resources) if isinstance(entry, BasicSelector) else entry.category == DATA
        for entry in selectors
    )


def may_record_object_writes(selectors: Selectors, partition: str, beginning: str, ending: str) -> bool:
    """Return whether CloudTrail's writes of some S3 objects with this ARN prefix and suffix are recorded."""
    event = {
        "eventCategory": DATA,
        "resources.type": "AWS::S3::Object",
        "eventName": "PutObject",
        "eventSource": "s3.amazonaws.com",
        "eventType": "AwsApiCall",
        "readOnly": "false",
        # Identity of a service: {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}, with no ARN and no
        # session.
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
        "userIdentity.arn": "",
        "sessionCredentialFromConsole": "false",
    }
    every = f"arn:{partition}:s3"
    for entry in selectors:
        if isinstance(entry, AdvancedSelector):
            arns = entry.on("resources.ARN")
            if entry.records(event) and (arns is None or arns.may_match(beginning, ending)):
                return True
        elif entry.read_write_type != "ReadOnly":
            values = dict(entry.data_resources).get("AWS::S3::Object", ())
            if any(value == every or _begin_alike(value, beginning) for value in values):
                return True
    return False


def supports_insight(selectors: Selectors, insight: tuple[str, str]) -> bool:
    """Return whether the events that an insight analyzes are recorded. AWS rejects it otherwise.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutInsightSelectors.html
    """
    kind, category = insight
    if category == DATA:
        return records_data_events(selectors)
    recorded = management_events(selectors)
    return "Write" in recorded if kind == CALL_RATE else bool(recorded)


def supports_aggregation(selectors: Selectors, aggregation: tuple[str, str]) -> bool:
    """Return whether the events to aggregate are recorded. AWS rejects the aggregation otherwise.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventConfiguration.html
    """
    return aggregation[0] != DATA or records_data_events(selectors)


def _begin_alike(one: str, other: str) -> bool:
    """Return whether one text is a prefix of the other."""
    return one.startswith(other) or other.startswith(one)
