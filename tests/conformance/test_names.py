"""What a trail and its bucket may be called."""

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import API, GUIDE, case, fact, refused

NAMES = f"{GUIDE}/cloudtrail-trail-naming-requirements.html"
CREATE = f"{API}/API_CreateTrail.html"

# The sources list the rules; they do not quote these messages.
CHARACTERS = (
    "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), "
    "hyphens (-), and underscores (_)."
)
FIRST = "Trail name must starts with a letter or number."
LAST = "Trail name must ends with a letter or number."
ADJACENT = "Trail name or ARN cannot have adjacent periods (.), hyphens (-), or underscores (_)."
SHORT = "Trail name too short. Minimum allowed length: 3 characters. Specified name length: 2 characters."
LONG = "Trail name too long. Maximum allowed length: 128 characters. Specified name length: 129 characters."


@pytest.mark.parametrize(
    ("name", "message"),
    [
        case("of two characters", NAMES, "ab", SHORT),
        case("of 129 characters", NAMES, "a" * 129, LONG),
        case("with a space", NAMES, "my trail", CHARACTERS),
        case("with a letter that is not ASCII", NAMES, "träil", CHARACTERS),
        case("with a slash", NAMES, "my/trail", CHARACTERS),
        case("that begins with a hyphen", NAMES, "-trail", FIRST),
        case("that begins with a period", NAMES, ".trail", FIRST),
        case("that ends with an underscore", NAMES, "trail_", LAST),
        case("with two hyphens in a row", NAMES, "a--b", ADJACENT),
        case("with two periods in a row", CREATE, "a..b", ADJACENT),
        case("with a hyphen and an underscore in a row", CREATE, "my-_namespace", ADJACENT),
        case("like an IP address", CREATE, "192.168.5.4", "Trail name must not be formatted as an IP address."),
    ],
)
def test_a_trail_name_is_refused(aws: Account, name: str, message: str) -> None:
    with refused("InvalidTrailNameException", message):
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
# CloudTrail answers in the words of the AWS SDK for Java.
LENGTH = "Bucket name should be between 3 and 63 characters long"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        case("of two characters", BUCKETS, "ab", LENGTH),
        case("of 64 characters", BUCKETS, "a" * 64, LENGTH),
        case("with a capital", BUCKETS, "My-logs", "Bucket name should not contain uppercase characters"),
        case("with an underscore", BUCKETS, "my_logs", "Bucket name should not contain '_'"),
        case("with two periods in a row", BUCKETS, "my..logs", "Bucket name should not contain two adjacent periods"),
        case(
            "with a hyphen beside a period",
            BUCKETS,
            "my-.logs",
            "Bucket name should not contain dashes next to periods",
        ),
        case("that begins with a hyphen", BUCKETS, "-logs", "Bucket name should not begin with a '-'"),
        case("that ends with a hyphen", BUCKETS, "logs-", "Bucket name should not end with '-' or '.'"),
        case("like an IP address", BUCKETS, "192.168.5.4", "Bucket name must not be formatted as an IP Address"),
        case("that is empty", BUCKETS, "", "Bucket name cannot be blank!"),
    ],
)
def test_a_bucket_name_is_refused(aws: Account, name: str, message: str) -> None:
    with refused("InvalidS3BucketNameException", message):
        aws.cloudtrail.create_trail(Name=aws.name("trail"), S3BucketName=name)
