"""The policy statements that AWS prescribes for CloudTrail and for alarms, filled in, as plain JSON values.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-permissions-for-sns-notifications.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html
"""

import json
from collections.abc import Sequence
from typing import Any

from trail_operator.domain.arns import Arn, Location

Statement = dict[str, Any]

_CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}
_CLOUDWATCH = {"Service": "cloudwatch.amazonaws.com"}
TOPIC_KEY_SID = "Allow CloudTrail to publish to an encrypted topic"
ALARM_TOPIC_SID = "AllowCloudWatchAlarmsToPublish"
ALARM_KEY_SID = "Allow CloudWatch alarms to publish to an encrypted topic"
DEFAULT_KEY_SID = "Allow CloudTrail to write to an encrypted bucket"


def bucket_arn(bucket: str, trail_arn: str) -> str:
    """Return the ARN of a bucket in the trail's partition."""
    return str(Arn(Arn.parse(trail_arn).partition, "s3", "", "", bucket))


def log_objects_arn(bucket: str, prefix: str | None, trail_arn: str, organization: str | None = None) -> str:
    """Return the pattern of the objects that a trail writes. `organization`: the organization's ID, for its trail."""
    folder = f"{prefix}/" if prefix else ""
    owner = organization or Arn.parse(trail_arn).account
    return f"{bucket_arn(bucket, trail_arn)}/{folder}AWSLogs/{owner}/*"


def bucket_statements(
    bucket: str, prefix: str | None, trail_arn: str, organization: str | None = None
) -> list[Statement]:
    """Return the statements for the bucket: read its ACL, write log files.

    An organization trail writes to the organization's folder; after a conversion, to its account's.
    """
    statements = [
        {
            "Sid": "AWSCloudTrailAclCheck20150319",
            "Effect": "Allow",
            "Principal": _CLOUDTRAIL,
            "Action": "s3:GetBucketAcl",
            "Resource": bucket_arn(bucket, trail_arn),
            "Condition": {"StringEquals": {"aws:SourceArn": trail_arn}},
        },
        {
            "Sid": "AWSCloudTrailWrite20150319",
            "Effect": "Allow",
            "Principal": _CLOUDTRAIL,
            "Action": "s3:PutObject",
            "Resource": log_objects_arn(bucket, prefix, trail_arn),
            "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceArn": trail_arn}},
        },
    ]
    if organization:
        resource = log_objects_arn(bucket, prefix, trail_arn, organization)
        statements.append(statements[-1] | {"Sid": "AWSCloudTrailOrganizationWrite20150319", "Resource": resource})
    return statements


def topic_statement(topic_arn: str, trail_arn: str) -> Statement:
    """Return the statement for the topic: publish notifications."""
    return {
        "Sid": "AWSCloudTrailSNSPolicy20150319",
        "Effect": "Allow",
        "Principal": _CLOUDTRAIL,
        "Action": "SNS:Publish",
        "Resource": topic_arn,
        "Condition": {"StringEquals": {"aws:SourceArn": trail_arn}},
    }


def key_statements(trail_arn: str, *, bucket_key: bool = False) -> list[Statement]:
    """Return the statements for the key: encrypt log files of the account's trails, describe the key.

    `bucket_key`: whether the bucket has an S3 Bucket Key, which requires kms:Decrypt as well.
    """
    trail = Arn.parse(trail_arn)
    trails = f"arn:{trail.partition}:cloudtrail:*:{trail.account}:trail/*"
    return [
        {
            "Sid": "Allow CloudTrail to encrypt logs",
            "Effect": "Allow",
            "Principal": _CLOUDTRAIL,
            "Action": "kms:GenerateDataKey*",
            "Resource": "*",
            "Condition": {
                "StringEquals": {"aws:SourceArn": trail_arn},
                "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": trails},
            },
        },
        {
            "Sid": "Allow CloudTrail access",
            "Effect": "Allow",
            "Principal": _CLOUDTRAIL,
            "Action": "kms:DescribeKey",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceArn": trail_arn}},
        },
        *([decrypt_statement()] if bucket_key else []),
    ]


def decrypt_statement() -> Statement:
    """Return the statement for a key used with an S3 Bucket Key; AWS prescribes no condition."""
    return {
        "Sid": "Allow CloudTrail to decrypt a trail",
        "Effect": "Allow",
        "Principal": _CLOUDTRAIL,
        "Action": "kms:Decrypt",
        "Resource": "*",
    }


def topic_key_statement(trail_arn: str) -> Statement:
    """Return the statement for the key that encrypts the topic.

    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
    """
    return _data_key_statement(TOPIC_KEY_SID, trail_arn)


def alarm_topic_statement(topic_arn: str, location: Location) -> Statement:
    """Return the statement for a topic that the alarms of an account and region notify.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    """
    alarms = str(Arn(location.partition, "cloudwatch", location.region, location.account, "alarm:*"))
    return {
        "Sid": ALARM_TOPIC_SID,
        "Effect": "Allow",
        "Principal": _CLOUDWATCH,
        "Action": "SNS:Publish",
        "Resource": topic_arn,
        "Condition": {"ArnLike": {"aws:SourceArn": alarms}},
    }


def alarm_topic_key_statement() -> Statement:
    """Return the statement for the key that encrypts such a topic; AWS prescribes no condition."""
    return {
        "Sid": ALARM_KEY_SID,
        "Effect": "Allow",
        "Principal": _CLOUDWATCH,
        "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
        "Resource": "*",
    }


def default_key_statement(trail_arn: str) -> Statement:
    """Return the statement for the bucket's default encryption key, for a trail without kmsKeyID.

    Unverified: AWS does not document what CloudTrail requires.
    """
    return _data_key_statement(DEFAULT_KEY_SID, trail_arn)


def _data_key_statement(sid: str, trail_arn: str) -> Statement:
    """Return a statement without a condition on the encryption context, which S3 or SNS sets."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": _CLOUDTRAIL,
        "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceArn": trail_arn}},
    }


def role_trust_statement() -> Statement:
    """Return the statement of the role's trust policy; AWS does not support aws:SourceArn in it."""
    return {"Effect": "Allow", "Principal": _CLOUDTRAIL, "Action": "sts:AssumeRole"}


def log_streams_arn(log_group_arn: str, trail_arn: str, organization: str | None = None) -> str:
    """Return the pattern of the log streams that a trail writes; the group's ARN may end in `:*`."""
    trail = Arn.parse(trail_arn)
    group = log_group_arn.removesuffix(":*")
    streams = f"{organization}_*" if organization else f"{trail.account}_CloudTrail_{trail.region}*"
    return f"{group}:log-stream:{streams}"


def role_permission_statements(log_group_arn: str, trail_arn: str, organization: str | None = None) -> list[Statement]:
    """Return the statements for the role's own policies: create log streams, write events."""
    streams = log_streams_arn(log_group_arn, trail_arn, organization)
    return [
        {
            "Sid": "AWSCloudTrailCreateLogStream2014110",
            "Effect": "Allow",
            "Action": "logs:CreateLogStream",
            "Resource": streams,
        },
        {
            "Sid": "AWSCloudTrailPutLogEvents20141101",
            "Effect": "Allow",
            "Action": "logs:PutLogEvents",
            "Resource": streams,
        },
    ]


def policy_document(statements: Sequence[Statement]) -> str:
    """Return a policy with these statements, as indented JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)
