"""Finds what should never happen: Trails and AWSAccounts that nothing reconciles, and a watch that does not run.

Lists of Trails show what the watch has missed: a Trail that a list lacks is gone; a new or changed one is reconciled.
"""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.controllers import Controllers
from trail_operator.kube.answers import NO_ANSWER
from trail_operator.kube.informer import Informer
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.logs import logger

# Seconds.
_CHECK_PERIOD = 5.0
_MIN_LIST_PERIOD = 20.0


class Watchdog:
    """Restarts stalled tasks of the controllers, and lists objects."""

    def __init__(
        self,
        controllers: Controllers,
        list_trails: Callable[[], Awaitable[Collection[dict[str, Any]]]],
        resync: float,
        end: Callable[[str], None],
        clock: Clock,
        informers: Collection[Informer] = (),
    ) -> None:
        """`end`: called with the reason if the watch of Trails does not run; `informers`: of all other kinds."""
        self._controllers = controllers
        self._list_trails = list_trails
        self._list_period = max(2 * resync, _MIN_LIST_PERIOD)
        self._end = end
        self._clock = clock
        self._informers = informers
        self._listed_at = self._clock.monotonic()

    async def run(self) -> None:
        """Check the tasks every few seconds, and list objects every two resyncs."""
        while True:
            await self._clock.sleep(_CHECK_PERIOD)
            self._controllers.restart_stalled()
            if self._clock.monotonic() - self._listed_at >= self._list_period:
                await self._list()

    async def _list(self) -> None:
        for informer in self._informers:
            await informer.check()
        started = self._clock.monotonic()
        try:
            bodies = await self._list_trails()
        except ApiException as error:
            logger.warning(f"failed to list Trails: {error.status} {error.reason}")
            return
        except NO_ANSWER as error:
            logger.warning(f"failed to list Trails: {str(error) or type(error).__name__}")
            return
        self._listed_at = started
        if missed := self._controllers.trails.on_list(list(bodies), started):
            self._end(f"the watch of Trails does not run: it has not reported {missed.key}, which lists contain")
