"""What a trail no longer records after a change. Users are warned, since a shrinking audit log may be an attack.

If two selectors cannot be compared, a loss is reported.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from trail_operator.domain.arns import Arn
from trail_operator.domain.selectors import (
    DATA,
    MANAGEMENT,
    AdvancedSelector,
    BasicSelector,
    FieldCondition,
    Selectors,
    management_events,
    records_data_events,
)
from trail_operator.domain.texts import listed
from trail_operator.domain.trail import ObservedTrail, records_global_events

_ACCESS = {"true": "read", "false": "write"}
"""Meaning of the values of the field readOnly."""


def coverage_losses(before: ObservedTrail, after: ObservedTrail) -> tuple[str, ...]:
    """Describe what was recorded before and no longer is; empty if nothing is lost."""
    if not before.is_logging:
        return ()
    if not after.is_logging:
        return ("no events are recorded: logging is off",)
    losses = [words.format(region=after.home_region) for name, words in LOSSES.items() if _is_lost(name, before, after)]
    losses += [f"{lost} are no longer recorded" for lost in _lost_events(before.event_selectors, after.event_selectors)]
    if lost := before.insights - after.insights:
        losses.append(
            f"{listed(sorted(f'{kind} on {category} events' for kind, category in lost))} is no longer detected"
        )
    if gone := before.aggregations - after.aggregations:
        losses.append(f"aggregated events ({listed(sorted(template for _, template in gone))}) are no longer written")
    return tuple(losses)


LOSSES = {
    "is_multi_region_trail": "events of regions other than {region} are no longer recorded",
    "include_global_service_events": "events of global services (IAM, CloudFront, ...) are no longer recorded",
    "is_organization_trail": "events of the organization's other accounts are no longer recorded",
    "enable_log_file_validation": "digest files are no longer written: modified log files cannot be detected",
    "recursive_logging": "data events that the trail's own delivery causes are no longer recorded",
}
"""By attribute, what is lost once it is false. Every attribute that is scope has an entry."""


def _is_lost(name: str, before: ObservedTrail, after: ObservedTrail) -> bool:
    if name == "include_global_service_events":  # a multi-region trail records them from any home region
        return _global_events(before) is not False and _global_events(after) is False
    if name == "recursive_logging" and not records_data_events(before.event_selectors):
        return False
    return bool(getattr(before.configuration, name) and not getattr(after.configuration, name))


def _global_events(trail: ObservedTrail) -> bool | None:
    return records_global_events(trail.configuration, Arn.parse(trail.arn).partition, trail.home_region)


@dataclass
class _Lost:
    """Lost events of one kind."""

    resources: set[str] = field(default_factory=set)
    """ARNs or prefixes; an empty string means all."""
    accesses: set[str] = field(default_factory=set)


def _lost_events(old: Selectors, new: Selectors) -> list[str]:
    if old == new:
        return []
    kept = _as_advanced(new)
    pieces = [piece for entry in _as_advanced(old) for piece in _pieces(entry)]
    lost = [piece for piece in pieces if not any(_covers(other, piece) for other in kept)]
    return [
        *_lost_management([piece for piece in lost if piece.category == MANAGEMENT], kept, new),
        *_lost_others([piece for piece in lost if piece.category != MANAGEMENT]),
    ]


def _lost_management(lost: list[AdvancedSelector], kept: list[AdvancedSelector], new: Selectors) -> list[str]:
    gone = {_access(piece) for piece in lost} - {access.lower() for access in management_events(new)}
    losses = [f"management events ({listed(sorted(gone))})"] if gone else []
    sources: set[str] = set()
    for piece in lost:
        if _access(piece) in gone:
            continue
        excluded = [set(_on(entry, "eventSource").not_equals) for entry in kept if _meets(entry, piece)]
        missing = set.intersection(*excluded) - set(_on(piece, "eventSource").not_equals)
        sources |= missing or {"some services"}
    return [*losses, f"management events of {listed(sorted(sources))}"] if sources else losses


def _lost_others(lost: list[AdvancedSelector]) -> list[str]:
    kinds: dict[str, _Lost] = {}
    for piece in lost:
        kind = kinds.setdefault(_kind(piece), _Lost())
        kind.resources.add(_resource(piece))
        kind.accesses.add(_access(piece))
    return [
        what
        + (f" {listed(sorted(kind.resources))}" if "" not in kind.resources else "")
        + (f" ({listed(sorted(kind.accesses))})" if len(kind.accesses) == 1 and "" not in kind.accesses else "")
        for what, kind in kinds.items()
    ]


def _as_advanced(selectors: Selectors) -> list[AdvancedSelector]:
    """Convert to advanced selectors, one per value of a data resource."""
    result: list[AdvancedSelector] = []
    for entry in selectors:
        if isinstance(entry, AdvancedSelector):
            result.append(entry)
            continue
        if entry.include_management_events:
            excluded = [FieldCondition("eventSource", not_equals=entry.excluded_sources)]
            result.append(_advanced(entry, MANAGEMENT, excluded if entry.excluded_sources else []))
        for kind, values in entry.data_resources:
            of_kind = FieldCondition("resources.type", equals=(kind,))
            result += [_advanced(entry, DATA, [of_kind, *_of_resource(kind, value)]) for value in values]
    return result


def _advanced(selector: BasicSelector, category: str, conditions: Sequence[FieldCondition]) -> AdvancedSelector:
    entries = [FieldCondition("eventCategory", equals=(category,)), *conditions]
    if selector.read_write_type != "All":
        read_only = str(selector.read_write_type == "ReadOnly").lower()
        entries.append(FieldCondition("readOnly", equals=(read_only,)))
    return AdvancedSelector("", tuple(entries))


def _of_resource(kind: str, value: str) -> list[FieldCondition]:
    """Return the condition that a value of a data resource means: a prefix for objects, else the whole ARN.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DataResource.html
    """
    if value.count(":") <= 2:  # all resources of the type
        return []
    if kind == "AWS::S3::Object":
        return [FieldCondition("resources.ARN", starts_with=(value,))]
    return [FieldCondition("resources.ARN", equals=(value,))]


def _pieces(selector: AdvancedSelector) -> list[AdvancedSelector]:
    """Split a selector by read and write and by resource: each piece may be covered by another selector."""
    pieces = [selector]
    if selector.category in (MANAGEMENT, DATA):
        accesses = [access for access in _ACCESS if _on(selector, "readOnly").matches(access)]
        pieces = [_with(selector, FieldCondition("readOnly", equals=(access,))) for access in accesses]
    resources = _on(selector, "resources.ARN")
    if len(resources.equals) + len(resources.starts_with) + len(resources.ends_with) > 1:
        none = replace(resources, equals=(), starts_with=(), ends_with=())
        single = [
            *(replace(none, equals=(value,)) for value in resources.equals),
            *(replace(none, starts_with=(value,)) for value in resources.starts_with),
            *(replace(none, ends_with=(value,)) for value in resources.ends_with),
        ]
        pieces = [_with(piece, condition) for piece in pieces for condition in single]
    return pieces


def _with(selector: AdvancedSelector, condition: FieldCondition) -> AdvancedSelector:
    others = tuple(entry for entry in selector.conditions if entry.field != condition.field)
    return replace(selector, conditions=(*others, condition))


def _on(selector: AdvancedSelector, name: str) -> FieldCondition:
    return selector.on(name) or FieldCondition(name)


def _meets(new: AdvancedSelector, piece: AdvancedSelector) -> bool:
    """Return whether a selector records events of the piece's category and kind of access."""
    access = _on(piece, "readOnly").equals
    return new.category == piece.category and all(_on(new, "readOnly").matches(value) for value in access)


