"""The requests that CloudTrail makes to a trail's bucket, topic, keys and role, and CloudWatch to topics and keys.

A context key is listed only if its value is known (several values: one of them; None: the key is, or may be, absent).
Nothing is assumed about other keys: the result of a condition on them is unknown. CloudTrail's documentation names
aws:SourceArn and aws:SourceAccount only. The rest follows the IAM user guide for requests that a service makes as
itself, and is unverified:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from dataclasses import dataclass

from trail_operator.domain.arns import Arn
from trail_operator.domain.iam_policy.matching import Context, Target, Values
from trail_operator.domain.iam_policy.prescribed import bucket_arn, log_objects_arn, log_streams_arn
from trail_operator.domain.iam_policy.statements import Caller, Request

_ABSENT: Values = (None,)
_NOT_KNOWN: Values = ()
# A service that acts as itself is not a principal of an account, uses no VPC endpoint, and does not sign in.
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
    """The trail that a request is for, and the organization of the account that owns it."""

    trail_arn: str
    organization: Values = _NOT_KNOWN


@dataclass(frozen=True)
class ResourceLocation:
    """The account and the region of the requested resource; None if unknown."""

    account: str | None = None
    region: str | None = None

    @staticmethod
    def of(arn: str) -> "ResourceLocation":
        """Return the location of a topic, key, log group or role; a role has no region."""
        parts = Arn.parse(arn)
        return ResourceLocation(parts.account, parts.region or None)


def read_bucket_acl(bucket: str, location: ResourceLocation, source: Source) -> Request:
    """Read the bucket's ACL."""
    context = _of_bucket(location, source) | dict.fromkeys(_OBJECT_HEADERS, _ABSENT)
    return Request(Caller.CLOUDTRAIL, "s3:GetBucketAcl", Target(bucket_arn(bucket, source.trail_arn)), context)


def write_log_files(
    bucket: str,
    prefix: str | None,
    location: ResourceLocation,
    source: Source,
    *,
    kms_key_arn: str | None,
    organization: str | None = None,
) -> Request:
    """Write log, digest and Insights files, all in folders whose names begin with CloudTrail.

    For an organization, these are in a folder per account.
    """
    objects = log_objects_arn(bucket, prefix, source.trail_arn, organization).removesuffix("*")
    if not organization:
        objects += "CloudTrail"
    context = _of_bucket(location, source) | _object_headers(kms_key_arn)
    return Request(Caller.CLOUDTRAIL, "s3:PutObject", Target(objects, open_ended=True), context)


def _object_headers(kms_key_arn: str | None) -> dict[str, Values]:
    """Return what is known of the headers with which CloudTrail writes an object.

    Without a key, files are encrypted with S3 managed keys. AWS does not document whether CloudTrail requests that by a
    header or relies on the bucket's default.
    """
    is_alias = kms_key_arn is not None and Arn.parse(kms_key_arn).resource_type == "alias"  # its key is not known
    return {
        "s3:x-amz-acl": ("bucket-owner-full-control",),
        "s3:x-amz-server-side-encryption": ("aws:kms",) if kms_key_arn else ("AES256", None),
        "s3:x-amz-server-side-encryption-aws-kms-key-id": _NOT_KNOWN if is_alias else (kms_key_arn,),
    }


def publish(topic_arn: str, source: Source) -> Request:
    """Publish a notification.

    aws:SourceOwner, by which a topic's default policy allows its owner's resources, is not sent: AWS prescribes a
    statement for CloudTrail in addition to the default policy.
    """
    context = _from_cloudtrail(ResourceLocation.of(topic_arn), source) | {"aws:sourceowner": _ABSENT}
    return Request(Caller.CLOUDTRAIL, "sns:Publish", Target(topic_arn), context)


def generate_data_key(key_arn: str, source: Source) -> Request:
    """Generate a data key for a log file; the encryption context is the trail."""
    context = _from_cloudtrail(ResourceLocation.of(key_arn), source)
    context |= {"kms:encryptioncontext:aws:cloudtrail:arn": (source.trail_arn,)}
    return Request(Caller.CLOUDTRAIL, "kms:GenerateDataKey", Target(key_arn), context)


