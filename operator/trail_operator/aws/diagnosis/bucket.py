"""Diagnoses a trail's bucket: its policy, who pays for requests, and its default encryption key."""

from dataclasses import dataclass

from trail_operator.api.reasons import Reason
from trail_operator.aws.diagnosis.case import (
    Dependency,
    certain,
    dependency,
    is_denied,
    printed,
    raise_unless_denied,
    unverified,
)
from trail_operator.aws.diagnosis.key import DefaultKey
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.domain.dependencies import Judgement
from trail_operator.domain.failure import Failure
from trail_operator.domain.iam_policy import prescribed
from trail_operator.domain.iam_policy.judge import judge_bucket_policy
from trail_operator.domain.iam_policy.verdict import Answer, Verdict, not_read

# S3 returns this (405) for a bucket of another account.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html
_OF_ANOTHER_ACCOUNT = "MethodNotAllowed"
_NOT_ENCRYPTED = ("ServerSideEncryptionConfigurationNotFoundError", "NoSuchBucket")


@dataclass(frozen=True)
class Encryption:
    """The default encryption of a bucket."""

    is_kms: bool = False
    key: str | None = None
    """The key's ID, alias or ARN; None for the key that AWS manages."""
    bucket_key: bool = False
    """Whether an S3 Bucket Key is enabled, which also applies to objects encrypted with another key."""


