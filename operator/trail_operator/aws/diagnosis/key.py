"""Diagnoses the KMS keys that a trail depends on: its own, its topic's and its bucket's.

https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from trail_operator.api.reasons import Reason
from trail_operator.aws.diagnosis.case import Dependency, certain, dependency, raise_unless_denied
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.domain.arns import Arn, Location, is_managed_alias
from trail_operator.domain.dependencies import Judgement
from trail_operator.domain.failure import Failure
from trail_operator.domain.iam_policy import prescribed
from trail_operator.domain.iam_policy.command import printed_by
from trail_operator.domain.iam_policy.judge import (
    default_key,
    judge_default_key_policy,
    judge_key_policy,
    judge_topic_key_policy,
    suspect_default_key,
    topic_key,
)
from trail_operator.domain.iam_policy.verdict import Verdict, not_read, to_paste
from trail_operator.domain.texts import capitalized, clean

_REMEDIES = {
    "Disabled": "Enable it",
    "PendingDeletion": "Cancel its deletion and enable it",
    "PendingReplicaDeletion": "Cancel its deletion and enable it",
    "PendingImport": "Import its key material",
    "Unavailable": "Connect its key store",
}
# Of a state or another word that AWS may add one day.
_LONGEST_WORD = 80


@dataclass(frozen=True)
class _Use:
    """How a key is used: its name in messages, the words to replace it, and the statements that its policy needs."""

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

    async def _judge(
        self,
        key: str,
        use: _Use,
        name: Callable[[str], str],
        verdict: Callable[..., Verdict],
        problem: Callable[[Failure], Judgement],
    ) -> Judgement:
        """Judge a key that another service uses for CloudTrail: whether it is usable, then its policy.

        `name` returns its name in messages, `verdict` judges its policy, `problem` judges a key that is not usable.
        """
        if is_managed_alias(key):
            return problem(_managed(use))
        operation = Read.DescribeKey
        try:
            metadata = await self._metadata(key)
            if unusable := _unusable(metadata, use):
                return problem(unusable)
            key, operation = str(metadata.get("Arn") or key), Read.GetKeyPolicy
            document = await self._policy(key)
        except AWSError as error:
            if operation is Read.DescribeKey and error.code == "NotFoundException":
                missing = f"{use.name} does not exist. {capitalized(use.replace)} another key"
                return problem(dependency(Reason.KEY_NOT_FOUND, missing))
            raise_unless_denied(error)
            unread = not_read(f"the policy of {name(key)}", operation.action, use.statements)
            return Reason.KEY_POLICY_DENIES, unread
        organization = await self._source_organization(document)
        return Reason.KEY_POLICY_DENIES, verdict(document, key_arn=key, source_organization=organization)


class TrailKey(_Key):
    """The key of kmsKeyID."""

    @property
    def arn(self) -> str:
        """The key's ARN."""
        return str(self._case.configuration.kms_key_id)

    async def state(self, bucket_region: str | None) -> Failure | Verdict | None:
        """Return what is wrong with its region, kind or state; a verdict if the operator may not read them."""
        key, bucket, region = self.arn, self._case.configuration.s3_bucket_name, Arn.parse(self.arn).region
        if bucket_region is not None and bucket_region != region:
            return dependency(
                Reason.KEY_NOT_FOUND,
                f"KMS key {key} is in {region}, but bucket {bucket} is in {bucket_region}. Set kmsKeyID to a key in "
                "the bucket's region",
            )
        try:
            metadata = await self._metadata(key)
        except AWSError as error:
            if error.code == "NotFoundException":
                where = f"{region}, the region of bucket {bucket}" if bucket_region else region
                return dependency(Reason.KEY_NOT_FOUND, f"KMS key {key} does not exist in {where}. Correct kmsKeyID")
            raise_unless_denied(error)
            must = "must be a symmetric encryption key, be enabled and be in the bucket's region"
            return not_read(f"KMS key {key}, which {must}", Read.DescribeKey.action, [])
        use = _Use(f"KMS key {key}", "set kmsKeyID to", prescribed.key_statements(self._case.arn, bucket_key=True))
        return _unusable(metadata, use)

    async def policy(self, *, bucket_key: bool | None) -> Verdict:
        """Judge its policy. `bucket_key`: whether the bucket has an S3 Bucket Key; None if unknown."""
        try:
            document = await self._policy(self.arn)
        except AWSError as error:
            raise_unless_denied(error)
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
    """The key that encrypts a topic."""

    async def judge(self, topic: str, name: str) -> Judgement:
        """Return whether it prevents CloudTrail from publishing. `name`: its ID, alias or ARN."""
        key = Arn.parse(topic).location.key_arn(name)
        use = _Use(
            f"Topic {topic} is encrypted with KMS key {key}, which",
            "encrypt the topic with",
            [prescribed.topic_key_statement(self._case.arn)],
        )
        verdict = partial(judge_topic_key_policy, topic_arn=topic, trail_arn=self._case.arn)
        return await self._judge(key, use, partial(topic_key, topic_arn=topic), verdict, certain)


class DefaultKey(_Key):
    """The key that a bucket encrypts with by default, for a trail without kmsKeyID.

    AWS does not document whether CloudTrail depends on it, so AWS's own reason always stays.
    """

    async def judge(self, bucket: str, name: str | None, account: str, region: str) -> Judgement:
        """Return whether it may prevent CloudTrail from writing. `name`: its ID, alias or ARN."""
        key = Location(Arn.parse(self._case.arn).partition, account, region).key_arn(name or "alias/aws/s3")
        use = _Use(
            f"Bucket {bucket} encrypts by default with KMS key {key}, which",
            "set kmsKeyID, or encrypt the bucket by default with",
            [prescribed.default_key_statement(self._case.arn)],
        )
        verdict = partial(judge_default_key_policy, bucket=bucket, trail_arn=self._case.arn)

        def suspect(problem: Failure) -> Judgement:
            return problem.reason, suspect_default_key(default_key(key, bucket), problem.message)

        return await self._judge(key, use, partial(default_key, bucket=bucket), verdict, suspect)


def _unusable(metadata: Mapping[str, Any], use: _Use) -> Failure | None:
    """Return what is wrong with the kind or the state of a key, if anything."""
    if metadata.get("KeyManager") == "AWS":
        return _managed(use)
    spec = clean(metadata.get("KeySpec", "SYMMETRIC_DEFAULT"), _LONGEST_WORD)
    usage = clean(metadata.get("KeyUsage", "ENCRYPT_DECRYPT"), _LONGEST_WORD)
    if (spec, usage) != ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"):
        return dependency(
            Reason.KEY_NOT_USABLE,
            f"{use.name} has KeySpec {spec} and KeyUsage {usage}, and cannot encrypt for CloudTrail. "
            f"{capitalized(use.replace)} a key with KeySpec SYMMETRIC_DEFAULT, KeyUsage ENCRYPT_DECRYPT and this in "
            f"its policy ({printed_by(use.statements)}): {to_paste(use.statements)}",
        )
    state = clean(metadata["KeyState"], _LONGEST_WORD)
    if state == "Enabled":
        return None
    remedy = _REMEDIES.get(state, "Wait until it is Enabled")
    return dependency(Reason.KEY_DISABLED, f"{use.name} is {state}. {remedy}, or {use.replace} another key")


def _managed(use: _Use) -> Failure:
    return dependency(
        Reason.KEY_NOT_USABLE,
        f"{use.name} is managed by AWS, so its policy cannot be changed. {capitalized(use.replace)} a customer managed "
        f"key with this in its policy ({printed_by(use.statements)}): {to_paste(use.statements)}",
    )
