"""The HTTP session of kopf: on the operator's route, with kopf's credentials. It records whether the watches run.

kopf does not report whether it watches, so this is derived from its requests. A leader without running watches works on
outdated objects: it must not be ready.
"""

from collections.abc import Collection

import kopf
from aiohttp import (
    ClientConnectionError,
    ClientHandlerType,
    ClientHttpProxyError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    TCPConnector,
)
from yarl import URL

from trail_operator.kube.answers import NO_ANSWER
from trail_operator.kube.client import AWS_ACCOUNTS, NAMESPACES, TRAILS

_OK = 200


class Watches:
    """The paths to watch, and whether the watch of each is running."""

    def __init__(self, namespaces: Collection[str]) -> None:
        """`namespaces`: those to watch Trails in; empty for all."""
        trails = [TRAILS.collection(name) for name in namespaces] or [TRAILS.collection()]
        self._runs = dict.fromkeys([*trails, AWS_ACCOUNTS.collection(), NAMESPACES.collection()], False)

    @property
    def all_running(self) -> bool:
        """Whether all are running: the last request for each path was a watch that the API server accepted."""
        return all(self._runs.values())

    async def noted(self, request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        """Send a request and note its result."""
        try:
            response = await send(request)
        except NO_ANSWER:
            self._note(request.url, False)
            raise
        if response.status != _OK:
            self._note(request.url, False)
        elif request.url.query.get("watch") == "true":
            self._note(request.url, True)
        return response

    def _note(self, url: URL, runs: bool) -> None:
        # The server URL may have a path, which comes first.
        for path in self._runs:
            if url.path.endswith(path):
                self._runs[path] = runs


def watching_session(found: kopf.ConnectionInfo, proxy: str | None, watches: Watches) -> ClientSession:
    """Return the session for kopf's watches."""
    server, credentials = URL(found.server).origin(), found.as_http_headers()

    async def with_credentials(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        # Not as headers of the session: aiohttp sends those to the proxy and to redirect targets as well.
        if request.url.origin() == server:
            request.headers.update(credentials)
        try:
            return await send(request)
        except ClientHttpProxyError as error:  # kopf would exit; it retries connection errors
            raise ClientConnectionError(f"the proxy answers {error.status} {error.message}") from None

    return ClientSession(
        connector=TCPConnector(limit=0, ssl=found.as_ssl_context()),
        proxy=proxy,
        trust_env=False,
        middlewares=(watches.noted, with_credentials),
    )
