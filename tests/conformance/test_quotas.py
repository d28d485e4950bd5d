"""Five trails in a region, and how many calls in a second.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.conformance.account import Account, Trail
from tests.conformance.conftest import Place
from tests.conformance.facts import GUIDE, fact, refused

QUOTAS = f"{GUIDE}/WhatIsCloudTrail-Limits.html"


def seen(aws: Account, region: str | None = None) -> int:
    """How many trails a region has, shadows among them."""
    return len(aws.client("cloudtrail", region).describe_trails()["trailList"])


def fill(aws: Account, place: Place, bucket: str) -> None:
    """Make trails until the region has five; all but one are shadows, so that other regions have room."""
    for _ in range(seen(aws), 4):
        aws.trail(next(place.regions), S3BucketName=bucket, IsMultiRegionTrail=True)
    aws.trail(S3BucketName=bucket)
    aws.eventually(lambda: seen(aws), lambda count: count == 5)


@fact("https://github.com/linz/geostore/issues/1450")
def test_a_sixth_trail_in_a_region_is_refused(aws: Account, place: Place) -> None:
    """Trails and shadows of trails count alike."""
    bucket = aws.shared_bucket()
    fill(aws, place, bucket)
    message = f"User: {aws.number} already has 5 trails in {aws.region}."
    with refused("MaximumNumberOfTrailsExceededException", message):
        aws.cloudtrail.create_trail(Name=aws.name("trail"), S3BucketName=bucket)


@fact(QUOTAS)
def test_other_regions_have_quotas_of_their_own(aws: Account, place: Place, elsewhere: str) -> None:
    bucket = aws.shared_bucket()
    fill(aws, place, bucket)
    aws.trail(elsewhere, S3BucketName=bucket)


@fact(QUOTAS)
def test_two_single_and_two_multi_region_trails_and_a_shadow_make_five(aws: Account) -> None:
    """Two single-region and two multi-region trails at home in us-west-1, one multi-region in ap-southeast-2."""
    if seen(aws, "us-west-1") or seen(aws, "ap-southeast-2"):
        pytest.skip("the account has trails of its own")
    bucket = aws.shared_bucket()
    for multi_region in (False, False, True, True):
        aws.trail("us-west-1", S3BucketName=bucket, IsMultiRegionTrail=multi_region)
    aws.trail("ap-southeast-2", S3BucketName=bucket, IsMultiRegionTrail=True)
    aws.eventually(lambda: seen(aws, "us-west-1"), lambda count: count == 5)
    with refused("MaximumNumberOfTrailsExceededException"):
        aws.client("cloudtrail", "us-west-1").create_trail(Name=aws.name("trail"), S3BucketName=bucket)
    assert seen(aws, "ap-southeast-2") == 3


@fact(QUOTAS)
def test_a_multi_region_trail_needs_room_in_every_region(aws: Account, place: Place, elsewhere: str) -> None:
    bucket = aws.shared_bucket()
    fill(aws, place, bucket)
    with refused("MaximumNumberOfTrailsExceededException"):
        aws.client("cloudtrail", elsewhere).create_trail(
            Name=aws.name("trail"), S3BucketName=bucket, IsMultiRegionTrail=True
        )


def code(call: Callable[[], object]) -> str:
    """The code that a call is refused with, if it is."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def codes(call: Callable[[], object]) -> set[str]:
    """What calls in quick succession come to, several at once, until one is throttled; at most a few hundred."""
    found: set[str] = set()
    with ThreadPoolExecutor(8) as threads:
        for _ in range(25):
            found.update(threads.map(code, [call] * 16))
            if "ThrottlingException" in found:
                break
    return found


@fact(QUOTAS)
def test_writes_are_throttled_soon(aws: Account, trail: Trail) -> None:
    impatient = aws.client("cloudtrail", patient=False)
    assert "ThrottlingException" in codes(lambda: impatient.stop_logging(Name=trail.name))


@fact(QUOTAS)
def test_reads_are_throttled_later(aws: Account) -> None:
    impatient = aws.client("cloudtrail", patient=False)
    assert codes(impatient.describe_trails) == {"", "ThrottlingException"}


@fact(QUOTAS)
def test_regions_have_rates_of_their_own(aws: Account, elsewhere: str) -> None:
    name = aws.name("none")
    impatient = aws.client("cloudtrail", patient=False)
    abroad = aws.client("cloudtrail", elsewhere, patient=False)

    def while_throttled_here() -> str:
        assert "ThrottlingException" in codes(lambda: impatient.stop_logging(Name=name))
        return code(lambda: abroad.stop_logging(Name=name))

    # An earlier fact may have called there a moment ago.
    aws.eventually(while_throttled_here, lambda found: found == "TrailNotFoundException")
