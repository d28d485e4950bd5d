"""Tags of trails: added, removed, listed."""

from dataclasses import replace

from trail_sandbox.aws.cloudtrail import tags
from trail_sandbox.aws.cloudtrail.request import Output, Request
from trail_sandbox.aws.cloudtrail.resolve import retagged_trail, tagged_trail
from trail_sandbox.aws.errors import AwsError

_RESOURCES_OF_LIST_TAGS = 20


def add_tags(request: Request) -> Output:
    """Add tags to a trail."""
    trail = retagged_trail(request, request.input["ResourceId"])
    new = tags.parse_tags(request.input["TagsList"])
    request.trails.put(replace(trail, tags=tags.add(trail.tags, new, trail.arn)))
    return {}


def remove_tags(request: Request) -> Output:
    """Remove tags from a trail."""
    trail = retagged_trail(request, request.input["ResourceId"])
    unwanted = tags.parse_tags(request.input["TagsList"])
    request.trails.put(replace(trail, tags=tags.remove(trail.tags, unwanted)))
    return {}


def list_tags(request: Request) -> Output:
    """List the tags of trails in their home region."""
    arns = request.input["ResourceIdList"]
    if len(arns) > _RESOURCES_OF_LIST_TAGS:
        raise AwsError(
            "ValidationException",
            "1 validation error detected: Value at 'resourceIdList' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_RESOURCES_OF_LIST_TAGS}",
        )
    trails = [tagged_trail(request, arn, request.as_of) for arn in arns]
    return {
        "ResourceTagList": [
            {"ResourceId": trail.arn, "TagsList": [{"Key": key, "Value": value} for key, value in trail.tags]}
            for trail in trails
        ]
    }
