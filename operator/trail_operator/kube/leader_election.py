"""Leader election: of several replicas, only the holder of the Lease works. Knows nothing of Trails or AWS.

The leader renews the Lease every few seconds. It acts only within RENEW_DEADLINE from before the last renewal was sent,
on its own monotonic clock. A standby takes over only when it has not seen the Lease change for LEASE_DURATION, which is
longer, on its own clock. So two replicas never lead at the same time, even if wall clocks differ or a process is
suspended without noticing.

The names are those of client-go, which renews without such a fence:
https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
https://kubernetes.io/docs/concepts/architecture/leases/
"""

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.kube.answers import NO_ANSWER, OddAnswerError, is_not_found, whole_object
from trail_operator.kube.client import CONFLICT
from trail_operator.kube.connection import ApiConnection
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.logs import logger

# All in seconds. A Lease that has not changed for this time is free.
LEASE_DURATION = 10
# How long the leader acts after a renewal: shorter, as clocks run at different speeds and requests take time to arrive.
RENEW_DEADLINE = 8.0
RENEW_PERIOD = 2.0
RETRY_PERIOD = 1.0
_REQUEST_TIMEOUT = 4.0


class NotLeadingError(asyncio.CancelledError):
    """This process no longer leads. Like a cancellation, it ends the current work silently."""


class LeaderFence:
    """Whether this process may act: checked right before each request to AWS and each write to Kubernetes."""

    def __init__(self, clock: Callable[[], float], deadline: float) -> None:
        """`deadline`: on the monotonic clock, in seconds."""
        self._clock = clock
        self._deadline = deadline

    @property
    def is_leading(self) -> bool:
        """Whether this process still leads."""
        return self.seconds_left > 0.0

    @property
    def seconds_left(self) -> float:
        """How long this process may still act."""
        return max(0.0, self._deadline - self._clock())

    def check(self) -> None:
        """Raise NotLeadingError if this process no longer leads."""
        if not self.is_leading:
            raise NotLeadingError

    def extend(self, deadline: float) -> None:
        """Move the deadline."""
        self._deadline = deadline

    def close(self) -> None:
        """Forbid all further actions."""
        self._deadline = -math.inf


def without_lease(clock: Callable[[], float]) -> LeaderFence:
    """Return the fence of an operator without leader election, which is always open."""
    return LeaderFence(clock, math.inf)


