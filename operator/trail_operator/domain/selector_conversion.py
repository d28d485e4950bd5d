"""Converts selectors, insights and aggregations from the spec and AWS's responses to normal form, and to requests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from trail_operator.api.event_selectors import (
    AdvancedEventSelector,
    AggregationConfiguration,
    EventSelector,
    InsightSelector,
)
from trail_operator.domain.selectors import (
    DEFAULT,
    MANAGEMENT,
    AdvancedSelector,
    Aggregations,
    BasicSelector,
    FieldCondition,
    Insights,
    Selectors,
)

# Two spellings of "all objects": https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DataResource.html
_ALL_OBJECTS = ":s3:::"


# From the spec.


def wanted_selectors(
    basic: Sequence[EventSelector] | None, advanced: Sequence[AdvancedEventSelector] | None
) -> Selectors:
    """The normal form of spec.eventSelectors or spec.advancedEventSelectors; AWS's default if both are omitted."""
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


# From and to AWS, which capitalizes the names of the spec.


def read_selectors(answer: Mapping[str, Any]) -> Selectors:
    """Return the normal form of a GetEventSelectors response."""
    if answer.get("AdvancedEventSelectors"):
        return tuple(_advanced_selector(_uncapitalised(entry)) for entry in answer["AdvancedEventSelectors"])
    return tuple(_basic_selector(_uncapitalised(entry)) for entry in answer.get("EventSelectors") or ()) or DEFAULT


def read_insights(answer: Mapping[str, Any]) -> Insights:
    """Return the normal form of a GetInsightSelectors response."""
    return frozenset(
        (entry["InsightType"], category)
        for entry in answer.get("InsightSelectors") or ()
        for category in entry.get("EventCategories") or (MANAGEMENT,)
    )


def read_aggregations(answer: Mapping[str, Any]) -> Aggregations:
    """Return the normal form of a GetEventConfiguration response."""
    return frozenset(
        (entry["EventCategory"], template)
        for entry in answer.get("AggregationConfigurations") or ()
        for template in entry.get("Templates") or ()
    )


def selector_parameters(selectors: Selectors) -> dict[str, Any]:
    """Return selectors as parameters of PutEventSelectors."""
    if isinstance(selectors[0], AdvancedSelector):
        return {"AdvancedEventSelectors": [_sent_advanced(entry) for entry in selectors]}
    return {"EventSelectors": [_sent_basic(entry) for entry in selectors]}


def insight_parameters(insights: Insights) -> dict[str, Any]:
    """Return insights as parameters of PutInsightSelectors. None turn them off."""
    types = sorted({kind for kind, _ in insights})
    return {
        "InsightSelectors": [
            {"InsightType": kind, "EventCategories": sorted(category for other, category in insights if other == kind)}
            for kind in types
        ]
    }


def aggregation_parameters(aggregations: Aggregations) -> dict[str, Any]:
    """Return aggregations as parameters of PutEventConfiguration. None turn them off."""
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
    """Convert AWS's names of members to those of the spec."""
    if isinstance(value, Mapping):
        return {name[0].lower() + name[1:]: _uncapitalised(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_uncapitalised(member) for member in value]
    return value
