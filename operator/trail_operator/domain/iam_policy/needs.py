"""What CloudTrail needs of each policy for one trail: the requests, and the statement that AWS prescribes for each."""

from dataclasses import dataclass

from trail_operator.domain.iam_policy import prescribed, requests
from trail_operator.domain.iam_policy.requests import ResourceLocation, Source
from trail_operator.domain.iam_policy.statements import Request


@dataclass(frozen=True)
class Need:
    """A request that must be allowed, its resource for messages, and the statement that AWS prescribes for it."""

    request: Request
    resource: str
    statement: prescribed.Statement

    @property
    def description(self) -> str:
        """The action and the resource, for messages."""
        return f"{self.request.action} on {self.resource}" if self.resource else self.request.action


def of_bucket(
    bucket: str,
    prefix: str | None,
    location: ResourceLocation,
    source: Source,
    *,
    kms_key_arn: str | None,
    organization: str | None,
) -> tuple[Need, ...]:
    """Return what a trail with this prefix and, if any, key and organization needs of its bucket.

    `location`: the bucket's account and region.
    """
    acl, *writes = prescribed.bucket_statements(bucket, prefix, source.trail_arn, organization)
    owners = (None, organization) if organization else (None,)
    return (
        Need(requests.read_bucket_acl(bucket, location, source), acl["Resource"], acl),
        *(
            Need(
                requests.write_log_files(bucket, prefix, location, source, kms_key_arn=kms_key_arn, organization=owner),
                write["Resource"],
                write,
            )
            for owner, write in zip(owners, writes, strict=True)
        ),
    )


def of_topic(topic_arn: str, source: Source) -> tuple[Need, ...]:
    """Return what a trail needs of its topic."""
    statement = prescribed.topic_statement(topic_arn, source.trail_arn)
    return (Need(requests.publish(topic_arn, source), topic_arn, statement),)


def of_key(key_arn: str, source: Source, *, bucket_key: bool) -> tuple[Need, ...]:
    """Return what a trail needs of the key that encrypts its files. `bucket_key`: whether the bucket has one of S3."""
    encrypt, describe, *decrypt = prescribed.key_statements(source.trail_arn, bucket_key=bucket_key)
    return (
        Need(requests.generate_data_key(key_arn, source), key_arn, encrypt),
        Need(requests.describe_key(key_arn, source), key_arn, describe),
        *(Need(requests.use_key("kms:Decrypt", key_arn, source), key_arn, statement) for statement in decrypt),
    )


def of_topic_key(key_arn: str, source: Source) -> tuple[Need, ...]:
    """Return what a trail needs of the key that encrypts its topic."""
    return _key_uses(key_arn, source, prescribed.topic_key_statement(source.trail_arn))


def of_default_key(key_arn: str, source: Source) -> tuple[Need, ...]:
    """Return what a trail without kmsKeyID may need of its bucket's default key."""
    return _key_uses(key_arn, source, prescribed.default_key_statement(source.trail_arn))


def of_role_trust(role_arn: str) -> tuple[Need, ...]:
    """Return what CloudTrail needs of the trust policy of a log group's role."""
    return (Need(requests.assume_role(role_arn), "", prescribed.role_trust_statement()),)


def of_role(role_arn: str, log_group_arn: str, source: Source, organization: str | None) -> tuple[Need, ...]:
    """Return what a trail needs of the policies of its log group's role."""
    return tuple(
        Need(
            requests.use_log_streams(statement["Action"], role_arn, log_group_arn, source, organization),
            statement["Resource"],
            statement,
        )
        for statement in prescribed.role_permission_statements(log_group_arn, source.trail_arn, organization)
    )


def _key_uses(key_arn: str, source: Source, statement: prescribed.Statement) -> tuple[Need, ...]:
    """Return how S3 or SNS use a key for CloudTrail; one statement allows it all."""
    actions = ("kms:GenerateDataKey", "kms:Decrypt")
    return tuple(Need(requests.use_key(action, key_arn, source), key_arn, statement) for action in actions)