def _covers(new: AdvancedSelector, old: AdvancedSelector) -> bool:
    """Return whether the new selector certainly records everything that the old one records."""
    return all(_implied(condition, old.on(condition.field)) for condition in new.conditions)


def _implied(new: FieldCondition, old: FieldCondition | None) -> bool:
    """Return whether the old condition implies the new one."""
    if old is None:
        return False
    if old.equals and _wanted(old) == old.equals:
        return all(new.matches(value) for value in old.equals if old.matches(value))
    return _refuses(new, old) and (not _wanted(new) or (bool(_wanted(old)) and _is_within(old, new)))


def _is_within(old: FieldCondition, new: FieldCondition) -> bool:
    """Return whether each alternative of the old condition satisfies one of the new condition."""
    wanted = replace(new, not_equals=(), not_starts_with=(), not_ends_with=())
    return (
        all(wanted.matches(value) for value in old.equals)
        and all(value.startswith(new.starts_with) for value in old.starts_with)
        and all(value.endswith(new.ends_with) for value in old.ends_with)
    )


def _refuses(new: FieldCondition, old: FieldCondition) -> bool:
    """Return whether the old condition excludes everything that the new one excludes."""
    return (
        not any(old.matches(value) for value in new.not_equals)
        and all(value.startswith(old.not_starts_with) for value in new.not_starts_with)
        and all(value.endswith(old.not_ends_with) for value in new.not_ends_with)
    )


def _wanted(condition: FieldCondition) -> tuple[str, ...]:
    return (*condition.equals, *condition.starts_with, *condition.ends_with)


def _kind(selector: AdvancedSelector) -> str:
    """Describe the events of a selector."""
    kind = selector.on("resources.type") or selector.on("eventSource")
    what = "data events" if selector.category == DATA else f"{selector.category} events"
    if kind and kind.equals:
        what += f" of {listed(sorted(kind.equals))}"
    return what + (f" (selector {selector.name!r})" if selector.name else "")


def _resource(selector: AdvancedSelector) -> str:
    return next(iter(_wanted(_on(selector, "resources.ARN"))), "")


def _access(selector: AdvancedSelector) -> str:
    return next((_ACCESS.get(value, value) for value in _on(selector, "readOnly").equals), "")
