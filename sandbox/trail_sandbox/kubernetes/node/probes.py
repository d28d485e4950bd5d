"""Probes and lifecycle hooks: one try of an action against a container, and the counting of tries.

https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from trail_sandbox.kubernetes.node.api import Object
from trail_sandbox.kubernetes.node.environment import ConfigError

Execute = Callable[[list[str]], Awaitable[str | None]]
"""Run a command in the container; the answer is what went wrong."""


@dataclass(frozen=True)
class Timing:
    """When to probe, and how many answers in a row count."""

    initial_delay: float
    period: float
    timeout: float
    successes: int
    failures: int

    @classmethod
    def of(cls, probe: Object) -> "Timing":
        """As the probe says, with Kubernetes' defaults."""
        return cls(
            initial_delay=probe.get("initialDelaySeconds") or 0,
            period=probe.get("periodSeconds") or 10,
            timeout=probe.get("timeoutSeconds") or 1,
            successes=probe.get("successThreshold") or 1,
            failures=probe.get("failureThreshold") or 3,
        )


@dataclass
class Streak:
    """Counts answers in a row, and says when that is enough to believe them."""

    timing: Timing
    succeeded: bool = False
    length: int = 0

    def count(self, success: bool) -> bool | None:
        """True or False once the threshold of that answer is reached, else None."""
        self.length = self.length + 1 if success == self.succeeded else 1
        self.succeeded = success
        enough = self.timing.successes if success else self.timing.failures
        return success if self.length >= enough else None


async def act(action: Object, container: Object, pod_ip: str, limit: float, execute: Execute) -> str | None:
    """Do what a probe or hook says once; the answer is what went wrong, or None."""
    try:
        async with asyncio.timeout(limit):
            if "httpGet" in action:
                return await _http_get(action["httpGet"], container, pod_ip)
            if "tcpSocket" in action:
                return await _tcp_socket(action["tcpSocket"], container, pod_ip)
            if "exec" in action:
                return await execute(action["exec"]["command"])
            if "sleep" in action:
                await asyncio.sleep(action["sleep"]["seconds"])
                return None
    except TimeoutError:
        return f"no answer within {limit:g} s"
    except ConfigError as error:
        return str(error)
    return f"the sandbox's node knows no such action: {', '.join(action)}"


async def _http_get(request: Object, container: Object, pod_ip: str) -> str | None:
    scheme, host = request.get("scheme", "HTTP").lower(), request.get("host") or pod_ip
    url = f"{scheme}://{host}:{_port(request['port'], container)}{request.get('path', '/')}"
    headers = {h["name"]: h["value"] for h in request.get("httpHeaders") or []}
    try:
        # As kubelet: certificates are not verified, and a redirection counts as an answer.
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, headers=headers, ssl=False, allow_redirects=False) as answer,
        ):
            if 200 <= answer.status < 400:
                return None
            return f"HTTP probe failed with status code {answer.status}"
    except aiohttp.ClientError as error:
        return f"GET {url}: {error}"


async def _tcp_socket(socket: Object, container: Object, pod_ip: str) -> str | None:
    host, port = socket.get("host") or pod_ip, _port(socket["port"], container)
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        return f"connecting to {host}:{port}: {error}"
    writer.close()
    return None


def _port(port: int | str, container: Object) -> int:
    """A port's number, by number or by the name that the container's ports give it."""
    if isinstance(port, int):
        return port
    for known in container.get("ports") or []:
        if known.get("name") == port:
            return int(known["containerPort"])
    raise ConfigError(f"the container has no port named {port}")
