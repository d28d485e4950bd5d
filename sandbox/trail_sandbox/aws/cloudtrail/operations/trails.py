"""Trails: made, changed, removed, told of."""

from dataclasses import replace

from trail_sandbox.aws.cloudtrail import references, rules, tags
from trail_sandbox.aws.cloudtrail.configuration import changed, check_dependencies
from trail_sandbox.aws.cloudtrail.description import configuration, description
from trail_sandbox.aws.cloudtrail.limits import check_quota
from trail_sandbox.aws.cloudtrail.request import Output, Request
from trail_sandbox.aws.cloudtrail.resolve import trail_at_home, visible_trail
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.trails import Trail


def create_trail(request: Request) -> Output:
    """Make a trail; it does not log yet."""
    name = request.input["Name"]
    rules.check_trail_name(name)
    new_tags = tags.parse_tags(request.input.get("TagsList", []))
    blank = Trail(name, request.account, request.region, request.input["S3BucketName"], created=request.now)
    trail = changed(request, replace(blank, tags=tags.add((), new_tags, blank.arn)))
    others = request.trails.of_account(request.account)
    if any(other.name == name and other.is_visible_in(request.region) for other in others):
        raise AwsError("TrailAlreadyExistsException", f"Trail {name} already exists for customer: {request.account}")
    if request.settings.quotas:
        check_quota(request.account, request.region, others, multi_region=trail.is_multi_region_trail)
    check_dependencies(request.world, trail)
    request.trails.put(trail)
    return configuration(trail)


def update_trail(request: Request) -> Output:
    """Change what is given and keep all else; an empty string clears."""
    old = trail_at_home(request, request.input["Name"])
    trail = changed(request, old)
    if request.settings.quotas and trail.is_multi_region_trail and not old.is_multi_region_trail:
        others = [other for other in request.trails.of_account(request.account) if other.arn != old.arn]
        check_quota(request.account, request.region, others, multi_region=True)
    check_dependencies(request.world, trail)
    request.trails.put(trail)
    return configuration(trail)


def delete_trail(request: Request) -> Output:
    """Remove a trail; what it has delivered stays."""
    request.trails.delete(trail_at_home(request, request.input["Name"]))
    return {}


def get_trail(request: Request) -> Output:
    """Tell of one trail."""
    return {"Trail": description(visible_trail(request, request.input["Name"]))}


def describe_trails(request: Request) -> Output:
    """Tell of the trails of a region with the shadows there, or of those that are named."""
    trails = request.trails.of_account(request.account, request.as_of)
    names = request.input.get("trailNameList")
    if names:
        meant = {references.parse_reference(name, request.account, request.region).arn for name in names}
        trails = [trail for trail in trails if trail.arn in meant]
    else:
        trails = [trail for trail in trails if trail.is_visible_in(request.region)]
    if not request.input.get("includeShadowTrails", True):
        trails = [trail for trail in trails if trail.home_region == request.region]
    return {"trailList": [description(trail) for trail in _sorted(trails)]}


def list_trails(request: Request) -> Output:
    """Tell of all trails of the account, whatever their region."""
    return {
        "Trails": [
            {"TrailARN": trail.arn, "Name": trail.name, "HomeRegion": trail.home_region}
            for trail in _sorted(request.trails.of_account(request.account, request.as_of))
        ]
    }


def _sorted(trails: list[Trail]) -> list[Trail]:
    return sorted(trails, key=lambda trail: (trail.home_region, trail.name))
