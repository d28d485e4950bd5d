"""Kubeconfig files, written as JSON, which is YAML.

All that is needed stands in the file itself, so that it can be copied.
"""

import base64
import json
from pathlib import Path
from typing import Any

from trail_sandbox.kubernetes.pki import KeyPair
from trail_sandbox.state import write_atomically


def for_certificate(server: str, authority: Path, user: str, pair: KeyPair) -> str:
    """The kubeconfig of a user with a client certificate."""
    credentials = {
        "client-certificate-data": _base64(pair.certificate),
        "client-key-data": _base64(pair.key),
    }
    return _kubeconfig(server, _base64(authority), user, credentials, "default")


def for_token(server: str, authority_data: str, user: str, token: str, token_file: Path, namespace: str) -> str:
    """The kubeconfig of a user with a token.

    Clients that read `tokenFile` prefer it and notice when it changes; the others find the token itself.
    """
    credentials = {"token": token, "tokenFile": str(token_file)}
    return _kubeconfig(server, authority_data, user, credentials, namespace)


def write(path: Path, content: str) -> None:
    """Write a kubeconfig in one step, readable by its user only."""
    write_atomically(path, content)


def read(path: Path) -> dict[str, Any]:
    """Read a kubeconfig that this module wrote."""
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def _kubeconfig(server: str, authority_data: str, user: str, credentials: dict[str, str], namespace: str) -> str:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": {"server": server, "certificate-authority-data": authority_data}}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": user, "namespace": namespace}}],
        "current-context": "sandbox",
    }
    return json.dumps(content, indent=2) + "\n"


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
