"""The part of a kubelet's own API that `kubectl logs` needs; the API server passes such requests on to the node."""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aiohttp import web

_FOLLOW_SECONDS = 0.2


@dataclass(frozen=True)
class ContainerLog:
    """Where a container's output is."""

    path: Path
    start: int
    """Where in the file the present life begins."""
    running: bool
    """Whether more is to come."""


class LogOf(Protocol):
    """The log of a container of the node; None where there is no such container."""

    def __call__(self, namespace: str, pod: str, container: str) -> ContainerLog | None: ...  # noqa: D102


def application(log_of: LogOf) -> web.Application:
    """The kubelet's paths: /healthz and /containerLogs."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def logs(request: web.Request) -> web.StreamResponse:
        log = log_of(**request.match_info)
        if log is None:
            raise web.HTTPNotFound(text="no such container on this node")
        path = log.path
        position, content = _tail(path, log.start, request.query.get("tailLines"))
        answer = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await answer.prepare(request)
        await answer.write(content)
        more = request.query.get("follow") == "true"
        while more:
            await asyncio.sleep(_FOLLOW_SECONDS)
            # Asked first, read then: what was written before the end is read, too.
            log = log_of(**request.match_info)
            more = log is not None and log.running
            position, content = _read(path, position)
            await answer.write(content)
        return answer

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/containerLogs/{namespace}/{pod}/{container}", logs)])
    return app


def server_context(authority: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS for which a client needs a certificate of the sandbox's authority: logs are not for everybody."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate, key)
    return context


def _tail(path: Path, start: int, lines: str | None) -> tuple[int, bytes]:
    position, content = _read(path, start)
    if lines is not None:
        wanted = int(lines)
        content = b"".join(content.splitlines(keepends=True)[-wanted:]) if wanted else b""
    return position, content


def _read(path: Path, start: int) -> tuple[int, bytes]:
    """What stands in the file from there on, and where that ends."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            content = file.read()
    except FileNotFoundError:
        return start, b""
    return start + len(content), content
