"""Lists and watches of the API server, for the operator's own informer.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.kube.answers import OddAnswerError, whole_list
from trail_operator.kube.client import Resource
from trail_operator.kube.connection import ApiConnection

# Seconds until the API server ends a watch, which begins again at once.
_WATCH = 300
_WATCH_TIMEOUT = _WATCH + 30.0


@dataclass(frozen=True)
class ObjectList:
    """A list of objects, and the version at which a watch continues it."""

    items: list[dict[str, Any]]
    version: str


class WatchClient:
    """Lists and watches objects of any resource."""

    def __init__(self, connection: ApiConnection) -> None:
        self._connection = connection

    async def list_objects(self, resource: Resource, namespace: str = "") -> ObjectList:
        """Return all objects of a namespace, or of the cluster. Raises what `ApiConnection.request` raises."""
        answer = await self._connection.request("GET", resource.collection(namespace))
        return ObjectList(whole_list(answer), answer["metadata"]["resourceVersion"])

    async def watch(self, resource: Resource, namespace: str, version: str) -> AsyncGenerator[dict[str, Any]]:
        """Yield the events after a version, bookmarks included, until the API server ends the watch.

        Raises what `ApiConnection.request` raises; an ApiException with status 410 if the version is too old.
        """
        path = f"{resource.collection(namespace)}?watch=true&allowWatchBookmarks=true"
        path += f"&resourceVersion={version}&timeoutSeconds={_WATCH}"
        async with aclosing(self._connection.lines(path, _WATCH_TIMEOUT)) as lines:
            async for line in lines:
                yield _event(line)

    async def is_served(self, resource: Resource) -> bool:
        """Whether discovery lists the version of the resource. Raises what `ApiConnection.request` raises.

        The API server answers a list of a kind that it does not serve with a 404 that any proxy may have sent.
        """
        root, _, version = resource.root.rpartition("/")
        answer = await self._connection.request("GET", root)
        versions = answer.get("versions")
        if answer.get("kind") != "APIGroup" or not isinstance(versions, list):
            raise OddAnswerError("200 with something that is not an API group")
        return version in [entry.get("version") for entry in versions if isinstance(entry, dict)]


def _event(line: bytes) -> dict[str, Any]:
    """Return an event of a watch. Raises ApiException for one that reports an error."""
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict) or not isinstance(event.get("object"), dict):
        raise OddAnswerError(f"a watch with {len(line)} bytes that are not an event")
    if event.get("type") == "ERROR":
        status = event["object"]
        raise ApiException(status=status.get("code"), reason=str(status.get("message") or status.get("reason") or ""))
    return event
