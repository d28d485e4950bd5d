"""The Kubernetes API as the operator uses it: Trails, their status and finalizers, Events. Knows nothing of AWS."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote, unquote
from uuid import uuid4

from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.exceptions import ApiException

from trail_operator.api.constants import ACCOUNT_KIND, ACCOUNTS, API_VERSION, GROUP, KIND, PLURAL, VERSION
from trail_operator.kube.answers import is_not_found, parsed, whole_list, whole_object
from trail_operator.kube.route import Route, by_kubeconfig, in_pod
from trail_operator.runtime.logs import logger

FORBIDDEN = 403
CONFLICT = 409
_TIMEOUT = 20
# Of thousands at once, most would not be answered within their time, and be sent again. A Connection bears more: so the
# requests about the Lease, which are not made here, wait for no others.
_REQUESTS_AT_ONCE = 32
# Longer ones are refused: https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/events.go
_EVENT_NAME = 253
_EVENT_ACTION = 128
EVENT_NOTE = 1024  # bytes


@dataclass(frozen=True)
class Key:
    """Which Trail."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def resource_version(body: dict[str, Any]) -> int:
    """Which state of an object it is: of two, the higher is the later."""
    # Comparable as integers: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
    return int(body["metadata"]["resourceVersion"])


class ApiConnection:
    """A connection to the API server, with the credentials of the Pod or of the kubeconfig."""

    def __init__(self, client: ApiClient, route: Route) -> None:
        self._client = client
        self.route = route
        """The way to the API server."""

    @classmethod
    async def open(cls) -> "ApiConnection":
        """Connect as the Pod's service account, else as the kubeconfig says."""
        configuration = Configuration()
        try:
            config.load_incluster_config(client_configuration=configuration)
            route = in_pod()
        except config.ConfigException:
            await config.load_kube_config(client_configuration=configuration)
            route = by_kubeconfig(configuration.host, configuration.proxy, os.environ)
        configuration.proxy = route.proxy
        configuration.client_session_kwargs = {"trust_env": False}  # else the session would look for itself
        client = ApiClient(configuration)
        client.user_agent = "trail-operator"  # also the name that managedFields shows
        logger.info(f"the API server {configuration.host} is reached {route}")
        return cls(client, route)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """The answer to a request, a JSON object.

        Raises ApiException for an error that the API server answers, OddAnswerError for what is no answer of its.
        """
        request = await self._client.param_serialize(
            method=method,
            resource_path=path,
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        response = await self._client.call_api(*request, _request_timeout=_TIMEOUT)
        return parsed(response.status, await response.read())


class KubeClient:
    """What the operator reads and writes there. `may_write` is asked before each write and raises if it is not so."""

    def __init__(self, connection: ApiConnection, instance: str, may_write: Callable[[], None]) -> None:
        """`instance`: as which process its Events tell of themselves."""
        self._connection = connection
        self._instance = instance
        self._may_write = may_write
        self._turns = asyncio.Semaphore(_REQUESTS_AT_ONCE)

    async def trails(self, namespaces: list[str]) -> list[dict[str, Any]]:
        """All Trails of these namespaces, or of all if none is named."""
        paths = [f"/apis/{GROUP}/{VERSION}/namespaces/{quote(name)}/{PLURAL}" for name in namespaces]
        answers = [await self._request("GET", path) for path in paths or [f"/apis/{GROUP}/{VERSION}/{PLURAL}"]]
        return [item for answer in answers for item in whole_list(answer)]

    async def trail(self, key: Key) -> dict[str, Any] | None:
        """The Trail as it is now, None if it is gone."""
        return await self._object("GET", _path(key), key.name, key.namespace)

    async def write_status(self, key: Key, status: dict[str, Any]) -> dict[str, Any] | None:
        """Write the Trail's status; return the Trail as it then is, None if it is gone."""
        return await self._patch(f"{_path(key)}/status", {"status": status}, key.name, key.namespace)

    async def write_finalizers(self, key: Key, finalizers: list[str], version: str) -> dict[str, Any] | None:
        """Write the Trail's finalizers, if it is still at that resource version; None if it is gone."""
        patch = {"metadata": {"finalizers": finalizers, "resourceVersion": version}}
        return await self._patch(_path(key), patch, key.name, key.namespace)

    async def accounts(self) -> list[dict[str, Any]]:
        """All AWSAccounts."""
        return whole_list(await self._request("GET", f"/apis/{GROUP}/{VERSION}/{ACCOUNTS}"))

    async def account(self, name: str) -> dict[str, Any] | None:
        """The AWSAccount as it is now, None if there is none. By a list: the right to list is there for the watch."""
        path = f"/apis/{GROUP}/{VERSION}/{ACCOUNTS}?fieldSelector=metadata.name%3D{quote(name)}"
        return next(
            (body for body in whole_list(await self._request("GET", path)) if body["metadata"]["name"] == name), None
        )

    async def write_account_status(self, name: str, status: dict[str, Any]) -> dict[str, Any] | None:
        """Write an AWSAccount's status; return it as it then is, None if it is gone."""
        return await self._patch(f"{_account_path(name)}/status", {"status": status}, name)

    async def write_account_finalizers(self, name: str, finalizers: list[str], version: str) -> dict[str, Any] | None:
        """Write an AWSAccount's finalizers, if it is still at that resource version; None if it is gone."""
        patch = {"metadata": {"finalizers": finalizers, "resourceVersion": version}}
        return await self._patch(_account_path(name), patch, name)

    async def namespaces(self) -> list[dict[str, Any]]:
        """All namespaces."""
        return whole_list(await self._request("GET", "/api/v1/namespaces"))

    async def namespace_uid(self, name: str) -> str:
        """The UID of a namespace."""
        answer = await self._request("GET", f"/api/v1/namespaces/{quote(name)}")
        return str(whole_object(answer, name)["metadata"]["uid"])

    async def write_event(
        self, body: dict[str, Any], kind: Literal["Normal", "Warning"], reason: str, action: str, note: str
    ) -> str:
        """Write an Event about a Trail or an AWSAccount; return its path."""
        written = event(self._instance, body, kind, reason, action, note)
        metadata = written["metadata"]
        path = f"/apis/events.k8s.io/v1/namespaces/{quote(metadata['namespace'])}/events"
        whole_object(await self._request("POST", path, written), metadata["name"], metadata["namespace"])
        return f"{path}/{quote(metadata['name'])}"

    async def repeat_event(self, path: str, count: int) -> bool:
        """Say that what an Event tells of has happened again; False if the Event is gone."""
        series = {"count": count, "lastObservedTime": _micro_time()}
        *_, namespace, _, name = map(unquote, path.split("/"))
        return await self._patch(path, {"series": series}, name, namespace) is not None

    async def _patch(
        self, path: str, patch: dict[str, Any], name: str, namespace: str | None = None
    ) -> dict[str, Any] | None:
        return await self._object("PATCH", path, name, namespace, patch, "application/merge-patch+json")

    async def _object(
        self, method: str, path: str, name: str, namespace: str | None, *body: Any
    ) -> dict[str, Any] | None:
        """The object of that name that is answered, None if the API server says that there is none."""
        try:
            answer = await self._request(method, path, *body)
        except ApiException as error:
            if is_not_found(error, name):
                return None
            raise
        return whole_object(answer, name, namespace)

    async def _request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        async with self._turns:
            if method != "GET":
                self._may_write()
            return await self._connection.request(method, path, body, content_type)


def event(
    instance: str, body: dict[str, Any], kind: Literal["Normal", "Warning"], reason: str, action: str, note: str
) -> dict[str, Any]:
    """An Event about a Trail or an AWSAccount, with what the API server would refuse cut off."""
    metadata = body["metadata"]
    suffix = f".{uuid4().hex[:16]}"
    name = metadata["name"][: _EVENT_NAME - len(suffix)].rstrip("-.")
    # What is in no namespace has its Events in this one, as with client-go.
    namespace = metadata.get("namespace", "default")
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{name}{suffix}", "namespace": namespace},
        "eventTime": _micro_time(),
        "type": kind,
        "reason": reason,
        "action": action[:_EVENT_ACTION],
        "note": note.encode()[:EVENT_NOTE].decode(errors="ignore"),
        "reportingController": GROUP,
        "reportingInstance": instance,
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": KIND if "namespace" in metadata else ACCOUNT_KIND,
            "name": metadata["name"],
            "uid": metadata["uid"],
            **({"namespace": namespace} if "namespace" in metadata else {}),
        },
    }


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _account_path(name: str) -> str:
    return f"/apis/{GROUP}/{VERSION}/{ACCOUNTS}/{quote(name)}"


def _path(key: Key) -> str:
    return f"/apis/{GROUP}/{VERSION}/namespaces/{quote(key.namespace)}/{PLURAL}/{quote(key.name)}"
