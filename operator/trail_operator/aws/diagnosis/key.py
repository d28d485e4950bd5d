"""What is wrong with the KMS keys that a trail depends on: its own, and those of its topic and of its bucket.

https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trail_operator.api.reasons import Reason
from trail_operator.aws.diagnosis.case import Dependency, Judgement, certain, dependency, may_not_look
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.domain.arns import Arn, Location, is_managed_alias
from trail_operator.domain.failure import Failure
from trail_operator.domain.iam_policy import prescribed
from trail_operator.domain.iam_policy.judge import (
    judge_default_key_policy,
    judge_key_policy,
    judge_topic_key_policy,
    suspect_default_key,
)
from trail_operator.domain.iam_policy.verdict import Verdict, not_read, to_paste

_REMEDIES = {
    "Disabled": "enable it",
    "PendingDeletion": "cancel its deletion and enable it",
    "PendingReplicaDeletion": "cancel its deletion and enable it",
    "PendingImport": "import its key material",
    "Unavailable": "connect its key store",
}


@dataclass(frozen=True)
class _Role:
    """What a key is for, in words, and the statements that its policy then needs."""

    name: str
    replace: str
    statements: Sequence[prescribed.Statement]


class _Key(Dependency):
    async def _metadata(self, key: str) -> Mapping[str, Any]:
        answer = await self._call(Read.DescribeKey, region=Arn.parse(key).region, KeyId=key)
        metadata: Mapping[str, Any] = answer["KeyMetadata"]
        return metadata

    async def _policy(self, key: str) -> str:
        answer = await self._call(Read.GetKeyPolicy, region=Arn.parse(key).region, KeyId=key, PolicyName="default")
        return str(answer["Policy"])


class TrailKey(_Key):
    """The key of kmsKeyID."""

    @property
    def arn(self) -> str:
        """Its ARN."""
        return str(self._case.configuration.kms_key_id)

    async def state(self, bucket_region: str | None) -> Failure | Verdict | None:
        """What is wrong with its place, its kind or its state; a verdict where the operator may not look."""
        key, bucket, region = self.arn, self._case.configuration.s3_bucket_name, Arn.parse(self.arn).region
        if bucket_region is not None and bucket_region != region:
            return dependency(
                Reason.KEY_NOT_FOUND,
                f"KMS key {key} is in {region}, but bucket {bucket} is in {bucket_region}: CloudTrail needs a key in "
                "the bucket's region",
            )
        try:
            metadata = await self._metadata(key)
        except AWSError as error:
            if error.code == "NotFoundException":
                where = f"in {region}, where bucket {bucket} is" if bucket_region else f"in {region}"
                return dependency(Reason.KEY_NOT_FOUND, f"KMS key {key} does not exist {where}: correct kmsKeyID")
            may_not_look(error)
            must = "must be a symmetric encryption key, be enabled and be in the bucket's region"
            return not_read(f"KMS key {key}, which {must}", Read.DescribeKey.action, [])
        role = _Role(f"KMS key {key}", "set kmsKeyID to", prescribed.key_statements(self._case.arn, bucket_key=True))
        return _unusable(metadata, role)

    async def policy(self, *, bucket_key: bool | None) -> Verdict:
        """What its policy lets CloudTrail do. `bucket_key`: whether the bucket has an S3 Bucket Key, if known."""
        try:
            document = await self._policy(self.arn)
        except AWSError as error:
            may_not_look(error)
            statements = prescribed.key_statements(self._case.arn, bucket_key=bucket_key is not False)
            return not_read(f"the policy of key {self.arn}", Read.GetKeyPolicy.action, statements)
        organization = await self._source_organization(document)

        def judged(bucket_key: bool) -> Verdict:
            return judge_key_policy(
                document,
                key_arn=self.arn,
                trail_arn=self._case.arn,
                bucket_key=bucket_key,
                source_organization=organization,
            )

        verdict = judged(bool(bucket_key))
        if bucket_key is None and verdict.allowed and not judged(bucket_key=True).allowed:
            subject = (
                f"whether bucket {self._case.configuration.s3_bucket_name} has an S3 Bucket Key, for which the policy "
                f"of key {self.arn} lacks a statement"
            )
            return not_read(subject, Read.GetBucketEncryption.action, [prescribed.decrypt_statement()])
        return verdict


class TopicKey(_Key):
    """The key that a topic is encrypted with."""

    async def judge(self, topic: str, name: str) -> Judgement:
        """Whether it keeps CloudTrail from publishing. `name`: its id, alias or ARN."""
        key = Arn.parse(topic).location.key_arn(name)
        role = _Role(
            f"topic {topic} is encrypted with KMS key {key}, which",
            "encrypt the topic with",
            [prescribed.topic_key_statement(self._case.arn)],
        )
        if is_managed_alias(key):
            return certain(_managed(role))
        try:
            metadata = await self._metadata(key)
        except AWSError as error:
            if error.code == "NotFoundException":
                missing = f"{role.name} does not exist: {role.replace} another key"
                return certain(dependency(Reason.KEY_NOT_FOUND, missing))
            may_not_look(error)
            return self._not_read(key, topic, Read.DescribeKey.action)
        if unusable := _unusable(metadata, role):
            return certain(unusable)
        key = str(metadata.get("Arn") or key)
        try:
            document = await self._policy(key)
        except AWSError as error:
            may_not_look(error)
            return self._not_read(key, topic, Read.GetKeyPolicy.action)
        verdict = judge_topic_key_policy(
            document,
            key_arn=key,
            topic_arn=topic,
            trail_arn=self._case.arn,
            source_organization=await self._source_organization(document),
        )
        return Reason.KEY_POLICY_DENIES, verdict

    def _not_read(self, key: str, topic: str, permission: str) -> Judgement:
        subject = f"the policy of key {key}, with which topic {topic} is encrypted"
        verdict = not_read(subject, permission, [prescribed.topic_key_statement(self._case.arn)])
        return Reason.KEY_POLICY_DENIES, verdict


class DefaultKey(_Key):
    """The key that a bucket encrypts with by default, where the trail has none.

    Whether CloudTrail depends on it is not documented, so that AWS's own reason always stays.
    """

    async def judge(self, bucket: str, name: str | None, account: str, region: str) -> Judgement:
        """Whether it may keep CloudTrail from writing. `name`: its id, alias or ARN."""
        place = Location(Arn.parse(self._case.arn).partition, account, region)
        key = place.key_arn(name or "alias/aws/s3")
        role = _Role(
            f"bucket {bucket} encrypts by default with KMS key {key}, which",
            "set kmsKeyID, or let the bucket encrypt with",
            [prescribed.default_key_statement(self._case.arn)],
        )
        if is_managed_alias(key):
            return self._suspect(key, bucket, _managed(role))
        try:
            metadata = await self._metadata(key)
        except AWSError as error:
            if error.code == "NotFoundException":
                missing = f"{role.name} does not exist: {role.replace} another key"
                return self._suspect(key, bucket, dependency(Reason.KEY_NOT_FOUND, missing))
            may_not_look(error)
            return self._not_read(key, bucket, Read.DescribeKey.action)
        if unusable := _unusable(metadata, role):
            return self._suspect(key, bucket, unusable)
        key = str(metadata.get("Arn") or key)
        try:
            document = await self._policy(key)
        except AWSError as error:
            may_not_look(error)
            return self._not_read(key, bucket, Read.GetKeyPolicy.action)
        verdict = judge_default_key_policy(
            document,
            key_arn=key,
            bucket=bucket,
            trail_arn=self._case.arn,
            source_organization=await self._source_organization(document),
        )
        return Reason.KEY_POLICY_DENIES, verdict

    def _suspect(self, key: str, bucket: str, problem: Failure) -> Judgement:
        subject = f"key {key}, with which bucket {bucket} encrypts by default,"
        return problem.reason, suspect_default_key(subject, problem.message)

    def _not_read(self, key: str, bucket: str, permission: str) -> Judgement:
        subject = f"the policy of key {key}, with which bucket {bucket} encrypts by default"
        verdict = not_read(subject, permission, [prescribed.default_key_statement(self._case.arn)])
        return Reason.KEY_POLICY_DENIES, verdict


def _unusable(metadata: Mapping[str, Any], role: _Role) -> Failure | None:
    """What is wrong with the kind or the state of a key."""
    if metadata.get("KeyManager") == "AWS":
        return _managed(role)
    spec, usage = metadata.get("KeySpec", "SYMMETRIC_DEFAULT"), metadata.get("KeyUsage", "ENCRYPT_DECRYPT")
    if (spec, usage) != ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"):
        return dependency(
            Reason.KEY_NOT_USABLE,
            f"{role.name} has KeySpec {spec} and KeyUsage {usage}, and cannot encrypt for CloudTrail: {role.replace} a "
            f"key with KeySpec SYMMETRIC_DEFAULT and KeyUsage ENCRYPT_DECRYPT, with this in its policy: "
            f"{to_paste(role.statements)}",
        )
    state = metadata["KeyState"]
    if state == "Enabled":
        return None
    remedy = _REMEDIES.get(state, "wait until it is Enabled")
    return dependency(Reason.KEY_DISABLED, f"{role.name} is {state}: {remedy}, or {role.replace} another key")


def _managed(role: _Role) -> Failure:
    return dependency(
        Reason.KEY_NOT_USABLE,
        f"{role.name} is managed by AWS, so that its policy cannot be changed: {role.replace} a customer managed key "
        f"with this in its policy: {to_paste(role.statements)}",
    )
