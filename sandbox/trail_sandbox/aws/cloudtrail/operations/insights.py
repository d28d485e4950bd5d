"""Insights: turned on and off, and described.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutInsightSelectors.html
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetInsightSelectors.html
"""

from dataclasses import replace

from trail_sandbox.aws.cloudtrail.configuration import check_insights_delivery
from trail_sandbox.aws.cloudtrail.insights import invalid_insights, parse_insights, unmet_need
from trail_sandbox.aws.cloudtrail.request import Output, Request
from trail_sandbox.aws.cloudtrail.resolve import named_trail, readable_trail, trail_at_home
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.trails import Trail


def put_insight_selectors(request: Request) -> Output:
    """Let a trail log these insights and no others; an empty list turns insights off."""
    trail = trail_at_home(request, named_trail(request, _no_data_store()))
    if request.region in request.settings.regions_without_insights:
        raise AwsError("UnsupportedOperationException", "The requested operation is not supported.")
    changed = replace(trail, insight_selectors=parse_insights(request.input["InsightSelectors"]))
    if changed.insight_selectors:
        need = unmet_need(changed)
        if need:
            raise invalid_insights(need)
        check_insights_delivery(request.world, changed)
    request.trails.put(changed)
    return _describe(changed)


def get_insight_selectors(request: Request) -> Output:
    """Describe which insights a trail logs."""
    trail = readable_trail(request, named_trail(request, _no_data_store()))
    if not trail.insight_selectors:
        raise AwsError(
            "InsightNotEnabledException",
            f"Trail {trail.arn} does not have Insights enabled. Edit the trail settings to enable Insights, and then "
            "try the operation again.",
        )
    return _describe(trail)


def _no_data_store() -> AwsError:
    """Refuse an event data store: there are none, and these operations model no error for one that is not there."""
    return AwsError("InvalidParameterException", "The specified event data store was not found.")


def _describe(trail: Trail) -> Output:
    return {"TrailARN": trail.arn, "InsightSelectors": list(trail.insight_selectors)}
