"""How often an operation may be called, and how many trails a region may have.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
"""

from collections import Counter
from collections.abc import Callable, Iterable

from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.trails import Trail

TRAILS_IN_A_REGION = 5
_READS = ("Get", "Describe", "List")
_LOOKUPS = "LookupEvents"


class RateLimits:
    """A bucket of tokens for each operation, account and region, which holds what a second allows."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._buckets: dict[tuple[str, str, str], tuple[float, float]] = {}

    def take(self, operation: str, account: str, region: str) -> None:
        """Let a call through, or refuse it."""
        rate = _rate(operation)
        now = self._seconds()
        tokens, since = self._buckets.get((operation, account, region), (rate, now))
        tokens = min(rate, tokens + (now - since) * rate)
        if tokens < 1:
            raise AwsError("ThrottlingException", "Rate exceeded")
        self._buckets[operation, account, region] = (tokens - 1, now)

    def clear(self) -> None:
        """Fill all buckets."""
        self._buckets.clear()


def _rate(operation: str) -> float:
    """Give the calls a second: https://docs.aws.amazon.com/general/latest/gr/ct.html#limits_cloudtrail."""
    if operation == _LOOKUPS:
        return 2.0
    return 10.0 if operation.startswith(_READS) else 1.0


def check_quota(account: str, home_region: str, others: Iterable[Trail], *, multi_region: bool) -> None:
    """Refuse one more trail where a region is full; a multi-region trail is one more in every region."""
    others = list(others)
    everywhere = sum(trail.is_multi_region_trail for trail in others)
    at_home = Counter(trail.home_region for trail in others if not trail.is_multi_region_trail)
    regions = sorted({home_region, *at_home}, key=lambda region: region != home_region)
    for region in regions if multi_region else [home_region]:
        if everywhere + at_home[region] >= TRAILS_IN_A_REGION:
            raise AwsError(
                "MaximumNumberOfTrailsExceededException",
                f"User: {account} already has {everywhere + at_home[region]} trails in {region}.",
            )
