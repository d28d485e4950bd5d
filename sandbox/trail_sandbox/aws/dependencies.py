"""What a trail needs of its bucket, topic, keys, log group and role, judged by their policies.

CreateTrail and UpdateTrail ask before they accept a trail, delivery asks each time: the answer is a problem, which each
of them has its own words for. What CloudTrail asks for, and with which condition keys:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html (buckets),
…/cloudtrail-permissions-for-sns-notifications.html (topics), …/create-kms-key-policy-for-cloudtrail.html (keys),
…/cloudtrail-required-policy-for-cloudwatch-logs.html (roles).
Of the condition keys, documentation on CloudTrail proves aws:SourceArn and aws:SourceAccount. The others follow from
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html and are not verified; keys of
which it does not say whether services send them (aws:SourceIp, kms:CallerAccount, kms:ViaService, …) are not sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from trail_sandbox.aws.policy import Decision, Principal, Request, evaluate
from trail_sandbox.aws.principals import cloudtrail_in
from trail_sandbox.aws.roles import Role
from trail_sandbox.aws.trails import Trail
from trail_sandbox.aws.world import Bucket, Key, World

CLOUDTRAIL = Principal.service("cloudtrail.amazonaws.com")
Keys = Mapping[str, str | Sequence[str]]


class Problem(Enum):
    """What keeps CloudTrail from using a thing that a trail names."""

    BUCKET_MISSING = auto()
    BUCKET_DENIES = auto()
    TOPIC_MISSING = auto()
    TOPIC_DENIES = auto()
    TOPIC_ACCOUNT_SUSPENDED = auto()
    TOPIC_KEY_MISSING = auto()
    TOPIC_KEY_UNUSABLE = auto()
    TOPIC_KEY_DENIES = auto()
    KEY_MISSING = auto()
    """Not there, or not in the bucket's region."""
    KEY_UNUSABLE = auto()
    """Disabled, about to be deleted, or not for symmetric encryption."""
    KEY_DENIES = auto()
    LOG_GROUP_MISSING = auto()
    ROLE_NOT_TRUSTING = auto()
    """Neither exists: AWS does not say which."""
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


@dataclass(frozen=True)
class _Owner:
    """Whose a thing is that CloudTrail asks for, and where: the requests go to its region, not to the trail's."""

    account: str
    region: str


@dataclass(frozen=True)
class _Asker:
    """CloudTrail as it asks for one trail: about the events of a region, which may not be the trail's home."""

    world: World
    trail: Trail
    region: str | None

    def allows(self, policy: str | None, action: str, resource: str, owner: _Owner, more: Keys | None = None) -> bool:
        """Say whether a resource's policy lets CloudTrail in: a service has no policies of its own that could."""
        keys = {**source_keys(self.world, self.trail), **_request_keys(self.world, owner), **(more or {})}
        return _allows(policy, Request(cloudtrail_in(self.region or self.trail.home_region), action, resource, keys))

    def may_use(self, key: Key, actions: Iterable[str], more: Keys | None = None) -> bool:
        """Say whether a key's policy lets CloudTrail do all this with it."""
        owner = _Owner(key.account, key.region)
        return all(self.allows(key.policy, action, key.arn, owner, more) for action in actions)


def bucket_problem(
    world: World, trail: Trail, object_key: str | None = None, region: str | None = None
) -> Problem | None:
    """Say what keeps CloudTrail from putting an object (any log file of the home region, unless named)."""
    bucket = _bucket(world, trail)
    if bucket is None:
        return Problem.BUCKET_MISSING
    if bucket.requester_pays:
        # The refusal is documented, its error is not. S3 denies access to requests that do not accept the charge:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/RequesterPaysBuckets.html
        return Problem.BUCKET_DENIES
    log_files = [f"{root}/CloudTrail/{trail.home_region}/log.json.gz" for root in object_roots(world, trail)]
    arn = bucket.arn
    asker, owner = _Asker(world, trail, region), _Owner(bucket.account, bucket.region)
    of_s3 = {"s3:ResourceAccount": bucket.account}
    readable = asker.allows(bucket.policy, "s3:GetBucketAcl", arn, owner, of_s3)
    objects = [object_key] if object_key else log_files
    keys = of_s3 | _put_keys(trail)
    writable = all(asker.allows(bucket.policy, "s3:PutObject", f"{arn}/{key}", owner, keys) for key in objects)
    return None if readable and writable else Problem.BUCKET_DENIES


def encryption_problem(world: World, trail: Trail, region: str | None = None) -> Problem | None:
    """Say what keeps CloudTrail from encrypting log files, by the trail's key or by the bucket's default one."""
    bucket = _bucket(world, trail)
    if bucket is None:
        return Problem.BUCKET_MISSING
    asker = _Asker(world, trail, region)
    if trail.kms_key_arn:
        return _key_problem(asker, bucket, world.key(trail.kms_key_arn, trail.account, trail.home_region))
    if bucket.kms_key:
        return _default_key_problem(asker, bucket, world.key(bucket.kms_key, bucket.account, bucket.region))
    return None


