"""GET /healthz: the process works. GET /readyz: it has seen all Trails and is reconciling."""

from aiohttp import web


class Health:
    """The health endpoints."""

    def __init__(self) -> None:
        self.ready = False
        self._runner: web.AppRunner | None = None

    async def serve(self, host: str, port: int) -> int:
        """Answer until closed; return the port. The event loop that answers is the one that reconciles."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop answering."""
        self.ready = False
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n") if self.ready else web.Response(text="starting\n", status=503)
