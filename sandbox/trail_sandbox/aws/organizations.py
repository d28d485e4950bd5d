"""Organizations as CloudTrail sees them, and the organization trails that are seen in an account.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html
Reads and writes moto's state; what may be done in an organization is for `cloudtrail.organizations` to say.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.iam.models import iam_backends
from moto.organizations.models import OrganizationsBackend, organizations_backends

from trail_sandbox.aws.roles import find_role
from trail_sandbox.aws.trails import Trail, TrailStore

# There are organizations in the other partitions, too, but not here.
PARTITION = "aws"
CLOUDTRAIL = "cloudtrail.amazonaws.com"
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-delegated-administrator.html
MOST_ADMINISTRATORS = 3
_SERVICE_LINKED_ROLE = "AWSServiceRoleForCloudTrail"


@dataclass(frozen=True)
class Organization:
    """The organization that an account belongs to."""

    id: str
    management_account: str
    all_features: bool
    trusted_services: frozenset[str]
    accounts: frozenset[str]
    """All of them, the management account too."""
    delegated_administrators: frozenset[str]
    """The members that may manage CloudTrail for the organization."""

    @property
    def trusts_cloudtrail(self) -> bool:
        """Say whether trusted access is enabled for CloudTrail."""
        return CLOUDTRAIL in self.trusted_services

    def path_of(self, account: str) -> str:
        """Where an account is in the organization, as condition keys spell it: o-ID/r-ROOT/ou-…/."""
        units = ancestry(_backend(self.management_account), account)[1:]
        return "/".join([self.id, *(one.id for one in reversed(units)), ""])

    def register(self, account: str) -> None:
        """Make a member a delegated administrator of CloudTrail."""
        _backend(self.management_account).register_delegated_administrator(
            AccountId=account, ServicePrincipal=CLOUDTRAIL
        )

    def deregister(self, account: str) -> None:
        """Make a delegated administrator of CloudTrail a member like others."""
        _backend(self.management_account).deregister_delegated_administrator(
            AccountId=account, ServicePrincipal=CLOUDTRAIL
        )


def organization_of(account: str) -> Organization | None:
    """The organization of its management account or of one of its members."""
    owner = management_account(account) or account
    backend = _backend(owner)
    if backend.org is None:
        return None
    return Organization(
        id=backend.org.id,
        management_account=owner,
        all_features=backend.org.feature_set == "ALL",
        trusted_services=frozenset(service["ServicePrincipal"] for service in list(backend.services)),
        accounts=frozenset(one.id for one in list(backend.accounts)),
        delegated_administrators=frozenset(
            admin.account.id for admin in list(backend.admins) if CLOUDTRAIL in admin.services
        ),
    )


def ancestry(backend: OrganizationsBackend, account: str) -> list[Any]:
    """An account, the units that it is in, and the root of its organization, as moto keeps them."""
    target: Any = next((one for one in list(backend.accounts) if one.id == account), None)
    targets = []
    while target is not None:
        targets.append(target)
        target = next((one for one in list(backend.ou) if one.id == target.parent_id), None)
    return targets


def management_account(member: str) -> str | None:
    """The management account of a member's organization; None for all other accounts."""
    owner, _ = organizations_backends.master_accounts.get(member, (None, PARTITION))
    return owner


def is_suspended(account: str) -> bool:
    """Say whether an account was closed."""
    owner = management_account(account)
    return owner is not None and any(
        one.id == account and one.status == "SUSPENDED" for one in list(_backend(owner).accounts)
    )


def trails_in(trails: TrailStore, account: str, as_of: datetime | None = None) -> list[Trail]:
    """The trails of an account: its own, and its organization's."""
    own, owner = trails.of_account(account, as_of), management_account(account)
    if owner is None:
        return own
    return own + [trail for trail in trails.of_account(owner, as_of) if trail.is_organization_trail]


def service_linked_role_arn(account: str) -> str:
    """Spell the ARN of the role that CloudTrail serves organizations with."""
    return f"arn:{PARTITION}:iam::{account}:role/aws-service-role/{CLOUDTRAIL}/{_SERVICE_LINKED_ROLE}"


def has_service_linked_role(account: str) -> bool:
    """Say whether the role that CloudTrail serves organizations with is there."""
    return find_role(PARTITION, account, _SERVICE_LINKED_ROLE) is not None


def create_service_linked_role(account: str) -> None:
    """Make the role that CloudTrail serves organizations with."""
    iam_backends[account][PARTITION].create_service_linked_role(CLOUDTRAIL, "", "")


def _backend(management_account: str) -> OrganizationsBackend:
    return organizations_backends[management_account][PARTITION]
