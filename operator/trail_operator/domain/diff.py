"""Differences between AWS and the spec, field by field, by the paths of the spec."""

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.trail_status import Difference
from trail_operator.domain.attributes import ATTRIBUTES, differing
from trail_operator.domain.difference_texts import difference, path_text
from trail_operator.domain.selector_conversion import aggregation_parameters, insight_parameters, selector_parameters
from trail_operator.domain.selectors import DEFAULT, AdvancedSelector, Selectors
from trail_operator.domain.trail import DesiredTrail, ObservedTrail, Part

FIELDS = (
    "trail",
    "region",
    *(attribute.spec for attribute in ATTRIBUTES.values()),
    *("isLogging", "tags", "eventSelectors", "advancedEventSelectors", "insightSelectors", "aggregationConfigurations"),
)
"""All fields that can differ."""
# Fields that have a separate read; GetTrail returns all others.
_PARTS: dict[str, Part] = {
    "isLogging": "isLogging",
    "tags": "tags",
    "eventSelectors": "eventSelectors",
    "advancedEventSelectors": "eventSelectors",
    "insightSelectors": "insightSelectors",
    "aggregationConfigurations": "aggregationConfigurations",
}
MISSING = (Difference(path="trail", desired="present", observed="absent"),)
_MOST_MEMBERS = 10


def differences(desired: DesiredTrail, observed: ObservedTrail | None) -> tuple[Difference, ...]:
    """Return every field in which AWS differs from the spec. Unreadable parts are no difference.

    Neither is an owner tag with a former name of the cluster: it is rewritten, but the trail matches the spec.
    """
    if observed is None:
        return MISSING
    if observed.owner in desired.former_owners:
        observed = replace(observed, tags={**observed.tags, OWNER_TAG: desired.owner})
    return (
        *configuration_differences(desired, observed),
        *selector_differences(desired, observed),
        *insight_differences(desired, observed),
        *aggregation_differences(desired, observed),
        *logging_differences(desired, observed),
        *tag_differences(desired, observed),
    )


def fields_of(changed: Iterable[Difference]) -> frozenset[str]:
    """Return the top-level fields of the spec that differ."""
    return frozenset(map(field_of, changed))


def field_of(entry: Difference) -> str:
    """Return the top-level field of the spec of a difference."""
    return field_of_path(entry.path)


def field_of_path(path: str) -> str:
    """Return the top-level field of the spec in a path."""
    return re.split(r"[.\[]", path)[0]


def not_read_again(known: Iterable[Difference], unread: Collection[Part]) -> tuple[Difference, ...]:
    """Return the known differences in parts of the trail that could not be read this time."""
    return tuple(entry for entry in known if any(_PARTS.get(name, "trail") in unread for name in fields_of((entry,))))


def configuration_differences(desired: DesiredTrail, observed: ObservedTrail) -> tuple[Difference, ...]:
    """Return what UpdateTrail would change."""
    if "trail" in observed.unreadable:
        return ()
    changed = differing(desired.configuration, observed.configuration)
    return tuple(
        difference(attribute.spec, getattr(desired.configuration, name), getattr(observed.configuration, name))
        for name, attribute in ATTRIBUTES.items()
        if name in changed and attribute.spec not in observed.unreadable
    )


def logging_differences(desired: DesiredTrail, observed: ObservedTrail) -> tuple[Difference, ...]:
    """Return what StartLogging or StopLogging would change."""
    if "isLogging" in observed.unreadable or desired.is_logging == observed.is_logging:
        return ()
    return (difference("isLogging", desired.is_logging, observed.is_logging),)


