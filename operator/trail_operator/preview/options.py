"""How the commands reach AWS, as their flags say. Pure: `--help` imports it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from trail_operator.api.trail_rules import ACCOUNT_PATTERN, ROLE_ARN_PATTERN
from trail_operator.domain.arns import Arn

UNCHECKED = "The permissions of the operator itself were not checked"
"""What every output says beside as whom AWS was read."""


@dataclass(frozen=True)
class AccessOptions:
    """Which credentials and endpoints a command may use besides those of its caller."""

    region: str | None = None
    """The region of trails that name none."""
    assume_role: bool = False
    """Whether the roles of AWSAccounts are assumed."""
    role_arns: Mapping[str, str] = field(default_factory=dict)
    """Roles to assume instead, by account."""
    endpoint_url: str = ""
    """The only endpointURL of AWSAccounts that is used."""


def role_arns(texts: Iterable[str]) -> dict[str, str]:
    """Return roles by account, each given as ACCOUNT=ARN. Raises ValueError if one is invalid."""
    roles: dict[str, str] = {}
    for text in texts:
        account, _, arn = text.partition("=")
        if not re.fullmatch(ACCOUNT_PATTERN, account) or not re.fullmatch(ROLE_ARN_PATTERN, arn):
            raise ValueError(f"write {text!r} as ACCOUNT=ARN, such as 123456789012=arn:aws:iam::123456789012:role/NAME")
        if Arn.parse(arn).account != account:
            raise ValueError(f"{arn} is not a role in account {account}")
        if roles.setdefault(account, arn) != arn:
            raise ValueError(f"account {account} has two roles")
    return roles
