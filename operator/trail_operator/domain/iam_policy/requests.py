"""What CloudTrail asks of a trail's bucket, topic, keys and role, and what it tells about itself then.

A key stands here only if its value is known (several values: it is one of them; None: the key may be, or is,
absent). Of every other key nothing is claimed: a condition on it cannot be decided. CloudTrail's documentation
names aws:SourceArn and aws:SourceAccount only; the rest is what the IAM user guide says of each key for requests
that a service makes as itself, and is unverified:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from dataclasses import dataclass

from trail_operator.domain.arns import Arn
from trail_operator.domain.iam_policy.matching import Context, Target, Values
from trail_operator.domain.iam_policy.prescribed import bucket_arn, log_objects_arn, log_streams_arn
from trail_operator.domain.iam_policy.statements import CLOUDTRAIL, Caller, Request

_ABSENT: Values = (None,)
_NOT_KNOWN: Values = ()
# A service that acts as itself is no principal of an account, comes by no endpoint of a VPC, and signs in nowhere.
_OF_PRINCIPALS_AND_NETWORKS = dict.fromkeys(
    (
        *("aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn"),
        *("aws:principaltag/*", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip", "aws:multifactorauth*"),
    ),
    _ABSENT,
)
# Headers of PutObject alone: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
_OBJECT_HEADERS = (
    "s3:x-amz-acl",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
)


@dataclass(frozen=True)
class Source:
    """The trail for which CloudTrail asks, and the organization of the account that owns it."""

    trail_arn: str
    organization: Values = _NOT_KNOWN


@dataclass(frozen=True)
class Place:
    """The account and the region of what is asked for; None where they are not known."""

    account: str | None = None
    region: str | None = None

    @staticmethod
    def of(arn: str) -> "Place":
        """Where a topic, a key, a log group or a role is; a role is in no region."""
        parts = Arn.parse(arn)
        return Place(parts.account, parts.region or None)


def read_bucket_acl(bucket: str, place: Place, source: Source) -> Request:
    """Look at the bucket's ACL."""
    context = _of_bucket(place, source) | dict.fromkeys(_OBJECT_HEADERS, _ABSENT)
    return Request(Caller.CLOUDTRAIL, "s3:GetBucketAcl", Target(bucket_arn(bucket, source.trail_arn)), context)


def write_log_files(
    bucket: str,
    prefix: str | None,
    place: Place,
    source: Source,
    *,
    kms_key_arn: str | None,
    organization: str | None = None,
) -> Request:
    """Write log, digest and Insights files, all of which lie in folders whose names begin with CloudTrail.

    In an organization's folder, in a folder of each account.
    """
    objects = log_objects_arn(bucket, prefix, source.trail_arn, organization).removesuffix("*")
    if not organization:
        objects += "CloudTrail"
    context = _of_bucket(place, source) | _object_headers(kms_key_arn)
    return Request(Caller.CLOUDTRAIL, "s3:PutObject", Target(objects, open_ended=True), context)


def _object_headers(kms_key_arn: str | None) -> dict[str, Values]:
    """Return what is known of the headers of an object that CloudTrail writes.

    Without a key the files are encrypted with S3's own keys; AWS does not document whether CloudTrail asks
    for that by a header or leaves it to the bucket.
    """
    return {
        "s3:x-amz-acl": ("bucket-owner-full-control",),
        "s3:x-amz-server-side-encryption": ("aws:kms",) if kms_key_arn else ("AES256", None),
        "s3:x-amz-server-side-encryption-aws-kms-key-id": (kms_key_arn,),
    }


def publish(topic_arn: str, source: Source) -> Request:
    """Publish a notification.

    aws:SourceOwner, by which a topic's default policy admits its owner's resources, is not sent: AWS
    prescribes a statement for CloudTrail beside the default policy.
    """
    context = _from_cloudtrail(Place.of(topic_arn), source) | {"aws:sourceowner": _ABSENT}
    return Request(Caller.CLOUDTRAIL, "sns:Publish", Target(topic_arn), context)


def generate_data_key(key_arn: str, source: Source) -> Request:
    """Get a key for a log file from KMS; the trail is the encryption context."""
    context = _from_cloudtrail(Place.of(key_arn), source)
    context |= {"kms:encryptioncontext:aws:cloudtrail:arn": (source.trail_arn,)}
    return Request(Caller.CLOUDTRAIL, "kms:GenerateDataKey", Target(key_arn), context)


def describe_key(key_arn: str, source: Source) -> Request:
    """Look at the key; only cryptographic operations have an encryption context."""
    context = _from_cloudtrail(Place.of(key_arn), source) | {"kms:encryptioncontext:aws:cloudtrail:arn": _ABSENT}
    return Request(Caller.CLOUDTRAIL, "kms:DescribeKey", Target(key_arn), context)


def use_key(action: str, key_arn: str, source: Source) -> Request:
    """Use a key by another service, S3 or SNS: which encryption context that sends is not documented for CloudTrail."""
    return Request(Caller.CLOUDTRAIL, action, Target(key_arn), _from_cloudtrail(Place.of(key_arn), source))


def assume_role(role_arn: str) -> Request:
    """Assume the log group's role; AWS: aws:SourceArn and aws:SourceAccount are not supported here."""
    context = _of_cloudtrail(Place.of(role_arn)) | {
        "aws:sourcearn": _ABSENT,
        "aws:sourceaccount": _ABSENT,
        "sts:externalid": _ABSENT,
    }
    return Request(Caller.CLOUDTRAIL, "sts:AssumeRole", None, context)


def use_log_streams(
    action: str, role_arn: str, log_group_arn: str, source: Source, organization: str | None = None
) -> Request:
    """Make log streams or write into them, by the role."""
    streams = log_streams_arn(log_group_arn, source.trail_arn, organization).removesuffix("*")
    context: Context = {
        "aws:securetransport": ("true",),
        "aws:principalisawsservice": ("false",),
        "aws:viaawsservice": ("false",),
        "aws:principalaccount": _known(Place.of(role_arn).account),
        "aws:principalarn": (role_arn,),
        "aws:principalorgid": source.organization,
        "aws:sourcearn": _ABSENT,
        "aws:sourceaccount": _ABSENT,
        **_at(Place.of(log_group_arn)),
    }
    return Request(Caller.ROLE, action, Target(streams, open_ended=True), context)


def _of_bucket(place: Place, source: Source) -> dict[str, Values]:
    return _from_cloudtrail(place, source) | {
        "s3:resourceaccount": _known(place.account),
        "s3:tlsversion": ("1.2", "1.3"),  # AWS's endpoints take nothing older
    }


def _from_cloudtrail(place: Place, source: Source) -> dict[str, Values]:
    return _of_cloudtrail(place) | {
        "aws:sourcearn": (source.trail_arn,),
        "aws:sourceaccount": (Arn.parse(source.trail_arn).account,),
        "aws:sourceorgid": source.organization,
    }


def _of_cloudtrail(place: Place) -> dict[str, Values]:
    return {
        **_OF_PRINCIPALS_AND_NETWORKS,
        "aws:securetransport": ("true",),
        "aws:principalisawsservice": ("true",),
        "aws:principalservicename": (CLOUDTRAIL,),
        "aws:viaawsservice": ("false",),
        "s3:resourceaccount": _ABSENT,
        **_at(place),
    }


def _at(place: Place) -> dict[str, Values]:
    return {"aws:resourceaccount": _known(place.account), "aws:requestedregion": _known(place.region)}


def _known(value: str | None) -> Values:
    return (value,) if value else _NOT_KNOWN
