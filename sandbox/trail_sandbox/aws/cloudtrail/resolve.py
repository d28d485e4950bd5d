"""Which trail a call is about, and whether it may be used there."""

from datetime import datetime, timedelta

from trail_sandbox.aws.cloudtrail import references
from trail_sandbox.aws.cloudtrail.organizations import may_manage
from trail_sandbox.aws.cloudtrail.references import Reference
from trail_sandbox.aws.cloudtrail.request import Request
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.organizations import management_account
from trail_sandbox.aws.trails import Trail


def trail_at_home(request: Request, name: str) -> Trail:
    """Give the trail that is to be changed: only in its home region."""
    reference = references.parse_reference(name, request.account, request.region)
    trail = _find(request, reference)
    if trail is None:
        raise references.unknown_trail(reference.arn, request.account)
    if not may_manage(request, trail):
        raise AwsError(
            "OperationNotPermittedException",
            f"Trail {trail.arn} is an organization trail: member accounts cannot change it.",
        )
    references.check_home_region(trail, request.region)
    _check_ready(request, trail)
    return trail


def named_trail(request: Request, no_data_store: AwsError) -> str:
    """Give the name in a call that is about a trail or an event data store, of which there are none."""
    names = {name for name in ("TrailName", "EventDataStore", "InsightsDestination") if name in request.input}
    if names == {"TrailName"}:
        return str(request.input["TrailName"])
    if "TrailName" in names or "EventDataStore" not in names:
        raise AwsError("InvalidParameterCombinationException", "Specify either TrailName or EventDataStore.")
    raise no_data_store


def visible_trail(request: Request, name: str) -> Trail:
    """Give the trail that is to be read: at home, or its shadow by ARN, also that of an organization's in a member."""
    reference = references.parse_reference(name, request.account, request.region)
    trail = _find(request, reference, request.as_of)
    if trail is None or not trail.is_visible_in(request.region):
        raise references.unknown_trail(reference.arn, request.account)
    return trail


def readable_trail(request: Request, name: str) -> Trail:
    """Give the trail whose selectors are to be read: in members that fails for the trails of their organization.

    https://github.com/cloud-custodian/cloud-custodian/pull/6394
    """
    trail = visible_trail(request, name)
    if not may_manage(request, trail):
        raise references.wrong_account(request.account)
    return trail


def retagged_trail(request: Request, arn: str) -> Trail:
    """Give the trail whose tags are to be changed."""
    trail = tagged_trail(request, arn)
    _check_ready(request, trail)
    return trail


def tagged_trail(request: Request, arn: str, as_of: datetime | None = None) -> Trail:
    """Give the trail whose tags are meant: by ARN, in its home region."""
    reference = references.parse_arn(arn, request.region)
    trail = _find(request, reference, as_of)
    if trail and not may_manage(request, trail):
        # https://github.com/prowler-cloud/prowler/pull/2025
        raise references.wrong_account(request.account)
    if reference.region != request.region:
        raise references.wrong_region(request.region)
    if trail is None:
        raise AwsError("ResourceNotFoundException", f"Unknown trail: {arn} for the user: {request.account}")
    return trail


def _find(request: Request, reference: Reference, as_of: datetime | None = None) -> Trail | None:
    """Look a trail up, of the caller's account or of its organization."""
    if not is_of_organization(request, reference):
        raise references.wrong_account(request.account)
    trail = request.trails.get(reference.arn, as_of)
    if reference.account == request.account:
        return trail
    return trail if trail and trail.is_organization_trail else None


def is_of_organization(request: Request, reference: Reference) -> bool:
    """Say whether a trail that is named would be of the caller's account, or of its management account."""
    return reference.account in (request.account, management_account(request.account))


def _check_ready(request: Request, trail: Trail) -> None:
    """Refuse to change a trail that CloudTrail still loads; the words are those of the error's description.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateTrail.html#API_UpdateTrail_Errors
    """
    if request.now < trail.created + timedelta(seconds=request.settings.trail_loading):
        raise AwsError(
            "ConflictException",
            "The specified resource is not ready for an operation. Wait a few minutes, and then try the operation "
            "again.",
        )
