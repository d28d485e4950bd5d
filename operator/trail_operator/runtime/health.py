"""The HTTP endpoints: /healthz (the process runs), /readyz (it works or could take over) and /metrics.

They share the event loop with the reconciles, and everyone who can reach the port may send requests. So no request may
take much of its time: metrics are rendered in a thread, once per second for all clients; a connection serves one
request and is closed after a timeout; if there are too many, the oldest is closed.
"""

import asyncio
import gzip
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from prometheus_client import CollectorRegistry, exposition
from prometheus_client.openmetrics import exposition as openmetrics

from trail_operator.runtime.logs import logger

# Seconds.
_CONNECTION_TIMEOUT = 10.0
_RENDER_PERIOD = 1.0
_MAX_CONNECTIONS = 64
# Of a request, in bytes.
_MAX_HEAD = 16 * 1024
_TEXT = "text/plain; charset=utf-8"
_PLAIN, _OPENMETRICS = exposition.CONTENT_TYPE_PLAIN_0_0_4, openmetrics.CONTENT_TYPE_LATEST
_FORMATS: dict[str, Callable[[CollectorRegistry], bytes]] = {
    _PLAIN: exposition.generate_latest,
    _OPENMETRICS: openmetrics.generate_latest,
}


@dataclass(frozen=True)
class Response:
    """A response. `compressed`: the body in gzip, if there is one."""

    status: HTTPStatus
    body: bytes
    content_type: str = _TEXT
    compressed: bytes = b""

    def encode(self, *, accepts_gzip: bool, is_head: bool) -> bytes:
        """Return the bytes to send, after which the connection is closed."""
        body = self.compressed if accepts_gzip and self.compressed else self.body
        lines = [
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(body)}",
            *(["Content-Encoding: gzip"] if body is self.compressed else []),
            "Connection: close",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + (b"" if is_head else body)


class Health:
    """Serves the endpoints."""

    def __init__(
        self,
        registry: CollectorRegistry,
        is_ready: Callable[[], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
        connection_timeout: float = _CONNECTION_TIMEOUT,
    ) -> None:
        """`is_ready`: called for each request for /readyz."""
        self._is_ready = is_ready
        self._connection_timeout = connection_timeout
        self._metrics = {name: _Rendering(partial(render, registry), name, clock) for name, render in _FORMATS.items()}
        self._connections: dict[asyncio.StreamWriter, None] = {}
        self._server: asyncio.Server | None = None

    async def serve(self, host: str, port: int) -> int:
        """Serve until closed; return the port."""
        self._server = await asyncio.start_server(self._on_connect, host, port, limit=_MAX_HEAD, backlog=128)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop serving, without waiting for clients that read slowly."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.transport.abort()

    async def _on_connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= _MAX_CONNECTIONS:
            # Close the oldest, not this one: idle connections must not block probes.
            oldest = next(iter(self._connections))
            del self._connections[oldest]
            oldest.transport.abort()
        self._connections[writer] = None
        with suppress(TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(self._connection_timeout):
                writer.write(await self._respond(await reader.readuntil(b"\r\n\r\n")))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        self._connections.pop(writer, None)
        writer.transport.abort()  # discards what was not sent

    async def _respond(self, head: bytes) -> bytes:
        request, _, fields = head.decode("latin-1").partition("\r\n")
        method, path, *_ = [*request.split(), "", ""]
        headers = dict(line.split(":", 1) for line in fields.lower().splitlines() if ":" in line)
        response = await self._response(method, path.partition("?")[0], headers.get("accept", ""))
        accepts_gzip = "gzip" in headers.get("accept-encoding", "")
        return response.encode(accepts_gzip=accepts_gzip, is_head=method == "HEAD")

    async def _response(self, method: str, path: str, accept: str) -> Response:
        if method not in ("GET", "HEAD"):
            return Response(HTTPStatus.METHOD_NOT_ALLOWED, b"use GET\n")
        match path:
            case "/healthz":
                return Response(HTTPStatus.OK, b"ok\n")
            case "/readyz" if self._is_ready():
                return Response(HTTPStatus.OK, b"ok\n")
            case "/readyz":
                return Response(HTTPStatus.SERVICE_UNAVAILABLE, b"not ready\n")
            case "/metrics":
                accepts_openmetrics = "application/openmetrics-text" in accept
                return await self._metrics[_OPENMETRICS if accepts_openmetrics else _PLAIN].get()
        return Response(HTTPStatus.NOT_FOUND, b"not found: use /healthz, /readyz or /metrics\n")


class _Rendering:
    """Metrics in one format, rendered in a thread, at most once per second."""

    def __init__(self, render: Callable[[], bytes], content_type: str, clock: Callable[[], float]) -> None:
        self._render = render
        self._content_type = content_type
        self._clock = clock
        self._started = 0.0
        self._task: asyncio.Task[Response] | None = None

    async def get(self) -> Response:
        """Return the response that is being rendered, or was within the last second, or a new one."""
        now = self._clock()
        if self._task is None or (self._task.done() and now - self._started >= _RENDER_PERIOD):
            self._started, self._task = now, asyncio.create_task(self._render_or_fail())
        return await asyncio.shield(self._task)  # a client that disconnects must not cancel it for others

    async def _render_or_fail(self) -> Response:
        try:
            return await asyncio.to_thread(self._compressed)
        except Exception:  # noqa: BLE001 - an error of the metrics must not end the process
            logger.exception("failed to render the metrics")
            return Response(HTTPStatus.INTERNAL_SERVER_ERROR, b"failed to render the metrics: see the operator's log\n")

    def _compressed(self) -> Response:
        body = self._render()
        return Response(HTTPStatus.OK, body, self._content_type, gzip.compress(body, compresslevel=3))
