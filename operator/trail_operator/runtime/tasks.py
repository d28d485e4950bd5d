"""Tasks that should never end by an error."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from trail_operator.runtime.logs import logger

_FIRST_DELAY = 1.0
_LONGEST_DELAY = 60.0


async def restarting(run: Callable[[], Awaitable[None]], restarted: Callable[[], None], extra: dict[str, Any]) -> None:
    """Run it; if it raises, say so in the log, with `extra`, call `restarted`, and after a while run it again."""
    delay, clock = _FIRST_DELAY, asyncio.get_running_loop().time
    while True:
        begun = clock()
        try:
            return await run()
        except Exception:  # noqa: BLE001 - whatever it is: nobody else would notice
            logger.exception("its task has ended unexpectedly and is restarted", extra=extra)
            restarted()
        delay = _FIRST_DELAY if clock() - begun > _LONGEST_DELAY else min(delay * 2, _LONGEST_DELAY)
        await asyncio.sleep(delay)
