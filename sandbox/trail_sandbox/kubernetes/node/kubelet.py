"""The part of a kubelet's own API that `kubectl logs` needs; the API server passes such requests on to the node."""

import asyncio
import ssl
from pathlib import Path
from typing import Protocol

from aiohttp import web

_FOLLOW_SECONDS = 0.2


class LogOf(Protocol):
    """The log of a container, by namespace, Pod and container, and where in it the present life begins."""

    def __call__(self, namespace: str, pod: str, container: str) -> tuple[Path, int] | None: ...  # noqa: D102


def application(log_of: LogOf) -> web.Application:
    """The kubelet's paths: /healthz and /containerLogs."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def logs(request: web.Request) -> web.StreamResponse:
        where = log_of(**request.match_info)
        if where is None:
            raise web.HTTPNotFound(text="no such container on this node")
        path, start = where
        position, content = _tail(path, start, request.query.get("tailLines"))
        answer = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await answer.prepare(request)
        await answer.write(content)
        while request.query.get("follow") == "true" and log_of(**request.match_info) is not None:
            await asyncio.sleep(_FOLLOW_SECONDS)
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
