"""Trails: created, changed, deleted and described."""

from dataclasses import replace

from trail_sandbox.aws.cloudtrail import references, rules, tags
from trail_sandbox.aws.cloudtrail.configuration import changed, check_dependencies
from trail_sandbox.aws.cloudtrail.description import configuration, description
from trail_sandbox.aws.cloudtrail.limits import check_quota
from trail_sandbox.aws.cloudtrail.organizations import owner_of_new_trail
from trail_sandbox.aws.cloudtrail.request import Output, Request
from trail_sandbox.aws.cloudtrail.resolve import is_of_organization, trail_at_home, visible_trail
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.trails import Trail


def create_trail(request: Request) -> Output:
    """Make a trail; it does not log yet."""
    name = request.input["Name"]
    rules.check_trail_name(name)
    new_tags = tags.parse_tags(request.input.get("TagsList", []))
    owner = owner_of_new_trail(request)
    blank = Trail(name, owner, request.region, request.input["S3BucketName"], created=request.now)
    trail = changed(request, replace(blank, tags=tags.add((), new_tags, blank.arn)))
    if any(one.name == name and one.is_visible_in(request.region) for one in request.trails.of_account(owner)):
        raise AwsError("TrailAlreadyExistsException", f"Trail {name} already exists for customer: {owner}")
    _check_quota(request, trail)
    check_dependencies(request.world, trail)
    request.trails.put(trail)
    return configuration(trail)


def update_trail(request: Request) -> Output:
    """Change what is given and keep all else; an empty string clears."""
    old = trail_at_home(request, request.input["Name"])
    trail = changed(request, old)
    if trail.is_multi_region_trail and not old.is_multi_region_trail:
        _check_quota(request, trail)
    check_dependencies(request.world, trail)
    request.trails.put(trail)
    return configuration(trail)


def delete_trail(request: Request) -> Output:
    """Remove a trail; what it has delivered stays."""
    request.trails.delete(trail_at_home(request, request.input["Name"]))
    return {}


def get_trail(request: Request) -> Output:
    """Describe one trail."""
    return {"Trail": description(visible_trail(request, request.input["Name"]))}


def describe_trails(request: Request) -> Output:
    """Describe the trails of a region, with the shadow trails there, or those that are named."""
    trails = request.trails_of(request.account, request.as_of)
    names = request.input.get("trailNameList")
    if names:
        meant = [references.parse_reference(name, request.account, request.region) for name in names]
        if not all(is_of_organization(request, reference) for reference in meant):
            raise references.wrong_account(request.account)
        arns = {reference.arn for reference in meant}
        trails = [trail for trail in trails if trail.arn in arns]
    else:
        trails = [trail for trail in trails if trail.is_visible_in(request.region)]
    if not request.input.get("includeShadowTrails", True):
        home = (request.account, request.region)
        trails = [trail for trail in trails if (trail.account, trail.home_region) == home]
    return {"trailList": [description(trail) for trail in _sorted(trails)]}


def list_trails(request: Request) -> Output:
    """List all trails of the account in all regions."""
    return {
        "Trails": [
            {"TrailARN": trail.arn, "Name": trail.name, "HomeRegion": trail.home_region}
            for trail in _sorted(request.trails_of(request.account, request.as_of))
        ]
    }


def _check_quota(request: Request, trail: Trail) -> None:
    """Refuse a trail that the account it becomes, or the delegated administrator who makes it, has no room for.

    Other members get an organization trail even beyond their quota:
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html
    """
    if not request.settings.quotas:
        return
    for account in sorted({trail.account, request.account}):
        others = [other for other in request.trails_of(account) if other.arn != trail.arn]
        check_quota(account, request.region, others, multi_region=trail.is_multi_region_trail)


def _sorted(trails: list[Trail]) -> list[Trail]:
    return sorted(trails, key=lambda trail: (trail.home_region, trail.name))
