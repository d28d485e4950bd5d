"""The emulated AWS as a process: one port, one event loop, delivery rounds in the background."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

from aiohttp import web
from multidict import CIMultiDict

from trail_sandbox.aws.access import Authorizer
from trail_sandbox.aws.alarms import Alarms
from trail_sandbox.aws.calls import CallLog
from trail_sandbox.aws.cloudformation import CloudFormation
from trail_sandbox.aws.cloudtrail import CloudTrail
from trail_sandbox.aws.control import PREFIX, Control
from trail_sandbox.aws.delivery import Delivery
from trail_sandbox.aws.eventbridge import EventBridge
from trail_sandbox.aws.faults import Faults
from trail_sandbox.aws.front import Front
from trail_sandbox.aws.http import HttpAnswer, HttpRequest
from trail_sandbox.aws.moto_app import Moto
from trail_sandbox.aws.roles import Roles
from trail_sandbox.aws.settings import Settings
from trail_sandbox.aws.trails import TrailStore
from trail_sandbox.aws.world import World

_SECONDS_BETWEEN_ROUNDS = 3.0
_SECONDS_BETWEEN_EVALUATIONS = 1.0

logger = logging.getLogger(__name__)

Handler = Callable[[HttpRequest], Awaitable[HttpAnswer | None]]


async def serve(host: str, port: int, at_start: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    trails, settings = TrailStore(now), replace(at_start)
    roles = Roles(settings, now)
    world = World(roles, settings)
    calls, faults, moto = CallLog(), Faults(), Moto()
    bus = EventBridge(world, settings)
    delivery = Delivery(trails, world, bus, now)
    cloudtrail = CloudTrail(trails, world, settings, delivery, now)
    cloudformation = CloudFormation(f"http://{host}:{port}", now)
    front = Front(
        cloudtrail=cloudtrail,
        moto=moto,
        cloudformation=cloudformation,
        authorizer=Authorizer(world, trails),
        roles=roles,
        delivery=delivery,
        bus=bus,
        calls=calls,
        faults=faults,
        settings=settings,
        clock=now,
    )
    alarms = Alarms(world, settings)
    control = Control(cloudtrail, moto, cloudformation, delivery, bus, calls, faults, settings, at_start, roles, alarms)

    async def handle(request: HttpRequest) -> HttpAnswer | None:
        return await (control if request.path.startswith(PREFIX) else front).handle(request)

    rounds = asyncio.create_task(deliver_for_ever(delivery, settings))
    evaluations = asyncio.create_task(evaluate_for_ever(alarms, settings))
    # auto_decompress would unpack the bodies of objects that are stored compressed.
    runner = web.ServerRunner(web.Server(_adapt(handle), auto_decompress=False), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    await _ended()
    rounds.cancel()
    evaluations.cancel()
    await runner.cleanup()


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


async def deliver_for_ever(delivery: Delivery, settings: Settings, pause: float = _SECONDS_BETWEEN_ROUNDS) -> None:
    """Run rounds of delivery while the settings have them run by themselves."""
    while True:
        await asyncio.sleep(pause)
        if not settings.background:
            continue
        try:
            await asyncio.to_thread(delivery.run_round)
        except Exception:
            logger.exception("a delivery round failed")


async def evaluate_for_ever(alarms: Alarms, settings: Settings, pause: float = _SECONDS_BETWEEN_EVALUATIONS) -> None:
    """Evaluate alarms while the settings have things happen by themselves."""
    while True:
        await asyncio.sleep(pause)
        if not settings.background:
            continue
        try:
            await asyncio.to_thread(alarms.evaluate)
        except Exception:
            logger.exception("an evaluation of alarms failed")


async def _ended() -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()


def _adapt(handle: Handler) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    """Speak aiohttp's language."""

    async def handle_request(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        path, _, query = request.raw_path.partition("?")
        answer = await handle(
            HttpRequest(
                method=request.method,
                path=path,
                query=query,
                headers={name.lower(): value for name, value in request.headers.items()},
                body=await request.content.read(),
                source_ip=request.remote or "",
                header_names=list(request.headers),
                is_gone=lambda: request.transport is None or request.transport.is_closing(),
            )
        )
        return _respond(request, answer)

    return handle_request


def _respond(request: web.BaseRequest, answer: HttpAnswer | None) -> web.StreamResponse:
    if answer is None:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    body = None if request.method == "HEAD" else answer.body
    return web.Response(status=answer.status, headers=CIMultiDict(answer.headers), body=body)
