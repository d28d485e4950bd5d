"""The IDs of the requests by which this process has changed trails, to recognize their events.

CloudTrail records the ID that AWS returned to the caller. The event of a call can arrive before the answer, so a
decision about an event first waits for the answers to the writes that are under way.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

# Writes are limited to one a second for each operation, account and region, and events arrive within minutes.
_MOST_IDS = 10_000
# The most that wait for the writes to one account and region.
_MOST_WAITING = 100


class OwnRequests:
    """Remembers the latest writes of this process."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}  # the oldest is first
        self._under_way: dict[tuple[str, str], int] = defaultdict(int)
        self._waiting: dict[tuple[str, str], list[Callable[[], None]]] = defaultdict(list)
        self._subscribers: list[Callable[[str, str], None]] = []

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._ids

    def subscribe(self, on_write: Callable[[str, str], None]) -> None:
        """Have this called with the account and region of each write that succeeds."""
        self._subscribers.append(on_write)

    async def tracked(self, account: str, region: str, response: Awaitable[dict[str, Any]]) -> dict[str, Any]:
        """Return the response to a write, and remember its ID; also that of an error response."""
        key = account, region
        self._under_way[key] += 1
        try:
            answer = await response
        except ClientError as error:
            self._remember(error.response)
            raise
        else:
            self._remember(answer)
            for on_write in self._subscribers:
                on_write(account, region)
            return answer
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]
                for then in self._waiting.pop(key, ()):
                    then()

    def when_answered(self, account: str, region: str, then: Callable[[], None]) -> None:
        """Call a function once no write to an account and region is under way: at once, or after their answers."""
        key = account, region
        if key not in self._under_way or len(self._waiting[key]) >= _MOST_WAITING:
            then()
        else:
            self._waiting[key].append(then)

    def _remember(self, response: Mapping[str, Any]) -> None:
        request_id = response.get("ResponseMetadata", {}).get("RequestId")
        if not request_id:
            return
        self._ids[str(request_id)] = None
        while len(self._ids) > _MOST_IDS:
            del self._ids[next(iter(self._ids))]
