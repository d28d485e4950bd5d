"""What a trail needs of its bucket, topic, key, log group and role, judged by their policies.

CreateTrail and UpdateTrail ask before they accept a trail, delivery asks each time: the answer is a problem, which each
of them has its own words for. What CloudTrail asks for, and with which condition keys:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html (buckets),
…/cloudtrail-permissions-for-sns-notifications.html (topics), …/create-kms-key-policy-for-cloudtrail.html (keys),
…/cloudtrail-required-policy-for-cloudwatch-logs.html (roles).
"""

from collections.abc import Iterable, Mapping
from enum import Enum, auto

from trail_sandbox.aws.policy import Decision, Principal, Request, evaluate
from trail_sandbox.aws.roles import Role
from trail_sandbox.aws.trails import Trail
from trail_sandbox.aws.world import Bucket, Key, World

CLOUDTRAIL = Principal.service("cloudtrail.amazonaws.com")


class Problem(Enum):
    """What keeps CloudTrail from using a thing that a trail names."""

    BUCKET_MISSING = auto()
    BUCKET_DENIES = auto()
    TOPIC_MISSING = auto()
    TOPIC_DENIES = auto()
    TOPIC_ACCOUNT_SUSPENDED = auto()
    KEY_MISSING = auto()
    """Not there, or not in the bucket's region."""
    KEY_UNUSABLE = auto()
    """Disabled, about to be deleted, or not for symmetric encryption."""
    KEY_DENIES = auto()
    LOG_GROUP_MISSING = auto()
    ROLE_NOT_TRUSTING = auto()
    """Not there either: AWS does not tell which."""
    ROLE_DENIED = auto()


def object_roots(world: World, trail: Trail) -> list[str]:
    """The beginnings of the keys that a trail needs: `[PREFIX/]AWSLogs/ACCOUNT`, and last where its objects go.

    An organization trail's go to `[PREFIX/]AWSLogs/O-ID/ACCOUNT`; the other is for when it becomes an account's:
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html#org-trail-bucket-policy
    """
    prefix = f"{trail.s3_key_prefix}/" if trail.s3_key_prefix else ""
    organization = organization_id(world, trail)
    roots = [f"{prefix}AWSLogs/{trail.account}"]
    return [*roots, f"{prefix}AWSLogs/{organization}/{trail.account}"] if organization else roots


def organization_id(world: World, trail: Trail) -> str | None:
    """The id of the organization that a trail is of; None for account trails."""
    organization = world.organization(trail.account) if trail.is_organization_trail else None
    return organization.id if organization else None


def log_stream(world: World, trail: Trail, account: str) -> str:
    """The log stream that an account's events go to.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudwatch-log-group-log-stream-naming-for-cloudtrail.html
    """
    organization = organization_id(world, trail)
    stream = f"{account}_CloudTrail_{trail.home_region}"
    return f"{organization}_{stream}" if organization else stream


def bucket_problem(world: World, trail: Trail, object_key: str | None = None) -> Problem | None:
    """Say what keeps CloudTrail from putting an object (any log file of the home region, unless named)."""
    bucket = world.bucket(trail.s3_bucket_name)
    if bucket is None:
        return Problem.BUCKET_MISSING
    log_files = [f"{root}/CloudTrail/{trail.home_region}/log.json.gz" for root in object_roots(world, trail)]
    arn = f"arn:aws:s3:::{bucket.name}"
    readable = _allows(bucket.policy, "s3:GetBucketAcl", arn, source_keys(world, trail))
    keys = _put_keys(world, trail)
    objects = [object_key] if object_key else log_files
    writable = all(_allows(bucket.policy, "s3:PutObject", f"{arn}/{key}", keys) for key in objects)
    return None if readable and writable else Problem.BUCKET_DENIES


def encryption_problem(world: World, trail: Trail) -> Problem | None:
    """Say what keeps CloudTrail from encrypting log files, by the trail's key or by the bucket's default one."""
    bucket = world.bucket(trail.s3_bucket_name)
    if bucket is None:
        return Problem.BUCKET_MISSING
    if trail.kms_key_arn:
        return _key_problem(world, trail, bucket, world.key(trail.kms_key_arn, trail.account, trail.home_region))
    if bucket.kms_key:
        return _key_problem(world, trail, bucket, world.key(bucket.kms_key, bucket.account, bucket.region))
    return None


