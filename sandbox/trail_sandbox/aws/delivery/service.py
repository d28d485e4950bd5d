"""Delivery as the rest of the emulator uses it: tell it of each request, and let it deliver from time to time."""

import logging
import uuid
from collections.abc import Callable
from datetime import datetime
from threading import Lock

from trail_sandbox.aws.delivery import rounds
from trail_sandbox.aws.delivery.entry import Entry, entries_of
from trail_sandbox.aws.delivery.history import History
from trail_sandbox.aws.delivery.recorder import Recorder
from trail_sandbox.aws.delivery.resources import Resource, resources_of
from trail_sandbox.aws.delivery.rounds import Round
from trail_sandbox.aws.delivery.selection import CLOUDTRAIL, Selection
from trail_sandbox.aws.delivery.signing import PublicKey, SigningKeys
from trail_sandbox.aws.eventbridge import EventBridge
from trail_sandbox.aws.events import ApiEvent, Caller
from trail_sandbox.aws.organizations import organization_of
from trail_sandbox.aws.trails import TrailStore
from trail_sandbox.aws.world import World

logger = logging.getLogger(__name__)


class Delivery:
    """Delivers, for each trail that logs, what happens in its accounts, the putting of log files included."""

    def __init__(self, trails: TrailStore, world: World, bus: EventBridge, clock: Callable[[], datetime]) -> None:
        self.history = History()
        self._recorder = Recorder(trails)
        self._world = world
        self._bus = bus
        self._clock = clock
        self._keys = SigningKeys()
        self._one_round_at_a_time = Lock()

    def resources(self, event: ApiEvent) -> tuple[Resource, ...]:
        """Find what a request is about: for a deletion, before it takes effect."""
        return resources_of(event, self._world)

    def record(self, event: ApiEvent, resources: tuple[Resource, ...] | None = None) -> None:
        """Take note of a finished request; cheap enough for the path of every request."""
        for entry in entries_of(event, self._world, resources):
            self.history.add(entry)
            self._recorder.record(entry)
            if self._bus.listens(entry.account, entry.region):
                self._tell_bus(entry)

    def run_round(self, account: str | None = None, *, was_asked_for: bool = False) -> None:
        """Deliver all that waits, or what happened in one account and in those of its organization.

        A round that was asked for writes digests also where no log file is new.
        """
        with self._one_round_at_a_time:
            chosen = None if account is None else _with_its_organization(account)
            for one in self._recorder.accounts():
                if chosen is None or one in chosen:
                    self._run_for(one, was_asked_for=was_asked_for)

    def public_keys(self, region: str) -> list[PublicKey]:
        """The keys that a region's digests are signed with, as ListPublicKeys tells them."""
        return [self._keys.of_region(region, self._clock()).public]

    def clear(self) -> None:
        """Forget all events and chains; the keys stay."""
        with self._one_round_at_a_time:
            self._recorder.clear()
            self.history.clear()

    def _tell_bus(self, entry: Entry) -> None:
        """Send an event that a trail logs to EventBridge."""
        if any(Selection.of(trail).selects(entry) for trail in self._recorder.logged_by(entry)):
            self._bus.send(entry.account, entry.region, entry.text)

    def _run_for(self, account: str, *, was_asked_for: bool) -> None:
        collected = self._recorder.collect(account)
        this = Round(self._world, self._keys, self._clock(), was_asked_for, account, collected.events)
        for trail, progress, spans in collected.trails:
            try:
                rounds.deliver(this, trail, progress, spans)
            except Exception:
                # The other trails' events of this round are taken already: they must not be lost with this one's.
                logger.exception("delivery for %s failed", trail.arn)
        self._recorder.tidy(account)
        for bucket, key in this.put_objects:
            self._record_put(bucket, key)

    def _record_put(self, bucket_name: str, key: str) -> None:
        """Record that CloudTrail has put an object: an event of the bucket's owner.

        https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-recursive-logging.html
        """
        bucket = self._world.bucket(bucket_name)
        if bucket is None:
            return
        self.record(
            ApiEvent(
                time=self._clock(),
                region=bucket.region,
                service="s3",
                operation="PutObject",
                parameters={"Bucket": bucket_name, "Key": key, "x-amz-acl": "bucket-owner-full-control"},
                response=None,
                caller=Caller(bucket.account, "", "", "", service=CLOUDTRAIL),
                source_ip=CLOUDTRAIL,
                user_agent=CLOUDTRAIL,
                request_id=str(uuid.uuid4()),
            )
        )


def _with_its_organization(account: str) -> set[str]:
    organization = organization_of(account)
    return {account, *(organization.accounts if organization else ())}
