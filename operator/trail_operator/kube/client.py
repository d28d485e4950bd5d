"""The client of the Kubernetes API: objects, their status and finalizers, Events. Knows nothing of AWS."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote, unquote
from uuid import uuid4

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.api.constants import (
    ACCOUNT_KIND,
    ACCOUNTS,
    ALARM_SET_API_VERSION,
    API_VERSION,
    GROUP,
    KIND,
    PLURAL,
)
from trail_operator.api.constants import ALARM_SETS as _ALARM_SETS
from trail_operator.kube.answers import is_not_found, whole_list, whole_object
from trail_operator.kube.connection import ApiConnection
from trail_operator.kube.dropped_fields import DroppedFields

FORBIDDEN = 403
NOT_FOUND = 404
CONFLICT = 409
# Of thousands at once, most would exceed their timeout and be sent again. The ApiConnection allows more, so that
# requests for the Lease, which do not pass through here, wait for no others.
_REQUESTS_AT_ONCE = 32
# Longer ones are refused: https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/events.go
_EVENT_NAME = 253
_EVENT_ACTION = 128
EVENT_NOTE = 1024  # bytes


@dataclass(frozen=True)
class Key:
    """Identifies an object of a resource. `namespace`: empty for cluster-scoped ones."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return "/".join(filter(None, (self.namespace, self.name)))


@dataclass(frozen=True)
class Resource:
    """A resource of the API server: `root` is its group and version, `plural` its name in paths."""

    root: str
    plural: str

    def collection(self, namespace: str = "") -> str:
        """Return the path of all objects, of one namespace if it is named."""
        root = f"{self.root}/namespaces/{_segment(namespace)}" if namespace else self.root
        return f"{root}/{self.plural}"

    def path(self, key: Key) -> str:
        """Return the path of one object."""
        return f"{self.collection(key.namespace)}/{_segment(key.name)}"


def _segment(name: str) -> str:
    """Return a name as one segment of a path: also one that the API server would refuse reaches no other path."""
    return quote(name, safe="")


TRAILS = Resource(f"/apis/{API_VERSION}", PLURAL)
AWS_ACCOUNTS = Resource(f"/apis/{API_VERSION}", ACCOUNTS)
ALARM_SETS = Resource(f"/apis/{ALARM_SET_API_VERSION}", _ALARM_SETS)
NAMESPACES = Resource("/api/v1", "namespaces")
CONFIG_MAPS = Resource("/api/v1", "configmaps")


def resource_version(body: dict[str, Any]) -> int:
    """Return the resourceVersion of an object. The higher of two is the newer."""
    # Comparable as integers: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
    return int(body["metadata"]["resourceVersion"])


def kind_of(body: dict[str, Any]) -> str:
    """Return the kind of an object of one of the operator's kinds."""
    return str(body.get("kind") or (KIND if "namespace" in body["metadata"] else ACCOUNT_KIND))