def topic_problem(world: World, trail: Trail) -> Problem | None:
    """Say what keeps CloudTrail from publishing to the trail's topic, if it has one."""
    if trail.sns_topic_arn is None:
        return None
    topic = world.topic(trail.sns_topic_arn)
    if topic is None:
        return Problem.TOPIC_MISSING
    if world.is_suspended(topic.account):
        return Problem.TOPIC_ACCOUNT_SUSPENDED
    if not _allows(topic.policy, "SNS:Publish", topic.arn, source_keys(world, trail)):
        return Problem.TOPIC_DENIES
    if topic.kms_key is None:
        return None
    key = world.key(topic.kms_key, topic.account, topic.region)
    if key is None:
        return Problem.KEY_MISSING
    needed = ("kms:GenerateDataKey", "kms:Decrypt")
    return None if _key_allows(key, needed, source_keys(world, trail)) else Problem.TOPIC_DENIES


def log_group_problem(world: World, trail: Trail) -> Problem | None:
    """Say what keeps CloudTrail from writing to the trail's log group by its role, if it has them.

    They are in one account: the trail's, or that of the delegated administrator who set them.
    """
    if trail.cloud_watch_logs_log_group_arn is None or trail.cloud_watch_logs_role_arn is None:
        return None
    group = world.log_group(trail.cloud_watch_logs_log_group_arn)
    if group is None or group.region != trail.home_region:
        return Problem.LOG_GROUP_MISSING
    role = world.role(trail.cloud_watch_logs_role_arn)
    # The role is assumed without aws:SourceArn and aws:SourceAccount: its trust policy may not ask for them.
    if role is None or role.account != group.account or not _allows(role.trust, "sts:AssumeRole", role.arn, {}):
        return Problem.ROLE_NOT_TRUSTING
    stream = f"{group.arn}:log-stream:{log_stream(world, trail, trail.account)}"
    needed = ("logs:CreateLogStream", "logs:PutLogEvents")
    return None if all(_role_may(role, action, stream) for action in needed) else Problem.ROLE_DENIED


def source_keys(world: World, trail: Trail) -> dict[str, str]:
    """The condition keys that tell for which trail CloudTrail asks."""
    keys = {"aws:SourceArn": trail.arn, "aws:SourceAccount": trail.account}
    organization = world.organization(trail.account)
    return keys | ({"aws:SourceOrgID": organization.id} if organization else {})


def _put_keys(world: World, trail: Trail) -> dict[str, str]:
    keys = source_keys(world, trail) | {"s3:x-amz-acl": "bucket-owner-full-control"}
    if trail.kms_key_arn is None:
        return keys | {"s3:x-amz-server-side-encryption": "AES256"}
    return keys | {
        "s3:x-amz-server-side-encryption": "aws:kms",
        "s3:x-amz-server-side-encryption-aws-kms-key-id": trail.kms_key_arn,
    }


def _key_problem(world: World, trail: Trail, bucket: Bucket, key: Key | None) -> Problem | None:
    if key is None or key.region != bucket.region:
        return Problem.KEY_MISSING
    if key.state != "Enabled" or key.spec != "SYMMETRIC_DEFAULT":
        return Problem.KEY_UNUSABLE
    source = source_keys(world, trail)
    context = {"kms:EncryptionContext:aws:cloudtrail:arn": trail.arn, "kms:EncryptionContextKeys": "aws:cloudtrail:arn"}
    # With S3 Bucket Keys, S3 decrypts the bucket's key before it encrypts with it.
    cryptography = ["kms:GenerateDataKey", *(["kms:Decrypt"] if bucket.bucket_key_enabled else [])]
    allowed = _key_allows(key, cryptography, source | context) and _key_allows(key, ["kms:DescribeKey"], source)
    return None if allowed else Problem.KEY_DENIES


def _key_allows(key: Key, actions: Iterable[str], context: Mapping[str, str]) -> bool:
    return all(_allows(key.policy, action, key.arn, context) for action in actions)


def _allows(policy: str | None, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Say whether a resource's policy lets CloudTrail in: a service has no policies of its own that could."""
    if policy is None:
        return False
    return evaluate(policy, Request(CLOUDTRAIL, action, resource, context)) is Decision.ALLOW


def _role_may(role: Role, action: str, resource: str) -> bool:
    name = role.arn.rpartition("/")[2]
    session = f"arn:aws:sts::{role.account}:assumed-role/{name}/CLOUDWATCH_LOGS_DELIVERY_SESSION"
    request = Request(Principal.arn(session), action, resource, {"aws:PrincipalArn": role.arn})
    decisions = {evaluate(policy, request) for policy in role.policies}
    return Decision.ALLOW in decisions and Decision.DENY not in decisions
