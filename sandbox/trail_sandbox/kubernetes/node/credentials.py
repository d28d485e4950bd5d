"""The Pod's identity: a token of its ServiceAccount, as a kubeconfig that its containers find in KUBECONFIG.

The token comes from the TokenRequest API, is bound to the Pod and is replaced when four fifths of its life are over,
as kubelet does.
"""

import asyncio
import datetime
import logging
from pathlib import Path

from trail_sandbox.kubernetes import kubeconfig
from trail_sandbox.kubernetes.node.api import Api, ApiError, Object
from trail_sandbox.state import write_atomically

_LOG = logging.getLogger(__name__)
_LIFETIME_SECONDS = 3600
_RENEW_AFTER = 0.8
_RETRY_SECONDS = 10.0


class Credentials:
    """The kubeconfig of one Pod."""

    def __init__(self, api: Api, pod: Object, directory: Path, lifetime: int = _LIFETIME_SECONDS) -> None:
        self._api = api
        self._namespace: str = pod["metadata"]["namespace"]
        self._account: str = pod["spec"].get("serviceAccountName") or "default"
        self._pod = pod["metadata"]["name"], pod["metadata"]["uid"]
        self._lifetime = lifetime
        self.kubeconfig = directory / "kubeconfig"
        self._token_file = directory / "token"

    async def renew(self) -> datetime.datetime:
        """Ask for a new token and write it; the answer is when to do it again."""
        name, uid = self._pod
        path = f"/api/v1/namespaces/{self._namespace}/serviceaccounts/{self._account}/token"
        answer = await self._api.post(
            path,
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {
                    "expirationSeconds": self._lifetime,
                    "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid},
                },
            },
        )
        self._write(answer["status"]["token"])
        now = datetime.datetime.now(datetime.UTC)
        expiry = datetime.datetime.fromisoformat(answer["status"]["expirationTimestamp"])
        return now + (expiry - now) * _RENEW_AFTER

    async def keep(self, renewal: datetime.datetime) -> None:
        """Renew the token for as long as the Pod lives."""
        while True:
            await asyncio.sleep((renewal - datetime.datetime.now(datetime.UTC)).total_seconds())
            try:
                renewal = await self.renew()
            except ApiError as error:
                _LOG.warning("%s: no new token: %s", "/".join((self._namespace, self._pod[0])), error)
                renewal = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=_RETRY_SECONDS)

    def _write(self, token: str) -> None:
        write_atomically(self._token_file, token)
        content = kubeconfig.for_token(
            self._api.server,
            self._api.authority_data,
            f"system:serviceaccount:{self._namespace}:{self._account}",
            token,
            self._token_file,
            self._namespace,
        )
        kubeconfig.write(self.kubeconfig, content)
