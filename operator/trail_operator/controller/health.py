"""GET /healthz: the process works. GET /readyz: it is fit to work or to take over. GET /metrics: in figures."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.aiohttp import make_aiohttp_handler

# Whoever reads an answer slowly does not hold up the end for longer.
_SHUTDOWN = 1.0


class Health:
    """The endpoints by which the process is watched."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.is_fit: Callable[[], bool] = lambda: False
        """Asked whenever readiness is."""
        self._registry = registry
        self._runner: web.AppRunner | None = None

    async def serve(self, host: str, port: int) -> int:
        """Answer until closed; return the port. The event loop that answers is the one that reconciles."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", make_aiohttp_handler(self._registry))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop answering."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n") if self.is_fit() else web.Response(text="not ready\n", status=503)
