"""What a trail records, in normal form: event selectors, insights and aggregation, and what of them follows from which.

Order and repetition in lists, what is left out and how "all" is spelt make no difference in normal form; the order of
selectors does, since AWS keeps it. No list of fields or resource types is needed to compare.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from trail_operator.api.event_selectors import (
    AdvancedEventSelector,
    AggregationConfiguration,
    EventSelector,
    InsightSelector,
)

MANAGEMENT, DATA = "Management", "Data"
CALL_RATE = "ApiCallRateInsight"
# Two spellings of "all objects": https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DataResource.html
_ALL_OBJECTS = ":s3:::"


@dataclass(frozen=True)
class BasicSelector:
    """A basic event selector."""

    read_write_type: str = "All"
    include_management_events: bool = True
    data_resources: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Values by type."""
    excluded_sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class FieldCondition:
    """All conditions on one field. Positive operators are alternatives, negative ones must all hold."""

    field: str
    equals: tuple[str, ...] = ()
    starts_with: tuple[str, ...] = ()
    ends_with: tuple[str, ...] = ()
    not_equals: tuple[str, ...] = ()
    not_starts_with: tuple[str, ...] = ()
    not_ends_with: tuple[str, ...] = ()

    def holds(self, value: str) -> bool:
        """Whether a value of the field satisfies the condition."""
        wanted = self.equals or self.starts_with or self.ends_with
        found = value in self.equals or value.startswith(self.starts_with) or value.endswith(self.ends_with)
        refused = (
            value in self.not_equals or value.startswith(self.not_starts_with) or value.endswith(self.not_ends_with)
        )
        return (found or not wanted) and not refused

    def may_hold(self, beginning: str, ending: str) -> bool:
        """Whether a value that begins and ends so may satisfy the condition, whatever is in between."""
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
    """An advanced event selector: an event is recorded if all conditions hold."""

    name: str
    conditions: tuple[FieldCondition, ...]

    def on(self, name: str) -> FieldCondition | None:
        """The conditions on one field."""
        return next((entry for entry in self.conditions if entry.field == name), None)

    def records(self, event: Mapping[str, str]) -> bool:
        """Whether it may record an event of which these fields are known."""
        return all(entry.holds(event[entry.field]) for entry in self.conditions if entry.field in event)

    @property
    def category(self) -> str:
        """Management, Data, NetworkActivity, ..."""
        condition = self.on("eventCategory")
        return condition.equals[0] if condition and condition.equals else ""


Selectors = tuple[BasicSelector, ...] | tuple[AdvancedSelector, ...]
"""Of one kind, never empty: a trail always has selectors."""

Insights = frozenset[tuple[str, str]]
"""Pairs of insight type and event category."""

Aggregations = frozenset[tuple[str, str]]
"""Pairs of event category and template."""

DEFAULT: Selectors = (BasicSelector(),)
"""AWS's own, which a trail has until it is given others: all management events.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetEventSelectors.html
"""


# From the spec.


def wanted_selectors(
    basic: Sequence[EventSelector] | None, advanced: Sequence[AdvancedEventSelector] | None
) -> Selectors:
    """The normal form of spec.eventSelectors or spec.advancedEventSelectors; AWS's default where both are left out."""
    if advanced:
        return tuple(_advanced_selector(entry.model_dump(by_alias=True)) for entry in advanced)
    if basic:
        return tuple(_basic_selector(entry.model_dump(by_alias=True)) for entry in basic)
    return DEFAULT


def wanted_insights(selectors: Iterable[InsightSelector]) -> Insights:
    """The normal form of spec.insightSelectors."""
    return frozenset(
        (entry.insight_type, category) for entry in selectors for category in entry.event_categories or (MANAGEMENT,)
    )


def wanted_aggregations(configurations: Iterable[AggregationConfiguration]) -> Aggregations:
    """The normal form of spec.aggregationConfigurations."""
    return frozenset((entry.event_category, template) for entry in configurations for template in entry.templates)


# From and to AWS, which spells as the spec does, with a capital.


def read_selectors(answer: Mapping[str, Any]) -> Selectors:
    """The normal form of what GetEventSelectors answers."""
    if answer.get("AdvancedEventSelectors"):
        return tuple(_advanced_selector(_uncapitalised(entry)) for entry in answer["AdvancedEventSelectors"])
    return tuple(_basic_selector(_uncapitalised(entry)) for entry in answer.get("EventSelectors") or ()) or DEFAULT


def read_insights(answer: Mapping[str, Any]) -> Insights:
    """The normal form of what GetInsightSelectors answers."""
    return frozenset(
        (entry["InsightType"], category)
        for entry in answer.get("InsightSelectors") or ()
        for category in entry.get("EventCategories") or (MANAGEMENT,)
    )


def read_aggregations(answer: Mapping[str, Any]) -> Aggregations:
    """The normal form of what GetEventConfiguration answers."""
    return frozenset(
        (entry["EventCategory"], template)
        for entry in answer.get("AggregationConfigurations") or ()
        for template in entry.get("Templates") or ()
    )


def selector_parameters(selectors: Selectors) -> dict[str, Any]:
    """Selectors as PutEventSelectors takes them."""
    if isinstance(selectors[0], AdvancedSelector):
        return {"AdvancedEventSelectors": [_sent_advanced(entry) for entry in selectors]}
    return {"EventSelectors": [_sent_basic(entry) for entry in selectors]}


