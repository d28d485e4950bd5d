"""Service control policies: what an organization leaves to its member accounts.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
They bind everybody in a member account, its root user too, and nobody in the management account.
"""

from collections.abc import Sequence
from typing import Any

from moto.organizations.models import OrganizationsBackend, organizations_backends

_KIND = "SERVICE_CONTROL_POLICY"


def guardrails_of(account: str) -> Sequence[Sequence[str]]:
    """The policies over an account, level by level from the account up to the root: each level has to allow."""
    owner, partition = organizations_backends.master_accounts.get(account, (account, ""))
    if owner == account:
        return ()
    backend = organizations_backends[owner][partition]
    if backend.org is None or backend.org.feature_set != "ALL":
        return ()
    return [
        [str(policy.content) for policy in list(target.attached_policies) if policy.type == _KIND]
        for target in _upwards(backend, account)
    ]


def path_of(account: str) -> str | None:
    """Where an account is in its organization, as aws:PrincipalOrgPaths spells it: o-ID/r-ROOT/ou-…/."""
    owner, partition = organizations_backends.master_accounts.get(account, (account, "aws"))
    backend = organizations_backends[owner][partition]
    if backend.org is None:
        return None
    return "/".join([backend.org.id, *(one.id for one in reversed(_upwards(backend, account)[1:])), ""])


def _upwards(backend: OrganizationsBackend, account: str) -> list[Any]:
    target: Any = next((one for one in list(backend.accounts) if one.id == account), None)
    targets = []
    while target is not None:
        targets.append(target)
        target = next((one for one in list(backend.ou) if one.id == target.parent_id), None)
    return targets
