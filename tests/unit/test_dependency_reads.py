"""Dependencies are read once for all who ask, within the rate limit, and again when they are old or have changed."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.unit.builders import ARN, FULL, LOCATION
from tests.unit.dependency_answers import ACCOUNT, AWS
from trail_operator.aws.dependency_reads import SHORTEST_AGE, DependencyCache
from trail_operator.aws.diagnosis.dependencies import judge_dependencies
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.aws.rate_limit import READS_PER_SECOND, RateLimiter
from trail_operator.domain.cloudtrail_calls import Kind
from trail_operator.domain.cloudtrail_resources import ResourceRef
from trail_operator.domain.dependencies import DependentTrail
from trail_operator.domain.failure import FailureError
from trail_operator.runtime.clock import Clock

HOUR = 3600.0
TRAIL = DependentTrail(None, ARN, LOCATION, FULL)
BUCKET = ResourceRef(Kind.BUCKET, "", "", FULL.s3_bucket_name)
ROLE = ResourceRef(Kind.ROLE, ACCOUNT, "", "trail")


class World:
    """A cache with its AWS, and a time that stands still unless somebody sleeps."""

    def __init__(self, **changes: Any) -> None:
        self.now = 1000.0
        self.aws = AWS(**changes)
        clock = Clock(monotonic=lambda: self.now, sleep=self._sleep)
        limiters = defaultdict[str, RateLimiter](lambda: RateLimiter(clock, lambda *_: None))
        self.cache = DependencyCache(self.aws, limiters.__getitem__, clock)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def asked(self, operation: Read) -> int:
        """How often AWS was asked."""
        return sum(name == operation.name for name, *_ in self.aws.asked)

    async def read(self, max_age: float = HOUR, operation: Read = Read.GetBucketPolicy) -> dict[str, Any]:
        """Read the bucket's policy as one evaluation."""
        return await self.cache.reads(max_age).call(operation, LOCATION.region, Bucket=FULL.s3_bucket_name)


def run(test: Callable[[World], Awaitable[None]], **changes: Any) -> None:
    asyncio.run(_run(test, World(**changes)))


async def _run(test: Callable[[World], Awaitable[None]], world: World) -> None:
    await test(world)


def test_fifty_evaluations_at_once_read_each_dependency_once() -> None:
    async def test(world: World) -> None:
        await asyncio.gather(*(judge_dependencies(world.cache.reads(HOUR), TRAIL) for _ in range(50)))
        asked = [(name, tuple(sorted(parameters.items()))) for name, _, parameters in world.aws.asked]
        assert len(asked) == len(set(asked))

    run(test)


def test_an_answer_counts_until_it_is_too_old() -> None:
    async def test(world: World) -> None:
        await world.read()
        world.now += HOUR - 1
        await world.read()
        assert world.asked(Read.GetBucketPolicy) == 1
        world.now += 1
        await world.read()
        assert world.asked(Read.GetBucketPolicy) == 2

    run(test)


def test_a_requested_evaluation_takes_no_earlier_answer_and_reads_each_dependency_once() -> None:
    async def test(world: World) -> None:
        await world.read()
        world.now += 0.001
        reads = world.cache.reads(0.0)
        for _ in range(3):
            await reads.call(Read.GetBucketPolicy, LOCATION.region, Bucket=FULL.s3_bucket_name)
            world.now += 5.0
        assert world.asked(Read.GetBucketPolicy) == 2

    run(test)


def test_a_denial_is_an_answer_too() -> None:
    async def test(world: World) -> None:
        for _ in range(3):
            with pytest.raises(AWSError, match="AccessDenied"):
                await world.read()
            world.now += HOUR / 4
        assert world.asked(Read.GetBucketPolicy) == 1

    run(test, GetBucketPolicy="AccessDenied")


def test_a_failure_is_asked_again_soon_but_not_at_once() -> None:
    async def test(world: World) -> None:
        for _ in range(3):
            with pytest.raises(FailureError):
                await world.read()
        assert world.asked(Read.GetBucketPolicy) == 1
        world.now += SHORTEST_AGE
        with pytest.raises(FailureError):
            await world.read()
        assert world.asked(Read.GetBucketPolicy) == 2

    run(test, GetBucketPolicy="ThrottlingException")


