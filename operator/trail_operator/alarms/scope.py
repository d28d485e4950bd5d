"""Where the filters and alarms of a TrailAlarmSet are in AWS, and which of them are its own."""

from collections.abc import Mapping
from dataclasses import dataclass

from trail_operator.api.constants import OWNER_TAG
from trail_operator.domain.arns import Location
from trail_operator.inventory.account_client import AccountClient


@dataclass(frozen=True)
class AlarmScope:
    """All that reads and writes need, for a sync as for a deletion."""

    client: AccountClient
    location: Location
    prefix: str
    """What the names of the set's filters and alarms begin with."""
    owner: str
    """The owner tag."""
    owners: frozenset[str]
    """All owner tags that are the set's: also those with former names of the cluster."""

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Whether an alarm with these tags is the set's."""
        return tags.get(OWNER_TAG) in self.owners
