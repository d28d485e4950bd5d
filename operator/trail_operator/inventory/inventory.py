"""All trails of each account, read in the background: warnings depend on the others, and an AWSAccount lists them.

Never in the way of a pass: it is told what is known, and whoever is to be told something else is woken.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.aws.cancel_scope import ClosedError
from trail_operator.domain.arns import Location
from trail_operator.domain.failure import FailureError
from trail_operator.domain.trail import DesiredTrail
from trail_operator.domain.warnings import ABOUT_OTHER_TRAILS, Advice, InventorySnapshot, advise
from trail_operator.inventory.account_client import AccountClient
from trail_operator.kube.trail_object import TrailObject
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.concurrency import ConcurrencyLimiter, acting_for
from trail_operator.runtime.logs import logger

# Trails are often made and changed several at a time: looked at once, when they stand still.
_PAUSE = 2.0
# So many accounts are read together: no call of a pass is to wait behind those of hundreds of accounts.
_ACCOUNTS_AT_ONCE = 4
# An account that has taken so long no longer counts: AWS does not answer.
_SECONDS_AN_ACCOUNT = 2.0


@dataclass
class _View:
    """What is known of one account's trails."""

    sight: InventorySnapshot = field(default_factory=InventorySnapshot)
    seen: float | None = None
    is_stale: bool = False
    reading: asyncio.Task[None] | None = None


@dataclass
class _Advised:
    """What a Trail was last warned of, and in view of what."""

    account: str | None
    desired: DesiredTrail
    exists: bool
    advice: tuple[Advice, ...] | None = None


class AccountInventory:
    """Knows each account's trails as they were a while ago."""

    def __init__(
        self,
        current: Callable[[str | None], AccountClient | None],
        resync: float,
        clock: Clock,
    ) -> None:
        """`current`: the client of an account as it is now."""
        self._current = current
        self._resync = resync
        self._clock = clock
        self._turns = ConcurrencyLimiter(_ACCOUNTS_AT_ONCE, _SECONDS_AN_ACCOUNT)
        self._views: dict[str | None, _View] = {}
        self._advised: dict[str, _Advised] = {}
        self._on_refresh: list[Callable[[str | None, bool], None]] = []

    def subscribe(self, on_refresh: Callable[[str | None, bool], None]) -> None:
        """Have this called with an account's name after each read, and whether that has changed what is known."""
        self._on_refresh.append(on_refresh)

    def trails(self, access: AccountClient, location: Location) -> InventorySnapshot:
        """The account's trails; nothing while they are not known or read anew. Has them read if that was long ago."""
        view = self._view(access.name)
        if (view.is_stale or self._is_old(view)) and view.reading is None:
            with acting_for(""):  # it is for all, whoever happens to ask first
                view.reading = asyncio.create_task(self._read(view, access.name, location))
        return InventorySnapshot() if view.reading else view.sight

    def advice(
        self, trail: TrailObject, access: AccountClient, desired: DesiredTrail, *, exists: bool
    ) -> tuple[Advice, ...] | None:
        """What to warn of; None while too little is known. `exists`: whether the trail is there."""
        self.trails(access, desired.location)
        advised = self._advised[trail.uid] = _Advised(access.name, desired, exists)
        advised.advice = self._advice(trail, advised)
        return advised.advice

    def is_news(self, trail: TrailObject, name: str | None) -> bool:
        """Whether a Trail is to be told something else than it was, now that an account was read."""
        advised = self._advised.get(trail.uid)
        return advised is not None and advised.account == name and advised.advice != self._advice(trail, advised)

    def forget_trail(self, trail: TrailObject) -> None:
        """A Trail is no more."""
        self._advised.pop(trail.uid, None)

    def changed(self, access: AccountClient) -> None:
        """The trails of an account are not what they were."""
        self._view(access.name).is_stale = True

    def forget(self, name: str) -> None:
        """An account is no more."""
        view = self._views.pop(name, None)
        if view and view.reading:
            view.reading.cancel()

    def close(self) -> None:
        """Read no more."""
        for view in self._views.values():
            if view.reading:
                view.reading.cancel()

    def _view(self, name: str | None) -> _View:
        return self._views.setdefault(name, _View())

    def _is_old(self, view: _View) -> bool:
        return view.seen is None or self._clock.monotonic() - view.seen > self._resync

    def _advice(self, trail: TrailObject, advised: _Advised) -> tuple[Advice, ...] | None:
        sight = self._view(advised.account).sight
        if sight.trails is not None:
            return advise(advised.desired, sight.trails, exists=advised.exists)
        if not sight.hidden:
            return None
        # What the trail shows by itself can be told all the same. What was said of others can't be judged: it stays,
        # also where ignored annotations are said before it.
        before = trail.status.condition(ConditionType.ADVISORY)
        return advise(advised.desired, (), exists=advised.exists) or (
            None if before and before.reason in (*ABOUT_OTHER_TRAILS, Reason.ANNOTATION_IGNORED) else ()
        )

    async def _read(self, view: _View, name: str | None, location: Location) -> None:
        try:
            while view.is_stale or self._is_old(view):
                await self._clock.sleep(_PAUSE)
                end = await self._turns.begin()
                view.is_stale = False
                try:
                    access = self._current(name)
                    if access is None:
                        return
                    found = await self._found(access, location, view.sight)
                finally:
                    end()
                if access is not self._current(name):  # what it could not read any more is not what there is
                    view.is_stale = True
                    continue
                view.seen = self._clock.monotonic()
                is_news, view.sight = found != view.sight, found
                for on_refresh in self._on_refresh:
                    on_refresh(name, is_news)
        finally:
            view.reading = None

    async def _found(self, access: AccountClient, location: Location, known: InventorySnapshot) -> InventorySnapshot:
        """What AWS shows now; of what it does not tell, or shows nothing of, what was last known."""
        try:
            sight = await access.lister.of(location)
        except ClosedError:
            return known  # it is read again
        except FailureError as error:
            logger.warning(f"the trails of account {location.account} can't be read now: {error.failure.message}")
            return known
        if sight.hidden:
            logger.warning(f"not all trails of account {location.account} can be read: {'; '.join(sight.hidden)}")
        return replace(known, hidden=sight.hidden) if sight.trails is None else sight
