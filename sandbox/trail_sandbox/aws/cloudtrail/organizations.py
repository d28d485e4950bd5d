"""Organization trails: whose they are, who may manage them, and what they need of the organization.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-delegated-administrator.html
"""

from dataclasses import replace

from trail_sandbox.aws import organizations
from trail_sandbox.aws.cloudtrail.request import Request
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.organizations import Organization
from trail_sandbox.aws.trails import Trail, TrailStore
from trail_sandbox.aws.world import World


def owner_of_new_trail(request: Request) -> str:
    """Return the account of a new trail; an organization trail always belongs to the management account."""
    organization = request.world.organization(request.account) if request.input.get("IsOrganizationTrail") else None
    if organization and request.account in organization.delegated_administrators:
        return organization.management_account
    return request.account


def may_manage(request: Request, trail: Trail) -> bool:
    """Say whether the caller's account is the trail's, or a delegated administrator of its organization."""
    if trail.account == request.account:
        return True
    organization = request.world.organization(request.account)
    if organization is None or request.account not in organization.delegated_administrators:
        return False
    if not organizations.has_service_linked_role(trail.account):
        raise _no_service_linked_role()
    return True


def check_organization_trail(request: Request, before: Trail, after: Trail) -> None:
    """Refuse to make, change or end an organization trail where the organization, or who calls, is not up to it."""
    if after.is_organization_trail:
        organization = _organization(request)
        if organization.management_account != after.account:
            raise _not_master_account()
        _check_order(organization, request.account)
        _check_permissions(request)
        _provide_service_linked_role(request, after.account)
    elif before.is_organization_trail and before.account != request.account:
        # Only the management account converts trails:
        # https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateTrail.html
        raise _not_master_account()


def organization_to_administer(request: Request) -> Organization:
    """Give the organization whose delegated administrators the caller, its management account, is about to change."""
    organization = _organization(request)
    if organization.management_account != request.account:
        raise AwsError(
            "NotOrganizationManagementAccountException",
            "The request could not be processed because your account is not the management account of an organization.",
        )
    _check_order(organization, request.account)
    return organization


def check_permitted(request: Request, *actions: str) -> None:
    """Refuse a caller whose own policies do not allow what CloudTrail does in other services for it.

    The message: https://github.com/natsukium/dotfiles/pull/716
    """
    if not all(request.allowed(action, "*", {}) for action in actions):
        raise _insufficient_access()


def register_service_linked_role(request: Request) -> None:
    """Make the role, when a delegated administrator is registered, if it is not there.

    The message: https://github.com/aws-samples/aws-security-reference-architecture-examples/issues/305
    """
    if not organizations.has_service_linked_role(request.account) and not _may_create_role(request):
        raise AwsError(
            "InsufficientIAMAccessPermissionException",
            "The task can't be completed because you are signed in with an account that lacks permissions to create "
            "a service-linked role in AWS CloudTrail. Sign in to an account with the required permissions and then "
            "try again.",
        )
    _provide_service_linked_role(request, request.account)


def follow(trails: TrailStore, world: World) -> None:
    """Make account trails of organization trails whose organization is gone, or trusts CloudTrail no longer.

    https://docs.aws.amazon.com/organizations/latest/userguide/services-that-can-integrate-cloudtrail.html
    (disabling trusted access)
    """
    for trail in trails.all():
        if trail.is_organization_trail:
            organization = world.organization(trail.account)
            if organization is None or not organization.trusts_cloudtrail:
                trails.put(replace(trail, is_organization_trail=False))


def _organization(request: Request) -> Organization:
    organization = request.world.organization(request.account)
    if organization is None:
        raise AwsError(
            "OrganizationsNotInUseException",
            "The request could not be processed because your account is not a member of an organization.",
        )
    return organization


def _check_order(organization: Organization, account: str) -> None:
    if not organization.all_features:
        raise AwsError(
            "OrganizationNotInAllFeaturesModeException", "AWS Organizations is not configured to support all features."
        )
    if not organization.trusts_cloudtrail:
        # https://github.com/nozaq/terraform-aws-secure-baseline/issues/258
        raise AwsError(
            "CloudTrailAccessNotEnabledException",
            "The request could not be processed because your organization hasn\u2019t enabled CloudTrail service "
            "access. Enable service access for CloudTrail, and then try again. You are signed in with the following "
            f"AWS account ID: {account}",
        )


def _check_permissions(request: Request) -> None:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html"""
    check_permitted(request, "organizations:DescribeOrganization", "organizations:ListAWSServiceAccessForOrganization")
    if not request.allowed("iam:GetRole", organizations.service_linked_role_arn(request.account), {}):
        raise _insufficient_access()


def _provide_service_linked_role(request: Request, owner: str) -> None:
    """Make the role if it is not there, which only a call of the management account's does.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/using-service-linked-roles.html#create-slr
    """
    if organizations.has_service_linked_role(owner):
        return
    if request.account != owner:
        raise _no_service_linked_role()
    if not _may_create_role(request):
        raise _insufficient_access()
    organizations.create_service_linked_role(owner)


def _may_create_role(request: Request) -> bool:
    keys = {"iam:AWSServiceName": organizations.CLOUDTRAIL}
    return request.allowed("iam:CreateServiceLinkedRole", organizations.service_linked_role_arn(request.account), keys)


def _not_master_account() -> AwsError:
    """The message: https://github.com/aws/aws-cdk/pull/21824."""
    return AwsError(
        "NotOrganizationMasterAccountException",
        "You cannot configure or manage trails for an organization because this action requires being signed in with "
        "the management account.",
    )


def _no_service_linked_role() -> AwsError:
    return AwsError(
        "NoManagementAccountSLRExistsException", "The management account does not have a service-linked role."
    )


def _insufficient_access() -> AwsError:
    return AwsError(
        "InsufficientDependencyServiceAccessPermissionException",
        "AWS CloudTrail cannot create resources for your organization because access to one or more required APIs has "
        "been denied.",
    )
