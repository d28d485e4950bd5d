"""Time, sleep and jitter, which every part is given: tests put virtual time in their place."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _now() -> datetime:
    # Kubernetes stores whole seconds: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Clock:
    """The time, and how to wait for it. The defaults are those of the process."""

    monotonic: Callable[[], float] = time.monotonic
    """Seconds since some point in the past; never goes back."""
    now: Callable[[], datetime] = _now
    """The wall clock in UTC, in whole seconds: for what is written to Kubernetes."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Wait for a number of seconds."""
    random: Callable[[], float] = random.random
    """A number in [0, 1), for jitter."""
