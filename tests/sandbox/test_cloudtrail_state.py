"""The emulator's store of past states and its token buckets, on a clock that the test sets. Not facts about AWS."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.rates import RateLimits
from trail_sandbox.aws.trails import MEMORY, Trail, TrailStore

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> TrailStore:
    return TrailStore(clock.now)


TRAIL = Trail("trail", "123456789012", "us-east-1", "bucket", created=START)
CHANGED = replace(TRAIL, is_logging=True)


def test_the_past_of_a_trail(store: TrailStore, clock: Clock) -> None:
    store.put(TRAIL)
    clock.seconds = 10
    store.put(CHANGED)
    clock.seconds = 20
    store.delete(CHANGED)
    seen = [store.get(TRAIL.arn, as_of=START + timedelta(seconds=second)) for second in (-1, 0, 9, 10, 19, 20, 99)]
    assert seen == [None, TRAIL, TRAIL, CHANGED, CHANGED, None, None]
    assert store.get(TRAIL.arn) is None


def test_the_past_of_an_account(store: TrailStore, clock: Clock) -> None:
    clock.seconds = 10
    store.put(TRAIL)
    assert store.of_account(TRAIL.account, as_of=START) == []
    assert store.of_account(TRAIL.account, as_of=clock.now()) == store.of_account(TRAIL.account) == [TRAIL]
    assert store.of_account("210987654321", as_of=clock.now()) == store.of_account("210987654321") == []


def test_what_held_when_the_memory_begins_is_remembered(store: TrailStore, clock: Clock) -> None:
    for second in range(3 * int(MEMORY.total_seconds())):
        clock.seconds = second
        store.put(replace(TRAIL, s3_key_prefix=str(second)))
    begin = clock.now() - MEMORY
    held = store.get(TRAIL.arn, as_of=begin)
    assert held is not None
    assert held.s3_key_prefix == str(int((begin - START).total_seconds()))
    assert store.get(TRAIL.arn, as_of=begin - timedelta(seconds=10)) is None


def test_delivery_is_of_the_trail_and_not_of_its_versions(store: TrailStore) -> None:
    TRAIL.delivery("us-east-1").latest_delivery_error = "AccessDenied"
    assert CHANGED.delivery("us-east-1").latest_delivery_error == "AccessDenied"
    assert CHANGED.delivery("eu-west-1").latest_delivery_error is None


def outcomes(
    limits: RateLimits, operation: str, calls: int, account: str = "a", region: str = "r", service: str = "cloudtrail"
) -> int:
    """How many of so many calls go through."""
    through = 0
    for _ in range(calls):
        try:
            limits.take(service, operation, account, region)
        except AwsError:
            continue
        through += 1
    return through


def test_what_is_too_much_is_told_in_aws_words(clock: Clock) -> None:
    limits = RateLimits(clock.monotonic)
    limits.take("cloudtrail", "StartLogging", "a", "r")
    with pytest.raises(AwsError) as refusal:
        limits.take("cloudtrail", "StartLogging", "a", "r")
    assert (refusal.value.code, refusal.value.message) == ("ThrottlingException", "Rate exceeded")


# https://docs.aws.amazon.com/general/latest/gr/ct.html#limits_cloudtrail
READS = ["GetTrail", "DescribeTrails", "ListTrails", "GetTrailStatus", "ListTags", "GetEventSelectors"]
READS += ["GetInsightSelectors", "GetEventConfiguration"]
WRITES = ["CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging", "AddTags", "RemoveTags"]
WRITES += ["PutEventSelectors", "PutInsightSelectors", "PutEventConfiguration"]


@pytest.mark.parametrize(
    ("operation", "rate"), [*((name, 10) for name in READS), ("LookupEvents", 2), *((name, 1) for name in WRITES)]
)
def test_how_many_calls_a_second(clock: Clock, operation: str, rate: int) -> None:
    limits = RateLimits(clock.monotonic)
    assert outcomes(limits, operation, 50) == rate
    clock.seconds = 0.5
    assert outcomes(limits, operation, 50) == rate // 2
    clock.seconds = 100
    assert outcomes(limits, operation, 50) == rate


def test_operations_accounts_and_regions_have_buckets_of_their_own(clock: Clock) -> None:
    limits = RateLimits(clock.monotonic)
    assert outcomes(limits, "StartLogging", 2) == 1
    assert outcomes(limits, "StopLogging", 2) == 1
    assert outcomes(limits, "StartLogging", 2, account="b") == 1
    assert outcomes(limits, "StartLogging", 2, region="s") == 1


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
@pytest.mark.parametrize(
    ("service", "operation", "rate"),
    [
        ("monitoring", "PutMetricAlarm", 3),
        ("monitoring", "DeleteAlarms", 3),
        ("monitoring", "DescribeAlarms", 9),
        ("logs", "PutMetricFilter", 5),
        ("logs", "PutLogEvents", 50),
    ],
)
def test_how_many_calls_about_alarms_a_second(clock: Clock, service: str, operation: str, rate: int) -> None:
    limits = RateLimits(clock.monotonic)
    assert outcomes(limits, operation, 50, service=service) == rate
    clock.seconds = 1
    assert outcomes(limits, operation, 50, service=service) == rate
