"""The control API under /_sandbox: faults, calls, rounds, settings, sessions, reset. Nothing of it is AWS's."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import parse_qs

from trail_sandbox.aws.alarms import Alarms
from trail_sandbox.aws.calls import CallLog
from trail_sandbox.aws.cloudformation import CloudFormation
from trail_sandbox.aws.cloudtrail import CloudTrail
from trail_sandbox.aws.delivery import Delivery
from trail_sandbox.aws.eventbridge import EventBridge
from trail_sandbox.aws.faults import BadRequest, Faults, parse_fault
from trail_sandbox.aws.http import HttpAnswer, HttpRequest
from trail_sandbox.aws.identity import end_sessions
from trail_sandbox.aws.moto_app import Moto
from trail_sandbox.aws.roles import Roles
from trail_sandbox.aws.settings import Settings, parse_settings

PREFIX = "/_sandbox/"


@dataclass(frozen=True)
class Control:
    """What can be asked of the emulator itself."""

    cloudtrail: CloudTrail
    moto: Moto
    cloudformation: CloudFormation
    delivery: Delivery
    bus: EventBridge
    calls: CallLog
    faults: Faults
    settings: Settings
    at_start: Settings
    """What a reset returns to."""
    roles: Roles
    alarms: Alarms

    async def handle(self, request: HttpRequest) -> HttpAnswer:
        """Answer a control request; say why if it is invalid."""
        path = request.path.removeprefix(PREFIX)
        methods = self._routes().get(path)
        if methods is None:
            return _json(404, {"error": f"there is no {request.path}; there are {', '.join(sorted(self._routes()))}"})
        if request.method not in methods:
            return _json(405, {"error": f"{request.path} knows {', '.join(sorted(methods))}, not {request.method}"})
        try:
            return await methods[request.method](request)
        except BadRequest as error:
            return _json(400, {"error": str(error)})

    def _routes(self) -> dict[str, dict[str, Callable[[HttpRequest], Awaitable[HttpAnswer]]]]:
        return {
            "health": {"GET": self._health},
            "faults": {"POST": self._add_fault, "DELETE": self._clear_faults},
            "calls": {"GET": self._get_calls, "DELETE": self._clear_calls},
            "deliver": {"POST": self._deliver},
            "settings": {"GET": self._get_settings, "PUT": self._put_settings},
            "sessions/end": {"POST": self._end_sessions},
            "reset": {"POST": self._reset},
        }

    async def _health(self, _: HttpRequest) -> HttpAnswer:
        return _json(200, {"status": "ok"})

    async def _add_fault(self, request: HttpRequest) -> HttpAnswer:
        self.faults.add(parse_fault(_body(request)))
        return _json(201, {})

    async def _clear_faults(self, request: HttpRequest) -> HttpAnswer:
        """End all faults, or with `account` those of that account."""
        self.faults.clear(_parameter(request, "account"))
        return _json(200, {})

    async def _get_calls(self, request: HttpRequest) -> HttpAnswer:
        """List all calls, or with `account` those made in it."""
        since = _parameter(request, "since") or "0"
        if not since.isdecimal():
            raise BadRequest(f"since must be a number, the `next` of an earlier answer, not {since!r}")
        text = self.calls.describe(int(since), _parameter(request, "account"))
        return HttpAnswer(200, [("Content-Type", "application/json")], text.encode())

    async def _clear_calls(self, _: HttpRequest) -> HttpAnswer:
        self.calls.clear()
        return _json(200, {})

    async def _deliver(self, request: HttpRequest) -> HttpAnswer:
        """Run a round for all accounts, or with `account` for that account and its organization."""
        account = _parameter(request, "account")
        await asyncio.to_thread(self.delivery.run_round, account, was_asked_for=True)
        await asyncio.to_thread(self.alarms.evaluate, account)
        return _json(200, {})

    async def _get_settings(self, _: HttpRequest) -> HttpAnswer:
        return _json(200, asdict(self.settings))

    async def _put_settings(self, request: HttpRequest) -> HttpAnswer:
        """Set what is given; what is not keeps its value. Events of earlier calls are sent by the earlier settings."""
        given = parse_settings(_body(request))
        await asyncio.to_thread(self.bus.settle)
        for name, value in given.items():
            setattr(self.settings, name, value)
        return _json(200, asdict(self.settings))

    async def _end_sessions(self, request: HttpRequest) -> HttpAnswer:
        """End all sessions of roles before their time, or with `account` those of that account's roles."""
        end_sessions(_parameter(request, "account"))
        return _json(200, {})

    async def _reset(self, _: HttpRequest) -> HttpAnswer:
        """Forget everything but the sequence numbers of calls."""
        self.cloudtrail.reset()
        await asyncio.to_thread(self.delivery.clear)
        await asyncio.to_thread(self.bus.clear)
        await asyncio.to_thread(self.moto.reset)
        self.cloudformation.reset()
        self.roles.clear()
        self.faults.clear()
        self.calls.clear()
        for field in fields(Settings):
            setattr(self.settings, field.name, getattr(self.at_start, field.name))
        return _json(200, {})


def _parameter(request: HttpRequest, name: str) -> str | None:
    values = parse_qs(request.query).get(name)
    return values[-1] if values else None


def _body(request: HttpRequest) -> object:
    try:
        body: object = json.loads(request.body)
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    return body


def _json(status: int, body: dict[str, Any]) -> HttpAnswer:
    return HttpAnswer(status, [("Content-Type", "application/json")], json.dumps(body).encode())
