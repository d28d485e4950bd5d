"""What S3's calls need.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from trail_sandbox.aws.access.needs import Ask, Keys, Need

# Where an operation's action is not called as the operation is.
_ACTIONS = {
    **dict.fromkeys(("HeadBucket", "ListObjects", "ListObjectsV2"), "ListBucket"),
    **dict.fromkeys(("HeadObject", "SelectObjectContent"), "GetObject"),
    **dict.fromkeys(("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"), "PutObject"),
    **dict.fromkeys(("CopyObject", "UploadPartCopy"), "PutObject"),
    "ListBuckets": "ListAllMyBuckets",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "DeleteObjects": "DeleteObject",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
}
# GetBucketEncryption is GetEncryptionConfiguration, and so on; deletion counts as a change.
_CONFIGURATION = re.compile(r"\A(?P<verb>Get|Put|Delete)(?P<what>[A-Za-z]+)\Z")
_CONFIGURATIONS = {
    "BucketEncryption": "EncryptionConfiguration",
    "BucketReplication": "ReplicationConfiguration",
    **dict.fromkeys(("BucketLifecycle", "BucketLifecycleConfiguration"), "LifecycleConfiguration"),
    "BucketAccelerateConfiguration": "AccelerateConfiguration",
    "BucketAnalyticsConfiguration": "AnalyticsConfiguration",
    "BucketInventoryConfiguration": "InventoryConfiguration",
    "BucketMetricsConfiguration": "MetricsConfiguration",
    "BucketCors": "BucketCORS",
    "PublicAccessBlock": "BucketPublicAccessBlock",
}
_OF_VERSIONS = frozenset({"GetObject", "DeleteObject", "GetObjectAcl", "PutObjectAcl", "GetObjectTagging"})
_KEYS = {
    "Prefix": "s3:prefix",
    "Delimiter": "s3:delimiter",
    "ACL": "s3:x-amz-acl",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "VersionId": "s3:VersionId",
}


def s3_needs(ask: Ask) -> Iterator[Need]:
    """Give the bucket, the object or objects of a call, and of a copy its source."""
    bucket, key, buckets = ask.text("Bucket"), ask.text("Key"), f"arn:{ask.caller.partition}:s3:::"
    action = s3_action(ask)
    if not bucket:
        yield Need(action)
        return
    keys: Keys = {name: ask.text(of) for of, name in _KEYS.items() if ask.text(of)}
    for one in _deleted(ask) or [key]:
        yield Need(action, f"{buckets}{bucket}" + (f"/{one}" if one else ""), keys)
    source = ask.text("CopySource")
    if source:
        yield Need("s3:GetObject", f"{buckets}{unquote(source).lstrip('/').partition('?')[0]}")


def s3_action(ask: Ask) -> str:
    """Name the action of an operation on S3."""
    name = ask.operation.name
    parts = _CONFIGURATION.match(name)
    if name in _ACTIONS:
        name = _ACTIONS[name]
    elif parts and parts["what"] in _CONFIGURATIONS:
        name = ("Get" if parts["verb"] == "Get" else "Put") + _CONFIGURATIONS[parts["what"]]
    if name in _OF_VERSIONS and ask.text("VersionId"):
        name = name.replace("Object", "ObjectVersion", 1)
    return f"s3:{name}"


def _deleted(ask: Ask) -> list[str]:
    given = ask.parameters.get("Delete")
    objects = given.get("Objects", []) if isinstance(given, dict) else []
    return [str(one.get("Key", "")) for one in objects if isinstance(one, dict)]
