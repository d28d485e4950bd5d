"""What CloudTrail asks of a trail's bucket, topic, key and role, and what it tells about itself then.

A key stands here only if its value is known (several values: it is one of them; None: the key may be, or is,
absent). Of every other key nothing is claimed.
"""

from collections.abc import Mapping

from trail_operator.core.policies.patterns import Target
from trail_operator.core.policies.required import TrailArn, bucket_arn, log_objects_arn, log_streams_arn
from trail_operator.core.policies.statements import CLOUDTRAIL, Caller, Request

_Values = tuple[str | None, ...]


def read_bucket_acl(bucket: str, trail_arn: str) -> Request:
    """Look at the bucket's ACL."""
    context = _from_cloudtrail(trail_arn) | {"s3:x-amz-acl": (None,), "s3:tlsversion": ("1.2", "1.3")}
    return Request(Caller.CLOUDTRAIL, "s3:GetBucketAcl", Target(bucket_arn(bucket, trail_arn)), context)


def write_log_files(
    bucket: str, prefix: str | None, trail_arn: str, kms_key_arn: str | None, organization: str | None = None
) -> Request:
    """Write log, digest and Insights files, all of which lie in folders whose names begin with CloudTrail.

    In an organization's folder, in a folder of each account.
    """
    objects = log_objects_arn(bucket, prefix, trail_arn, organization).removesuffix("*")
    if not organization:
        objects += "CloudTrail"
    context = _from_cloudtrail(trail_arn) | _object_headers(kms_key_arn)
    return Request(Caller.CLOUDTRAIL, "s3:PutObject", Target(objects, open_ended=True), context)


def _object_headers(kms_key_arn: str | None) -> dict[str, _Values]:
    """Return what is known of the headers of an object that CloudTrail writes.

    Without a key the files are encrypted with S3's own keys; AWS does not document whether CloudTrail asks
    for that by a header or leaves it to the bucket.
    """
    return {
        "s3:x-amz-acl": ("bucket-owner-full-control",),
        "s3:x-amz-server-side-encryption": ("aws:kms",) if kms_key_arn else ("AES256", None),
        "s3:x-amz-server-side-encryption-aws-kms-key-id": (kms_key_arn,),
        "s3:tlsversion": ("1.2", "1.3"),  # AWS's endpoints take nothing older
    }


def publish(topic_arn: str, trail_arn: str) -> Request:
    """Publish a notification.

    aws:SourceOwner, by which a topic's default policy admits its owner's resources, is not sent: AWS
    prescribes a statement for CloudTrail beside the default policy.
    """
    context = _from_cloudtrail(trail_arn) | {"aws:sourceowner": (None,)}
    return Request(Caller.CLOUDTRAIL, "sns:Publish", Target(topic_arn), context)


def generate_data_key(key_arn: str, trail_arn: str) -> Request:
    """Get a key for a log file from KMS; the trail is the encryption context."""
    context = _from_cloudtrail(trail_arn) | {"kms:encryptioncontext:aws:cloudtrail:arn": (trail_arn,)}
    return Request(Caller.CLOUDTRAIL, "kms:GenerateDataKey", Target(key_arn), context)


def describe_key(key_arn: str, trail_arn: str) -> Request:
    """Look at the key; only cryptographic operations have an encryption context."""
    context = _from_cloudtrail(trail_arn) | {"kms:encryptioncontext:aws:cloudtrail:arn": (None,)}
    return Request(Caller.CLOUDTRAIL, "kms:DescribeKey", Target(key_arn), context)


def assume_role() -> Request:
    """Assume the log group's role; AWS: aws:SourceArn and aws:SourceAccount are not supported here."""
    context = _of_cloudtrail() | {
        "aws:sourcearn": (None,),
        "aws:sourceaccount": (None,),
        "sts:externalid": (None,),
    }
    return Request(Caller.CLOUDTRAIL, "sts:AssumeRole", None, context)


def use_log_streams(action: str, log_group_arn: str, trail_arn: str, organization: str | None = None) -> Request:
    """Make log streams or write into them, by the role."""
    streams = log_streams_arn(log_group_arn, trail_arn, organization).removesuffix("*")
    context: Mapping[str, _Values] = {
        "aws:securetransport": ("true",),
        "aws:principalisawsservice": ("false",),
        "aws:sourcearn": (None,),
        "aws:sourceaccount": (None,),
    }
    return Request(Caller.ROLE, action, Target(streams, open_ended=True), context)


def _from_cloudtrail(trail_arn: str) -> dict[str, _Values]:
    trail = TrailArn.parse(trail_arn)
    return _of_cloudtrail() | {"aws:sourcearn": (trail.text,), "aws:sourceaccount": (trail.account,)}


def _of_cloudtrail() -> dict[str, _Values]:
    return {
        "aws:securetransport": ("true",),
        "aws:principalisawsservice": ("true",),
        "aws:principalservicename": (CLOUDTRAIL,),
    }
