"""The regions that AWS has, and the partition that each is in, as botocore lists them.

A Trail's region, and those in the ARNs of its spec, are its user's to write. Each would be asked with a client of its
own, which costs half a megabyte: so what is no region is not asked at all.
"""

from collections.abc import Collection
from functools import cache
from typing import Any

from botocore.loaders import create_loader

from trail_operator.api.reasons import Reason
from trail_operator.domain.arns import Arn
from trail_operator.domain.failure import Failure, FailureClass, FailureError

HOW_TO_NAME_NEW_REGIONS = (
    "A region that AWS has added since is known where --region, or the AWSAccount's region or allowedRegions, names it"
)


class UnknownRegionError(FailureError):
    """Raised where what is given for a region is none that is known."""


def partition_of(region: str) -> str | None:
    """The partition that a region is in; None for a region that is not known."""
    return _partitions().get(region)


def leading_region(arn: str) -> str:
    """Where STS is asked if no region is known: in the partition of an ARN, AWS's own where there is none."""
    parts = Arn.try_parse(arn)
    return _leading().get(parts.partition if parts else "aws", "us-east-1")


def check_region(region: str, named: Collection[str]) -> None:
    """Raise UnknownRegionError for what is no region. `named`: those that whoever runs the operator says there are."""
    if region in named or partition_of(region) is not None:
        return
    message = (
        f"{region or 'an empty text'} is not a region that this operator knows: correct spec.region, or the region in "
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
