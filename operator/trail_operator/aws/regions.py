"""The regions of AWS and their partitions, as botocore lists them.

Users choose the region of a Trail, and the regions in the ARNs of its spec. Each region needs its own client, which
takes half a megabyte. So a name that is not a region must not lead to a call.
"""

from collections.abc import Collection
from functools import cache
from typing import Any

from botocore.loaders import create_loader

from trail_operator.api.reasons import Reason
from trail_operator.domain.arns import Arn
from trail_operator.domain.failure import Failure, FailureClass, FailureError

HOW_TO_NAME_NEW_REGIONS = (
    "To use a region that AWS has added since, name it in --region, or in region or allowedRegions of the AWSAccount"
)


class UnknownRegionError(FailureError):
    """Raised for the name of an unknown region."""


def partition_of(region: str) -> str | None:
    """Return the partition of a region; None for an unknown region."""
    return _partitions().get(region)


def leading_region(arn: str) -> str:
    """Return the region whose STS is called if none is configured: in the ARN's partition, else in `aws`."""
    parts = Arn.try_parse(arn)
    return _leading().get(parts.partition if parts else "aws", "us-east-1")


def check_region(region: str, named: Collection[str]) -> None:
    """Raise UnknownRegionError for an unknown region. `named`: regions that the operator's configuration names."""
    if region in named or partition_of(region) is not None:
        return
    message = (
        f"{region or 'An empty text'} is not a region that this operator knows: correct spec.region, or the region in "
        f"the spec's ARNs (kmsKeyID, snsTopicName). {HOW_TO_NAME_NEW_REGIONS}"
    )
    raise UnknownRegionError(Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, message))


@cache
def _partitions() -> dict[str, str]:
    return {region: one["id"] for one in _data() for region in one["regions"] if not region.endswith("-global")}


@cache
def _leading() -> dict[str, str]:
    return {one["id"]: one["outputs"]["implicitGlobalRegion"] for one in _data()}


@cache
def _data() -> list[dict[str, Any]]:
    return list(create_loader().load_data("partitions")["partitions"])
