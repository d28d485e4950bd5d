"""The places that a trail delivers to, and the error codes that they refuse a delivery with.

Every delivery checks again whether CloudTrail may write, because buckets, keys, topics, groups and their policies can
change after the trail. The codes are those of the refusing service's API, as GetTrailStatus reports them
(https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html).
"""

import json
from collections.abc import Iterable
from contextlib import suppress

from moto.core.exceptions import ServiceException

from trail_sandbox.aws.delivery.digest import Digest
from trail_sandbox.aws.delivery.entry import Entry
from trail_sandbox.aws.dependencies import (
    Problem,
    bucket_problem,
    encryption_problem,
    log_group_problem,
    log_stream,
    topic_problem,
)
from trail_sandbox.aws.trails import Trail
from trail_sandbox.aws.world import World

# Amazon S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
_S3_CODES = {
    Problem.BUCKET_MISSING: "NoSuchBucket",
    Problem.BUCKET_DENIES: "AccessDenied",
    Problem.KEY_MISSING: "KMS.NotFoundException",
    Problem.KEY_UNUSABLE: "KMS.DisabledException",
    Problem.KEY_DENIES: "AccessDenied",
}
# Amazon SNS: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
_SNS_CODES = {
    Problem.TOPIC_MISSING: "NotFound",
    Problem.TOPIC_DENIES: "AuthorizationError",
    Problem.TOPIC_ACCOUNT_SUSPENDED: "InvalidClientTokenId",
    Problem.TOPIC_KEY_MISSING: "KMSNotFound",
    Problem.TOPIC_KEY_UNUSABLE: "KMSDisabled",
    Problem.TOPIC_KEY_DENIES: "KMSAccessDenied",
}
# CloudWatch Logs: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
_LOGS_CODES = {
    Problem.LOG_GROUP_MISSING: "ResourceNotFoundException",
    Problem.ROLE_NOT_TRUSTING: "AccessDenied",
    Problem.ROLE_DENIED: "AccessDenied",
}
# Longer events are not sent to log groups: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
_LONGEST_LOG_EVENT = 256 * 1024


def put_log_file(world: World, trail: Trail, region: str, key: str, body: bytes) -> str | None:
    """Put a region's log file into the trail's bucket, encrypted by its key; the answer is the code of a refusal."""
    problem = bucket_problem(world, trail, key, region) or encryption_problem(world, trail, region)
    return _S3_CODES[problem] if problem else _put(world, trail.s3_bucket_name, key, body, {}, trail.kms_key_arn)


def put_digest_file(world: World, trail: Trail, region: str, digest: Digest, body: bytes) -> str | None:
    """Put a region's digest file; the trail's key is for log files alone, digests are encrypted by S3's own."""
    problem = bucket_problem(world, trail, digest.key, region)
    return _S3_CODES[problem] if problem else _put(world, digest.bucket, digest.key, body, digest.metadata, None)


def _put(
    world: World, bucket_name: str, key: str, body: bytes, metadata: dict[str, str], kms_key_arn: str | None
) -> str | None:
    bucket = world.bucket(bucket_name)
    if bucket is None:
        return _S3_CODES[Problem.BUCKET_MISSING]
    bucket.put_object(key, body, metadata, kms_key_arn=kms_key_arn)
    return None


def notify(world: World, trail: Trail, region: str, key: str) -> str | None:
    """Tell the trail's topic of a region's new log file; the answer is the code of a refusal."""
    problem = topic_problem(world, trail, region)
    if problem:
        return _SNS_CODES[problem]
    topic = world.topic(trail.sns_topic_arn or "")
    if topic is None:
        return _SNS_CODES[Problem.TOPIC_MISSING]
    message = {"s3Bucket": trail.s3_bucket_name, "s3ObjectKey": [key]}
    # SNS has accepted the message then: a subscriber out of reach, such as a queue that is gone, is its own matter.
    with suppress(ServiceException):
        topic.publish(json.dumps(message, separators=(",", ":")), None)
    return None


def put_log_events(world: World, trail: Trail, account: str, entries: Iterable[Entry]) -> str | None:
    """Put an account's events into the trail's log group; the answer is the code of a refusal."""
    problem = log_group_problem(world, trail)
    if problem:
        return _LOGS_CODES[problem]
    group = world.log_group(trail.cloud_watch_logs_log_group_arn or "")
    if group is None:
        return _LOGS_CODES[Problem.LOG_GROUP_MISSING]
    in_order = sorted(entries, key=lambda entry: entry.event.time)
    events = [(int(entry.event.time.timestamp() * 1000), entry.text) for entry in in_order]
    group.put_events(
        log_stream(world, trail, account), [(at, text) for at, text in events if len(text) <= _LONGEST_LOG_EVENT]
    )
    return None
