"""Time, sleep and random numbers, injected into every part, so that tests can use virtual time."""

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
    """A source of time and random numbers. The defaults are the real ones."""

    monotonic: Callable[[], float] = time.monotonic
    """Seconds since an arbitrary point in time; never goes back."""
    now: Callable[[], datetime] = _now
    """The wall clock in UTC, in whole seconds, for Kubernetes objects."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Wait for a number of seconds."""
    random: Callable[[], float] = random.random
    """A number in [0, 1), for jitter."""
