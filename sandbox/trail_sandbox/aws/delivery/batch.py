"""The log files of one round: the events that trails of one kind deliver, by region, written once for all of them."""

import gzip
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property

from trail_sandbox.aws.delivery.digest import sha256
from trail_sandbox.aws.delivery.entry import Entry

_COMPRESSION = 1  # speed: nobody keeps these files


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


def by_region(entries: Iterable[Entry]) -> dict[str, Batch]:
    """Put the events of each region together."""
    regions: dict[str, list[Entry]] = {}
    for entry in entries:
        regions.setdefault(entry.region, []).append(entry)
    return {region: Batch(selected) for region, selected in regions.items()}
