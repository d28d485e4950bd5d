"""Invitations to an organization, which moto's Organizations lacks.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_invites.html
An invitation by email waits for ever: no account is known by its address here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from moto.core.utils import unix_time, utcnow
from moto.organizations.exceptions import AWSOrganizationsNotInUseException, OrganizationsClientError
from moto.organizations.models import FakeAccount, FakeOrganization, OrganizationsBackend, organizations_backends
from moto.organizations.utils import DEFAULT_RCP_POLICY_ID, DEFAULT_SCP_POLICY_ID, make_random_policy_id

_LASTS = timedelta(days=15)

Operation = Callable[[OrganizationsBackend, dict[str, Any]], dict[str, Any]]


@dataclass
class _Invitation:
    """A handshake of the kind INVITE; kept by the inviting organization's backend."""

    organizations: OrganizationsBackend
    organization: FakeOrganization
    target: dict[str, str]
    notes: str | None
    state: str = "OPEN"

    def __post_init__(self) -> None:
        self.id = make_random_policy_id().replace("p-", "h-")
        self.requested = utcnow()

    def describe(self) -> dict[str, Any]:
        org = self.organization
        resources = [
            {"Type": "ORGANIZATION", "Value": org.id},
            {"Type": self.target["Type"], "Value": self.target["Id"]},
        ]
        notes = [{"Type": "NOTES", "Value": self.notes}] if self.notes else []
        return {
            "Handshake": {
                "Id": self.id,
                "Arn": f"arn:aws:organizations::{org.master_account_id}:handshake/{org.id}/invite/{self.id}",
                "Parties": [{"Id": org.id.removeprefix("o-"), "Type": "ORGANIZATION"}, self.target],
                "State": self.state,
                "RequestedTimestamp": unix_time(self.requested),
                "ExpirationTimestamp": unix_time(self.requested + _LASTS),
                "Action": "INVITE",
                "Resources": resources + notes,
            }
        }

    def become(self, state: str) -> dict[str, Any]:
        if self.state == state:
            raise OrganizationsClientError(
                "HandshakeAlreadyInStateException", "The specified handshake is already in the requested state."
            )
        if self.state != "OPEN":
            raise OrganizationsClientError(
                "InvalidHandshakeTransitionException",
                "You can't perform the operation on the handshake in its current state.",
            )
        self.state = state
        return self.describe()


def _invite(organizations: OrganizationsBackend, given: dict[str, Any]) -> dict[str, Any]:
    target = given["Target"]
    if target["Id"] == organizations.account_id or target["Id"] in organizations_backends.master_accounts:
        raise _already_in_an_organization()
    if any(one.target == target and one.state == "OPEN" for one in _sent_by(organizations)):
        raise OrganizationsClientError(
            "DuplicateHandshakeException", "A handshake with the same action and target already exists."
        )
    if organizations.org is None:
        raise AWSOrganizationsNotInUseException
    invitation = _Invitation(organizations, organizations.org, target, given.get("Notes"))
    _sent_by(organizations).append(invitation)
    return invitation.describe()


def _accept(organizations: OrganizationsBackend, given: dict[str, Any]) -> dict[str, Any]:
    account = organizations.account_id
    invitation = _received(account, given)
    if organizations.org is not None or account in organizations_backends.master_accounts:
        raise _already_in_an_organization()
    answer = invitation.become("ACCEPTED")
    host = invitation.organizations
    member = FakeAccount(invitation.organization, AccountName=account, Email=f"{account}@example.com")
    member.id, member.joined_method = account, "INVITED"
    host.accounts.append(member)
    for policy in (DEFAULT_SCP_POLICY_ID, DEFAULT_RCP_POLICY_ID):
        host.attach_policy(PolicyId=policy, TargetId=account)
    organizations_backends.master_accounts[account] = (host.account_id, host.partition)
    return answer


def _decline(organizations: OrganizationsBackend, given: dict[str, Any]) -> dict[str, Any]:
    return _received(organizations.account_id, given).become("DECLINED")


def _cancel(organizations: OrganizationsBackend, given: dict[str, Any]) -> dict[str, Any]:
    return _the_one(_sent_by(organizations), given).become("CANCELED")


def _describe(organizations: OrganizationsBackend, given: dict[str, Any]) -> dict[str, Any]:
    if any(one.id == given["HandshakeId"] for one in _sent_by(organizations)):
        return _the_one(_sent_by(organizations), given).describe()
    return _received(organizations.account_id, given).describe()


def _list_sent(organizations: OrganizationsBackend, _: dict[str, Any]) -> dict[str, Any]:
    return {"Handshakes": [one.describe()["Handshake"] for one in _sent_by(organizations)]}


def _list_received(organizations: OrganizationsBackend, _: dict[str, Any]) -> dict[str, Any]:
    return {"Handshakes": [one.describe()["Handshake"] for one in _sent_to(organizations.account_id)]}


def _sent_by(organizations: OrganizationsBackend) -> list[_Invitation]:
    invitations: list[_Invitation] = organizations.__dict__.setdefault("invitations", [])
    return invitations


def _sent_to(account: str) -> Iterator[_Invitation]:
    for backends in list(organizations_backends.values()):
        for organizations in list(backends.values()):
            if organizations.org is not None:
                yield from (one for one in _sent_by(organizations) if one.target == {"Id": account, "Type": "ACCOUNT"})


def _received(account: str, given: dict[str, Any]) -> _Invitation:
    return _the_one(list(_sent_to(account)), given)


def _the_one(invitations: list[_Invitation], given: dict[str, Any]) -> _Invitation:
    found = next((one for one in invitations if one.id == given["HandshakeId"]), None)
    if found is None:
        raise OrganizationsClientError(
            "HandshakeNotFoundException", "We can't find a handshake with the HandshakeId that you specified."
        )
    return found


def _already_in_an_organization() -> OrganizationsClientError:
    return OrganizationsClientError(
        "HandshakeConstraintViolationException",
        "The handshake request is invalid because the account is already a member of an organization.",
    )


OPERATIONS: dict[str, Operation] = {
    "invite_account_to_organization": _invite,
    "accept_handshake": _accept,
    "decline_handshake": _decline,
    "cancel_handshake": _cancel,
    "describe_handshake": _describe,
    "list_handshakes_for_organization": _list_sent,
    "list_handshakes_for_account": _list_received,
}
"""By the names of moto's methods."""