class KubeClient:
    """Reads and writes objects. Calls `check_leading` before each write, which raises if the process may not write."""

    def __init__(
        self,
        connection: ApiConnection,
        instance: str,
        check_leading: Callable[[], None],
        dropped: DroppedFields | None = None,
    ) -> None:
        """`instance`: the reportingInstance of Events."""
        self.dropped = dropped or DroppedFields(time.monotonic, lambda *_: None)
        """The fields of statuses that are not stored."""
        self._connection = connection
        self._instance = instance
        self._check_leading = check_leading
        self._slots = asyncio.Semaphore(_REQUESTS_AT_ONCE)

    async def list_objects(self, resource: Resource, namespaces: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Return all objects of these namespaces, or of the cluster if none is named."""
        paths = [resource.collection(namespace) for namespace in namespaces] or [resource.collection()]
        answers = [await self._request("GET", path) for path in paths]
        return [item for answer in answers for item in whole_list(answer)]

    async def get(self, resource: Resource, key: Key) -> dict[str, Any] | None:
        """Return the object, or None if it does not exist."""
        return await self._object("GET", resource.path(key), key)

    async def find(self, resource: Resource, key: Key) -> dict[str, Any] | None:
        """Return the object, or None if it does not exist. Lists: needs no permission beyond those of the watch."""
        path = f"{resource.collection(key.namespace)}?fieldSelector=metadata.name%3D{quote(key.name)}"
        found = whole_list(await self._request("GET", path))
        return next((body for body in found if body["metadata"]["name"] == key.name), None)

    async def patch_status(self, resource: Resource, key: Key, status: dict[str, Any]) -> dict[str, Any] | None:
        """Patch the status; return the object with it, or None if it does not exist."""
        body = await self._patch(f"{resource.path(key)}/status", key, {"status": status})
        if body is not None:
            self.dropped.learn(kind_of(body), status, body.get("status"))
        return body

    def is_stored(self, body: dict[str, Any], status: dict[str, Any]) -> bool:
        """Whether to patch the status of an object would change nothing, since the fields that differ are dropped."""
        return self.dropped.is_all_of(kind_of(body), status, body.get("status"))

    async def patch_finalizers(
        self, resource: Resource, key: Key, finalizers: list[str], version: str
    ) -> dict[str, Any] | None:
        """Replace the finalizers if the object is still at that resourceVersion; None if it does not exist."""
        patch = {"metadata": {"finalizers": finalizers, "resourceVersion": version}}
        return await self._patch(resource.path(key), key, patch)

    async def namespace_uid(self, name: str) -> str:
        """Return the UID of a namespace."""
        answer = await self._request("GET", NAMESPACES.path(Key("", name)))
        return str(whole_object(answer, name)["metadata"]["uid"])

    async def write_event(
        self, body: dict[str, Any], kind: Literal["Normal", "Warning"], reason: str, action: str, note: str
    ) -> str:
        """Write an Event about an object; return its path."""
        written = event(self._instance, body, kind, reason, action, note)
        metadata = written["metadata"]
        path = f"/apis/events.k8s.io/v1/namespaces/{quote(metadata['namespace'])}/events"
        whole_object(await self._request("POST", path, written), metadata["name"], metadata["namespace"])
        return f"{path}/{quote(metadata['name'])}"

    async def repeat_event(self, path: str, count: int) -> bool:
        """Count another occurrence of an Event; return False if the Event does not exist."""
        series = {"count": count, "lastObservedTime": _micro_time()}
        *_, namespace, _, name = map(unquote, path.split("/"))
        return await self._patch(path, Key(namespace, name), {"series": series}) is not None

    async def _patch(self, path: str, key: Key, patch: dict[str, Any]) -> dict[str, Any] | None:
        return await self._object("PATCH", path, key, patch, "application/merge-patch+json")

    async def _object(self, method: str, path: str, key: Key, *body: Any) -> dict[str, Any] | None:
        """Return the object that is answered, or None if the API server says that it does not exist."""
        try:
            answer = await self._request(method, path, *body)
        except ApiException as error:
            if is_not_found(error, key.name):
                return None
            raise
        return whole_object(answer, key.name, key.namespace or None)

    async def _request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        async with self._slots:
            if method != "GET":
                self._check_leading()
            return await self._connection.request(method, path, body, content_type)


def event(
    instance: str, body: dict[str, Any], kind: Literal["Normal", "Warning"], reason: str, action: str, note: str
) -> dict[str, Any]:
    """Return an Event about an object, cut to the lengths that the API server accepts."""
    metadata = body["metadata"]
    suffix = f".{uuid4().hex[:16]}"
    name = metadata["name"][: _EVENT_NAME - len(suffix)].rstrip("-.")
    # Events about cluster-scoped objects are in the namespace default, as with client-go.
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
            "apiVersion": body.get("apiVersion") or API_VERSION,
            "kind": kind_of(body),
            "name": metadata["name"],
            "uid": metadata["uid"],
            **({"namespace": namespace} if "namespace" in metadata else {}),
        },
    }


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
