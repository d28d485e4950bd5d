"""Which policies a command is about, and what has to be in each: of a bucket, topic, key or role, or the operator's."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from trail_operator.aws.grants import FEATURES
from trail_operator.aws.permissions import Scope, operator_parts
from trail_operator.domain.arns import Arn
from trail_operator.domain.iam_policy import combined, of_alarms, size_limits
from trail_operator.domain.iam_policy.combined import AdvisedStatement, Part, PartsOf, PolicyTrail, Requirement
from trail_operator.domain.iam_policy.of_alarms import PolicyAlarms
from trail_operator.domain.iam_policy.size_limits import SizeLimit
from trail_operator.preview.policy_subjects import PolicyError, Subjects

_AWS_MANAGED_KEY = "alias/aws/sns"
# What SNS gives a new topic: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
_OF_TOPIC_OWNER = (
    *("SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission"),
    *("SNS:DeleteTopic", "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish"),
)


@dataclass(frozen=True)
class Draft:
    """A policy to compose."""

    name: str
    """As in messages: `the policy of bucket NAME`."""
    resource: str
    """The name or ARN of what it is attached to."""
    limit: SizeLimit
    parts: Sequence[Part]
    owner: tuple[AdvisedStatement, ...] = ()
    """What a whole policy has besides."""
    attribute: str = "PolicyDocument"
    """Its name in CloudFormation."""


@dataclass(frozen=True)
class Choice:
    """What flags say of the policy."""

    resource: str = ""
    encrypts: str = "trail"
    has_bucket_key: bool = False
    features: tuple[str, ...] = ()
    """Empty: all."""
    read_only: bool = False
    queue: str = ""
    account_roles: tuple[str, ...] = ()
    account: str = ""
    partition: str = "aws"
    cluster: str = ""


def bucket_drafts(subjects: Subjects, choice: Choice) -> list[Draft]:
    """Return the policy of a bucket."""
    bucket, users = _of_trails(
        subjects.trails, choice, "bucket", "s3BucketName", lambda one: one.configuration.s3_bucket_name
    )
    parts = _parts(users, combined.bucket_parts)
    return [Draft(f"the policy of bucket {bucket}", bucket, size_limits.BUCKET, parts)]


def topic_drafts(subjects: Subjects, choice: Choice) -> list[Draft]:
    """Return the policy of a topic."""
    users: dict[str, list[Part]] = {}
    for trail in subjects.trails:
        if name := trail.configuration.sns_topic_name:
            users.setdefault(name, []).extend(combined.topic_parts(trail))
    for alarms in subjects.alarms:
        for name in alarms.topics:
            users.setdefault(name, []).extend(of_alarms.topic_parts(name, alarms))
    actions = ", and no TrailAlarmSet does (actions)" if subjects.alarms else ""
    topic = _chosen(users, choice, "topic", f"no Trail names a topic (snsTopicName){actions}")
    owner = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": list(_OF_TOPIC_OWNER),
        "Resource": topic,
        "Condition": {"StringEquals": {"AWS:SourceOwner": Arn.parse(topic).account}},
    }
    whole = (AdvisedStatement(owner, Requirement.RECOMMENDED, "SNS gives it to a new topic, for the topic's owner"),)
    return [Draft(f"the policy of topic {topic}", topic, size_limits.TOPIC, users[topic], whole)]


def key_drafts(subjects: Subjects, choice: Choice) -> list[Draft]:
    """Return the policy of a key, for what it encrypts."""
    if choice.encrypts == "trail":
        of_trail = partial(combined.key_parts, bucket_key=choice.has_bucket_key)
        key, users = _of_trails(subjects.trails, choice, "key", "kmsKeyID", lambda one: one.configuration.kms_key_id)
        parts = _parts(users, of_trail)
    else:
        key, parts = _other_key(subjects, choice)
    root = f"arn:{Arn.parse(key).partition}:iam::{Arn.parse(key).account}:root"
    owner = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": root},
        "Action": "kms:*",
        "Resource": "*",
    }
    reason = "without it nobody in the key's account can administer the key"
    whole = (AdvisedStatement(owner, Requirement.REQUIRED, reason),)
    return [Draft(f"the policy of key {key}", key, size_limits.KEY, parts, whole, "KeyPolicy")]


def _other_key(subjects: Subjects, choice: Choice) -> tuple[str, list[Part]]:
    """Return the key of a topic or a bucket, and what trails and alarms need of it."""
    alarms: list[PolicyAlarms] = []
    if choice.encrypts == "topic":
        users = [one for one in subjects.trails if one.configuration.sns_topic_name]
        alarms = [one for one in subjects.alarms if one.topics]
        missing, parts_of = "no Trail names a topic (snsTopicName)", combined.topic_key_parts
    else:
        users = [one for one in subjects.trails if not one.configuration.kms_key_id]
        missing, parts_of = "every Trail has its own key (kmsKeyID)", combined.default_key_parts
    if not users and not alarms:
        raise PolicyError(f"{missing}, and no TrailAlarmSet does (actions)" if subjects.alarms else missing)
    if choice.resource.endswith(_AWS_MANAGED_KEY):
        raise PolicyError(
            f"{_AWS_MANAGED_KEY} has a policy that nobody can change, and that admits neither CloudTrail nor "
            "CloudWatch: encrypt the topic with a key of your own"
        )
    location = [*(one.location for one in users), *(one.location for one in alarms)][0]
    key = location.key_arn(choice.resource or "key/*")
    return key, [
        *_parts(users, partial(parts_of, key)),
        *(part for one in alarms for part in of_alarms.topic_key_parts(key, one)),
    ]


def role_drafts(subjects: Subjects, choice: Choice) -> list[Draft]:
    """Return the trust policy and the permissions of a role."""
    field_name = "cloudWatchLogsRoleARN"
    role, users = _of_trails(
        subjects.trails, choice, "role", field_name, lambda one: one.configuration.cloud_watch_logs_role_arn
    )
    trust, permissions = _parts(users[:1], combined.trust_parts), _parts(users, combined.role_parts)
    return [
        Draft(f"the trust policy of role {role}", role, size_limits.TRUST, trust, (), "AssumeRolePolicyDocument"),
        Draft(f"the policies of role {role}", role, size_limits.INLINE, permissions),
    ]


def operator_drafts(subjects: Subjects, choice: Choice) -> list[Draft]:
    """Return the operator's own policy: of one identity, in one account."""
    trails = subjects.trails
    locations = [*(one.location for one in trails), *(one.location for one in subjects.alarms)]
    users = [one for one in trails if choice.account in ("", one.location.account)]
    locations = [one for one in locations if choice.account in ("", one.account)]
    accounts = sorted({one.account for one in locations})
    if len(accounts) > 1:
        raise PolicyError(f"the Trails are in {len(accounts)} accounts: choose one with --account-id: {accounts}")
    if trails and not users:
        raise PolicyError(f"no Trail is in account {choice.account}")
    names = choice.features or tuple(FEATURES)
    if "events" in choice.features and not choice.queue:
        raise PolicyError("the feature events needs --event-queue with the ARN of the queue")
    if "accounts" in choice.features and not choice.account_roles:
        raise PolicyError("the feature accounts needs the manifests of AWSAccounts with roleARN (-f)")
    owners = sorted({Arn.parse(one.arn).account for one in users} | set(accounts))
    scope = Scope(
        partition=locations[0].partition if locations else choice.partition,
        accounts=tuple(owners) or ((choice.account,) if choice.account else ("*",)),
        trails=tuple(one.arn for one in users),
        log_roles=tuple(sorted({role for one in users if (role := one.configuration.cloud_watch_logs_role_arn)})),
        account_roles=choice.account_roles,
        queue=choice.queue,
        has_aliases=any(":alias/" in (one.configuration.kms_key_id or "") for one in users),
        has_organization_trails=any(one.organization for one in users),
        log_groups=tuple(sorted({group for one in users if (group := _log_group(one))})),
        cluster=choice.cluster,
        has_alarms="alarms" in choice.features or bool(subjects.alarms),
    )
    parts = list(operator_parts([FEATURES[name] for name in names], scope, read_only=choice.read_only))
    return [Draft("the operator's policy", "", size_limits.MANAGED, parts)]