def topic_problem(world: World, trail: Trail, region: str | None = None) -> Problem | None:
    """Say what keeps CloudTrail from publishing to the trail's topic, if it has one."""
    if trail.sns_topic_arn is None:
        return None
    topic = world.topic(trail.sns_topic_arn)
    if topic is None:
        return Problem.TOPIC_MISSING
    if world.is_suspended(topic.account):
        return Problem.TOPIC_ACCOUNT_SUSPENDED
    asker = _Asker(world, trail, region)
    if not asker.allows(topic.policy, "SNS:Publish", topic.arn, _Owner(topic.account, topic.region)):
        return Problem.TOPIC_DENIES
    if topic.kms_key is None:
        return None
    # https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html (encryption context)
    context = _encryption_context("aws:sns:topicArn", topic.arn)
    key = world.key(topic.kms_key, topic.account, topic.region)
    if key is None:
        return Problem.TOPIC_KEY_MISSING
    if not key.is_usable:
        return Problem.TOPIC_KEY_UNUSABLE
    allowed = asker.may_use(key, ("kms:GenerateDataKey", "kms:Decrypt"), context)
    return None if allowed else Problem.TOPIC_KEY_DENIES


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
    if role is None or role.account != group.account or not _is_trusted(world, role):
        return Problem.ROLE_NOT_TRUSTING
    stream = f"{group.arn}:log-stream:{log_stream(world, trail, trail.account)}"
    needed = ("logs:CreateLogStream", "logs:PutLogEvents")
    owner = _Owner(group.account, group.region)
    return None if all(_role_may(world, role, action, stream, owner) for action in needed) else Problem.ROLE_DENIED


def _bucket(world: World, trail: Trail) -> Bucket | None:
    """The trail's bucket: those of other partitions are not there."""
    bucket = world.bucket(trail.s3_bucket_name)
    return bucket if bucket and trail.is_in_partition_of(bucket.region) else None


def source_keys(world: World, trail: Trail) -> dict[str, str | Sequence[str]]:
    """The condition keys that tell for which trail CloudTrail asks."""
    keys = {"aws:SourceArn": trail.arn, "aws:SourceAccount": trail.account}
    return keys | _organization_keys(world, trail.account, "Source")


def _request_keys(world: World, owner: _Owner) -> dict[str, str | Sequence[str]]:
    """The condition keys of any request, by what it is about."""
    keys = {
        "aws:ResourceAccount": owner.account,
        "aws:RequestedRegion": owner.region,
        "aws:ViaAWSService": "false",  # services that ask on their own account ask for nobody else
    }
    return keys | _organization_keys(world, owner.account, "Resource")


def _organization_keys(world: World, account: str, whose: str) -> dict[str, str | Sequence[str]]:
    organization = world.organization(account)
    if organization is None:
        return {}
    return {f"aws:{whose}OrgID": organization.id, f"aws:{whose}OrgPaths": [organization.path_of(account)]}


def _put_keys(trail: Trail) -> dict[str, str]:
    keys = {"s3:x-amz-acl": "bucket-owner-full-control"}
    if trail.kms_key_arn is None:
        return keys | {"s3:x-amz-server-side-encryption": "AES256"}
    return keys | {
        "s3:x-amz-server-side-encryption": "aws:kms",
        "s3:x-amz-server-side-encryption-aws-kms-key-id": trail.kms_key_arn,
    }


def _key_problem(asker: _Asker, bucket: Bucket, key: Key | None) -> Problem | None:
    """Say what keeps CloudTrail from encrypting with the key that a trail names."""
    if key is None or key.region != bucket.region:
        return Problem.KEY_MISSING
    if not key.is_usable:
        return Problem.KEY_UNUSABLE
    context = _encryption_context("aws:cloudtrail:arn", asker.trail.arn)
    # With S3 Bucket Keys, S3 decrypts the bucket's key before it encrypts with it.
    cryptography = ["kms:GenerateDataKey", *(["kms:Decrypt"] if bucket.bucket_key_enabled else [])]
    allowed = asker.may_use(key, cryptography, context) and asker.may_use(key, ["kms:DescribeKey"])
    return None if allowed else Problem.KEY_DENIES


def _default_key_problem(asker: _Asker, bucket: Bucket, key: Key | None) -> Problem | None:
    """Say what keeps S3 from encrypting what CloudTrail puts with the bucket's default key.

    That it can refuse is known from https://github.com/trussworks/terraform-aws-cloudtrail/issues/186, what it has to
    allow is not: a setting says whether Decrypt is needed. The context is S3's own, of the bucket with Bucket Keys:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#encryption-context
    """
    if key is None or key.region != bucket.region:
        return Problem.KEY_MISSING
    if not key.is_usable:
        return Problem.KEY_UNUSABLE
    needs_decrypt = bucket.bucket_key_enabled or asker.world.settings.default_encryption_needs_decrypt
    actions = ["kms:GenerateDataKey", *(["kms:Decrypt"] if needs_decrypt else [])]
    arn = bucket.arn
    log_file = f"{arn}/{object_roots(asker.world, asker.trail)[-1]}/log.json.gz"
    context = _encryption_context("aws:s3:arn", arn if bucket.bucket_key_enabled else log_file)
    return None if asker.may_use(key, actions, context) else Problem.KEY_DENIES


def _encryption_context(name: str, value: str) -> dict[str, str]:
    return {f"kms:EncryptionContext:{name}": value, "kms:EncryptionContextKeys": name}


def _is_trusted(world: World, role: Role) -> bool:
    # To which region the request goes is not known.
    keys = _request_keys(world, _Owner(role.account, ""))
    del keys["aws:RequestedRegion"]
    return _allows(role.trust, Request(CLOUDTRAIL, "sts:AssumeRole", role.arn, keys))


def _role_may(world: World, role: Role, action: str, resource: str, owner: _Owner) -> bool:
    name = role.arn.rpartition("/")[2]
    session = f"arn:{role.arn.split(':')[1]}:sts::{role.account}:assumed-role/{name}/CLOUDWATCH_LOGS_DELIVERY_SESSION"
    keys = {
        "aws:PrincipalArn": role.arn,
        **_organization_keys(world, role.account, "Principal"),
        **_request_keys(world, owner),
    }
    return role.decide(Request(Principal.arn(session), action, resource, keys)) is Decision.ALLOW


def _allows(policy: str | None, request: Request) -> bool:
    return policy is not None and evaluate(policy, request) is Decision.ALLOW
