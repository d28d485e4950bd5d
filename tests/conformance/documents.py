"""The policies that AWS prescribes for what a trail depends on.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/ (create-s3-bucket-policy-for-cloudtrail,
cloudtrail-permissions-for-sns-notifications, create-kms-key-policy-for-cloudtrail,
cloudtrail-required-policy-for-cloudwatch-logs).
"""

from collections.abc import Mapping
from typing import Any

Statement = dict[str, Any]
Policy = dict[str, Any]

CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}


def policy(*statements: Statement) -> Policy:
    """Give a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(principal: Any, action: Any, resource: Any, condition: Mapping[str, Any] | None = None) -> Statement:
    """Give a statement that allows."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
    return statement | ({"Condition": dict(condition)} if condition else {})


def bucket_policy(bucket: str, trail: str, prefix: str = "", source: Mapping[str, Any] | None = None) -> Policy:
    """Let the trail of this ARN deliver to a bucket: first the statement on its ACL, then the one on its objects."""
    account = trail.split(":")[4]
    condition = {"StringEquals": dict(source) if source is not None else {"aws:SourceArn": trail}}
    folder = f"{prefix}/" if prefix else ""
    return policy(
        allow(CLOUDTRAIL, "s3:GetBucketAcl", f"arn:aws:s3:::{bucket}", condition),
        allow(
            CLOUDTRAIL,
            "s3:PutObject",
            f"arn:aws:s3:::{bucket}/{folder}AWSLogs/{account}/*",
            {"StringEquals": condition["StringEquals"] | {"s3:x-amz-acl": "bucket-owner-full-control"}},
        ),
    )


def topic_policy(topic: str, trail: str) -> Policy:
    """Let a trail notify a topic."""
    return policy(allow(CLOUDTRAIL, "SNS:Publish", topic, {"StringEquals": {"aws:SourceArn": trail}}))


def key_policy(trail: str, *statements: Statement) -> Policy:
    """Let a trail encrypt with a key, or with statements of the caller's own; the account administers it."""
    account = trail.split(":")[4]
    source = {"aws:SourceArn": trail}
    context = {"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{account}:trail/*"}
    prescribed = (
        allow(CLOUDTRAIL, "kms:GenerateDataKey*", "*", {"StringEquals": source, "StringLike": context}),
        allow(CLOUDTRAIL, "kms:DescribeKey", "*", {"StringEquals": source}),
    )
    return policy(allow({"AWS": f"arn:aws:iam::{account}:root"}, "kms:*", "*"), *(statements or prescribed))


def trust(principal: Any = CLOUDTRAIL, condition: Mapping[str, Any] | None = None) -> Policy:
    """Let a principal assume a role."""
    statement: Statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return policy(statement | ({"Condition": dict(condition)} if condition else {}))


def log_permissions(group: str, trail: str) -> Policy:
    """Let a role write the streams of a trail to a log group, which is given by its ARN without the ending `:*`."""
    region, account = trail.split(":")[3:5]
    streams = f"{group}:log-stream:{account}_CloudTrail_{region}*"
    return permissions(["logs:CreateLogStream", "logs:PutLogEvents"], streams)


def permissions(action: Any, resource: Any = "*", effect: str = "Allow", **members: Any) -> Policy:
    """Give an identity's policy of one statement."""
    return policy({"Effect": effect, "Action": action, "Resource": resource} | members)
