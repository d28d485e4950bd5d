"""kopf as the informer: how it is configured, connects and ends."""

import asyncio
import signal
from typing import Any

import kopf

from trail_operator.kube.watch_session import Watches, watching_session


def configure(settings: kopf.OperatorSettings) -> None:
    """Configure kopf to watch and do nothing more."""
    # kopf's own finalizer keeps its default name: kopf removes what carries that name, as no handler needs one.
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True


async def stop_on_signals(stop: asyncio.Event) -> None:
    """Let signals set the event. kopf's own handlers do not distinguish its end by a signal from that by a failure."""
    await asyncio.sleep(0)  # kopf installs its handlers first; these replace them
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


def end(memo: kopf.Memo, problem: str) -> None:
    """End the process because of a problem."""
    memo.problem = problem
    signal.raise_signal(signal.SIGTERM)  # kopf stops everything


async def log_in(proxy: str | None, watches: Watches, **more: Any) -> kopf.AiohttpSession | None:
    """Return a session with the credentials that kopf finds, or None if it finds none."""
    found = await asyncio.to_thread(kopf.login_via_client, **more)
    if found is None:
        return None
    return kopf.AiohttpSession(
        server=found.server,
        priority=found.priority,
        default_namespace=found.default_namespace,
        aiohttp_session=watching_session(found, proxy, watches),
    )
