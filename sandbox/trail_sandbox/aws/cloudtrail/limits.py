"""How many trails a region may have.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
"""

from collections import Counter
from collections.abc import Iterable

from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.trails import Trail

TRAILS_IN_A_REGION = 5


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
