"""Delegated administrators: members that manage the organization's trails.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_RegisterOrganizationDelegatedAdmin.html
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DeregisterOrganizationDelegatedAdmin.html
The words of the errors are those of their descriptions there.
"""

from trail_sandbox.aws.cloudtrail.organizations import (
    check_permitted,
    organization_to_administer,
    register_service_linked_role,
)
from trail_sandbox.aws.cloudtrail.request import Output, Request
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.organizations import MOST_ADMINISTRATORS, Organization


def register_organization_delegated_admin(request: Request) -> Output:
    """Make a member a delegated administrator, in Organizations as well."""
    organization = organization_to_administer(request)
    account = _account(request.input["MemberAccountId"], organization)
    if account == organization.management_account:
        raise AwsError(
            "CannotDelegateManagementAccountException",
            "The management account of an organization cannot be registered as the CloudTrail delegated administrator.",
        )
    if account in organization.delegated_administrators:
        raise AwsError(
            "AccountRegisteredException",
            "The account is already registered as the CloudTrail delegated administrator.",
        )
    if len(organization.delegated_administrators) >= MOST_ADMINISTRATORS:
        raise AwsError(
            "DelegatedAdminAccountLimitExceededException",
            "The maximum number of CloudTrail delegated administrators is reached.",
        )
    _check_permitted(request, "organizations:RegisterDelegatedAdministrator")
    register_service_linked_role(request)
    organization.register(account)
    return {}


def deregister_organization_delegated_admin(request: Request) -> Output:
    """Make a delegated administrator a member like others; the trails that it made stay."""
    organization = organization_to_administer(request)
    account = _account(request.input["DelegatedAdminAccountId"], organization)
    if account not in organization.delegated_administrators:
        raise AwsError(
            "AccountNotRegisteredException",
            "The specified account is not registered as the CloudTrail delegated administrator.",
        )
    _check_permitted(request, "organizations:DeregisterDelegatedAdministrator")
    organization.deregister(account)
    return {}


def _account(given: str, organization: Organization) -> str:
    if not given.isdecimal():
        raise AwsError("InvalidParameterException", f"{given} is not an AWS account ID.")
    if given not in organization.accounts:
        raise AwsError("AccountNotFoundException", "The specified account is not found or not part of an organization.")
    return given


def _check_permitted(request: Request, action: str) -> None:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-delegated-administrator-permissions.html."""
    check_permitted(request, action, "organizations:ListAWSServiceAccessForOrganization")
