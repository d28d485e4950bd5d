"""Has the trails of an account listed again because of events, with a bound on how often."""

import asyncio

from trail_operator.inventory.inventory import AccountInventory
from trail_operator.runtime.clock import Clock

# The shortest time between two lists, in seconds.
_INTERVAL = 60.0


class InventoryRefresh:
    """Refreshes the inventory of an AWSAccount at once, and at most once a minute."""

    def __init__(self, inventory: AccountInventory, clock: Clock) -> None:
        self._inventory = inventory
        self._clock = clock
        self._last: dict[str | None, float] = {}

    def request(self, name: str | None) -> bool:
        """Refresh an account now, or when a minute has passed; return False if a refresh is requested already."""
        now = self._clock.monotonic()
        last = self._last.get(name)
        if last is not None and last > now:
            return False
        at = now if last is None else max(now, last + _INTERVAL)
        self._last = {one: time for one, time in self._last.items() if time + _INTERVAL > now} | {name: at}
        asyncio.get_running_loop().call_later(at - now, self._inventory.refresh, name)
        return True
