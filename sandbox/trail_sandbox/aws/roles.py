"""IAM's roles, as they are and as CloudTrail sees them: changes take a while to reach it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
moto keeps the present; what a role was before a change is kept here, noted when a request that changes it comes.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import unquote

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, ManagedPolicy, iam_backends

from trail_sandbox.aws.policy import Decision, Request, evaluate
from trail_sandbox.aws.settings import Settings
from trail_sandbox.aws.trails import MEMORY

_OF_AWS = ":iam::aws:policy/"
_NOTHING = ""
_READS = ("Get", "List", "Simulate", "Generate")


@dataclass(frozen=True)
class Role:
    """An IAM role."""

    arn: str
    account: str
    trust: str
    """Its trust policy as JSON."""
    policies: tuple[str, ...]
    """Its inline and its managed policies as JSON."""
    boundary: str | None = None
    """Its permissions boundary as JSON: what its policies allow is cut down to this."""

    def decide(self, request: Request) -> Decision:
        """Judge a request of one of its sessions by its own policies and its boundary."""
        decisions = {evaluate(policy, request) for policy in self.policies}
        boundary = evaluate(self.boundary, request) if self.boundary is not None else Decision.ALLOW
        if Decision.DENY in (boundary, *decisions):
            return Decision.DENY
        return Decision.ALLOW if Decision.ALLOW in decisions and boundary is Decision.ALLOW else Decision.NONE


@dataclass(frozen=True)
class _Past:
    """What a role was until a moment; None where there was none."""

    until: datetime
    role: Role | None


class Roles:
    """All roles. Without settings nothing takes any time."""

    def __init__(
        self, settings: Settings | None = None, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings = settings or Settings()
        self._clock = clock
        self._pasts: dict[tuple[str, str, str], deque[_Past]] = {}

    def get(self, arn: str) -> Role | None:
        """A role by its ARN, as CloudTrail sees it: before the changes of the last `iam_propagation` seconds."""
        if arn.count(":") < len(("arn", "partition", "service", "region", "account")):
            return None
        partition, account, name = arn.split(":")[1], arn.split(":")[4], arn.rpartition("/")[2]
        moment = self._clock() - timedelta(seconds=self._settings.iam_propagation)
        past = next((one for one in self._pasts.get((partition, account, name), ()) if one.until > moment), None)
        role = past.role if past and self._settings.iam_propagation else read_role(partition, account, name)
        return role if role and role.arn == arn else None

    def before(self, partition: str, account: str, operation: str, parameters: Mapping[str, Any]) -> None:
        """Have the managed policies ready that a call to IAM names, and note the roles that it is about to change."""
        for name in ("PolicyArn", "PermissionsBoundary"):
            managed_policy(partition, account, str(parameters.get(name, "")))
        if operation.startswith(_READS):
            return
        now = self._clock()
        for name in _changed(partition, account, parameters):
            pasts = self._pasts.setdefault((partition, account, name), deque())
            while pasts and pasts[0].until <= now - MEMORY:
                pasts.popleft()
            pasts.append(_Past(now, read_role(partition, account, name)))

    def clear(self) -> None:
        """Forget the past."""
        self._pasts.clear()


def _changed(partition: str, account: str, parameters: Mapping[str, Any]) -> list[str]:
    """Name the roles of a change: the one it names, or all that a managed policy is attached to or bounds."""
    if "RoleName" in parameters:
        return [str(parameters["RoleName"])]
    arn = parameters.get("PolicyArn")
    roles = list(iam_backends[account][partition].roles.values()) if arn else []
    return [
        role.name
        for role in roles
        if role.permissions_boundary_arn == arn or any(policy.arn == arn for policy in role.managed_policies.values())
    ]


def read_role(partition: str, account: str, name: str) -> Role | None:
    """A role as it is."""
    found = find_role(partition, account, name)
    if found is None:
        return None
    trust = as_json(found.assume_role_policy_document)
    return Role(found.arn, account, trust, documents(found), boundary_of(partition, account, found))


def find_role(partition: str, account: str, name: str) -> Any | None:
    """A role as moto keeps it, by its name: a path does not make another one of it."""
    return next((role for role in list(iam_backends[account][partition].roles.values()) if role.name == name), None)


def boundary_of(partition: str, account: str, role: Any) -> str | None:
    """The permissions boundary of a role of moto's as JSON; one that cannot be read allows nothing."""
    if not role.permissions_boundary_arn:
        return None
    policy = managed_policy(partition, account, role.permissions_boundary_arn)
    return default_document(policy) if policy else _NOTHING


def documents(holder: Any) -> tuple[str, ...]:
    """The policies of a role, user or group of moto's, inline and managed, as JSON."""
    managed = [default_document(policy) for policy in list(holder.managed_policies.values())]
    return (*(as_json(document) for document in list(holder.policies.values())), *managed)


def managed_policy(partition: str, account: str, arn: str) -> ManagedPolicy | None:
    """A managed policy; of AWS's own, moto gets those that somebody asks for, since all 1,500 take it long to read."""
    iam = iam_backends[account][partition]
    name = arn.rpartition("/")[2]
    if arn not in iam.managed_policies and arn.startswith(f"arn:{partition}{_OF_AWS}") and name in _policies_of_aws():
        policy = AWSManagedPolicy.from_data(name, account, partition, _policies_of_aws()[name])
        iam.managed_policies[policy.arn] = policy
    return iam.managed_policies.get(arn)


@cache
def _policies_of_aws() -> dict[str, Any]:
    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies


def default_document(policy: ManagedPolicy) -> str:
    """The version of a managed policy that is in force, as JSON."""
    versions = {version.version_id: version.document for version in policy.versions}
    return as_json(versions[policy.default_version_id])


def as_json(document: Any) -> str:
    """Spell a policy as JSON, however moto keeps it."""
    if not isinstance(document, str):
        return json.dumps(document)
    return document if document.lstrip().startswith("{") else unquote(document)