class Bucket(Dependency):
    """A trail's bucket."""

    @property
    def name(self) -> str:
        """The bucket's name."""
        return self._case.configuration.s3_bucket_name

    async def missing(self) -> Failure:
        """Return the failure of a bucket that does not exist."""
        return dependency(
            Reason.BUCKET_NOT_FOUND,
            f"Bucket {self.name} does not exist. Create it with this policy {printed(await self._statements())}",
        )

    async def explain(self) -> Failure:
        """Return why CloudTrail cannot write to it."""
        return self._case.judged(*await self.judgements())

    async def judgements(self, *key: Verdict) -> list[Judgement]:
        """Judge its policy; unless that denies, who pays and its default key. `key`: verdicts on the trail's key."""
        known = [(Reason.KEY_POLICY_DENIES, one) for one in key]
        if any(one.answer is Answer.REFUSED for one in key):
            return known
        policy = await self._policy()
        if policy[1].answer is Answer.REFUSED:
            return [*known, policy]
        others = (await self._payer(), None if key else await self._default_key())
        return [*known, policy, *filter(None, others)]

    async def _policy(self) -> Judgement:
        """Judge its policy; also if the bucket does not exist, or its policy cannot be read."""
        try:
            document = (await self._call(Read.GetBucketPolicy, Bucket=self.name))["Policy"]
        except AWSError as error:
            if error.code == "NoSuchBucket":
                return certain(await self.missing())
            if error.code != "NoSuchBucketPolicy":
                raise_unless_denied(error)
                return await self._not_read(error)
            document = None
        text = (document or "").lower()
        configuration = self._case.configuration
        verdict = judge_bucket_policy(
            document,
            bucket=self.name,
            prefix=configuration.s3_key_prefix,
            trail_arn=self._case.arn,
            kms_key_arn=configuration.kms_key_id,
            organization=await self._organization(),
            # Only the bucket's own account may read its policy.
            account=(await self._case.aws.identity(self._case.location.region)).account,
            region=await self.region() if "aws:requestedregion" in text else None,
            source_organization=await self._source_organization(document),
        )
        return Reason.BUCKET_POLICY_DENIES, verdict

    async def unread_region(self) -> Judgement | None:
        """Return the judgement on a region that the operator may not read, in which the trail's key must be."""
        try:
            await self._call(Read.GetBucketLocation, Bucket=self.name)
        except AWSError as error:
            if is_denied(error):
                subject = f"whether the key of kmsKeyID is in the region of bucket {self.name}"
                return Reason.KEY_NOT_FOUND, not_read(subject, Read.GetBucketLocation.action, [])
        return None

    async def region(self) -> str | None:
        """Return its region; None if unknown."""
        try:
            answer = await self._call(Read.GetBucketLocation, Bucket=self.name)
        except AWSError:
            return None
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html: none means us-east-1
        return {None: "us-east-1", "": "us-east-1", "EU": "eu-west-1"}.get(
            answer.get("LocationConstraint"), answer.get("LocationConstraint")
        )

    async def encryption(self) -> Encryption | None:
        """Return its default encryption; None if the operator lacks permission to read it."""
        try:
            answer = await self._call(Read.GetBucketEncryption, Bucket=self.name)
        except AWSError as error:
            if error.code in _NOT_ENCRYPTED:
                return Encryption()
            raise_unless_denied(error)
            return None
        rules = (answer.get("ServerSideEncryptionConfiguration") or {}).get("Rules") or [{}]
        default = rules[0].get("ApplyServerSideEncryptionByDefault") or {}
        return Encryption(
            is_kms=str(default.get("SSEAlgorithm")).startswith("aws:kms"),
            key=default.get("KMSMasterKeyID"),
            bucket_key=bool(rules[0].get("BucketKeyEnabled")),
        )

    async def _payer(self) -> Judgement | None:
        """Return the judgement on a Requester Pays bucket, to which CloudTrail cannot deliver; None if it is not one.

        https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
        """
        try:
            answer = await self._call(Read.GetBucketRequestPayment, Bucket=self.name)
        except AWSError as error:
            raise_unless_denied(error)
            subject = f"whether bucket {self.name} is a Requester Pays bucket, to which CloudTrail cannot deliver"
            return Reason.BUCKET_POLICY_DENIES, not_read(subject, Read.GetBucketRequestPayment.action, [])
        if answer.get("Payer") != "Requester":
            return None
        command = f"aws s3api put-bucket-request-payment --bucket {self.name} --request-payment-configuration"
        failure = dependency(
            self._case.reason(Reason.BUCKET_POLICY_DENIES),
            f"Bucket {self.name} is a Requester Pays bucket, to which CloudTrail cannot deliver. Make its owner pay: "
            f"{command} Payer=BucketOwner",
        )
        return certain(failure)

    async def _default_key(self) -> Judgement | None:
        """Judge the bucket's default KMS key; None if there is none."""
        encryption = await self.encryption()
        if encryption is None:
            subject = f"the policy of the default encryption key (if any) of bucket {self.name}"
            statements = [prescribed.default_key_statement(self._case.arn)]
            return Reason.KEY_POLICY_DENIES, not_read(subject, Read.GetBucketEncryption.action, statements)
        if not encryption.is_kms:
            return None
        account = (await self._case.aws.identity(self._case.location.region)).account
        region = await self.region() or self._case.location.region
        return await DefaultKey(self._case).judge(self.name, encryption.key, account, region)

    async def _not_read(self, error: AWSError) -> Judgement:
        account = (await self._case.aws.identity(self._case.location.region)).account
        elsewhere, permission = f"the bucket is not in account {account}", ""
        if error.code != _OF_ANOTHER_ACCOUNT:
            permission = Read.GetBucketPolicy.action
            elsewhere = f"the operator lacks {permission}, or {elsewhere}"
        failure = dependency(
            self._case.reason(Reason.BUCKET_POLICY_DENIES),
            f"Cannot verify the policy of bucket {self.name}: {elsewhere}. Check s3BucketName: bucket names are unique "
            f"across all accounts. If it is correct, the policy must contain {printed(await self._statements())}",
        )
        return unverified(failure, permission=permission)

    async def _statements(self) -> list[prescribed.Statement]:
        prefix = self._case.configuration.s3_key_prefix
        return prescribed.bucket_statements(self.name, prefix, self._case.arn, await self._organization())
