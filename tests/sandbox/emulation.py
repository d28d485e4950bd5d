"""One account of the emulated AWS within the process, on moto's own state: a trail, a bucket, a clock that is moved."""

import gzip
import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.s3.models import FakeKey, s3_backends

from trail_sandbox.aws.delivery import Delivery
from trail_sandbox.aws.delivery.entry import entries_of
from trail_sandbox.aws.eventbridge import EventBridge
from trail_sandbox.aws.events import ApiEvent, Caller
from trail_sandbox.aws.trails import DeliveryStatus, Trail, TrailStore
from trail_sandbox.aws.world import World

HOME = "eu-west-1"
ABROAD = "ap-southeast-2"
START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
_accounts = itertools.count(300_000_000_000)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


def caller(account: str = "111122223333", resource: str = "root", principal_id: str = "111122223333") -> Caller:
    service = "sts" if resource.startswith("assumed-role") else "iam"
    return Caller(account, f"arn:aws:{service}::{account}:{resource}", principal_id, "AKIAEXAMPLE")


def event(**members: Any) -> ApiEvent:
    defaults: dict[str, Any] = {
        "time": START,
        "region": HOME,
        "service": "cloudtrail",
        "operation": "UpdateTrail",
        "parameters": {},
        "response": None,
        "caller": caller(),
        "source_ip": "127.0.0.1",
        "user_agent": "Boto3",
        "request_id": "6b0b2b3a-0000-4000-8000-000000000000",
    }
    return ApiEvent(**(defaults | members))


def record(given: ApiEvent) -> dict[str, Any]:
    """The record that the caller's account is told."""
    return entries_of(given, World())[0].record


class Emulated:
    """One account with a bucket, and the delivery that is tested, on moto's own state."""

    def __init__(self, world: World | None = None) -> None:
        self.account = str(next(_accounts))
        self.clock = Clock()
        self.trails = TrailStore(self.clock)
        self.delivery = Delivery(self.trails, world or World(), EventBridge(), self.clock)
        self.bucket = self.make_bucket(f"logs-{self.account}")

    def make_bucket(self, name: str) -> str:
        s3_backends[self.account]["aws"].create_bucket(name, HOME)
        self.allow(name)
        return name

    def allow(self, bucket: str, **changes: Any) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": ["s3:GetBucketAcl", "s3:PutObject"],
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*AWSLogs/{self.account}/*"],
        }
        self.set_policy(bucket, {"Version": "2012-10-17", "Statement": [statement | changes]})

    def deny(self, bucket: str) -> None:
        self.allow(bucket, Effect="Deny")

    def set_policy(self, bucket: str, policy: dict[str, Any]) -> None:
        s3_backends[self.account]["aws"].put_bucket_policy(bucket, json.dumps(policy).encode())

    def start(self, name: str = "main", **members: Any) -> Trail:
        """Make a trail that logs from now on."""
        given: dict[str, Any] = {"home_region": HOME, "s3_bucket_name": self.bucket} | members
        self.trails.put(Trail(name=name, account=self.account, created=self.clock(), **given))
        arn = f"arn:aws:cloudtrail:{given['home_region']}:{self.account}:trail/{name}"
        return self.change(arn, "StartLogging", is_logging=True, start_logging_time=self.clock())

    def stop(self, trail: Trail) -> Trail:
        return self.change(trail.arn, "StopLogging", is_logging=False, stop_logging_time=self.clock())

    def change(self, arn: str, operation: str = "UpdateTrail", **members: Any) -> Trail:
        before = self.trails.get(arn)
        assert before is not None
        changed = replace(before, **members)
        self.trails.put(changed)
        self.happens(operation=operation, region=changed.home_region, parameters={"Name": changed.name})
        return changed

    def happens(self, **members: Any) -> None:
        self.delivery.record(event(**({"time": self.clock(), "caller": caller(self.account)} | members)))

    def round(self, *, was_asked_for: bool = False) -> None:
        self.delivery.run_round(was_asked_for=was_asked_for)
        self.clock.move(seconds=5)

    def objects(self, bucket: str | None = None) -> dict[str, FakeKey]:
        keys: Iterator[FakeKey] = s3_backends[self.account]["aws"].buckets[bucket or self.bucket].keys.values()
        return {str(key.name): key for key in keys}

    def files(self, kind: str, bucket: str | None = None) -> dict[str, dict[str, Any]]:
        """The delivered files of a kind, in order, by key."""
        found = {key: value for key, value in self.objects(bucket).items() if f"/{kind}/" in key}
        return {key: json.loads(gzip.decompress(value.value)) for key, value in sorted(found.items())}

    def recorded(self, bucket: str | None = None, region: str | None = None) -> list[str]:
        """The names of the delivered events, in order of their delivery."""
        found = [key for key in self.objects(bucket) if "/CloudTrail/" in key and (not region or f"/{region}/" in key)]
        logs = self.files("CloudTrail", bucket)
        return [one["eventName"] for key in found for one in logs[key]["Records"]]

    def status(self, trail: Trail, region: str = HOME) -> DeliveryStatus:
        return trail.delivery(region)