class LeaderElector:
    """Acquires, renews and releases the Lease."""

    def __init__(self, connection: ApiConnection, namespace: str, name: str, identity: str, clock: Clock) -> None:
        self._connection = connection
        self._namespace = namespace
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._name = name
        self._clock = clock
        self._identity = identity
        self._observed_record = ""  # its resourceVersion
        self._observed_at = 0.0  # when it was first observed
        self._reported = ""
        self._succeeded_at = -math.inf  # when the Lease was last read with another holder, or written
        self.fence = LeaderFence(clock.monotonic, -math.inf)

    def __str__(self) -> str:
        return f"{self._namespace}/{self._name}"

    @property
    def observed_recently(self) -> bool:
        """Whether this process recently read another holder or wrote the Lease. If not, it could not take over."""
        return self._clock.monotonic() < self._succeeded_at + LEASE_DURATION

    async def read(self) -> dict[str, Any] | None:
        """Return the Lease, or None if it does not exist."""
        try:
            answer = await self._connection.request("GET", f"{self._path}/{self._name}")
        except ApiException as error:
            if is_not_found(error, self._name):
                return None
            raise
        return whole_object(answer, self._name, self._namespace)

    async def acquire(self) -> None:
        """Wait until this process holds the Lease."""
        while not (await self._try_acquire_or_renew(_REQUEST_TIMEOUT) and self.fence.is_leading):
            await self._clock.sleep(RETRY_PERIOD)
        logger.info(f"acquired the Lease {self} as {self._identity}")

    async def renew(self) -> None:
        """Renew the Lease until it is lost."""
        pause = RENEW_PERIOD
        while self.fence.is_leading:
            await self._clock.sleep(min(pause, self.fence.seconds_left))
            renewed = await self._try_acquire_or_renew(min(_REQUEST_TIMEOUT, self.fence.seconds_left))
            if renewed is False:
                self.fence.close()  # another process leads already
            pause = RENEW_PERIOD if renewed else RETRY_PERIOD
        logger.error(f"lost the Lease {self}")

    async def release(self) -> None:
        """Let a standby take over at once. Call it only when nothing of this process is in progress."""
        if not self.fence.is_leading:
            return
        self.fence.close()
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT):
                await self._clear_holder()
        except (ApiException, *NO_ANSWER):
            logger.warning(f"failed to release the Lease {self}: it expires in {LEASE_DURATION} s")

    async def _clear_holder(self) -> None:
        while (body := await self.read()) and _spec(body).get("holderIdentity") == self._identity:
            try:
                await self._write(body, holder="")
            except ApiException as error:
                if error.status != CONFLICT:  # else an earlier renewal has arrived: read the Lease again
                    raise

    async def _try_acquire_or_renew(self, seconds: float) -> bool | None:
        """Return False if another process holds the Lease, None if the API server did not decide it in time."""
        begun = self._clock.monotonic()
        try:
            async with asyncio.timeout(seconds):
                body = await self.read()
                other = self._other_holder(body) if body else ""
                if not other:
                    await self._write(body, holder=self._identity)
        except ApiException as error:
            if error.status == CONFLICT:  # another process was faster, or an earlier request has arrived: retry
                return None
            self._report(f"the Lease {self}: the API server answers {error.status} {error.reason}")
            return None
        except NO_ANSWER as error:
            self._report(f"the Lease {self}: no answer from the API server ({type(error).__name__})")
            return None
        self._succeeded_at = begun
        if other:
            self._report(f"standing by: {other} holds the Lease {self}")
            return False
        self.fence.extend(begun + RENEW_DEADLINE)
        self._reported = ""
        return True

    def _other_holder(self, body: dict[str, Any]) -> str:
        """Return the other process that holds the Lease, or "" if it is free: released or expired."""
        spec = _spec(body)
        version = str(body["metadata"]["resourceVersion"])
        if version != self._observed_record:
            self._observed_record, self._observed_at = version, self._clock.monotonic()
        holder = str(spec.get("holderIdentity") or "")
        duration = float(spec.get("leaseDurationSeconds") or LEASE_DURATION)
        is_expired = self._clock.monotonic() >= self._observed_at + duration
        return "" if holder == self._identity or is_expired else holder

    async def _write(self, body: dict[str, Any] | None, holder: str) -> None:
        before = _spec(body) if body else {}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": holder, "leaseDurationSeconds": LEASE_DURATION, "renewTime": now}
        if before.get("holderIdentity") != holder:
            spec |= {"acquireTime": now, "leaseTransitions": before.get("leaseTransitions", -1) + 1}
        if body is None:
            kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self._name}}
            answer = await self._connection.request("POST", self._path, {**kind, "spec": spec})
        else:
            # By the resourceVersion in it, only one of several processes that found the Lease free acquires it.
            written = {**body, "spec": {**before, **spec}}
            answer = await self._connection.request("PUT", f"{self._path}/{self._name}", written)
        if _spec(whole_object(answer, self._name, self._namespace)).get("holderIdentity") != holder:
            raise OddAnswerError("200 with a Lease other than the one written")

    def _report(self, text: str) -> None:
        """Log the text, unless it was the last one logged."""
        if text != self._reported:
            logger.info(text)
            self._reported = text


def _spec(lease: dict[str, Any]) -> dict[str, Any]:
    """Return the spec of a Lease, which is empty if users created it. Raises OddAnswerError if it is malformed."""
    spec = lease.get("spec") or {}
    numbers = ("leaseDurationSeconds", "leaseTransitions")
    if not isinstance(spec, dict) or not all(isinstance(spec.get(name) or 0, int) for name in numbers):
        raise OddAnswerError("200 with a Lease whose spec is malformed")
    return spec
