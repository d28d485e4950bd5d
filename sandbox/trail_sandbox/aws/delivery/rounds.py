"""One round of delivery: every trail gets what it has waited for, and its status what came of it.

Where AWS gathers about five minutes of events into a log file and an hour of log files into a digest, here each round
makes a log file for each region with events, and a digest for each region with log files. Without log files a digest
comes after an hour, as on AWS, and in a round that was asked for: a client need not wait to see that all is whole.
"""

import gzip
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trail_sandbox.aws.delivery import destinations, digest
from trail_sandbox.aws.delivery.batch import Batch, by_region
from trail_sandbox.aws.delivery.digest import Digest, LogFile, Period
from trail_sandbox.aws.delivery.entry import Entry
from trail_sandbox.aws.delivery.names import Place
from trail_sandbox.aws.delivery.recorder import Chain, Progress, Spans
from trail_sandbox.aws.delivery.signing import SigningKeys
from trail_sandbox.aws.dependencies import organization_id
from trail_sandbox.aws.trails import DeliveryStatus, Trail
from trail_sandbox.aws.world import World

# AWS keeps trying for 30 days; here this many of the newest refused events are kept for each trail and region.
_REFUSED_AT_MOST = 20_000
_DIGEST_PERIOD = timedelta(hours=1)
# Digest files are named by the second in which their period ends: no two of a trail may end in the same one.
_SHORTEST_PERIOD = timedelta(seconds=1)

Batches = Mapping[str, Batch]


@dataclass
class Round:
    """One account's events of a round. Trails that deliver the same share the work of writing it."""

    world: World
    keys: SigningKeys
    now: datetime
    was_asked_for: bool
    account: str
    events: Sequence[Entry]
    put_objects: list[tuple[str, str]] = field(default_factory=list)
    """Bucket and key of every file that was delivered."""
    _batches: dict[Spans, Batches] = field(default_factory=dict)

    def status(self, trail: Trail, region: str) -> DeliveryStatus:
        """Give what delivery of the account's events by a trail finds in a region."""
        return trail.delivery(region, self.account)

    def place(self, trail: Trail, region: str) -> Place:
        """Tell where a trail's files about the account's region go."""
        return Place(trail.s3_key_prefix, self.account, region, organization_id(self.world, trail))

    def batches(self, spans: Spans) -> Batches:
        """Give the events that a trail of these spans delivers, by region."""
        if spans not in self._batches:
            self._batches[spans] = by_region(
                entry
                for span in spans
                for entry in self.events[span.start : span.stop]
                if span.selection.selects(entry)
            )
        return self._batches[spans]


def deliver(this: Round, trail: Trail, progress: Progress, spans: Spans) -> None:
    """Deliver what one trail has waited for, to each of its destinations."""
    batches = this.batches(spans)
    _forget_errors_of_what_is_off(this, trail, {trail.home_region, *batches})
    progress.refused_by_bucket = _refused(
        _with(progress.refused_by_bucket, batches),
        lambda region, batch: _log_file(this, trail, progress, region, batch),
    )
    if trail.cloud_watch_logs_log_group_arn is None:
        progress.refused_by_log_group = {}
    else:
        progress.refused_by_log_group = _refused(
            _with(progress.refused_by_log_group, batches), lambda region, batch: _log_events(this, trail, region, batch)
        )
    _digests(this, trail, progress)
    progress.last_round = this.now


def _forget_errors_of_what_is_off(this: Round, trail: Trail, regions: Iterable[str]) -> None:
    """A destination that the trail no longer has reports no error."""
    for status in (this.status(trail, region) for region in regions):
        if trail.sns_topic_arn is None:
            status.latest_notification_error = None
        if trail.cloud_watch_logs_log_group_arn is None:
            status.latest_cloudwatch_logs_delivery_error = None
        if not trail.log_file_validation_enabled:
            status.latest_digest_delivery_error = None


def _with(refused: Mapping[str, Sequence[Entry]], batches: Batches) -> Batches:
    """Put what was refused in earlier rounds before what is new."""
    again = {
        region: Batch([*entries, *(batches[region].entries if region in batches else ())])
        for region, entries in refused.items()
    }
    return {**batches, **again}


