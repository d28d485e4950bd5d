"""What a trail and its bucket may be called."""

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import API, GUIDE, case, fact, refused

NAMES = f"{GUIDE}/cloudtrail-trail-naming-requirements.html"
CREATE = f"{API}/API_CreateTrail.html"


@pytest.mark.parametrize(
    "name",
    [
        case("of two characters", NAMES, "ab"),
        case("of 129 characters", NAMES, "a" * 129),
        case("with a space", NAMES, "my trail"),
        case("with a letter that is not ASCII", NAMES, "träil"),
        case("with a slash", NAMES, "my/trail"),
        case("that begins with a hyphen", NAMES, "-trail"),
        case("that begins with a period", NAMES, ".trail"),
        case("that ends with an underscore", NAMES, "trail_"),
        case("with two hyphens in a row", NAMES, "a--b"),
        case("with two periods in a row", CREATE, "a..b"),
        case("with a hyphen and an underscore in a row", CREATE, "my-_namespace"),
        case("like an IP address", CREATE, "192.168.5.4"),
    ],
)
def test_a_trail_name_is_refused(aws: Account, name: str) -> None:
    with refused("InvalidTrailNameException"):
        aws.cloudtrail.create_trail(Name=name, S3BucketName=aws.name("none"))


@fact("https://github.com/clouddrove/terraform-aws-cloudtrail/issues/14")
def test_a_trail_name_cannot_be_blank(aws: Account) -> None:
    with refused("InvalidTrailNameException", "Trail name cannot be blank!"):
        aws.cloudtrail.create_trail(Name="", S3BucketName=aws.name("none"))


@pytest.mark.parametrize(
    "name",
    [
        case("of three characters", NAMES, "abc"),
        case("of 128 characters", NAMES, "a" * 128),
        case("with a period, an underscore and a hyphen", NAMES, "my-trail_1.x"),
        case("that begins with a digit", NAMES, "0trail"),
        case("of three numbers", NAMES, "1.2.3"),
        case("of five numbers", NAMES, "256.1.1.1.1"),
    ],
)
def test_a_trail_name_is_accepted(aws: Account, name: str) -> None:
    """The bucket is looked at only if the name is good."""
    with refused("S3BucketDoesNotExistException"):
        aws.cloudtrail.create_trail(Name=name, S3BucketName=aws.name("none"))


BUCKETS = f"{GUIDE}/cloudtrail-s3-bucket-naming-requirements.html"


@pytest.mark.parametrize(
    "name",
    [
        case("of two characters", BUCKETS, "ab"),
        case("of 64 characters", BUCKETS, "a" * 64),
        case("with a capital", BUCKETS, "My-logs"),
        case("with an underscore", BUCKETS, "my_logs"),
        case("with two periods in a row", BUCKETS, "my..logs"),
        case("with a hyphen beside a period", BUCKETS, "my-.logs"),
        case("that begins with a hyphen", BUCKETS, "-logs"),
        case("that ends with a hyphen", BUCKETS, "logs-"),
        case("like an IP address", BUCKETS, "192.168.5.4"),
    ],
)
def test_a_bucket_name_is_refused(aws: Account, name: str) -> None:
    with refused("InvalidS3BucketNameException"):
        aws.cloudtrail.create_trail(Name=aws.name("trail"), S3BucketName=name)
