"""As which service account of Kubernetes the operator gets its AWS credentials, for messages about its role.

The token says so: IRSA's, EKS Pod Identity's, or the one that every Pod has. Only its subject is read.
https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
"""

import base64
import json
import os
import re
from pathlib import Path

_TOKENS = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
_OF_THE_POD = "/var/run/secrets/kubernetes.io/serviceaccount/token"
_SUBJECT = re.compile(r"system:serviceaccount:([a-z0-9-]{1,63}):([a-z0-9.-]{1,253})\Z")


def service_account() -> tuple[str, str] | None:
    """Namespace and name; None outside of a Pod."""
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


def named() -> str:
    """The service account in words."""
    known = service_account()
    return f"service account {'/'.join(known)}" if known else "the operator's service account"