def _refused(batches: Batches, accepts: Callable[[str, Batch], bool]) -> dict[str, Sequence[Entry]]:
    """Offer each region's batch; the answer is what was refused."""
    return {
        region: batch.entries[-_REFUSED_AT_MOST:] for region, batch in batches.items() if not accepts(region, batch)
    }


def _log_file(this: Round, trail: Trail, progress: Progress, region: str, batch: Batch) -> bool:
    key = this.place(trail, region).log_file(this.now)
    status = this.status(trail, region)
    status.latest_delivery_error = destinations.put_log_file(this.world, trail, region, key, batch.file)
    if status.latest_delivery_error:
        return False
    status.latest_delivery_time = this.now
    this.put_objects.append((trail.s3_bucket_name, key))
    if trail.log_file_validation_enabled:
        file = LogFile(trail.s3_bucket_name, key, batch.sha256, batch.oldest, batch.newest)
        _chain(trail, progress, region, this.now).log_files.append(file)
    if trail.sns_topic_arn is not None:
        _notification(this, trail, region, key)
    return True


def _notification(this: Round, trail: Trail, region: str, key: str) -> None:
    status = this.status(trail, region)
    status.latest_notification_error = destinations.notify(this.world, trail, region, key)
    if status.latest_notification_error is None:
        status.latest_notification_time = this.now


def _log_events(this: Round, trail: Trail, region: str, batch: Batch) -> bool:
    status = this.status(trail, region)
    status.latest_cloudwatch_logs_delivery_error = destinations.put_log_events(
        this.world, trail, this.account, batch.entries
    )
    if status.latest_cloudwatch_logs_delivery_error:
        return False
    status.latest_cloudwatch_logs_delivery_time = this.now
    return True


def _digests(this: Round, trail: Trail, progress: Progress) -> None:
    """Write the digests that are due. Without validation, or once logging has stopped, chains end."""
    if not trail.log_file_validation_enabled:
        progress.chains = {}
        return
    if progress.logging:
        _chain(trail, progress, trail.home_region, this.now)
    is_written = {region: _digest(this, trail, region, chain) for region, chain in progress.chains.items()}
    if not progress.logging:
        progress.chains = {region: chain for region, chain in progress.chains.items() if not is_written[region]}


def _chain(trail: Trail, progress: Progress, region: str, now: datetime) -> Chain:
    """Give the chain of a region, beginning one where there is none."""
    # What was delivered before this round, or before logging was started, is no chain's.
    beginnings = [moment for moment in (trail.start_logging_time, progress.last_round) if moment]
    return progress.chains.setdefault(region, Chain(start=max(beginnings, default=now)))


def _digest(this: Round, trail: Trail, region: str, chain: Chain) -> bool:
    """Write the next digest of a chain if one is due; the answer is whether nothing is left to write."""
    is_due = chain.log_files or this.was_asked_for or this.now - chain.start >= _DIGEST_PERIOD
    if not is_due:
        return True
    place = this.place(trail, region)
    end = max(this.now, chain.start + _SHORTEST_PERIOD)
    while this.world.holds(trail.s3_bucket_name, key := place.digest_file(trail.name, trail.home_region, end)):
        end += _SHORTEST_PERIOD
    period = Period(this.account, trail.s3_bucket_name, key, chain.start, end, tuple(chain.log_files))
    made = digest.make(period, _predecessor(trail, chain), this.keys.of_region(region, this.now))
    status = this.status(trail, region)
    status.latest_digest_delivery_error = destinations.put_digest_file(
        this.world, trail, region, made, gzip.compress(made.content, mtime=0)
    )
    if status.latest_digest_delivery_error:
        return False
    status.latest_digest_delivery_time = this.now
    this.put_objects.append((made.bucket, made.key))
    chain.start, chain.previous, chain.log_files = end, made, []
    return True


def _predecessor(trail: Trail, chain: Chain) -> Digest | None:
    """Give the digest that the next one refers to: none if logging was stopped and started again since."""
    was_restarted = trail.start_logging_time is not None and trail.start_logging_time > chain.start
    return None if was_restarted else chain.previous
