"""What a trail records."""

from trail_sandbox.aws.cloudtrail.request import Output, Request
from trail_sandbox.aws.cloudtrail.resolve import visible_trail


def get_event_selectors(request: Request) -> Output:
    """Tell what a trail records."""
    trail = visible_trail(request, request.input["TrailName"])
    return {"TrailARN": trail.arn, "EventSelectors": list(trail.event_selectors)}
