"""The rest of the emulated AWS as CloudTrail sees it: buckets, topics, keys, log groups, roles, organizations.

Reads and writes moto's state in process, and knows how moto keeps it (`roles` and `access` know it of identities,
`organizations` of organizations).
Judges nothing: whether a policy lets CloudTrail in is for `dependencies` to say.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from moto.kms.models import kms_backends
from moto.logs.models import logs_backends
from moto.s3.models import get_canned_acl, s3_backends
from moto.sns.models import sns_backends

from trail_sandbox.aws.moto_s3 import REQUESTER_PAYS, payer_of
from trail_sandbox.aws.organizations import Organization, is_suspended, organization_of
from trail_sandbox.aws.regions import partition_of
from trail_sandbox.aws.roles import Role, Roles
from trail_sandbox.aws.settings import Settings

_KEY_OF_S3 = "alias/aws/s3"


@dataclass(frozen=True)
class Bucket:
    """An S3 bucket."""

    name: str
    region: str
    account: str
    policy: str | None
    """Its bucket policy as JSON."""
    kms_key: str | None
    """The key of its default encryption, as it was given, or S3's own in the account; None without SSE-KMS."""
    bucket_key_enabled: bool
    requester_pays: bool = False

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:{partition_of(self.region)}:s3:::{self.name}"

    def put_object(
        self,
        key: str,
        body: bytes,
        metadata: Mapping[str, str],
        *,
        content_type: str = "application/json",
        content_encoding: str = "gzip",
        kms_key_arn: str | None = None,
    ) -> None:
        """Put an object with user metadata, owned by the bucket's owner; encrypted with a key where one is given."""
        backend = s3_backends[self.account][partition_of(self.region)]
        # Every object is encrypted: https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
        by_default = None if backend.get_bucket_encryption(self.name) else "AES256"
        encryption = "aws:kms" if kms_key_arn else by_default
        stored = backend.put_object(self.name, key, body, encryption=encryption, kms_key_id=kms_key_arn)
        headers = {"Content-Type": content_type, "Content-Encoding": content_encoding}
        stored.set_metadata(headers | {f"x-amz-meta-{name}": value for name, value in metadata.items()})
        stored.set_acl(get_canned_acl("bucket-owner-full-control"))


@dataclass(frozen=True)
class Topic:
    """An SNS topic."""

    arn: str
    account: str
    region: str
    policy: str
    kms_key: str | None
    """The key that encrypts it, as it was given."""
    publish: Callable[[str, str | None], object]
    """Publish a message with a subject, past all policies."""


@dataclass(frozen=True)
class Key:
    """A KMS key."""

    arn: str
    account: str
    region: str
    state: str
    """Enabled, Disabled, PendingDeletion, PendingImport, …"""
    spec: str
    policy: str

    @property
    def is_usable(self) -> bool:
        """Say whether services can encrypt with it: only with symmetric keys for encryption that are enabled."""
        return self.state == "Enabled" and self.spec == "SYMMETRIC_DEFAULT"


@dataclass(frozen=True)
class LogGroup:
    """A CloudWatch Logs log group."""

    arn: str
    """Without an ending `:*`."""
    name: str
    account: str
    region: str

    def put_events(self, stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Put messages with their times (milliseconds of the epoch, in order) into a stream, made if need be."""
        backend = logs_backends[self.account][self.region]
        backend.ensure_log_stream(self.name, stream)
        backend.put_log_events(self.name, stream, [{"timestamp": at, "message": text} for at, text in events])


class World:
    """What there is beside CloudTrail. Nothing but roles is remembered between two questions."""

    def __init__(self, roles: Roles | None = None, settings: Settings | None = None) -> None:
        self._roles = roles or Roles()
        self.settings = settings or Settings()

    def bucket(self, name: str) -> Bucket | None:
        """A bucket of any account: bucket names are global."""
        partition, account = s3_backends.bucket_accounts.get(name, ("", None))
        found = s3_backends[account][partition].buckets.get(name) if account else None
        if found is None:
            return None
        rule = (found.encryption or {}).get("Rule", {})
        by_default = rule.get("ApplyServerSideEncryptionByDefault", {})
        is_kms = str(by_default.get("SSEAlgorithm", "")).startswith("aws:kms")
        return Bucket(
            name=name,
            region=found.region_name,
            account=found.account_id,
            policy=found.policy.decode() if found.policy else None,
            kms_key=(by_default.get("KMSMasterKeyID") or _KEY_OF_S3) if is_kms else None,
            bucket_key_enabled=str(rule.get("BucketKeyEnabled", "")).lower() == "true",
            requester_pays=payer_of(found) == REQUESTER_PAYS,
        )

    def holds(self, bucket: str, key: str) -> bool:
        """Say whether there is an object of this key in a bucket."""
        found = self.bucket(bucket)
        return found is not None and key in s3_backends[found.account][partition_of(found.region)].buckets[bucket].keys

    def topic(self, arn: str) -> Topic | None:
        """A topic by its ARN."""
        account, region = _owner(arn)
        if region not in sns_backends[account]:
            return None
        found = sns_backends[account][region].topics.get(arn)
        if found is None:
            return None
        return Topic(
            arn=arn,
            account=account,
            region=region,
            policy=found.policy,
            kms_key=found.kms_master_key_id or None,
            publish=lambda message, subject: found.publish(message, subject=subject),
        )

    def key(self, identifier: str, account: str, region: str) -> Key | None:
        """A key by its ARN (of any account and region), or by id, alias or alias ARN."""
        if identifier.startswith("arn:"):
            account, region = _owner(identifier)
        if region not in kms_backends[account]:
            return None
        backend = kms_backends[account][region]
        name = backend.get_key_id(backend.get_alias_name(identifier))
        if name.startswith("alias/"):
            name = backend.get_key_id_from_alias(name) or name
        found = backend.keys.get(name)
        if found is None:
            return None
        return Key(
            arn=found.arn,
            account=account,
            region=region,
            state=found.key_state,
            spec=found.key_spec,
            policy=found.policy,
        )

    def log_group(self, arn: str) -> LogGroup | None:
        """A log group by its ARN, with or without an ending `:*`."""
        account, region = _owner(arn)
        name = arn.removesuffix(":*").split(":", 6)[-1]
        if region not in logs_backends[account] or name not in logs_backends[account][region].groups:
            return None
        return LogGroup(arn=arn.removesuffix(":*"), name=name, account=account, region=region)

    def role(self, arn: str) -> Role | None:
        """A role by its ARN, as CloudTrail sees it."""
        return self._roles.get(arn)

    def organization(self, account: str) -> Organization | None:
        """The organization of its management account or of one of its members."""
        return organization_of(account)

    def is_suspended(self, account: str) -> bool:
        """Say whether an account's organization has closed it."""
        return is_suspended(account)


def _owner(arn: str) -> tuple[str, str]:
    """The account and region of an ARN; of what is no ARN, an account that nobody has."""
    parts = arn.split(":")
    return (parts[4], parts[3]) if len(parts) > 5 else ("", "")
