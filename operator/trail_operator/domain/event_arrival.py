"""Decides whether the events of an account arrive from the event queue: the condition EventsArriving of an AWSAccount.

A queue that can be read proves nothing: a rule, a bus or a policy may be missing in one region. What proves something
is a message of that account and region, or a write of the operator's own that should have caused one and did not.
Knows no queue, and nothing of what messages say.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from trail_operator.api.reasons import Reason
from trail_operator.domain.conditions import State
from trail_operator.domain.inventory_snapshot import PeerTrail
from trail_operator.domain.ownership import Cluster
from trail_operator.domain.texts import listed

# In seconds. Delivery is best effort, and AWS names no bound.
_MESSAGE_COUNTS_FOR = 24 * 3600.0
_LATEST_ARRIVAL = 15 * 60.0
# How long a trail must have recorded before its events can be expected.
_RECORDING_SETTLES = 15 * 60.0


@dataclass(frozen=True)
class RegionEvents:
    """What is known of the events of one account and region. All times are on one monotonic clock, in seconds."""

    last_message: float | None = None
    """When the last message arrived."""
    unanswered_write: float | None = None
    """When the first write was made that should have caused a message, if none has arrived since."""
    recording_since: float | None = None
    """Since when a trail has been seen to record write management events; None while none does."""

    def on_message(self, now: float) -> "RegionEvents":
        """Return what is known after a message of the account and region has arrived.

        Any message will do: what is in question is the way, not the single event.
        """
        return replace(self, last_message=now, unanswered_write=None)

    def on_write(self, now: float) -> "RegionEvents":
        """Return what is known after the operator has changed something in the account and region."""
        since = self.recording_since
        if self.unanswered_write is not None or since is None or now - since < _RECORDING_SETTLES:
            return self
        return replace(self, unanswered_write=now)

    def on_recording(self, *, recording: bool, now: float) -> "RegionEvents":
        """Return what is known after the trails of the account were read."""
        if not recording:
            return replace(self, recording_since=None)
        return self if self.recording_since is not None else replace(self, recording_since=now)

    def is_missing(self, now: float) -> bool:
        """Whether a write has not come back in time."""
        return self.unanswered_write is not None and now - self.unanswered_write >= _LATEST_ARRIVAL

    def is_arriving(self, now: float) -> bool:
        """Whether a message arrived recently."""
        return self.last_message is not None and now - self.last_message <= _MESSAGE_COUNTS_FOR


def records_writes(trails: Iterable[PeerTrail], region: str) -> bool:
    """Whether a trail is known to record the write management events of a region.

    Events reach EventBridge only if a trail records them:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    """
    return any(
        trail.is_logging and "Write" in (trail.management_events or ())
        for trail in trails
        if trail.is_multi_region_trail or trail.home_region == region
    )


def events_arriving(regions: Mapping[str, RegionEvents], now: float) -> State:
    """Return what the condition says. `regions`: the home regions of the account's Trails, by name."""
    missing = sorted(name for name, region in regions.items() if region.is_missing(now))
    if missing:
        return State(
            False,
            Reason.EVENTS_MISSING,
            f"Changes that the operator made in {listed(missing)} have not arrived from the event queue within 15 "
            "minutes. Check the EventBridge rules of these regions, their roles, and the policies of bus and queue "
            "(docs/how-to/correct-drift-within-seconds.md). Until then drift there is noticed at the next resync",
        )
    silent = {name: region for name, region in regions.items() if not region.is_arriving(now)}
    if regions and not silent:
        return State(True, Reason.EVENTS_RECEIVED, f"Events of {listed(sorted(regions))} arrived within 24 hours")
    dark = sorted(name for name, region in silent.items() if region.recording_since is None)
    if dark:
        return State(
            None,
            Reason.NOT_LOGGING,
            f"No trail is known to record write management events in {listed(dark)}, so that EventBridge gets none",
        )
    where = f" of {listed(sorted(silent))}" if silent else ""
    return State(None, Reason.NO_TRAFFIC, f"No event{where} has arrived within 24 hours, and none was expected")


def watched_regions(
    before: Mapping[str, RegionEvents], trails: Collection[PeerTrail], cluster: Cluster, now: float
) -> dict[str, RegionEvents]:
    """Return what is known of the home regions of this cluster's trails, after the account's trails were read."""
    regions = {trail.home_region for trail in trails if cluster.resource_of(trail.owner)}
    return {
        region: before.get(region, RegionEvents()).on_recording(recording=records_writes(trails, region), now=now)
        for region in regions
    }
