"""Which trail a call means: by name in its home region, by ARN everywhere.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-multi-region-trails.html (shadow trails).
"""

import re
from dataclasses import dataclass

from trail_sandbox.aws.cloudtrail.rules import check_trail_name
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.regions import partition_of
from trail_sandbox.aws.trails import Trail, trail_arn

_ARN = re.compile(
    r"\Aarn:(?P<partition>aws[a-z-]*):cloudtrail:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):trail/(?P<name>.+)\Z"
)


@dataclass(frozen=True)
class Reference:
    """A trail as a call names it; whether there is one is not said."""

    name: str
    account: str
    region: str
    """Of the ARN, else of the call."""

    @property
    def arn(self) -> str:
        """The ARN of the trail that is meant."""
        return trail_arn(self.account, self.region, self.name)


def parse_reference(text: str, account: str, region: str) -> Reference:
    """Read a name, of a trail of the calling account in the region of the call, or an ARN."""
    if not text.startswith("arn:"):
        check_trail_name(text)
        return Reference(text, account, region)
    return parse_arn(text, region)


def parse_arn(text: str, region: str) -> Reference:
    """Read the ARN of a trail, as it can be named in a region: of its partition."""
    match = _ARN.match(text)
    if match is None or {match["partition"], partition_of(match["region"])} != {partition_of(region)}:
        raise AwsError(
            "CloudTrailARNInvalidException",
            f"{text} is not a valid trail ARN: use arn:aws:cloudtrail:us-east-2:123456789012:trail/MyTrail.",
        )
    check_trail_name(match["name"])
    return Reference(match["name"], match["account"], match["region"])


def wrong_account(account: str) -> AwsError:
    """Refuse a trail of another account."""
    return AwsError(
        "CloudTrailARNInvalidException",
        f"AccountID in ARN is wrong, you can only access resources with AccountID {account}.",
    )


def wrong_region(region: str) -> AwsError:
    """Refuse the tags of a trail whose home is elsewhere: https://github.com/aws/aws-sdk-java/issues/1309."""
    return AwsError(
        "CloudTrailARNInvalidException",
        f"Region in ARN is wrong, you can only access resources in region {region}.",
    )


def unknown_trail(arn: str, account: str) -> AwsError:
    """Say that there is no such trail; a name is answered with its ARN in the region of the call.

    https://github.com/aws/aws-sdk-go-v2/issues/1957
    """
    return AwsError("TrailNotFoundException", f"Unknown trail: {arn} for the user: {account}")


def check_home_region(trail: Trail, region: str) -> None:
    """Refuse to change a trail elsewhere than at home."""
    if trail.home_region != region:
        raise AwsError(
            "InvalidHomeRegionException",
            f"Trail {trail.arn} cannot be changed in {region}: its home region is {trail.home_region}.",
        )
