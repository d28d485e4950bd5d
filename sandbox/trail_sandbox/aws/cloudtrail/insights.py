"""Insight selectors: what they may say, and what they need the trail to record.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutInsightSelectors.html
AWS's messages are not known: these are the documentation's words.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trail_sandbox.aws.cloudtrail.recorded import Kind, kinds_of
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.trails import Trail

_TYPES = frozenset({"ApiCallRateInsight", "ApiErrorRateInsight"})
_CATEGORIES = frozenset({"Management", "Data"})
_RATE_OF_MANAGEMENT = ("ApiCallRateInsight", "Management")


def parse_insights(selectors: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Give selectors with their event categories, which are Management unless given."""
    return tuple(_parse(selector) for selector in selectors)


def unmet_need(trail: Trail) -> str | None:
    """Say, in AWS's words, what the trail would have to record for its insights."""
    kinds = kinds_of(trail)
    for selector in trail.insight_selectors:
        for category in selector["EventCategories"]:
            needed, words = _need(selector["InsightType"], category)
            if not needed & kinds:
                return words
    return None


def invalid_insights(message: str) -> AwsError:
    """Refuse insight selectors."""
    return AwsError("InvalidInsightSelectorsException", message)


def _parse(selector: Mapping[str, Any]) -> Mapping[str, Any]:
    kind = selector.get("InsightType")
    if kind not in _TYPES:
        raise invalid_insights("Valid values for InsightType are ApiCallRateInsight and ApiErrorRateInsight.")
    categories = selector.get("EventCategories") or ["Management"]
    if not _CATEGORIES.issuperset(categories):
        raise invalid_insights("The valid EventCategories are Management and Data.")
    return {"InsightType": kind, "EventCategories": categories}


def _need(kind: str, category: str) -> tuple[frozenset[Kind], str]:
    """Give the kinds of events of which the trail must record one."""
    rate = "API call rate" if kind == "ApiCallRateInsight" else "API error rate"
    ways = ("Write",) if (kind, category) == _RATE_OF_MANAGEMENT else ("Read", "Write")
    names = " or ".join(way.lower() for way in ways)
    words = f"To log CloudTrail Insights on the {rate}, the trail must log {names} {category.lower()} events."
    return frozenset((category, way) for way in ways), words
