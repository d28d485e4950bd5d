"""Service control policies: what an organization leaves to its member accounts.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
They bind everybody in a member account, its root user too, and nobody in the management account.
"""

from collections.abc import Sequence

from moto.organizations.models import organizations_backends

from trail_sandbox.aws.organizations import ancestry

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
        for target in ancestry(backend, account)
    ]
