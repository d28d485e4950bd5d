"""What moto's Organizations lacks: who may call, delegated administrators, accounts that come and go.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html
"""

import json
from collections.abc import Callable
from typing import Any

from moto.iam.models import SERVICE_NAME_CONVERSION, iam_backends
from moto.organizations.exceptions import (
    AccountNotFoundException,
    AWSOrganizationsNotInUseException,
    ConstraintViolationException,
    OrganizationsClientError,
)
from moto.organizations.models import FakeDelegatedAdministrator, OrganizationsBackend, organizations_backends
from moto.organizations.responses import OrganizationsResponse

from trail_sandbox.aws import moto_invitations
from trail_sandbox.aws.organizations import CLOUDTRAIL, MOST_ADMINISTRATORS

# What an account may ask for that is in no organization, or no more than a member.
_FOR_EVERYBODY = frozenset(
    {
        *("CreateOrganization", "DescribeOrganization", "LeaveOrganization"),
        *("AcceptHandshake", "DeclineHandshake", "DescribeHandshake", "ListHandshakesForAccount"),
    }
)
_ADMINISTRATOR = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def correct() -> None:
    """Take out what moto decides otherwise than AWS, and add what it lacks."""
    SERVICE_NAME_CONVERSION["cloudtrail"] = "CloudTrail"
    if CLOUDTRAIL not in FakeDelegatedAdministrator.SUPPORTED_SERVICES:
        FakeDelegatedAdministrator.SUPPORTED_SERVICES.append(CLOUDTRAIL)
        for name, before in _CHECKS.items():
            setattr(OrganizationsBackend, name, _after(before, getattr(OrganizationsBackend, name)))
        OrganizationsBackend.create_account = _with_administrator(  # type: ignore[method-assign]
            OrganizationsBackend.create_account
        )
    OrganizationsResponse.organizations_backend = property(_backend_of_caller)  # type: ignore[method-assign, assignment]
    for name, operation in _OPERATIONS.items():
        setattr(OrganizationsResponse, name, _answering(operation))


def _backend_of_caller(response: OrganizationsResponse) -> OrganizationsBackend:
    """Give the organization that a request is about, or refuse it.

    Members may ask for little; delegated administrators may read what the management account may:
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrate_delegated_admin.html
    """
    account, partition, operation = response.current_account, response.partition, response._get_action()
    own = organizations_backends[account][partition]
    if own.org or operation in _FOR_EVERYBODY:
        return own
    if account not in organizations_backends.master_accounts:
        raise AWSOrganizationsNotInUseException
    management = organizations_backends[organizations_backends.master_accounts[account][0]][partition]
    if operation.startswith(("Describe", "List")) and any(one.account.id == account for one in management.admins):
        return management
    raise OrganizationsClientError("AccessDeniedException", "You don't have permissions to access this resource.")


# -- accounts that come and go, and administrators


def _with_administrator(create_account: Callable[..., Any]) -> Callable[..., Any]:
    """Let the role of a new account do what AWS lets it do: everything."""

    def with_administrator(organizations: OrganizationsBackend, **given: Any) -> Any:
        answer = create_account(organizations, **given)
        iam = iam_backends[answer["CreateAccountStatus"]["AccountId"]]["global"]
        name = given.get("RoleName", "OrganizationAccountAccessRole")
        iam.put_role_policy(name, "AdministratorAccess", json.dumps(_ADMINISTRATOR))
        return answer

    return with_administrator


def _after(before: Callable[..., None], method: Callable[..., Any]) -> Callable[..., Any]:
    def checked(organizations: OrganizationsBackend, **given: Any) -> Any:
        before(organizations, **given)
        return method(organizations, **given)

    return checked


def _check_leaving(organizations: OrganizationsBackend, AccountId: str) -> None:  # noqa: N803 - as moto calls it
    """Refuse to let an account go that is none of the organization's, manages it, or is a delegated administrator."""
    _check_member(organizations, AccountId)
    if AccountId == organizations.account_id:
        raise OrganizationsClientError(
            "MasterCannotLeaveOrganizationException",
            "You can't remove a management account from an organization.",
        )
    if any(one.account.id == AccountId for one in organizations.admins):
        raise ConstraintViolationException(
            "You cannot remove an account that is registered as a delegated administrator from your organization."
        )


def _check_closing(organizations: OrganizationsBackend, AccountId: str) -> None:  # noqa: N803
    _check_member(organizations, AccountId)
    if AccountId == organizations.account_id:
        raise ConstraintViolationException("You cannot close the management account.")


def _check_registration(
    organizations: OrganizationsBackend,
    AccountId: str,  # noqa: N803
    ServicePrincipal: str,  # noqa: N803
) -> None:
    """Refuse a delegated administrator of CloudTrail before trusted access, and one too many."""
    if ServicePrincipal != CLOUDTRAIL:
        return
    _check_member(organizations, AccountId)
    if not any(service["ServicePrincipal"] == CLOUDTRAIL for service in organizations.services):
        raise ConstraintViolationException(
            "You attempted to register a delegated administrator before you enabled service access."
        )
    others = [one for one in organizations.admins if one.account.id != AccountId and CLOUDTRAIL in one.services]
    if len(others) >= MOST_ADMINISTRATORS:
        raise ConstraintViolationException(
            "You attempted to register more delegated administrators than allowed for the service principal."
        )


def _check_member(organizations: OrganizationsBackend, account: str) -> None:
    if organizations.org is None:
        raise AWSOrganizationsNotInUseException
    if not any(one.id == account for one in organizations.accounts):
        raise AccountNotFoundException


_CHECKS: dict[str, Callable[..., None]] = {
    "remove_account_from_organization": _check_leaving,
    "close_account": _check_closing,
    "register_delegated_administrator": _check_registration,
}


def _leave(organizations: OrganizationsBackend, _: dict[str, Any]) -> dict[str, Any]:
    account = organizations.account_id
    if organizations.org is not None:
        raise OrganizationsClientError(
            "MasterCannotLeaveOrganizationException",
            "You can't remove a management account from an organization.",
        )
    if account not in organizations_backends.master_accounts:
        raise AWSOrganizationsNotInUseException
    owner, partition = organizations_backends.master_accounts[account]
    organizations_backends[owner][partition].remove_account_from_organization(AccountId=account)
    return {}


_OPERATIONS = {"leave_organization": _leave, **moto_invitations.OPERATIONS}


def _answering(operation: moto_invitations.Operation) -> Callable[..., str]:
    return lambda response: json.dumps(operation(response.organizations_backend, response.request_params))
