"""Which trail a call is about, and whether it may be used there."""

from datetime import datetime

from trail_sandbox.aws.cloudtrail import references
from trail_sandbox.aws.cloudtrail.request import Request
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.trails import Trail


def trail_at_home(request: Request, name: str) -> Trail:
    """Give the trail that is to be changed: only in its home region."""
    reference = references.parse_reference(name, request.account, request.region)
    trail = request.trails.get(reference.arn)
    if trail is None:
        raise references.unknown_trail(reference.arn, request.account)
    references.check_home_region(trail, request.region)
    return trail


def visible_trail(request: Request, name: str) -> Trail:
    """Give the trail that is to be read: at home, or its shadow by ARN."""
    reference = references.parse_reference(name, request.account, request.region)
    trail = request.trails.get(reference.arn, request.as_of)
    if trail is None or not trail.is_visible_in(request.region):
        raise references.unknown_trail(reference.arn, request.account)
    return trail


def tagged_trail(request: Request, arn: str, as_of: datetime | None = None) -> Trail:
    """Give the trail whose tags are meant: by ARN, in its home region."""
    reference = references.parse_arn(arn)
    if reference.account != request.account:
        raise references.wrong_account(request.account)
    if reference.region != request.region:
        raise references.wrong_region(request.region)
    trail = request.trails.get(reference.arn, as_of)
    if trail is None:
        raise AwsError("ResourceNotFoundException", f"Unknown trail: {arn} for the user: {request.account}")
    return trail
