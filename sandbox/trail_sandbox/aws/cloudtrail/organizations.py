"""What an organization trail needs of the organization.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html
"""

from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.world import World

_SERVICE = "cloudtrail.amazonaws.com"


def check_organization(world: World, account: str) -> None:
    """Refuse to make or end an organization trail in an account that may not."""
    organization = world.organization(account)
    if organization is None:
        raise AwsError(
            "OrganizationsNotInUseException",
            "The request could not be processed because your account is not a member of an organization.",
        )
    if organization.management_account != account:
        raise AwsError(
            "NotOrganizationMasterAccountException",
            "The request could not be processed because your account is not the management account of an organization.",
        )
    if not organization.all_features:
        raise AwsError(
            "OrganizationNotInAllFeaturesModeException", "AWS Organizations is not configured to support all features."
        )
    if _SERVICE not in organization.trusted_services:
        raise AwsError(
            "CloudTrailAccessNotEnabledException", "Trusted access to CloudTrail is not enabled in AWS Organizations."
        )
