"""The regions of the emulated AWS: all that botocore knows CloudTrail to be in."""

from functools import cache

import botocore.session


@cache
def all_regions() -> frozenset[str]:
    """The names of all regions."""
    return frozenset(botocore.session.get_session().get_available_regions("cloudtrail"))


def is_region(name: str) -> bool:
    """Say whether there is such a region."""
    return name in all_regions()
