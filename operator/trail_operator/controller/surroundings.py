"""The other trails of an account, read in the background: what a trail is warned of depends on them.

Never in the way of a pass: it is told what is known, and Trails whose warnings change are woken.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from trail_operator.aws.errors import AWSError, failure_of
from trail_operator.aws.neighbours import Neighbours
from trail_operator.controller.subject import Subject
from trail_operator.core.advice import Advice, Neighbour, advise
from trail_operator.core.failure import FailureClass, FailureError
from trail_operator.core.trail import DesiredTrail, Location
from trail_operator.telemetry.logs import logger

# Trails are often made and changed several at a time: looked at once, when they stand still.
_PAUSE = 2.0


@dataclass
class _View:
    """What is known of one account's trails."""

    neighbours: tuple[Neighbour, ...] | None = None
    seen: float | None = None
    is_stale: bool = False
    reading: asyncio.Task[None] | None = None


class Surroundings:
    """Knows each account's trails as they were a while ago."""

    def __init__(
        self,
        neighbours: Neighbours,
        *,
        resync: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._neighbours = neighbours
        self._resync = resync
        self._clock = clock
        self._sleep = sleep
        self._views: dict[str, _View] = {}
        self.noticed: Callable[[], None] = lambda: None
        """Called when what is known has changed."""

    def advice(self, subject: Subject, desired: DesiredTrail) -> tuple[Advice, ...] | None:
        """What to warn of; None while too little is known."""
        view = self._views.setdefault(desired.location.account, _View())
        is_old = view.seen is None or self._clock() - view.seen > self._resync
        if (is_old or view.is_stale) and view.reading is None:
            view.reading = asyncio.create_task(self._read(view, desired.location))
        subject.desired = desired
        subject.advice = self._advice(desired)
        return subject.advice

    def is_news(self, subject: Subject) -> bool:
        """Whether a Trail is to be told something else than it was."""
        return subject.desired is not None and subject.advice != self._advice(subject.desired)

    def changed(self, location: Location) -> None:
        """The trails of an account are not what they were."""
        self._views.setdefault(location.account, _View()).is_stale = True

    def close(self) -> None:
        """Read no more."""
        for view in self._views.values():
            if view.reading:
                view.reading.cancel()

    def _advice(self, desired: DesiredTrail) -> tuple[Advice, ...] | None:
        neighbours = self._views[desired.location.account].neighbours
        return None if neighbours is None else advise(desired, neighbours)

    async def _read(self, view: _View, location: Location) -> None:
        try:
            while view.is_stale or view.seen is None or self._clock() - view.seen > self._resync:
                await self._sleep(_PAUSE)
                view.is_stale = False
                found = await self._found(location, view.neighbours)
                view.seen = self._clock()
                if found != view.neighbours:
                    view.neighbours = found
                    self.noticed()
        finally:
            view.reading = None

    async def _found(self, location: Location, known: tuple[Neighbour, ...] | None) -> tuple[Neighbour, ...] | None:
        """The trails; where AWS does not tell, what was last known of them. Who may never ask knows of none."""
        try:
            return await self._neighbours.of(location)
        except FailureError as error:
            failure = error.failure
        except AWSError as error:
            failure = failure_of(error)
        logger.warning(f"the trails of account {location.account} can't be compared with each other: {failure.message}")
        return known if known is not None or failure.kind is FailureClass.TRANSIENT else ()
