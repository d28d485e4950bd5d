"""What a trail records.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html
"""

from dataclasses import replace

from trail_sandbox.aws.cloudtrail import aggregation, insights
from trail_sandbox.aws.cloudtrail.advanced_selectors import parse_advanced
from trail_sandbox.aws.cloudtrail.event_selectors import invalid, parse_basic
from trail_sandbox.aws.cloudtrail.request import Output, Request
from trail_sandbox.aws.cloudtrail.resolve import readable_trail, trail_at_home
from trail_sandbox.aws.regions import partition_of
from trail_sandbox.aws.trails import Trail


def put_event_selectors(request: Request) -> Output:
    """Let a trail record what these selectors of one kind select, and nothing else."""
    trail = trail_at_home(request, request.input["TrailName"])
    changed = _changed(request, trail)
    _check_what_rests_on_them(changed)
    request.trails.put(changed)
    return _describe(changed)


def get_event_selectors(request: Request) -> Output:
    """Describe what a trail records."""
    return _describe(readable_trail(request, request.input["TrailName"]))


def _changed(request: Request, trail: Trail) -> Trail:
    basic, advanced = request.input.get("EventSelectors"), request.input.get("AdvancedEventSelectors")
    if basic is not None and advanced is not None:
        # AWS's own words, as badmintoncryer/cdk-preflight got them.
        raise invalid("You can select events by using either EventSelectors or AdvancedEventSelectors, but not both")
    partition = partition_of(request.region)
    if not advanced:
        return replace(trail, event_selectors=parse_basic(basic or (), partition), advanced_event_selectors=())
    return replace(trail, event_selectors=(), advanced_event_selectors=parse_advanced(advanced, partition))


def _check_what_rests_on_them(trail: Trail) -> None:
    """Refuse to take away what insights or aggregation rest on, as their own operations refuse to begin without it.

    Not verified: AWS documents the like for event data stores alone.
    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateEventDataStore.html
    """
    need = insights.unmet_need(trail)
    if need:
        raise invalid(need)
    if aggregation.lacks_data_events(trail):
        raise invalid("To aggregate data events, the trail must log data events.")


def _describe(trail: Trail) -> Output:
    if trail.advanced_event_selectors:
        return {"TrailARN": trail.arn, "AdvancedEventSelectors": list(trail.advanced_event_selectors)}
    return {"TrailARN": trail.arn, "EventSelectors": list(trail.event_selectors)}
