"""The plan: which AWS writes turn an observed trail into the desired one, in which order and why.

A plan is a value. After it was applied, planning again returns an empty plan. At no moment does the trail record
what neither the old nor the new spec asks for, or miss what both ask for: docs/architecture.md derives the order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.trail_status import Difference
from trail_operator.domain.actions import Action, Operation, put_aggregations, put_insights, put_selectors, tag_list
from trail_operator.domain.attributes import ATTRIBUTES, SCOPE, SENT_TOGETHER, differing
from trail_operator.domain.diff import (
    about_tags,
    aggregation_differences,
    configuration_differences,
    differences,
    insight_differences,
    logging_differences,
    selector_differences,
    tag_differences,
)
from trail_operator.domain.selectors import DEFAULT, supports_aggregation, supports_insight
from trail_operator.domain.trail import DesiredTrail, ObservedTrail

# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
_MOST_TAGS = 50


def plan(desired: DesiredTrail, observed: ObservedTrail | None) -> tuple[Action, ...]:
    """Return the writes that make the trail match the spec; empty if it does."""
    if observed is None:
        return _creation(desired)
    update = _Update(desired, observed)
    return update.actions()


def restart(desired: DesiredTrail, observed: ObservedTrail) -> tuple[Action, ...]:
    """Return StartLogging if it requires no other write: it is sent even if some reads got no answer.

    A trail that was never started waits for its selectors, and one to be adopted for its owner tag.
    """
    return tuple(one for one in plan(desired, observed) if one.operation == "StartLogging" and not one.requires)


def _creation(desired: DesiredTrail) -> tuple[Action, ...]:
    # CreateTrail sends the tags, so that the trail is recognized if the response is lost.
    parameters: dict[str, Any] = {"Name": desired.name}
    for name, attribute in ATTRIBUTES.items():
        value = getattr(desired.configuration, name)
        if value is not None:  # omitted instead of "", which only UpdateTrail is known to accept
            parameters[attribute.request] = attribute.form.sent(value)
    parameters["TagsList"] = tag_list(desired.tags)
    actions = [Action("CreateTrail", parameters, differences(desired, None))]
    created: frozenset[Operation] = frozenset({"CreateTrail"})
    recording: frozenset[Operation] = frozenset({"CreateTrail", "PutEventSelectors"})
    if desired.event_selectors != DEFAULT:
        actions.append(put_selectors(desired, requires=created))
    if desired.insights:
        actions.append(put_insights(desired.arn, desired.insights, requires=recording))
    if desired.aggregations:
        actions.append(put_aggregations(desired.arn, desired.aggregations, requires=recording))
    if desired.is_logging:  # a trail created through the API does not log until StartLogging
        actions.append(Action("StartLogging", {"Name": desired.arn}, requires=recording))
    return tuple(actions)


class _Update:
    """The plan for a trail that exists."""

    def __init__(self, desired: DesiredTrail, observed: ObservedTrail) -> None:
        self._desired = desired
        self._observed = observed
        self._changed = differing(desired.configuration, observed.configuration)
        self._selectors = selector_differences(desired, observed)
        self._is_adoption = not desired.owns(observed.owner)
        self._is_renaming = observed.owner in desired.former_owners
        more = {name for name in self._changed & SCOPE if getattr(desired.configuration, name)}
        self._more, self._less = more, (self._changed & SCOPE) - more

    def actions(self) -> tuple[Action, ...]:
        narrowing, widening = self._update_trail()
        insights_before, insights_after = self._insights()
        aggregations_before, aggregations_after = self._aggregations()
        off, tags = self._stop(), self._tags()
        before_selectors = [*narrowing, *insights_before, *aggregations_before]
        steps = [
            *((tags + off) if self._is_adoption else (off + tags)),
            *before_selectors,
            *self._put_selectors(before_selectors),
            *widening,
            *insights_after,
            *aggregations_after,
            *self._start(),
        ]
        return tuple(self._guarded(step) for step in steps)

    def _guarded(self, step: Action) -> Action:
        """Add what every step requires: an adopted trail gets the owner tag first, and logging stops first if off."""
        if step.operation in ("AddTags", "RemoveTags"):
            return step
        first: set[Operation] = set()
        if self._is_adoption:
            first.add("AddTags")
        if not self._desired.is_logging and step.operation != "StopLogging":
            first.add("StopLogging")
        return replace(step, requires=step.requires | first)

    def _stop(self) -> list[Action]:
        changed = logging_differences(self._desired, self._observed)
        if changed and not self._desired.is_logging:
            return [Action("StopLogging", {"Name": self._desired.arn}, changed)]
        return []

    def _start(self) -> list[Action]:
        changed = logging_differences(self._desired, self._observed)
        if not changed or not self._desired.is_logging:
            return []
        # A trail that logged before may record what it recorded. One that never logged must not record unwanted events.
        first: set[Operation] = set()
        if not self._observed.ever_logged:
            first.add("PutEventSelectors")
            if self._less and not self._selectors:
                first.add("UpdateTrail")
        return [Action("StartLogging", {"Name": self._desired.arn}, changed, requires=frozenset(first))]

    def _tags(self) -> list[Action]:
        """Remove tags before adding others, to stay below the limit; but add the owner tag first of all."""
        desired, observed = self._desired, self._observed
        off = {key: "" for key in sorted(observed.tags) if desired.governs(key) and key not in desired.tags}
        on = {key: value for key, value in desired.tags.items() if observed.tags.get(key) != value}
        has_room = len(observed.tags.keys() | on.keys()) <= _MOST_TAGS
        ownership: dict[str, str] = {}
        if self._is_adoption and len(observed.tags.keys() | {OWNER_TAG}) <= _MOST_TAGS:
            ownership = on if has_room else {OWNER_TAG: on[OWNER_TAG]}
        marked = frozenset[Operation]({"AddTags"}) if ownership else frozenset[Operation]()
        others = {key: value for key, value in on.items() if key not in ownership}
        room = frozenset[Operation]() if has_room else frozenset[Operation]({"RemoveTags"})
        return [
            *self._write_tags("AddTags", ownership),
            *self._write_tags("RemoveTags", off, marked),
            *self._write_tags("AddTags", others, marked | room),
        ]

    def _write_tags(
        self, operation: Operation, tags: Mapping[str, str], requires: frozenset[Operation] = frozenset()
    ) -> list[Action]:
        if not tags:
            return []
        parameters = {"ResourceId": self._desired.arn, "TagsList": tag_list(tags)}
        changes = about_tags(tag_differences(self._desired, self._observed), tags)
        is_ours = operation == "AddTags" and OWNER_TAG in tags
        return [
            Action(
                operation,
                parameters,
                changes,
                requires,
                is_adoption=is_ours and self._is_adoption,
                is_renaming=is_ours and self._is_renaming,
            )
        ]

    def _update_trail(self) -> tuple[list[Action], list[Action]]:
        """Return UpdateTrail before and after the selectors.

        If the selectors change too, the trail is narrowed to fewer regions or accounts before, and widened after:
        otherwise it would temporarily record what neither spec asks for. Both take two calls, even while the trail is
        stopped, because it is started again even if AWS rejects the selectors.
        """
        if not self._changed:
            return [], []
        if not (self._selectors and self._more and self._desired.is_logging):
            return [self._update(self._changed)], []
        after: frozenset[Operation] = frozenset({"PutEventSelectors"})
        if not self._less:
            return [], [self._update(self._changed, requires=after)]
        return (
            [self._update(self._changed - self._more, kept=self._more)],
            [self._update(self._more, requires=after | {"UpdateTrail"})],
        )

    def _update(
        self, changed: set[str], *, kept: Iterable[str] = (), requires: frozenset[Operation] = frozenset()
    ) -> Action:
        sent = set(changed)
        for together in SENT_TOGETHER:
            if sent & together:
                sent |= together
        parameters: dict[str, Any] = {"Name": self._desired.arn}
        for name, attribute in ATTRIBUTES.items():
            if name in sent:
                source = self._observed if name in kept else self._desired
                value = getattr(source.configuration, name)
                # UpdateTrail merges: an omitted field is kept, an empty one is cleared.
                parameters[attribute.request] = "" if value is None else attribute.form.sent(value)
        paths = {ATTRIBUTES[name].spec for name in changed}
        changes = tuple(
            entry for entry in configuration_differences(self._desired, self._observed) if entry.path in paths
        )
        return Action("UpdateTrail", parameters, changes, requires)

    def _put_selectors(self, before: list[Action]) -> list[Action]:
        """Return PutEventSelectors, which requires the writes before it that depend on the old selectors and scope."""
        if not self._selectors:
            return []
        first = {step.operation for step in before}
        if not self._less:
            first.discard("UpdateTrail")
        return [put_selectors(self._desired, self._selectors, frozenset(first))]

    def _insights(self) -> tuple[list[Action], list[Action]]:
        changed = insight_differences(self._desired, self._observed)
        if not changed:
            return [], []
        wanted, found = self._desired.insights, self._observed.insights
        kept = frozenset(one for one in wanted & found if supports_insight(self._observed.event_selectors, one))
        return self._around_selectors(
            changed,
            can_follow=all(supports_insight(self._desired.event_selectors, one) for one in found),
            can_precede=all(supports_insight(self._observed.event_selectors, one) for one in wanted),
            wanted=put_insights(self._desired.arn, wanted, changed),
            reduced=put_insights(self._desired.arn, kept, changed),
        )

    def _aggregations(self) -> tuple[list[Action], list[Action]]:
        changed = aggregation_differences(self._desired, self._observed)
        if not changed:
            return [], []
        wanted, found = self._desired.aggregations, self._observed.aggregations
        kept = frozenset(one for one in wanted & found if supports_aggregation(self._observed.event_selectors, one))
        return self._around_selectors(
            changed,
            can_follow=all(supports_aggregation(self._desired.event_selectors, one) for one in found),
            can_precede=all(supports_aggregation(self._observed.event_selectors, one) for one in wanted),
            wanted=put_aggregations(self._desired.arn, wanted, changed),
            reduced=put_aggregations(self._desired.arn, kept, changed),
        )

    def _around_selectors(
        self,
        changed: tuple[Difference, ...],
        *,
        can_follow: bool,
        can_precede: bool,
        wanted: Action,
        reduced: Action,
    ) -> tuple[list[Action], list[Action]]:
        """Place a write that depends on selectors: before they are narrowed, after they are widened."""
        after = Action(wanted.operation, wanted.parameters, changed, frozenset({"PutEventSelectors"}))
        if not self._selectors:
            return [wanted], []
        if can_follow:
            return [], [after]
        if can_precede:
            return [wanted], []
        return [reduced], [after]
