"""IAM roles with inline and attached policies.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-iam-role.html
"""

from typing import Any, ClassVar

from trail_sandbox.aws.cloudformation.clients import Clients
from trail_sandbox.aws.cloudformation.types.base import Made, Properties, ResourceType, document, unless_gone

_PLAIN = ("Description", "MaxSessionDuration")
_AT_CREATION = (*_PLAIN, "Path", "PermissionsBoundary", "Tags")


class Role(ResourceType):
    """A role."""

    properties: ClassVar = frozenset(
        {"RoleName", "AssumeRolePolicyDocument", "Policies", "ManagedPolicyArns", *_AT_CREATION}
    )
    required: ClassVar = frozenset({"AssumeRolePolicyDocument"})
    # PermissionsBoundary and Tags could be changed in place; no template here needs it.
    replacing: ClassVar = frozenset({"RoleName", "Path", "PermissionsBoundary", "Tags"})
    attributes: ClassVar = frozenset({"Arn", "RoleId"})

    def create(self, clients: Clients, name: str, properties: Properties) -> Made:
        """Create a role with its policies."""
        name = str(properties.get("RoleName") or name)
        role = clients.of("iam").create_role(
            RoleName=name,
            AssumeRolePolicyDocument=document(properties["AssumeRolePolicyDocument"]),
            **{key: properties[key] for key in _AT_CREATION if key in properties},
        )["Role"]
        made = Made(name, name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})
        try:
            _bring_policies(clients, name, properties, {})
        except Exception:
            self.delete(clients, made, properties)
            raise
        return made

    def update(self, clients: Clients, made: Made, properties: Properties, before: Properties) -> Made:
        """Change trust policy, settings and policies."""
        iam, name = clients.of("iam"), made.physical_id
        trust = document(properties["AssumeRolePolicyDocument"])
        if trust != document(before["AssumeRolePolicyDocument"]):
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        if any(properties.get(key) != before.get(key) for key in _PLAIN):
            iam.update_role(RoleName=name, **{key: properties[key] for key in _PLAIN if key in properties})
        _bring_policies(clients, name, properties, before)
        return made

    def delete(self, clients: Clients, made: Made, properties: Properties) -> None:
        """Delete the role, its policies first."""
        with unless_gone():
            _bring_policies(clients, made.physical_id, {}, properties)
            clients.of("iam").delete_role(RoleName=made.physical_id)


def _bring_policies(clients: Clients, role: str, properties: Properties, before: Properties) -> None:
    """Put and attach what is new, and take away what is no longer named."""
    iam = clients.of("iam")
    inline, had = _inline(properties), _inline(before)
    for name in had.keys() - inline.keys():
        with unless_gone():
            iam.delete_role_policy(RoleName=role, PolicyName=name)
    for name, policy in inline.items():
        if had.get(name) != policy:
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)
    attached, were = set(properties.get("ManagedPolicyArns", ())), set(before.get("ManagedPolicyArns", ()))
    for arn in sorted(were - attached):
        with unless_gone():
            iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    for arn in sorted(attached - were):
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)


def _inline(properties: Properties) -> dict[str, Any]:
    return {policy["PolicyName"]: document(policy["PolicyDocument"]) for policy in properties.get("Policies", ())}
