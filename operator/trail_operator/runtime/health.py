"""GET /healthz: the process works. GET /readyz: it is fit to work or to take over. GET /metrics: in figures.

The event loop that answers is the one that reconciles, and everybody who reaches the port may ask: so nothing that they
ask for takes its time. Metrics are rendered in a thread, once for all who ask within a second; a connection answers one
request and ends after some seconds at the latest; of too many the oldest makes room.
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

_SECONDS_A_CONNECTION = 10.0
_MOST_CONNECTIONS = 64
# The longest head of a request, in bytes.
_LONGEST_HEAD = 16 * 1024
_SECONDS_BETWEEN_RENDERINGS = 1.0
_TEXT = "text/plain; charset=utf-8"
_PLAIN, _OPENMETRICS = exposition.CONTENT_TYPE_PLAIN_0_0_4, openmetrics.CONTENT_TYPE_LATEST
_FORMATS: dict[str, Callable[[CollectorRegistry], bytes]] = {
    _PLAIN: exposition.generate_latest,
    _OPENMETRICS: openmetrics.generate_latest,
}


@dataclass(frozen=True)
class Answer:
    """What is answered to a request. `packed`: the body in gzip, for those who take it."""

    status: HTTPStatus
    body: bytes
    kind: str = _TEXT
    packed: bytes = b""

    def encoded(self, *, takes_gzip: bool, is_head: bool) -> bytes:
        """The answer as it goes over the wire; the connection then ends."""
        body = self.packed if takes_gzip and self.packed else self.body
        lines = [
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            f"Content-Type: {self.kind}",
            f"Content-Length: {len(body)}",
            *(["Content-Encoding: gzip"] if body is self.packed else []),
            "Connection: close",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + (b"" if is_head else body)


class Health:
    """The endpoints by which the process is watched."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        clock: Callable[[], float] = time.monotonic,
        seconds_a_connection: float = _SECONDS_A_CONNECTION,
    ) -> None:
        self.is_fit: Callable[[], bool] = lambda: False
        """Asked whenever readiness is."""
        self._seconds = seconds_a_connection
        self._metrics = {kind: _Rendering(partial(render, registry), kind, clock) for kind, render in _FORMATS.items()}
        self._connections: dict[asyncio.StreamWriter, None] = {}
        self._server: asyncio.Server | None = None

    async def serve(self, host: str, port: int) -> int:
        """Answer until closed; return the port."""
        self._server = await asyncio.start_server(self._connected, host, port, limit=_LONGEST_HEAD, backlog=128)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop answering. Whoever reads an answer slowly is not waited for."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= _MOST_CONNECTIONS:
            # The oldest, not this one: a probe is answered however many connections say nothing.
            oldest = next(iter(self._connections))
            del self._connections[oldest]
            oldest.transport.abort()
        self._connections[writer] = None
        with suppress(TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(self._seconds):
                writer.write(await self._answered(await reader.readuntil(b"\r\n\r\n")))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        self._connections.pop(writer, None)
        writer.transport.abort()  # whatever was not sent by now

    async def _answered(self, head: bytes) -> bytes:
        request, _, fields = head.decode("latin-1").partition("\r\n")
        method, path, *_ = [*request.split(), "", ""]
        headers = dict(line.split(":", 1) for line in fields.lower().splitlines() if ":" in line)
        answer = await self._answer(method, path.partition("?")[0], headers.get("accept", ""))
        takes_gzip = "gzip" in headers.get("accept-encoding", "")
        return answer.encoded(takes_gzip=takes_gzip, is_head=method == "HEAD")

    async def _answer(self, method: str, path: str, accepted: str) -> Answer:
        if method not in ("GET", "HEAD"):
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"write GET\n")
        match path:
            case "/healthz":
                return Answer(HTTPStatus.OK, b"ok\n")
            case "/readyz" if self.is_fit():
                return Answer(HTTPStatus.OK, b"ok\n")
            case "/readyz":
                return Answer(HTTPStatus.SERVICE_UNAVAILABLE, b"not ready\n")
            case "/metrics":
                wants_openmetrics = "application/openmetrics-text" in accepted
                return await self._metrics[_OPENMETRICS if wants_openmetrics else _PLAIN].get()
        return Answer(HTTPStatus.NOT_FOUND, b"there are /healthz, /readyz and /metrics\n")


class _Rendering:
    """What takes its time to render: done in a thread, and for all who ask within a second."""

    def __init__(self, render: Callable[[], bytes], kind: str, clock: Callable[[], float]) -> None:
        self._render = render
        self._kind = kind
        self._clock = clock
        self._begun = 0.0
        self._task: asyncio.Task[Answer] | None = None

    async def get(self) -> Answer:
        """The answer: that which is being rendered, or was within a second."""
        now = self._clock()
        if self._task is None or (self._task.done() and now - self._begun >= _SECONDS_BETWEEN_RENDERINGS):
            self._begun, self._task = now, asyncio.create_task(self._rendered())
        return await asyncio.shield(self._task)  # whoever gives up takes it from nobody

    async def _rendered(self) -> Answer:
        try:
            return await asyncio.to_thread(self._packed)
        except Exception:  # noqa: BLE001 - whatever it is, the process works on
            logger.exception("the metrics can't be rendered")
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"the metrics can't be rendered: see the operator's log\n")

    def _packed(self) -> Answer:
        body = self._render()
        return Answer(HTTPStatus.OK, body, self._kind, gzip.compress(body, compresslevel=3))