def test_only_what_has_changed_is_read_again() -> None:
    async def test(world: World) -> None:
        await judge_dependencies(world.cache.reads(HOUR), TRAIL)
        before = len(world.aws.asked)
        world.cache.invalidate(frozenset({ROLE}))
        await judge_dependencies(world.cache.reads(HOUR), TRAIL)
        assert {name for name, *_ in world.aws.asked[before:]} == {
            "GetRole",
            "ListRolePolicies",
            "GetRolePolicy",
            "ListAttachedRolePolicies",
        }

    run(test)


def test_an_evaluation_knows_what_it_read_and_when() -> None:
    async def test(world: World) -> None:
        await world.read()
        world.now += 60
        reads = world.cache.reads(HOUR)
        await judge_dependencies(reads, TRAIL)
        assert reads.oldest == 1000.0
        assert {BUCKET, ROLE} <= reads.resources
        assert {one.kind for one in reads.resources} == {Kind.BUCKET, Kind.KEY, Kind.TOPIC, Kind.LOG_GROUP, Kind.ROLE}

    run(test)


def test_what_is_denied_is_on_record_as_well() -> None:
    async def test(world: World) -> None:
        reads = world.cache.reads(HOUR)
        with pytest.raises(AWSError):
            await reads.call(Read.GetBucketPolicy, LOCATION.region, Bucket=FULL.s3_bucket_name)
        assert reads.resources == {BUCKET}

    run(test, GetBucketPolicy="AccessDenied")


def test_reads_keep_the_rate_of_the_account() -> None:
    async def test(world: World) -> None:
        for number in range(50):
            await world.cache.reads(HOUR).call(Read.GetBucketPolicy, LOCATION.region, Bucket=f"bucket-{number}")
        assert world.now - 1000.0 >= (50 - READS_PER_SECOND // 2) / READS_PER_SECOND

    run(test)


def test_old_answers_are_forgotten() -> None:
    async def test(world: World) -> None:
        for number in range(20):
            await world.cache.reads(HOUR).call(Read.GetBucketPolicy, LOCATION.region, Bucket=f"bucket-{number}")
            world.now += HOUR / 2
        assert len(world.cache) <= 3

    run(test)


def test_an_interrupted_evaluation_does_not_interrupt_another() -> None:
    async def test(world: World) -> None:
        first, second = asyncio.create_task(world.read()), asyncio.create_task(world.read())
        await asyncio.sleep(0)
        first.cancel()
        assert "Policy" in await second
        assert world.asked(Read.GetBucketPolicy) == 1

    run(test)


def test_another_client_begins_without_answers() -> None:
    async def test(world: World) -> None:
        await world.read()
        other = AWS()
        await world.cache.reopened(other).reads(HOUR).call(Read.GetBucketPolicy, LOCATION.region, Bucket="bucket-1")
        assert len(other.asked) == 1

    run(test)


def test_a_denied_role_is_no_answer_about_the_resource() -> None:
    class Denied(AWS):
        async def call(self, operation: Read, region: str, **parameters: Any) -> dict[str, Any]:
            assert (operation, parameters) == (Read.GetBucketPolicy, {"Bucket": "b-1"})
            raise AWSError("sts:AssumeRole", region, "AccessDenied", "not authorized", 403)

    async def test(world: World) -> None:
        with pytest.raises(FailureError) as caught:
            await world.cache.reopened(Denied()).reads(HOUR).call(Read.GetBucketPolicy, "eu-central-1", Bucket="b-1")
        assert not isinstance(caught.value, AWSError)

    run(test)


def test_a_bucket_and_a_role_are_read_once_for_all_regions_and_a_log_group_in_each() -> None:
    async def test(world: World) -> None:
        for region in ("eu-central-1", "us-east-1"):
            reads = world.cache.reads(HOUR)
            await reads.call(Read.GetBucketPolicy, region, Bucket="bucket-1")
            await reads.call(Read.GetRole, region, RoleName="trail")
            await reads.call(Read.DescribeLogGroups, region, logGroupNamePrefix="trail")
        assert [world.asked(one) for one in (Read.GetBucketPolicy, Read.GetRole, Read.DescribeLogGroups)] == [1, 1, 2]

    run(test)
