"""CloudTrail's needs as the emulated AWS judges them, which shares no code with the operator: with policies alone."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from trail_operator.domain.arns import Arn
from trail_operator.domain.iam_policy.combined import PolicyTrail
from trail_sandbox.aws import dependencies
from trail_sandbox.aws.dependencies import Problem
from trail_sandbox.aws.roles import Role
from trail_sandbox.aws.settings import Settings
from trail_sandbox.aws.trails import Trail
from trail_sandbox.aws.world import Bucket, Key, LogGroup, Topic, World


@dataclass
class Emulated:
    """A world in which every resource has the same policy, or none."""

    policy: str | None = None
    has_bucket_key: bool = False
    role_policies: tuple[str, str] | None = None
    """The trust policy and the permissions of every role."""
    default_key: str | None = None
    topic_key: str | None = None
    key_policy: str | None = None
    settings: Settings = field(default_factory=Settings)

    def problems(self, trail: PolicyTrail) -> set[Problem]:
        """What keeps CloudTrail from delivering for a trail."""
        world, of_aws = cast("World", _World(self, trail)), emulated_trail(trail)
        found = {
            dependencies.bucket_problem(world, of_aws),
            dependencies.topic_problem(world, of_aws),
            dependencies.encryption_problem(world, of_aws),
            dependencies.log_group_problem(world, of_aws),
        }
        return {one for one in found if one is not None}

    def may_put(self, trail: PolicyTrail, object_key: str) -> bool:
        """Say whether CloudTrail may put an object into the bucket for a trail."""
        world = cast("World", _World(self, trail))
        return dependencies.bucket_problem(world, emulated_trail(trail), object_key) is None


def emulated_trail(trail: PolicyTrail) -> Trail:
    """The trail as the emulated AWS keeps it."""
    configuration = trail.configuration
    group = configuration.cloud_watch_logs_log_group_arn
    return Trail(
        name=Arn.parse(trail.arn).name,
        account=Arn.parse(trail.arn).account,
        home_region=trail.location.region,
        s3_bucket_name=configuration.s3_bucket_name,
        created=datetime.now(UTC),
        s3_key_prefix=configuration.s3_key_prefix,
        sns_topic_arn=configuration.sns_topic_name,
        kms_key_arn=configuration.kms_key_id,
        cloud_watch_logs_log_group_arn=f"{group}:*" if group else None,
        cloud_watch_logs_role_arn=configuration.cloud_watch_logs_role_arn,
        is_organization_trail=configuration.is_organization_trail,
    )


class _World:
    """What the emulated AWS asks for, where each resource is in the trail's region, and its policy is the one given."""

    def __init__(self, of: Emulated, trail: PolicyTrail) -> None:
        self._of = of
        self._trail = trail
        self.settings = of.settings

    def bucket(self, name: str) -> Bucket:
        of = self._of
        return Bucket(name, self._trail.location.region, "999999999999", of.policy, of.default_key, of.has_bucket_key)

    def topic(self, arn: str) -> Topic:
        parts = Arn.parse(arn)
        return Topic(arn, parts.account, parts.region, str(self._of.policy), self._of.topic_key, print)

    def key(self, identifier: str, account: str, region: str) -> Key:
        policy = self._of.key_policy or str(self._of.policy)
        return Key(identifier, account, region, "Enabled", "SYMMETRIC_DEFAULT", policy)

    def log_group(self, arn: str) -> LogGroup:
        parts = Arn.parse(arn.removesuffix(":*"))
        return LogGroup(str(parts), parts.resource_id, parts.account, parts.region)

    def role(self, arn: str) -> Role:
        trust, permissions = self._of.role_policies or ("", "")
        return Role(arn, Arn.parse(arn).account, trust, (permissions,))

    def organization(self, account: str) -> Any:
        if self._trail.organization is None or account != Arn.parse(self._trail.arn).account:
            return None
        return SimpleNamespace(id=self._trail.organization, path_of=lambda _: f"{self._trail.organization}/r-1/")

    def is_suspended(self, _account: str) -> bool:
        return False
