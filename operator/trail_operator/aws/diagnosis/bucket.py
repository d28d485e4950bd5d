"""What is wrong with a trail's bucket: its policy, who pays for it, and the key that it encrypts with by default."""

from dataclasses import dataclass

from trail_operator.api.reasons import Reason
from trail_operator.aws.diagnosis.case import Dependency, Judgement, certain, compact, dependency, may_not_look
from trail_operator.aws.diagnosis.key import DefaultKey
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.domain.failure import Failure
from trail_operator.domain.iam_policy import prescribed
from trail_operator.domain.iam_policy.judge import judge_bucket_policy
from trail_operator.domain.iam_policy.verdict import Answer, Verdict, not_read

# The name that IAM has for S3's policy read is that of the operation; a bucket of another account answers 405.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html
_OF_ANOTHER_ACCOUNT = "MethodNotAllowed"
_NOT_ENCRYPTED = ("ServerSideEncryptionConfigurationNotFoundError", "NoSuchBucket")


@dataclass(frozen=True)
class Encryption:
    """How a bucket encrypts where nobody asks for anything else."""

    is_kms: bool = False
    key: str | None = None
    """The key's id, alias or ARN; None where it is the one that AWS manages."""
    bucket_key: bool = False
    """Whether it has an S3 Bucket Key, also for objects that are encrypted with another key."""


class Bucket(Dependency):
    """A trail's bucket."""

    @property
    def name(self) -> str:
        """Its name."""
        return self._case.configuration.s3_bucket_name

    async def missing(self) -> Failure:
        """It does not exist."""
        return dependency(
            Reason.BUCKET_NOT_FOUND,
            f"bucket {self.name} does not exist: create it, with this policy: {compact(await self._statements())}",
        )

    async def explain(self) -> Failure:
        """Its policy; where that does not refuse, what else of it may."""
        return self._case.judged(*await self.judgements())

    async def judgements(self, *key: Verdict) -> list[Judgement]:
        """The same, each by itself. `key`: the verdicts on the trail's own key."""
        known = [(Reason.KEY_POLICY_DENIES, one) for one in key]
        if any(one.answer is Answer.REFUSED for one in key):
            return known
        policy = await self._policy()
        if policy[1].answer is Answer.REFUSED:
            return [*known, policy]
        others = (await self._payer(), None if key else await self._default_key())
        return [*known, policy, *filter(None, others)]

    async def _policy(self) -> Judgement:
        """What its policy lets CloudTrail do; also that there is no bucket, or none whose policy can be read."""
        try:
            document = (await self._call(Read.GetBucketPolicy, Bucket=self.name))["Policy"]
        except AWSError as error:
            if error.code == "NoSuchBucket":
                return certain(await self.missing())
            if error.code != "NoSuchBucketPolicy":
                may_not_look(error)
                return certain(await self._not_read(error))
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

    async def region(self) -> str | None:
        """Where it is; None where that is not known."""
        try:
            answer = await self._call(Read.GetBucketLocation, Bucket=self.name)
        except AWSError:
            return None
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html: none means us-east-1
        return {None: "us-east-1", "": "us-east-1", "EU": "eu-west-1"}.get(
            answer.get("LocationConstraint"), answer.get("LocationConstraint")
        )

    async def encryption(self) -> Encryption | None:
        """How it encrypts by default; None where that may not be read."""
        try:
            answer = await self._call(Read.GetBucketEncryption, Bucket=self.name)
        except AWSError as error:
            if error.code in _NOT_ENCRYPTED:
                return Encryption()
            may_not_look(error)
            return None
        rules = (answer.get("ServerSideEncryptionConfiguration") or {}).get("Rules") or [{}]
        default = rules[0].get("ApplyServerSideEncryptionByDefault") or {}
        return Encryption(
            is_kms=str(default.get("SSEAlgorithm")).startswith("aws:kms"),
            key=default.get("KMSMasterKeyID"),
            bucket_key=bool(rules[0].get("BucketKeyEnabled")),
        )

    async def _payer(self) -> Judgement | None:
        """Why CloudTrail cannot deliver to a bucket whose requests are paid for by others; None where that is not so.

        https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
        """
        try:
            answer = await self._call(Read.GetBucketRequestPayment, Bucket=self.name)
        except AWSError as error:
            may_not_look(error)
            subject = f"whether bucket {self.name} is a Requester Pays bucket, to which CloudTrail cannot deliver"
            return Reason.BUCKET_POLICY_DENIES, not_read(subject, Read.GetBucketRequestPayment.action, [])
        if answer.get("Payer") != "Requester":
            return None
        failure = dependency(
            self._case.reason(Reason.BUCKET_POLICY_DENIES),
            f"bucket {self.name} is a Requester Pays bucket, to which CloudTrail cannot deliver. Change that: aws "
            f"s3api put-bucket-request-payment --bucket {self.name} --request-payment-configuration Payer=BucketOwner",
        )
        return certain(failure)

    async def _default_key(self) -> Judgement | None:
        """Whether the bucket's default key may keep CloudTrail from writing; None where there is none of KMS."""
        encryption = await self.encryption()
        if encryption is None:
            subject = f"the policy of the key, if any, with which bucket {self.name} encrypts by default"
            statements = [prescribed.default_key_statement(self._case.arn)]
            return Reason.KEY_POLICY_DENIES, not_read(subject, Read.GetBucketEncryption.action, statements)
        if not encryption.is_kms:
            return None
        account = (await self._case.aws.identity(self._case.location.region)).account
        region = await self.region() or self._case.location.region
        return await DefaultKey(self._case).judge(self.name, encryption.key, account, region)

    async def _not_read(self, error: AWSError) -> Failure:
        account = (await self._case.aws.identity(self._case.location.region)).account
        elsewhere = f"the bucket is not in account {account}"
        if error.code != _OF_ANOTHER_ACCOUNT:
            elsewhere = f"the operator lacks {Read.GetBucketPolicy.action}, or {elsewhere}"
        return dependency(
            self._case.reason(Reason.BUCKET_POLICY_DENIES),
            f"the policy of bucket {self.name} was not verified: {elsewhere} (names of buckets are shared by all "
            f"accounts: check s3BucketName). If it is the right one, it needs: {compact(await self._statements())}",
        )

    async def _statements(self) -> list[prescribed.Statement]:
        prefix = self._case.configuration.s3_key_prefix
        return prescribed.bucket_statements(self.name, prefix, self._case.arn, await self._organization())
