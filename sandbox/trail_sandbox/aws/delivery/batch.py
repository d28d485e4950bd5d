"""The log files of one round: the events that trails of one kind deliver, by region, written once for all of them."""

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from trail_sandbox.aws.delivery.classification import GLOBAL_REGION, is_global, is_management, region_of
from trail_sandbox.aws.delivery.digest import sha256
from trail_sandbox.aws.delivery.entry import Entry
from trail_sandbox.aws.events import ApiEvent
from trail_sandbox.aws.trails import Trail

_COMPRESSION = 1  # speed: nobody keeps these files


@dataclass(frozen=True)
class Selection:
    """What of an account's events a trail delivers: all management events of its regions, AWS's default selector."""

    region: str | None  # None: of all regions
    global_events: bool

    @classmethod
    def of(cls, trail: Trail) -> "Selection":
        """Read the selection of a trail. Multi-region trails always include global service events."""
        if trail.is_multi_region_trail:
            return cls(region=None, global_events=True)
        return cls(region=trail.home_region, global_events=trail.include_global_service_events)

    def selects(self, event: ApiEvent) -> bool:
        """Say whether the trail delivers this event.

        Global service events are events of one region since 22 November 2021, so single-region trails elsewhere have
        none: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html
        """
        if not is_management(event):
            return False
        if is_global(event):
            return self.global_events and self.region in (None, GLOBAL_REGION)
        return self.region in (None, event.region)


class Batch:
    """Events that are delivered together, in one log file or one put to a log stream."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries

    @property
    def oldest(self) -> datetime:
        """The time of the first event."""
        return min(entry.event.time for entry in self.entries)

    @property
    def newest(self) -> datetime:
        """The time of the last event."""
        return max(entry.event.time for entry in self.entries)

    @cached_property
    def content(self) -> bytes:
        """The log file before compression."""
        return f'{{"Records":[{",".join(entry.text for entry in self.entries)}]}}'.encode()

    @cached_property
    def file(self) -> bytes:
        """The log file."""
        return gzip.compress(self.content, _COMPRESSION, mtime=0)

    @cached_property
    def sha256(self) -> str:
        """The hash that the digest lists."""
        return sha256(self.content)


def by_region(entries: Iterable[Entry], selection: Selection) -> dict[str, Batch]:
    """Put the selected events of each region together."""
    regions: dict[str, list[Entry]] = {}
    for entry in entries:
        if selection.selects(entry.event):
            regions.setdefault(region_of(entry.event), []).append(entry)
    return {region: Batch(selected) for region, selected in regions.items()}
