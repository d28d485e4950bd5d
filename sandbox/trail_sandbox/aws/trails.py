"""The trails of all accounts and regions, and what delivery has found of each.

A trail is a value: a change puts a changed copy into the store, which knows the past as well, since AWS may
answer reads from it for a while. Only what delivery finds out is written in place. Knows no rule of CloudTrail's.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from trail_sandbox.aws.regions import partition_of

DEFAULT_SELECTOR: Mapping[str, Any] = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}
"""What a trail records until PutEventSelectors says otherwise."""

MEMORY = timedelta(minutes=10)
"""How far back the store can be asked for."""


@dataclass
class DeliveryStatus:
    """What delivery of one trail in one region has found; GetTrailStatus tells it."""

    latest_delivery_time: datetime | None = None
    latest_delivery_error: str | None = None
    latest_digest_delivery_time: datetime | None = None
    latest_digest_delivery_error: str | None = None
    latest_notification_time: datetime | None = None
    latest_notification_error: str | None = None
    latest_cloudwatch_logs_delivery_time: datetime | None = None
    latest_cloudwatch_logs_delivery_error: str | None = None


@dataclass(frozen=True)
class Trail:
    """A trail as CloudTrail keeps it: names resolved to ARNs, what is not set is None."""

    name: str
    account: str
    home_region: str
    s3_bucket_name: str
    created: datetime
    s3_key_prefix: str | None = None
    sns_topic_arn: str | None = None
    sns_topic_name: str | None = None
    """As it was given: AWS still returns it, though deprecated."""
    kms_key_arn: str | None = None
    cloud_watch_logs_log_group_arn: str | None = None
    """With its ending `:*`."""
    cloud_watch_logs_role_arn: str | None = None
    include_global_service_events: bool = True
    is_multi_region_trail: bool = False
    log_file_validation_enabled: bool = False
    is_organization_trail: bool = False
    recursive_logging: bool = True
    is_logging: bool = False
    start_logging_time: datetime | None = None
    stop_logging_time: datetime | None = None
    event_selectors: tuple[Mapping[str, Any], ...] = (DEFAULT_SELECTOR,)
    """Basic selectors as GetEventSelectors tells them, every member filled in; empty where there are advanced ones."""
    advanced_event_selectors: tuple[Mapping[str, Any], ...] = ()
    """As they were given; empty where there are basic ones."""
    insight_selectors: tuple[Mapping[str, Any], ...] = ()
    """As GetInsightSelectors tells them; empty where insights are off."""
    aggregation_configurations: tuple[Mapping[str, Any], ...] = ()
    """As GetEventConfiguration tells them; empty where aggregation is off."""
    tags: tuple[tuple[str, str | None], ...] = ()
    """In the order in which they were added; a tag without a value has None."""
    _deliveries: dict[tuple[str, str], DeliveryStatus] = field(default_factory=dict, compare=False, repr=False)

    @property
    def arn(self) -> str:
        """The trail's ARN."""
        return trail_arn(self.account, self.home_region, self.name)

    def is_visible_in(self, region: str) -> bool:
        """Say whether the trail is in that region: at home, or as the shadow of a multi-region trail."""
        is_everywhere = self.is_multi_region_trail and self.is_in_partition_of(region)
        return is_everywhere or self.home_region == region

    def is_in_partition_of(self, region: str) -> bool:
        """Say whether the trail is in the partition of that region: in another one it is not known."""
        return partition_of(self.home_region) == partition_of(region)

    def delivery(self, region: str, account: str | None = None) -> DeliveryStatus:
        """What delivery found in a region (of a member's events, if named): one object for all copies of this trail."""
        return self._deliveries.setdefault((account or self.account, region), DeliveryStatus())


def trail_arn(account: str, region: str, name: str) -> str:
    """Spell the ARN of a trail."""
    return f"arn:{partition_of(region)}:cloudtrail:{region}:{account}:trail/{name}"


@dataclass(frozen=True)
class _Version:
    """What a trail was from a moment on; None where there was none."""

    since: datetime
    trail: Trail | None


class TrailStore:
    """All trails, now and as they were."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._accounts: dict[str, dict[str, Trail]] = {}
        self._history: dict[str, deque[_Version]] = {}

    def all(self) -> list[Trail]:
        """Every trail there is."""
        return [trail for trails in list(self._accounts.values()) for trail in list(trails.values())]

    def of_account(self, account: str, as_of: datetime | None = None) -> list[Trail]:
        """The trails that an account owns, or owned."""
        if as_of is None:
            return list(self._accounts.get(account, {}).values())
        arns = [arn for arn in self._history if arn.split(":")[4] == account]
        return [trail for arn in arns if (trail := self._version(arn, as_of))]

    def get(self, arn: str, as_of: datetime | None = None) -> Trail | None:
        """The trail of an ARN as it is, or was."""
        if as_of is not None:
            return self._version(arn, as_of)
        versions = self._history.get(arn)
        return versions[-1].trail if versions else None

    def put(self, trail: Trail) -> None:
        """Keep a new trail, or what an old one has become."""
        self._accounts.setdefault(trail.account, {})[trail.arn] = trail
        self._remember(trail.arn, trail)

    def delete(self, trail: Trail) -> None:
        """Remove a trail."""
        del self._accounts[trail.account][trail.arn]
        self._remember(trail.arn, None)

    def clear(self) -> None:
        """Forget everything."""
        self._accounts.clear()
        self._history.clear()

    def _remember(self, arn: str, trail: Trail | None) -> None:
        now = self._clock()
        versions = self._history.setdefault(arn, deque())
        # The version that held when the memory begins is still needed, those before it are not.
        while len(versions) > 1 and versions[1].since <= now - MEMORY:
            versions.popleft()
        versions.append(_Version(now, trail))

    def _version(self, arn: str, moment: datetime) -> Trail | None:
        past = [version.trail for version in self._history.get(arn, ()) if version.since <= moment]
        return past[-1] if past else None
