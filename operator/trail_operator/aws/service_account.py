"""The Kubernetes service account with which the operator gets its AWS credentials, for messages about its role.

It is read from the subject of a token: that of IRSA, of EKS Pod Identity, or the one that every Pod has.
https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
"""

import base64
import json
import os
import re
from dataclasses import replace
from pathlib import Path

from trail_operator.domain.arns import Arn

_TOKENS = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
_OF_THE_POD = "/var/run/secrets/kubernetes.io/serviceaccount/token"
_ROLE = "AWS_ROLE_ARN"  # set by IRSA
_ROLE_SESSION = "assumed-role"
_SUBJECT = re.compile(r"system:serviceaccount:([a-z0-9-]{1,63}):([a-z0-9.-]{1,253})\Z")


def service_account() -> tuple[str, str] | None:
    """Return namespace and name; None outside of a Pod."""
    for file in (*filter(None, map(os.environ.get, _TOKENS)), _OF_THE_POD):
        try:
            payload = Path(file).read_text().split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (OSError, ValueError, IndexError):
            continue
        found = _SUBJECT.match(str(claims.get("sub"))) if isinstance(claims, dict) else None
        if found:
            return found[1], found[2]
    return None


def principal(caller: str) -> str:
    """Return the principal that a trust policy names for a caller; for the session of a role, the role.

    IAM requires the path of the role, which the ARN of a session lacks: the variable of IRSA has it.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    session = Arn.parse(caller)
    if session.resource_type != _ROLE_SESSION:
        return caller
    name, _, _ = session.resource_id.partition("/")
    role = replace(session, service="iam", resource=f"role/{name}")
    own = Arn.try_parse(os.environ.get(_ROLE, ""))
    if own and own.resource_type == "role" and replace(own, resource=f"role/{own.name}") == role:
        return str(own)
    return str(role)


def is_path_known(caller: str) -> bool:
    """Whether the principal certainly includes the path of its role."""
    return Arn.parse(caller).resource_type != _ROLE_SESSION or principal(caller) == os.environ.get(_ROLE)


def service_account_text() -> str:
    """Return how messages name the service account."""
    known = service_account()
    return f"service account {'/'.join(known)}" if known else "the operator's service account"
