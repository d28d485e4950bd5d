"""Of several operators one works: the one that holds the Lease. Knows nothing of Trails and AWS.

Who holds it writes it anew every few seconds, and acts only within a term that it counts from before that request, on
its own monotonic clock. Whoever stands by counts a longer time from when it last saw the Lease change, on its own. So
terms never overlap, whatever the clocks of the machines show, and though a process may stand still without knowing.

https://kubernetes.io/docs/concepts/architecture/leases/
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientError
from kubernetes.aio.client.exceptions import ApiException

from trail_operator.kube.answers import OddAnswerError, is_not_found, whole_object
from trail_operator.kube.client import CONFLICT, ApiConnection
from trail_operator.runtime.logs import logger

# Seconds that a Lease outlives its holder's last sign of life.
_DURATION = 10
# Seconds that its holder counts on it: clocks may differ in speed, and a request that is sent takes a while to land.
_TERM = 8.0
_RENEW = 2.0
_POLL = 1.0
_REQUEST = 4.0


class NotLeadingError(asyncio.CancelledError):
    """This process may not act any more. As in a task that is cancelled, what was under way ends here, silently."""


class LeaderFence:
    """Whether this process may act: asked right before everything that it does to AWS or to Kubernetes."""

    def __init__(self, clock: Callable[[], float], until: float) -> None:
        self._clock = clock
        self.until = until
        """When its term ends; on the monotonic clock."""

    @property
    def holds(self) -> bool:
        """Whether its term goes on."""
        return self._clock() < self.until

    def check(self) -> None:
        """Raise NotLeadingError if the term has ended."""
        if not self.holds:
            raise NotLeadingError


def without_lease(clock: Callable[[], float]) -> LeaderFence:
    """The leadership of an operator that is alone."""
    return LeaderFence(clock, math.inf)


class LeaderElector:
    """The Lease that operators contend for."""

    def __init__(
        self,
        connection: ApiConnection,
        namespace: str,
        name: str,
        holder: str,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._connection = connection
        self._namespace = namespace
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._name = name
        self._clock = clock
        self._sleep = sleep
        self._holder = holder
        self._seen: tuple[str, float] = "", 0.0  # the version that was last seen, and since when
        self._told = ""
        self._went_well = -math.inf  # when it was last found with another holder, or written
        self.leadership = LeaderFence(clock, -math.inf)

    def __str__(self) -> str:
        return f"{self._namespace}/{self._name}"

    @property
    def observed_recently(self) -> bool:
        """Whether lately another was seen to hold it, or this process got it: else this one could not take over."""
        return self._clock() < self._went_well + _DURATION

    async def read(self) -> dict[str, Any] | None:
        """The Lease as it is; None if there is none."""
        try:
            answer = await self._connection.request("GET", f"{self._path}/{self._name}")
        except ApiException as error:
            if is_not_found(error, self._name):
                return None
            raise
        return whole_object(answer, self._name, self._namespace)

    async def acquire(self) -> None:
        """Wait until this process holds the Lease."""
        while not (await self._attempt(_REQUEST) and self.leadership.holds):
            await self._sleep(_POLL)
        logger.info(f"holds the Lease {self} as {self._holder}")

    async def keep(self) -> None:
        """Hold it as long as that goes well; returns when the term has ended."""
        pause = _RENEW
        while self.leadership.holds:
            await self._sleep(min(pause, self._left()))
            held = await self._attempt(min(_REQUEST, self._left()))
            if held is False:
                self.leadership.until = -math.inf  # someone else works already
            pause = _RENEW if held else _POLL
        logger.error(f"no longer holds the Lease {self}")

    async def release(self) -> None:
        """Let another take over at once. Nothing that this process has begun may still be under way."""
        if not self.leadership.holds:
            return
        self.leadership.until = -math.inf
        try:
            async with asyncio.timeout(_REQUEST):
                await self._give_back()
        except (ApiException, ClientError, TimeoutError, OSError):
            logger.warning(f"the Lease {self} could not be given back: it ends by itself in {_DURATION} s")

    async def _give_back(self) -> None:
        while (body := await self.read()) and _spec(body).get("holderIdentity") == self._holder:
            try:
                await self._write(body, holder="")
            except ApiException as error:
                if error.status != CONFLICT:  # else a renewal that was under way has landed: read it anew
                    raise

    def _left(self) -> float:
        return max(0.0, self.leadership.until - self._clock())

    async def _attempt(self, seconds: float) -> bool | None:
        """Take or renew it; False if another holds it, None if the API server leaves that open for so many seconds."""
        begun = self._clock()
        try:
            async with asyncio.timeout(seconds):
                body = await self.read()
                other = self._held_by_another(body) if body else ""
                if not other:
                    await self._write(body, holder=self._holder)
        except ApiException as error:
            if error.status == CONFLICT:  # somebody was faster, or an earlier try of ours has landed: read it anew
                return None
            self._tell(f"the Lease {self}: the API server answers {error.status} {error.reason}")
            return None
        except (ClientError, TimeoutError, OSError) as error:
            self._tell(f"the Lease {self}: no answer from the API server ({type(error).__name__})")
            return None
        self._went_well = begun
        if other:
            self._tell(f"standing by: {other} holds the Lease {self}")
            return False
        self.leadership.until = begun + _TERM
        self._told = ""
        return True

    def _held_by_another(self, body: dict[str, Any]) -> str:
        """Who else holds it, "" if it is free: let go of, or without a sign of life for as long as it lasts."""
        spec = _spec(body)
        version = str(body["metadata"]["resourceVersion"])
        if version != self._seen[0]:
            self._seen = version, self._clock()
        holder = str(spec.get("holderIdentity") or "")
        lasts = float(spec.get("leaseDurationSeconds") or _DURATION)
        return "" if holder == self._holder or self._clock() >= self._seen[1] + lasts else holder

    async def _write(self, body: dict[str, Any] | None, holder: str) -> None:
        before = _spec(body) if body else {}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": holder, "leaseDurationSeconds": _DURATION, "renewTime": now}
        if before.get("holderIdentity") != holder:
            spec |= {"acquireTime": now, "leaseTransitions": before.get("leaseTransitions", -1) + 1}
        if body is None:
            kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self._name}}
            answer = await self._connection.request("POST", self._path, {**kind, "spec": spec})
        else:
            # The version makes it that only one of those who found it free gets it.
            written = {**body, "spec": {**before, **spec}}
            answer = await self._connection.request("PUT", f"{self._path}/{self._name}", written)
        if _spec(whole_object(answer, self._name, self._namespace)).get("holderIdentity") != holder:
            raise OddAnswerError("200 with another Lease than was written")

    def _tell(self, text: str) -> None:
        if text != self._told:
            logger.info(text)
            self._told = text


def _spec(lease: dict[str, Any]) -> dict[str, Any]:
    """The spec of a Lease: empty in one that was made by hand. Raises OddAnswerError where it is none."""
    spec = lease.get("spec") or {}
    numbers = ("leaseDurationSeconds", "leaseTransitions")
    if not isinstance(spec, dict) or not all(isinstance(spec.get(name) or 0, int) for name in numbers):
        raise OddAnswerError("200 with a Lease whose spec is none")
    return spec
