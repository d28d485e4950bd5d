"""The regions of the emulated AWS, in three partitions: all that botocore knows CloudTrail to be in.

A region belongs to one partition, and nothing reaches from one partition into another.
https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
"""

from functools import cache

import botocore.session

# The region where events of global services are:
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
_MAIN_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


@cache
def _partitions() -> dict[str, str]:
    """Give the partition of each region."""
    session = botocore.session.get_session()
    return {
        region: partition
        for partition in _MAIN_REGIONS
        for region in session.get_available_regions("cloudtrail", partition_name=partition)
    }


def is_region(name: str) -> bool:
    """Say whether there is such a region."""
    return name in _partitions()


def partition_of(region: str) -> str:
    """Return the partition of a region; global services are called in the main region of a partition."""
    return _partitions().get(region, "aws")


def main_region(region: str) -> str:
    """Give the region in which the services without regions are, as seen from a region."""
    return _MAIN_REGIONS[partition_of(region)]
