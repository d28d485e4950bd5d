"""Tasks that must not end by an error."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from trail_operator.runtime.logs import logger

# Seconds.
_FIRST_DELAY = 1.0
_MAX_DELAY = 60.0


async def supervise(run: Callable[[], Awaitable[None]], on_restart: Callable[[], None], extra: dict[str, Any]) -> None:
    """Run until it returns. If it raises, log it with `extra`, call `on_restart`, and run again with backoff."""
    delay, clock = _FIRST_DELAY, asyncio.get_running_loop().time
    while True:
        started = clock()
        try:
            return await run()
        except Exception:  # noqa: BLE001 - nothing else would notice, for any exception
            logger.exception("the task ended unexpectedly and is restarted", extra=extra)
            on_restart()
        delay = _FIRST_DELAY if clock() - started > _MAX_DELAY else min(delay * 2, _MAX_DELAY)
        await asyncio.sleep(delay)