def selector_differences(desired: DesiredTrail, observed: ObservedTrail) -> tuple[Difference, ...]:
    """Return what PutEventSelectors would change: member by member if possible, else as a whole."""
    wanted, found = desired.event_selectors, observed.event_selectors
    if wanted == found or "eventSelectors" in observed.unreadable:
        return ()
    path, other = _selectors_path(wanted), _selectors_path(found)
    if path != other:
        return (
            difference(path, _selectors_shown(wanted), None),
            difference(other, None, _selectors_shown(found)),
        )
    if len(wanted) != len(found) or DEFAULT in (wanted, found):
        return (difference(path, _selectors_shown(wanted), _selectors_shown(found)),)
    members = tuple(
        entry
        for at, (one, another) in enumerate(zip(_sent(wanted), _sent(found), strict=True))
        for entry in _member_differences(f"{path}[{at}]", one, another)
    )
    if len(members) > _MOST_MEMBERS:
        left = difference(f"{path}[...]", "as the spec has them", f"{len(members) - _MOST_MEMBERS} more that differ")
        return (*members[:_MOST_MEMBERS], left)
    return members or (difference(path, _selectors_shown(wanted), _selectors_shown(found)),)


def insight_differences(desired: DesiredTrail, observed: ObservedTrail) -> tuple[Difference, ...]:
    """Return what PutInsightSelectors would change."""
    if "insightSelectors" in observed.unreadable or desired.insights == observed.insights:
        return ()
    wanted = insight_parameters(desired.insights)["InsightSelectors"]
    found = insight_parameters(observed.insights)["InsightSelectors"]
    return (difference("insightSelectors", wanted or None, found or None),)


def aggregation_differences(desired: DesiredTrail, observed: ObservedTrail) -> tuple[Difference, ...]:
    """Return what PutEventConfiguration would change."""
    if "aggregationConfigurations" in observed.unreadable or desired.aggregations == observed.aggregations:
        return ()
    wanted = aggregation_parameters(desired.aggregations)["AggregationConfigurations"]
    found = aggregation_parameters(observed.aggregations)["AggregationConfigurations"]
    return (difference("aggregationConfigurations", wanted or None, found or None),)


def tag_differences(desired: DesiredTrail, observed: ObservedTrail) -> tuple[Difference, ...]:
    """Return what AddTags and RemoveTags would change."""
    if "tags" in observed.unreadable:
        return ()
    keys = sorted(desired.tags.keys() | {key for key in observed.tags if desired.governs(key)})
    return tuple(
        difference(f"tags[{key}]", desired.tags.get(key), observed.tags.get(key))
        for key in keys
        if desired.tags.get(key) != observed.tags.get(key)
    )


def about_tags(changed: Iterable[Difference], keys: Iterable[str]) -> tuple[Difference, ...]:
    """Return the differences in tags with these keys."""
    paths = {path_text(f"tags[{key}]") for key in keys}
    return tuple(entry for entry in changed if entry.path in paths)


def _selectors_path(selectors: Selectors) -> str:
    return "advancedEventSelectors" if isinstance(selectors[0], AdvancedSelector) else "eventSelectors"


def _sent(selectors: Selectors) -> list[dict[str, Any]]:
    (sent,) = selector_parameters(selectors).values()
    return list(sent)


def _selectors_shown(selectors: Selectors) -> Any:
    return "AWS's default, all management events" if selectors == DEFAULT else _sent(selectors)


def _member_differences(path: str, wanted: dict[str, Any], found: dict[str, Any]) -> list[Difference]:
    if "FieldSelectors" in wanted:
        wanted, found = _by_field(wanted), _by_field(found)
    return [
        difference(f"{path}.{name[0].lower()}{name[1:]}", wanted.get(name), found.get(name))
        for name in sorted(wanted.keys() | found.keys())
        if wanted.get(name) != found.get(name)
    ]


def _by_field(selector: dict[str, Any]) -> dict[str, Any]:
    """Return an advanced selector with its conditions by field."""
    conditions = {
        f"FieldSelectors[{entry['Field']}]": {name: values for name, values in entry.items() if name != "Field"}
        for entry in selector["FieldSelectors"]
    }
    return conditions | ({"Name": selector["Name"]} if "Name" in selector else {})