def describe_key(key_arn: str, source: Source) -> Request:
    """Describe the key; only cryptographic operations have an encryption context."""
    context = _from_cloudtrail(ResourceLocation.of(key_arn), source) | {
        "kms:encryptioncontext:aws:cloudtrail:arn": _ABSENT
    }
    return Request(Caller.CLOUDTRAIL, "kms:DescribeKey", Target(key_arn), context)


def use_key(action: str, key_arn: str, source: Source) -> Request:
    """Use a key through S3 or SNS, whose encryption context for CloudTrail is not documented."""
    return Request(Caller.CLOUDTRAIL, action, Target(key_arn), _from_cloudtrail(ResourceLocation.of(key_arn), source))


def assume_role(role_arn: str) -> Request:
    """Assume the log group's role; AWS does not support aws:SourceArn and aws:SourceAccount here."""
    context = _of_service(Caller.CLOUDTRAIL, ResourceLocation.of(role_arn)) | {
        "aws:sourcearn": _ABSENT,
        "aws:sourceaccount": _ABSENT,
        "sts:externalid": _ABSENT,
    }
    return Request(Caller.CLOUDTRAIL, "sts:AssumeRole", None, context)


def use_log_streams(
    action: str, role_arn: str, log_group_arn: str, source: Source, organization: str | None = None
) -> Request:
    """Create log streams or write to them, with the role."""
    streams = log_streams_arn(log_group_arn, source.trail_arn, organization).removesuffix("*")
    context: Context = {
        "aws:securetransport": ("true",),
        "aws:principalisawsservice": ("false",),
        "aws:viaawsservice": ("false",),
        "aws:principalaccount": _known(ResourceLocation.of(role_arn).account),
        "aws:principalarn": (role_arn,),
        "aws:principalorgid": source.organization,
        "aws:sourcearn": _ABSENT,
        "aws:sourceaccount": _ABSENT,
        **_at(ResourceLocation.of(log_group_arn)),
    }
    return Request(Caller.ROLE, action, Target(streams, open_ended=True), context)


def publish_alarm(topic_arn: str, alarm_arn: str) -> Request:
    """Publish that an alarm has changed its state. The alarm's account is the owner in a topic's default policy.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    """
    account = Arn.parse(alarm_arn).account
    context = _of_service(Caller.CLOUDWATCH, ResourceLocation.of(topic_arn)) | {
        "aws:sourcearn": (alarm_arn,),
        "aws:sourceaccount": (account,),
        "aws:sourceowner": (account,),
    }
    return Request(Caller.CLOUDWATCH, "sns:Publish", Target(topic_arn), context)


def use_key_for_alarm(action: str, key_arn: str) -> Request:
    """Use the key of a topic through SNS. AWS prescribes no condition: what the request names is not documented."""
    context = _of_service(Caller.CLOUDWATCH, ResourceLocation.of(key_arn))
    return Request(Caller.CLOUDWATCH, action, Target(key_arn), context)


def _of_bucket(location: ResourceLocation, source: Source) -> dict[str, Values]:
    return _from_cloudtrail(location, source) | {
        "s3:resourceaccount": _known(location.account),
        "s3:tlsversion": ("1.2", "1.3"),  # AWS's endpoints accept no older version
    }


def _from_cloudtrail(location: ResourceLocation, source: Source) -> dict[str, Values]:
    return _of_service(Caller.CLOUDTRAIL, location) | {
        "aws:sourcearn": (source.trail_arn,),
        "aws:sourceaccount": (Arn.parse(source.trail_arn).account,),
        "aws:sourceorgid": source.organization,
    }


def _of_service(service: Caller, location: ResourceLocation) -> dict[str, Values]:
    return {
        **_OF_PRINCIPALS_AND_NETWORKS,
        "aws:securetransport": ("true",),
        "aws:principalisawsservice": ("true",),
        "aws:principalservicename": (service.value,),
        "aws:viaawsservice": ("false",),
        "s3:resourceaccount": _ABSENT,
        **_at(location),
    }


def _at(location: ResourceLocation) -> dict[str, Values]:
    return {"aws:resourceaccount": _known(location.account), "aws:requestedregion": _known(location.region)}


def _known(value: str | None) -> Values:
    return (value,) if value else _NOT_KNOWN
