"""What a trail no longer records after a change: told to users, since an audit log that shrinks may be an attack.

Says too much rather than too little where two selectors can't be compared.
"""

from collections.abc import Iterable

from trail_operator.core.selectors import (
    DATA,
    MANAGEMENT,
    AdvancedSelector,
    BasicSelector,
    FieldCondition,
    Selectors,
    management_events,
)
from trail_operator.core.trail import ObservedTrail


def reductions(before: ObservedTrail, after: ObservedTrail) -> tuple[str, ...]:
    """What was recorded before and is not any more, in words; empty where nothing is lost."""
    if not before.is_logging:
        return ()
    if not after.is_logging:
        return ("nothing is recorded any more: logging is off",)
    old, new = before.configuration, after.configuration
    told = []
    if old.is_multi_region_trail and not new.is_multi_region_trail:
        told.append(f"events of regions other than {after.home_region} are no longer recorded")
    if old.include_global_service_events and not new.include_global_service_events:
        told.append("events of global services (IAM, CloudFront, ...) are no longer recorded")
    if old.is_organization_trail and not new.is_organization_trail:
        told.append("events of the organization's other accounts are no longer recorded")
    if old.enable_log_file_validation and not new.enable_log_file_validation:
        told.append("digest files are no longer written: a changed log file can't be found out")
    if old.recursive_logging and not new.recursive_logging:
        told.append("data events that the trail's own delivery causes are no longer recorded")
    told += [f"{lost} are no longer recorded" for lost in _lost_events(before.event_selectors, after.event_selectors)]
    if lost := before.insights - after.insights:
        told.append(f"{_listed(f'{kind} on {category} events' for kind, category in lost)} is no longer looked for")
    if before.aggregations - after.aggregations:
        told.append("summaries of data events are no longer written")
    return tuple(told)


def _lost_events(old: Selectors, new: Selectors) -> list[str]:
    if old == new:
        return []
    lost = []
    if gone := management_events(old) - management_events(new):
        lost.append(f"management events ({_listed(gone).lower()})")
    if excluded := _excluded_sources(new) - _excluded_sources(old):
        lost.append(f"management events of {_listed(excluded)}")
    lost += [_named(entry) for entry in _others(old) if not any(_covers(other, entry) for other in _others(new))]
    return lost


def _excluded_sources(selectors: Selectors) -> set[str]:
    """The services whose management events no selector records."""
    excluded: list[set[str]] = []
    for entry in selectors:
        if isinstance(entry, BasicSelector):
            if entry.include_management_events:
                excluded.append(set(entry.excluded_sources))
        elif entry.category == MANAGEMENT:
            condition = entry.on("eventSource")
            excluded.append(set(condition.not_equals) if condition else set())
    return set.intersection(*excluded) if excluded else set()


def _others(selectors: Selectors) -> list[AdvancedSelector]:
    """What is recorded beside management events, as advanced selectors: one for each value of a data resource."""
    result = []
    for entry in selectors:
        if isinstance(entry, AdvancedSelector):
            if entry.category != MANAGEMENT:
                result.append(entry)
            continue
        for kind, values in entry.data_resources:
            result += [_as_advanced(entry, kind, value) for value in values]
    return result


def _as_advanced(selector: BasicSelector, kind: str, value: str) -> AdvancedSelector:
    conditions = [FieldCondition("eventCategory", equals=(DATA,)), FieldCondition("resources.type", equals=(kind,))]
    if value.count(":") > 2:  # fewer: all resources of the type
        exactly = {"equals": (value,)} if kind == "AWS::Lambda::Function" else {"starts_with": (value,)}
        conditions.append(FieldCondition("resources.ARN", **exactly))
    if selector.read_write_type != "All":
        read_only = str(selector.read_write_type == "ReadOnly").lower()
        conditions.append(FieldCondition("readOnly", equals=(read_only,)))
    return AdvancedSelector("", tuple(sorted(conditions, key=lambda condition: condition.field)))


def _covers(new: AdvancedSelector, old: AdvancedSelector) -> bool:
    """Whether all that the old selector records is recorded by the new one, as far as that is plain."""
    return all(_implied(condition, old.on(condition.field)) for condition in new.conditions)


def _implied(new: FieldCondition, old: FieldCondition | None) -> bool:
    """Whether whatever satisfies the old condition satisfies the new one."""
    if old is None:
        return False
    if new == old:
        return True
    if old.equals:
        return all(new.holds(value) for value in old.equals)
    if new.equals or new.ends_with or new.not_equals or new.not_starts_with or new.not_ends_with:
        return False
    return bool(old.starts_with) and all(value.startswith(new.starts_with) for value in old.starts_with)


def _named(selector: AdvancedSelector) -> str:
    """A selector in words."""
    kind = selector.on("resources.type")
    place = selector.on("resources.ARN") or selector.on("eventSource")
    what = "data events" if selector.category == DATA else f"{selector.category} events"
    if kind:
        what += f" of {_listed(kind.equals)}"
    if place and (values := place.equals or place.starts_with):
        what += f" {_listed(values)}"
    return what + (f" (selector {selector.name!r})" if selector.name else "")


def _listed(values: Iterable[str]) -> str:
    shown = sorted(values)
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