DRAFTS: dict[str, Callable[[Subjects, Choice], list[Draft]]] = {
    "bucket": bucket_drafts,
    "topic": topic_drafts,
    "key": key_drafts,
    "role": role_drafts,
    "operator": operator_drafts,
}


def _log_group(trail: PolicyTrail) -> str:
    """Return the ARN of a trail's log group; none if it is in another account, where the operator makes no filters."""
    group = trail.configuration.cloud_watch_logs_log_group_arn or ""
    return group if group and Arn.parse(group).account == trail.location.account else ""


def _parts(trails: Iterable[PolicyTrail], parts_of: PartsOf) -> list[Part]:
    return [part for trail in trails for part in parts_of(trail)]


def _of_trails(
    trails: Sequence[PolicyTrail],
    choice: Choice,
    kind: str,
    field_name: str,
    resource_of: Callable[[PolicyTrail], str | None],
) -> tuple[str, list[PolicyTrail]]:
    """Return the resource that trails have in common, or the one that is chosen, and the trails that use it."""
    users: dict[str, list[PolicyTrail]] = {}
    for trail in trails:
        if resource := resource_of(trail):
            users.setdefault(resource, []).append(trail)
    resource = _chosen(users, choice, kind, f"no Trail names a {kind} ({field_name})")
    return resource, users[resource]


def _chosen(users: Collection[str], choice: Choice, kind: str, missing: str) -> str:
    """Return the resource that all use, or the one that is chosen. `missing`: what is wrong if there is none."""
    if not users:
        raise PolicyError(missing)
    chosen = [name for name in users if not choice.resource or _is(choice.resource, name)]
    if not chosen:
        raise PolicyError(f"no Trail uses {kind} {choice.resource}, but: {', '.join(users)}")
    if len(chosen) > 1:
        raise PolicyError(f"the Trails use {len(chosen)} {kind}s: choose one with --resource: {', '.join(chosen)}")
    return chosen[0]


def _is(given: str, resource: str) -> bool:
    """Return whether a name or ARN is that of a resource."""
    return given == resource or resource.endswith((f":{given}", f"/{given}")) or given.endswith(f":::{resource}")