def insight_parameters(insights: Insights) -> dict[str, Any]:
    """Insights as PutInsightSelectors takes them; none turn them off."""
    types = sorted({kind for kind, _ in insights})
    return {
        "InsightSelectors": [
            {"InsightType": kind, "EventCategories": sorted(category for other, category in insights if other == kind)}
            for kind in types
        ]
    }


def aggregation_parameters(aggregations: Aggregations) -> dict[str, Any]:
    """Aggregations as PutEventConfiguration takes them; none turn them off."""
    categories = sorted({category for category, _ in aggregations})
    return {
        "AggregationConfigurations": [
            {
                "EventCategory": category,
                "Templates": sorted(template for other, template in aggregations if other == category),
            }
            for category in categories
        ]
    }


# What follows from selectors.


def management_events(selectors: Selectors) -> frozenset[str]:
    """Which management events are recorded: Read, Write, both or none."""
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


def records_data_events(selectors: Selectors) -> bool:
    """Whether any data events are recorded."""
    return any(
        bool(entry.data_resources) if isinstance(entry, BasicSelector) else entry.category == DATA
        for entry in selectors
    )


def may_record_object_writes(selectors: Selectors, partition: str, beginning: str, ending: str) -> bool:
    """Whether CloudTrail's writing of S3 objects is recorded, or of some of them, whose ARNs begin and end so."""
    event = {
        "eventCategory": DATA,
        "resources.type": "AWS::S3::Object",
        "eventName": "PutObject",
        "eventSource": "s3.amazonaws.com",
        "eventType": "AwsApiCall",
        "readOnly": "false",
        # Of a service: {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}, with no ARN and no session.
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
        "userIdentity.arn": "",
        "sessionCredentialFromConsole": "false",
    }
    every = f"arn:{partition}:s3"
    for entry in selectors:
        if isinstance(entry, AdvancedSelector):
            arns = entry.on("resources.ARN")
            if entry.records(event) and (arns is None or arns.may_hold(beginning, ending)):
                return True
        elif entry.read_write_type != "ReadOnly":
            values = dict(entry.data_resources).get("AWS::S3::Object", ())
            if any(value == every or _begin_alike(value, beginning) for value in values):
                return True
    return False


def supports_insight(selectors: Selectors, insight: tuple[str, str]) -> bool:
    """Whether the events that an insight looks at are recorded; AWS refuses it otherwise.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutInsightSelectors.html
    """
    kind, category = insight
    if category == DATA:
        return records_data_events(selectors)
    recorded = management_events(selectors)
    return "Write" in recorded if kind == CALL_RATE else bool(recorded)


def supports_aggregation(selectors: Selectors, aggregation: tuple[str, str]) -> bool:
    """Whether the events that are summed up are recorded; AWS refuses aggregation otherwise.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventConfiguration.html
    """
    return aggregation[0] != DATA or records_data_events(selectors)


def _basic_selector(entry: Mapping[str, Any]) -> BasicSelector:
    resources: dict[str, set[str]] = {}
    for resource in entry.get("dataResources") or ():
        values = resources.setdefault(resource["type"], set())
        values |= {value[:-3] if value.endswith(_ALL_OBJECTS) else value for value in resource.get("values") or ()}
    return BasicSelector(
        read_write_type=str(entry.get("readWriteType") or "All"),
        include_management_events=entry.get("includeManagementEvents", True),
        data_resources=tuple((kind, tuple(sorted(values))) for kind, values in sorted(resources.items())),
        excluded_sources=_set(entry.get("excludeManagementEventSources")),
    )


def _advanced_selector(entry: Mapping[str, Any]) -> AdvancedSelector:
    conditions = [
        FieldCondition(
            condition["field"],
            **{name: _set(condition.get(spelling)) for name, spelling in _OPERATORS.items()},
        )
        for condition in entry["fieldSelectors"]
    ]
    return AdvancedSelector(entry.get("name") or "", tuple(sorted(conditions, key=lambda condition: condition.field)))


_OPERATORS = {
    entry.name: "".join(part.capitalize() if at else part for at, part in enumerate(entry.name.split("_")))
    for entry in fields(FieldCondition)
    if entry.name != "field"
}


def _begin_alike(one: str, other: str) -> bool:
    """Whether some text begins with both."""
    return one.startswith(other) or other.startswith(one)


def _set(values: Iterable[str] | None) -> tuple[str, ...]:
    return tuple(sorted(set(values or ())))


def _sent_basic(selector: BasicSelector) -> dict[str, Any]:
    return {
        "ReadWriteType": selector.read_write_type,
        "IncludeManagementEvents": selector.include_management_events,
        "DataResources": [{"Type": kind, "Values": list(values)} for kind, values in selector.data_resources],
        "ExcludeManagementEventSources": list(selector.excluded_sources),
    }


def _sent_advanced(selector: AdvancedSelector) -> dict[str, Any]:
    conditions = [
        {
            "Field": condition.field,
            **{
                spelling[0].upper() + spelling[1:]: list(values)
                for name, spelling in _OPERATORS.items()
                if (values := getattr(condition, name))
            },
        }
        for condition in selector.conditions
    ]
    return {"FieldSelectors": conditions} | ({"Name": selector.name} if selector.name else {})


def _uncapitalised(value: Any) -> Any:
    """AWS's spelling of members as the spec's."""
    if isinstance(value, Mapping):
        return {name[0].lower() + name[1:]: _uncapitalised(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_uncapitalised(member) for member in value]
    return value
