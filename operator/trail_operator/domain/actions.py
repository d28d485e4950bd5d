"""AWS writes as values: what each sends, and which differences it removes.

`plan.py` decides which writes are made, and in which order.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trail_operator.api.trail_status import Difference
from trail_operator.domain.selector_conversion import (
    aggregation_parameters,
    insight_parameters,
    selector_parameters,
)
from trail_operator.domain.selectors import Aggregations, Insights
from trail_operator.domain.trail import DesiredTrail

Operation = Literal[
    "CreateTrail",
    "UpdateTrail",
    "DeleteTrail",
    "StartLogging",
    "StopLogging",
    "AddTags",
    "RemoveTags",
    "PutEventSelectors",
    "PutInsightSelectors",
    "PutEventConfiguration",
]


@dataclass(frozen=True)
class Action:
    """An AWS write, and the differences that it removes."""

    operation: Operation
    parameters: Mapping[str, Any]
    differences: tuple[Difference, ...] = ()
    requires: frozenset[Operation] = frozenset()
    """Writes of the plan that must not have failed before it: without them it would do harm."""
    is_adoption: bool = False
    """Whether it takes over a trail."""
    is_renaming: bool = False
    """Whether it replaces a former name of the cluster in the owner tag."""

    def is_stopped_by(self, not_done: Collection[str]) -> bool:
        """Whether it is not sent if these operations failed, or were not sent themselves."""
        return self.operation in not_done or not self.requires.isdisjoint(not_done)


def deletion(arn: str) -> Action:
    """Return the write that deletes a trail. Its log files stay in the bucket."""
    return Action("DeleteTrail", {"Name": arn})


def owner_tag_removal(arn: str, tag: str) -> Action:
    """Return the write that removes the owner tag from a trail that is kept."""
    return Action("RemoveTags", {"ResourceId": arn, "TagsList": [{"Key": tag}]})


def put_selectors(
    desired: DesiredTrail, changed: tuple[Difference, ...] = (), requires: frozenset[Operation] = frozenset()
) -> Action:
    """Return the write of the desired event selectors."""
    parameters = {"TrailName": desired.arn} | selector_parameters(desired.event_selectors)
    return Action("PutEventSelectors", parameters, changed, requires)


def put_insights(
    arn: str,
    insights: Insights,
    changed: tuple[Difference, ...] = (),
    requires: frozenset[Operation] = frozenset(),
) -> Action:
    """Return the write of these insights. None turn them off."""
    return Action("PutInsightSelectors", {"TrailName": arn} | insight_parameters(insights), changed, requires)


def put_aggregations(
    arn: str,
    aggregations: Aggregations,
    changed: tuple[Difference, ...] = (),
    requires: frozenset[Operation] = frozenset(),
) -> Action:
    """Return the write of these aggregations. None turn them off."""
    return Action("PutEventConfiguration", {"TrailName": arn} | aggregation_parameters(aggregations), changed, requires)


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags for a request. AWS rejects an empty Value, but supports tags without one."""
    return [{"Key": key, "Value": value} if value else {"Key": key} for key, value in sorted(tags.items())]
