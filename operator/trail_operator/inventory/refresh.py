"""Has the trails of an account listed again because of events, with a bound on how often."""

import asyncio
from collections.abc import Callable

from trail_operator.inventory.inventory import AccountInventory
from trail_operator.runtime.clock import Clock

# The shortest time between two lists, in seconds.
_INTERVAL = 60.0


class InventoryRefresh:
    """Refreshes the inventory of an AWSAccount at once, and at most once a minute."""

    def __init__(self, inventory: AccountInventory, names_of: Callable[[str], list[str | None]], clock: Clock) -> None:
        """`names_of`: returns the AWSAccounts of an account ID, None for the operator's own identity."""
        self._inventory = inventory
        self._names_of = names_of
        self._clock = clock
        self._last: dict[str | None, float] = {}

    def is_known(self, account: str) -> bool:
        """Whether the operator has credentials for an account ID."""
        return bool(self._names_of(account))

    def request(self, account: str) -> bool:
        """Refresh all AWSAccounts of an account ID; return False if that is requested already."""
        requested = [self._request(name) for name in self._names_of(account)]
        return any(requested)

    def _request(self, name: str | None) -> bool:
        """Refresh an account now, or when a minute has passed; return False if a refresh is requested already."""
        now = self._clock.monotonic()
        last = self._last.get(name)
        if last is not None and last > now:
            return False
        at = now if last is None else max(now, last + _INTERVAL)
        self._last = {one: time for one, time in self._last.items() if time + _INTERVAL > now} | {name: at}
        asyncio.get_running_loop().call_later(at - now, self._inventory.refresh, name)
        return True
