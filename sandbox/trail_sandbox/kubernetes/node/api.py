"""The few requests that the node makes to the API server."""

import base64
import json
import ssl
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

from trail_sandbox.kubernetes import kubeconfig

Object = dict[str, Any]

_MERGE_PATCH = "application/merge-patch+json"
_WATCH_SECONDS = 300


class ApiError(Exception):
    """The API server refused a request, or did not answer it (status 0)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """A connection to the API server with the credentials of a kubeconfig."""

    def __init__(self, path: Path) -> None:
        content = kubeconfig.read(path)
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self.server: str = cluster["server"]
        self.authority_data: str = cluster["certificate-authority-data"]
        self._ssl = _ssl_context(cluster, user)

    async def __aenter__(self) -> "Api":
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._ssl, limit=0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str) -> Object:
        """Read an object."""
        return await self._request("GET", path)

    async def post(self, path: str, body: Object) -> Object:
        """Create an object or call a subresource."""
        return await self._request("POST", path, body)

    async def patch(self, path: str, body: Object) -> Object:
        """Merge a part into an object; lists are replaced."""
        return await self._request("PATCH", path, body, _MERGE_PATCH)

    async def delete(self, path: str, options: Object) -> Object:
        """Delete an object."""
        return await self._request("DELETE", path, options)

    async def watch(self, path: str, resource_version: str) -> AsyncIterator[Object]:
        """The changes from there on, until the API server ends the connection."""
        parameters = {
            "watch": "true",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        try:
            async with self._session.get(self.server + path, params=parameters, timeout=timeout) as answer:
                await _raise_for_status(answer)
                buffer = b""
                async for chunk in answer.content.iter_any():
                    *lines, buffer = (buffer + chunk).split(b"\n")
                    for line in lines:
                        yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiError(0, f"{type(error).__name__}: {error}") from error

    async def _request(
        self, method: str, path: str, body: Object | None = None, content_type: str = "application/json"
    ) -> Object:
        timeout = aiohttp.ClientTimeout(total=30)
        try:
            async with self._session.request(
                method,
                self.server + path,
                data=None if body is None else json.dumps(body),
                headers={"Content-Type": content_type},
                timeout=timeout,
            ) as answer:
                await _raise_for_status(answer)
                result: Object = await answer.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiError(0, f"{type(error).__name__}: {error}") from error
        return result


async def _raise_for_status(answer: aiohttp.ClientResponse) -> None:
    if answer.status >= 400:
        raise ApiError(answer.status, (await answer.text())[:500])


def _ssl_context(cluster: Object, user: Object) -> ssl.SSLContext:
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    # OpenSSL takes a client's certificate and key from a file only.
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(base64.b64decode(user["client-certificate-data"]))
        pair.write(base64.b64decode(user["client-key-data"]))
        pair.flush()
        context.load_cert_chain(pair.name)
    return context
