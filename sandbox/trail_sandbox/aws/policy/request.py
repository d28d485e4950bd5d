"""What a policy is asked: may this principal do this action on this resource, under these condition keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

_ASSUMED_ROLE = "assumed-role/"


@dataclass(frozen=True)
class Principal:
    """Who asks: an AWS service, or an identity of an account (root, user, role session) by its ARN."""

    service_name: str | None = None
    accounts: tuple[str, ...] = ()
    """The root ARNs of the accounts that a service is known by as well."""
    identity: str | None = None
    breadth: int | None = None
    """How many of its names are meant, from the narrowest; None is all of them."""

    @classmethod
    def service(cls, name: str, accounts: tuple[str, ...] = ()) -> "Principal":
        """Name an AWS service by its principal, such as cloudtrail.amazonaws.com, and by accounts of its own."""
        return cls(service_name=name, accounts=accounts)

    @classmethod
    def arn(cls, arn: str) -> "Principal":
        """Name an identity by its ARN; a role that was assumed by the ARN of its session."""
        return cls(identity=arn)

    @property
    def account(self) -> str | None:
        """The account of an identity; services have none."""
        return self.identity.split(":")[4] if self.identity else None

    @cached_property
    def identities(self) -> tuple[str, ...]:
        """The ARNs that a policy can know this identity by, widest first: its account, its role, itself."""
        if self.identity is None:
            return self.accounts
        root = _account_root(self.identity)
        role = self.role
        names = tuple(dict.fromkeys([root, *([role] if role else []), self.identity]))
        return names if self.breadth is None else names[-self.breadth :]

    @property
    def alone(self) -> "Principal":
        """The identity as a policy names nobody but it, or everybody."""
        return replace(self, breadth=1)

    @property
    def without_account(self) -> "Principal":
        """The identity as a policy names it, its role or everybody, but not its account."""
        return replace(self, breadth=2 if self.role else 1)

    @property
    def role(self) -> str | None:
        """The role behind a session. The session's ARN has lost the role's path, so this has none either."""
        if self.identity is None:
            return None
        prefix, _, resource = self.identity.rpartition(":")
        if not resource.startswith(_ASSUMED_ROLE):
            return None
        return f"{prefix.replace(':sts:', ':iam:')}:role/{resource.split('/')[1]}"

    @property
    def condition_keys(self) -> dict[str, str]:
        """The global condition keys that follow from who asks."""
        if self.service_name is not None:
            return {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": self.service_name}
        keys = {"aws:PrincipalIsAWSService": "false"}
        if self.identity is not None and self.account is not None:
            keys |= {
                "aws:PrincipalArn": self.role or self.identity,
                "aws:PrincipalAccount": self.account,
                "aws:PrincipalType": _principal_type(self.identity),
            }
        return keys


def _account_root(arn: str) -> str:
    """Give the root ARN of the account of an ARN."""
    _, partition, _, _, account, _ = arn.split(":", 5)
    return f"arn:{partition}:iam::{account}:root"


def _principal_type(arn: str) -> str:
    resource = arn.rpartition(":")[2]
    if resource == "root":
        return "Account"
    return {
        "user": "User",
        "assumed-role": "AssumedRole",
        "role": "AssumedRole",
        "federated-user": "FederatedUser",
    }.get(resource.partition("/")[0], "User")


@dataclass(frozen=True)
class Request:
    """One question to a policy. `context` holds the condition keys of the call, in any case."""

    principal: Principal
    action: str
    resource: str
    context: Mapping[str, str | Sequence[str]]

    @cached_property
    def condition_keys(self) -> Mapping[str, Sequence[str]]:
        """All condition keys, lower-cased: those of the call, those of the principal, and a secure transport.

        The emulated endpoints stand for AWS's, which are reached by TLS, though the emulator itself speaks plain HTTP.
        """
        keys = {"aws:SecureTransport": "true", **self.principal.condition_keys, **self.context}
        return {key.lower(): (value,) if isinstance(value, str) else tuple(value) for key, value in keys.items()}
