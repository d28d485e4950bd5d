"""What is known of the arrival of events, by account. The condition that follows is in `domain/event_arrival.py`.

Knows neither the event queue nor AWSAccounts. Callers report messages, the operator's writes and the trails read.
"""

from collections.abc import Callable, Collection

from trail_operator.api.reasons import Reason
from trail_operator.domain.conditions import State
from trail_operator.domain.event_arrival import RegionEvents, events_arriving, watched_regions
from trail_operator.domain.inventory_snapshot import PeerTrail
from trail_operator.domain.ownership import Cluster
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.logs import about, logger

OnChange = Callable[[str], None]
"""Called with the account ID when events of a region begin to arrive."""


class EventArrivals:
    """Bounded by the home regions of trails: what a message names besides is not kept."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._accounts: dict[str, dict[str, RegionEvents]] = {}
        self._logged: dict[str, str] = {}
        self._subscribers: list[OnChange] = []

    def subscribe(self, on_change: OnChange) -> None:
        """Have this called when events of an account begin to arrive."""
        self._subscribers.append(on_change)

    def state(self, account: str) -> State:
        """Return what the condition EventsArriving of an account says now."""
        return events_arriving(self._accounts.get(account, {}), self._clock.monotonic())

    def on_message(self, account: str, region: str) -> None:
        """Note that a message of an account and region has arrived."""
        now, known = self._clock.monotonic(), self._region(account, region)
        if known is None:
            return
        self._accounts[account][region] = known.on_message(now)
        if known.is_missing(now) or not known.is_arriving(now):
            self._log(account)
            for on_change in self._subscribers:
                on_change(account)

    def on_write(self, account: str, region: str) -> None:
        """Note that the operator has changed something in an account and region."""
        if known := self._region(account, region):
            self._accounts[account][region] = known.on_write(self._clock.monotonic())

    def on_inventory(self, account: str, trails: Collection[PeerTrail]) -> None:
        """Note that the trails of an account were read."""
        before = self._accounts.get(account, {})
        self._accounts[account] = watched_regions(before, trails, self._cluster, self._clock.monotonic())
        self._log(account)

    def _region(self, account: str, region: str) -> RegionEvents | None:
        return self._accounts.get(account, {}).get(region)

    def _log(self, account: str) -> None:
        """Log each new reason once. The operator's own identity has no AWSAccount whose condition would show it."""
        state = self.state(account)
        if state.reason == self._logged.setdefault(account, Reason.NO_TRAFFIC):
            return
        self._logged[account] = state.reason
        level = logger.warning if state.status is False else logger.info
        level(f"events of account {account}: {state.reason}: {state.message}", extra=about("event queue"))
