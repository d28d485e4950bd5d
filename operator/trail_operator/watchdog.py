"""Finds what should never happen: unattended Trails, and a watch that does not run.

A list shows what a watch has missed: a Trail that the list lacks is gone, one that is new or changed gets a pass.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.account.controller import AccountController
from trail_operator.kube.answers import NO_ANSWER
from trail_operator.runtime.logs import logger
from trail_operator.trail.controller import TrailController

_SECONDS_BETWEEN_LOOKS = 5.0
_SHORTEST_BETWEEN_LISTS = 20.0


class Watchdog:
    """Looks after the loops of Trails and AWSAccounts."""

    def __init__(
        self,
        trail_controller: TrailController,
        account_controller: AccountController,
        trails: Callable[[], Awaitable[Collection[dict[str, Any]]]],
        *,
        resync: float,
        clock: Callable[[], float],
        unheard: Callable[[str], None],
    ) -> None:
        """`trails`: lists all; `unheard`: called with the reason where the watch of Trails does not run."""
        self._trail_controller = trail_controller
        self._account_controller = account_controller
        self._trails = trails
        self._between_lists = max(2 * resync, _SHORTEST_BETWEEN_LISTS)
        self._clock = clock
        self._unheard = unheard
        self._listed = clock()

    async def run(self) -> None:
        """Look every few seconds, and list every two resyncs."""
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            self._trail_controller.restart_stalled()
            self._account_controller.restart_stalled()
            if self._clock() - self._listed >= self._between_lists:
                await self._list()

    async def _list(self) -> None:
        asked = self._clock()
        try:
            bodies = await self._trails()
        except ApiException as error:
            logger.warning(f"Trails not listed: {error.status} {error.reason}")
            return
        except NO_ANSWER as error:
            logger.warning(f"Trails not listed: {str(error) or type(error).__name__}")
            return
        self._listed = asked
        if unheard := self._trail_controller.on_list(list(bodies), asked):
            self._unheard(f"the watch of Trails does not run: it has not told of {unheard.key}, which lists show")
