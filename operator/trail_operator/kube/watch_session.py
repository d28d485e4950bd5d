"""kopf's side of the connection to the API server: by our way, with kopf's credentials, and whether its watches run.

kopf does not tell whether it watches, so that is read off the requests that it makes. One that leads and does not watch
works on what it knew at the start: it is not fit, and that is to be seen.
"""

from collections.abc import Collection

import kopf
from aiohttp import (
    ClientConnectionError,
    ClientError,
    ClientHandlerType,
    ClientHttpProxyError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    TCPConnector,
)
from yarl import URL

from trail_operator.kube.client import AWS_ACCOUNTS, NAMESPACES, TRAILS

_OK = 200


class Watches:
    """What is to be watched, and how the last request for each has ended."""

    def __init__(self, namespaces: Collection[str]) -> None:
        """`namespaces`: those whose Trails are watched, none for all."""
        trails = [TRAILS.collection(name) for name in namespaces] or [TRAILS.collection()]
        self._runs = dict.fromkeys([*trails, AWS_ACCOUNTS.collection(), NAMESPACES.collection()], False)

    @property
    def run(self) -> bool:
        """Whether all run: the API server has answered the last request of each, which was to watch."""
        return all(self._runs.values())

    async def noted(self, request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        """What becomes of a request, which is noted."""
        try:
            response = await send(request)
        except (ClientError, TimeoutError, OSError):
            self._note(request.url, False)
            raise
        if response.status != _OK:
            self._note(request.url, False)
        elif request.url.query.get("watch") == "true":
            self._note(request.url, True)
        return response

    def _note(self, url: URL, runs: bool) -> None:
        # The server's own path may stand before.
        for path in self._runs:
            if url.path.endswith(path):
                self._runs[path] = runs


def watching_session(found: kopf.ConnectionInfo, proxy: str | None, watches: Watches) -> ClientSession:
    """The session that kopf watches by."""
    server, credentials = URL(found.server).origin(), found.as_http_headers()

    async def with_credentials(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        # Not as the session's own headers: aiohttp sends those to the proxy as well, and wherever it is redirected.
        if request.url.origin() == server:
            request.headers.update(credentials)
        try:
            return await send(request)
        except ClientHttpProxyError as error:  # kopf would end by it, where a connection that fails is tried again
            raise ClientConnectionError(f"the proxy answers {error.status} {error.message}") from None

    return ClientSession(
        connector=TCPConnector(limit=0, ssl=found.as_ssl_context()),
        proxy=proxy,
        trust_env=False,
        middlewares=(watches.noted, with_credentials),
    )
