"""The spec of a Trail that describes an existing trail: only what differs from the defaults, in the CRD's spelling.

The inverse of `desired_trail`: a plan from this spec to the trail that it describes has no action but the owner tag.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Any

from pydantic import ValidationError

from trail_operator.api.constants import OWNER_TAG, RESERVED_TAG_PREFIX
from trail_operator.api.schema import problems
from trail_operator.api.trail import TrailSpec
from trail_operator.domain.attributes import ATTRIBUTES, Configuration
from trail_operator.domain.selectors import (
    DEFAULT,
    MANAGEMENT,
    AdvancedSelector,
    BasicSelector,
    FieldCondition,
    Selectors,
)
from trail_operator.domain.texts import capitalized
from trail_operator.domain.trail import ObservedTrail

_MOST_TAGS = 49
_BASIC_DEFAULT = BasicSelector()
Spec = dict[str, Any]


def spec_of(observed: ObservedTrail, ignored_tags: Collection[str]) -> Spec:
    """Return the spec, without name, region, account and policies. What could not be read is left out."""
    spec = _configuration(observed.configuration)
    if not observed.is_logging:
        spec["isLogging"] = False
    spec |= _selectors(observed.event_selectors)
    if observed.insights:
        spec["insightSelectors"] = [_insight(kind, some) for kind, some in _grouped(observed.insights)]
    if observed.aggregations:
        spec["aggregationConfigurations"] = [
            {"eventCategory": category, "templates": templates}
            for category, templates in _grouped(observed.aggregations)
        ]
    tags = {key: value for key, value in sorted(observed.tags.items()) if _is_exported(key, ignored_tags)}
    if 0 < len(tags) <= _MOST_TAGS:
        spec["tags"] = [{"key": key, "value": value} if value else {"key": key} for key, value in tags.items()]
    return spec


def has_room_for_owner_tag(observed: ObservedTrail) -> bool:
    """Whether AWS accepts one more tag. It does not count its own."""
    return sum(not key.lower().startswith("aws:") for key in observed.tags if key != OWNER_TAG) <= _MOST_TAGS


def why_invalid(spec: Spec) -> str:
    """Return why the CRD refuses the spec, else an empty text: trails can be older than AWS's present rules."""
    prefix = spec.get("s3KeyPrefix", "")
    if prefix.startswith("/") or prefix.endswith("/") or "AWSLogs/" in f"{prefix}/":
        return f"s3KeyPrefix {prefix!r} cannot be expressed: it begins or ends with a slash, or contains AWSLogs/"
    for selector in spec.get("advancedEventSelectors", ()):
        names = [condition["field"] for condition in selector["fieldSelectors"]]
        if len(set(names)) != len(names):
            return "advancedEventSelectors cannot be expressed: a field has several fieldSelectors"
    try:
        TrailSpec.model_validate(spec)
    except ValidationError as error:
        return problems(error)
    return ""


def _configuration(configuration: Configuration) -> Spec:
    spec: Spec = {}
    for name, attribute in ATTRIBUTES.items():
        value = getattr(configuration, name)
        default = TrailSpec.model_fields[name].default
        if name == "is_multi_region_trail":  # if it is omitted, the other field decides
            default = configuration.include_global_service_events
        if value not in (None, default):
            spec[attribute.spec] = value
    return spec


def _selectors(selectors: Selectors) -> Spec:
    if selectors == DEFAULT:
        return {}
    if isinstance(selectors[0], AdvancedSelector):
        return {"advancedEventSelectors": [_advanced(one) for one in selectors if isinstance(one, AdvancedSelector)]}
    return {"eventSelectors": [_basic(one) for one in selectors if isinstance(one, BasicSelector)]}


def _basic(selector: BasicSelector) -> Spec:
    members = {
        "readWriteType": selector.read_write_type,
        "includeManagementEvents": selector.include_management_events,
        "dataResources": [{"type": kind, "values": list(values)} for kind, values in selector.data_resources],
        "excludeManagementEventSources": list(selector.excluded_sources),
    }
    defaults = {
        "readWriteType": _BASIC_DEFAULT.read_write_type,
        "includeManagementEvents": _BASIC_DEFAULT.include_management_events,
    }
    return {name: value for name, value in members.items() if value != defaults.get(name, [])}


def _advanced(selector: AdvancedSelector) -> Spec:
    conditions = [_condition(condition) for condition in selector.conditions]
    return ({"name": selector.name} if selector.name else {}) | {"fieldSelectors": conditions}


def _condition(condition: FieldCondition) -> Spec:
    members: Mapping[str, tuple[str, ...]] = {
        one.name: getattr(condition, one.name) for one in fields(condition) if one.name != "field"
    }
    return {"field": condition.field} | {_camel(name): list(values) for name, values in members.items() if values}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(capitalized, others))


def _insight(kind: str, categories: list[str]) -> Spec:
    return {"insightType": kind} | ({} if categories == [MANAGEMENT] else {"eventCategories": categories})


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    return [(first, [second for _, second in some]) for first, some in groupby(sorted(pairs), key=lambda pair: pair[0])]


def _is_exported(key: str, ignored: Collection[str]) -> bool:
    if key == OWNER_TAG or key.lower().startswith(("aws:", RESERVED_TAG_PREFIX)):
        return False
    return not any(fnmatchcase(key, pattern) for pattern in ignored)
