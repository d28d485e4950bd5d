"""Why AWS refuses: reads what a trail depends on and says what is missing, where the operator may read it.

Where it may not, it says which permission it lacks and prints what is required; where AWS does not answer just now, it
says that, and AWS's own refusal stands. Only ever reads.
"""

import json
import re
from dataclasses import replace
from typing import Any

from trail_operator.api.reasons import Reason
from trail_operator.api.trail import Destination
from trail_operator.aws.client import AWS
from trail_operator.aws.errors import SUSPENDED, AWSError, failure_of
from trail_operator.core.failure import Failure, FailureClass, FailureError
from trail_operator.core.policies import required
from trail_operator.core.policies.judge import (
    Verdict,
    judge_bucket_policy,
    judge_key_policy,
    judge_role_permissions,
    judge_role_trust,
    judge_topic_policy,
    not_read,
)
from trail_operator.core.trail import Configuration, DesiredTrail, Location, ObservedTrail

# The name that IAM has for S3's policy read is that of the operation; a bucket of another account answers 405.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html


class Diagnosis:
    """Explains refusals and delivery errors."""

    def __init__(self, aws: AWS) -> None:
        self._aws = aws

    async def explain(self, error: AWSError, desired: DesiredTrail) -> Failure:
        """The failure behind an error, as exactly as it can be known."""
        failure = failure_of(error)
        if error.code == SUSPENDED:
            return failure  # no policy is to blame
        try:
            return await self._behind(failure, error, desired)
        except (AWSError, FailureError) as further:
            return replace(failure, message=f"{failure.message}; {_unseen(further)}")

    async def _behind(self, failure: Failure, error: AWSError, desired: DesiredTrail) -> Failure:
        configuration = desired.configuration
        trail = _Trail(self._aws, desired.arn, desired.location, configuration, failure)
        # AWS may name what the trail does not have, such as the key that a bucket encrypts with by default.
        match failure.reason:
            case Reason.BUCKET_NOT_FOUND:
                return await trail.no_bucket()
            case Reason.BUCKET_POLICY_DENIES:
                return await trail.bucket()
            case Reason.TOPIC_POLICY_DENIES if configuration.sns_topic_name:
                return await trail.topic()
            case Reason.KEY_POLICY_DENIES if configuration.kms_key_id:
                return await trail.key_or_bucket()
            case Reason.KEY_NOT_FOUND | Reason.KEY_DISABLED if configuration.kms_key_id:
                return await trail.key()
            case Reason.ROLE_NOT_TRUSTED if configuration.cloud_watch_logs_role_arn:
                return await trail.role()
            case Reason.LOG_GROUP_NOT_FOUND | Reason.ROLE_POLICY_DENIES if configuration.cloud_watch_logs_log_group_arn:
                return await trail.log_group()
            case Reason.QUOTA_EXCEEDED:
                return await trail.quota(error.message)
        return failure

    async def delivery_advice(self, desired: DesiredTrail, observed: ObservedTrail) -> str:
        """What is wrong with the destinations that AWS can't deliver to."""
        trail = _Trail(self._aws, observed.arn, desired.location, observed.configuration)
        failing = observed.failing_destinations.keys()
        looks = []
        if failing & {Destination.S3, Destination.DIGEST}:
            looks.append(trail.key_or_bucket if observed.configuration.kms_key_id else trail.bucket)
        if Destination.SNS in failing:
            looks.append(trail.topic)
        if Destination.CLOUD_WATCH_LOGS in failing:
            looks.append(trail.log_group)
        advice = []
        for look in looks:
            try:
                advice.append((await look()).message)
            except (AWSError, FailureError) as error:
                advice.append(_unseen(error))
        return " ".join(advice)


class _Trail:
    """What one trail depends on, as AWS has it now."""

    def __init__(
        self,
        aws: AWS,
        arn: str,
        location: Location,
        configuration: Configuration,
        refusal: Failure | None = None,
    ) -> None:
        self._aws = aws
        self._arn = arn
        self._location = location
        self._configuration = configuration
        self._refusal = refusal

    # -- quota

    async def quota(self, refusal: str) -> Failure:
        """Which trails fill the region that AWS names: `User: ACCOUNT already has 5 trails in REGION.`"""
        named = re.search(r"trails in ([a-z0-9-]+)", refusal)
        region = named.group(1) if named else self._location.region
        answer = await self._call("cloudtrail", "DescribeTrails", region=region, includeShadowTrails=True)
        trails = ", ".join(sorted(trail["TrailARN"] for trail in answer["trailList"]))
        return _dependency(
            Reason.QUOTA_EXCEEDED,
            f"region {region} has no room for another trail: AWS allows five, and there are {trails}. The trail is "
            "made when one of them goes",
        )

    # -- bucket

    async def no_bucket(self) -> Failure:
        bucket = self._configuration.s3_bucket_name
        statements = await self._bucket_statements()
        return _dependency(
            Reason.BUCKET_NOT_FOUND,
            f"bucket {bucket} does not exist: create it, with this policy: {_compact(statements)}",
        )

    async def bucket(self) -> Failure:
        found = await self._bucket_policy()
        return found if isinstance(found, Failure) else self._judged(Reason.BUCKET_POLICY_DENIES, found)

    async def _bucket_policy(self) -> Verdict | Failure:
        bucket, prefix = self._configuration.s3_bucket_name, self._configuration.s3_key_prefix
        try:
            document = (await self._call("s3", "GetBucketPolicy", Bucket=bucket))["Policy"]
        except AWSError as error:
            if error.code == "NoSuchBucket":
                return await self.no_bucket()
            if error.code != "NoSuchBucketPolicy":
                _may_not_look(error)
                statements = await self._bucket_statements()
                return not_read(f"the policy of bucket {bucket}", "s3:GetBucketPolicy", statements)
            document = None
        return judge_bucket_policy(
            document,
            bucket=bucket,
            prefix=prefix,
            trail_arn=self._arn,
            kms_key_arn=self._configuration.kms_key_id,
            organization=await self._organization(),
        )

    async def _bucket_statements(self) -> list[required.Statement]:
        bucket, prefix = self._configuration.s3_bucket_name, self._configuration.s3_key_prefix
        return required.bucket_statements(bucket, prefix, self._arn, await self._organization())

    async def _bucket_region(self) -> str | None:
        try:
            answer = await self._call("s3", "GetBucketLocation", Bucket=self._configuration.s3_bucket_name)
        except AWSError:
            return None
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html: none means us-east-1
        return {None: "us-east-1", "": "us-east-1", "EU": "eu-west-1"}.get(
            answer.get("LocationConstraint"), answer.get("LocationConstraint")
        )

    # -- topic

    async def topic(self) -> Failure:
        arn = str(self._configuration.sns_topic_name)
        statement = required.topic_statement(arn, self._arn)
        try:
            answer = await self._call("sns", "GetTopicAttributes", region=arn.split(":")[3], TopicArn=arn)
        except AWSError as error:
            if error.code in ("NotFound", "NotFoundException"):
                return _dependency(
                    Reason.TOPIC_NOT_FOUND,
                    f"topic {arn} does not exist: create it, with this statement in its policy: {_compact(statement)}",
                )
            _may_not_look(error)
            unread = not_read(f"the policy of topic {arn}", "sns:GetTopicAttributes", [statement])
            return _dependency(Reason.TOPIC_POLICY_DENIES, unread.message)
        verdict = judge_topic_policy(answer["Attributes"].get("Policy"), topic_arn=arn, trail_arn=self._arn)
        return self._judged(Reason.TOPIC_POLICY_DENIES, verdict)

    # -- key

    async def key_or_bucket(self) -> Failure:
        """AWS names both in one error: the key where that is known to refuse, else the bucket."""
        key = await self._key_state()
        if key is not None:
            return key
        verdict = await self._key_policy()
        if not verdict.allowed:
            return self._judged(Reason.KEY_POLICY_DENIES, verdict)
        bucket = await self._bucket_policy()
        if isinstance(bucket, Failure):
            return bucket
        reason = Reason.KEY_POLICY_DENIES if bucket.allowed else Reason.BUCKET_POLICY_DENIES
        return self._judged(reason, verdict if bucket.allowed else bucket)

    async def key(self) -> Failure:
        """The state and place of the key, then its policy."""
        return await self._key_state() or self._judged(Reason.KEY_POLICY_DENIES, await self._key_policy())

    async def _key_state(self) -> Failure | None:
        """What is wrong with the state or the place of the key."""
        key = str(self._configuration.kms_key_id)
        bucket, region = self._configuration.s3_bucket_name, key.split(":")[3]
        home = await self._bucket_region()
        if home is not None and home != region:
            return _dependency(
                Reason.KEY_NOT_FOUND,
                f"KMS key {key} is in {region}, but bucket {bucket} is in {home}: CloudTrail needs a key in the "
                "bucket's region",
            )
        try:
            state = (await self._call("kms", "DescribeKey", region=region, KeyId=key))["KeyMetadata"]["KeyState"]
        except AWSError as error:
            if error.code == "NotFoundException":
                where = f"in {region}, where bucket {bucket} is" if home else f"in {region}"
                return _dependency(Reason.KEY_NOT_FOUND, f"KMS key {key} does not exist {where}: correct kmsKeyID")
            _may_not_look(error)
            return _dependency(
                self._refusal.reason if self._refusal else Reason.KEY_POLICY_DENIES,
                f"AWS refuses KMS key {key}, and the operator may not look at it (it lacks kms:DescribeKey): it must "
                "exist, be enabled and be in the bucket's region",
            )
        if state != "Enabled":
            remedy = "cancel its deletion and enable it" if "Deletion" in state else "enable it"
            return _dependency(Reason.KEY_DISABLED, f"KMS key {key} is {state}: {remedy}, or name another key")
        return None

    async def _key_policy(self) -> Verdict:
        key = str(self._configuration.kms_key_id)
        try:
            answer = await self._call("kms", "GetKeyPolicy", region=key.split(":")[3], KeyId=key, PolicyName="default")
        except AWSError as error:
            _may_not_look(error)
            return not_read(f"the policy of key {key}", "kms:GetKeyPolicy", required.key_statements(self._arn))
        return judge_key_policy(answer["Policy"], key_arn=key, trail_arn=self._arn)

    # -- log group and role

    async def log_group(self) -> Failure:
        group = str(self._configuration.cloud_watch_logs_log_group_arn)
        _, _, _, region, account, _, name = group.split(":", 6)
        if self._refusal and (region, account) != (self._location.region, self._location.account):
            return _dependency(
                Reason.LOG_GROUP_NOT_FOUND,
                f"log group {group} must be in the trail's region {self._location.region} and account "
                f"{self._location.account}: correct cloudWatchLogsLogGroupARN",
            )
        if account != (await self._aws.identity(region)).account:
            return await self._log_group_of_others(group)
        try:
            answer = await self._call("logs", "DescribeLogGroups", logGroupNamePrefix=name)
        except AWSError:
            return await self.role()
        if all(found["logGroupName"] != name for found in answer["logGroups"]):
            return _dependency(
                Reason.LOG_GROUP_NOT_FOUND,
                f"log group {name} does not exist in {region}: create it, or correct cloudWatchLogsLogGroupARN",
            )
        return await self.role()

    async def _log_group_of_others(self, group: str) -> Failure:
        """AWS has taken it for an organization's trail: it is of whoever keeps that, and is not looked at from here."""
        trust = required.role_trust_statement()
        permissions = required.role_permission_statements(group, self._arn, await self._organization())
        return _dependency(
            Reason.ROLE_POLICY_DENIES,
            f"log group {group} and role {self._configuration.cloud_watch_logs_role_arn} were not verified, since they "
            f"are of another account: the group must exist, the role must have this trust policy: {_compact([trust])} "
            f"and these permissions: {_compact(permissions)}",
        )

    async def role(self) -> Failure:
        """The trust of the role, then its permissions."""
        arn = str(self._configuration.cloud_watch_logs_role_arn)
        group = str(self._configuration.cloud_watch_logs_log_group_arn)
        trust = required.role_trust_statement()
        name = arn.rsplit("/", 1)[1]
        try:
            role = (await self._call("iam", "GetRole", RoleName=name))["Role"]
        except AWSError as error:
            if error.code == "NoSuchEntity":
                message = f"role {arn} does not exist: create it, with this trust policy: {_compact([trust])}"
            else:
                _may_not_look(error)
                message = not_read(f"the trust policy of role {arn}", "iam:GetRole", [trust]).message
            return _dependency(Reason.ROLE_NOT_TRUSTED, message)
        verdict = judge_role_trust(_document(role["AssumeRolePolicyDocument"]), role_arn=arn)
        if not verdict.allowed:
            return self._judged(Reason.ROLE_NOT_TRUSTED, verdict)
        organization = await self._organization()
        try:
            documents = await self._role_policies(name)
        except AWSError as error:
            _may_not_look(error)
            statements = required.role_permission_statements(group, self._arn, organization)
            unread = not_read(f"the policies of role {arn}", error.action, statements)
            return _dependency(Reason.ROLE_POLICY_DENIES, unread.message)
        verdict = judge_role_permissions(
            documents, role_arn=arn, log_group_arn=group, trail_arn=self._arn, organization=organization
        )
        return self._judged(Reason.ROLE_POLICY_DENIES, verdict)

    async def _role_policies(self, role: str) -> list[str]:
        documents = []
        for name in (await self._call("iam", "ListRolePolicies", RoleName=role))["PolicyNames"]:
            answer = await self._call("iam", "GetRolePolicy", RoleName=role, PolicyName=name)
            documents.append(_document(answer["PolicyDocument"]))
        for attached in (await self._call("iam", "ListAttachedRolePolicies", RoleName=role))["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = (await self._call("iam", "GetPolicy", PolicyArn=arn))["Policy"]["DefaultVersionId"]
            answer = await self._call("iam", "GetPolicyVersion", PolicyArn=arn, VersionId=version)
            documents.append(_document(answer["PolicyVersion"]["Document"]))
        return documents

    def _judged(self, reason: Reason, verdict: Verdict) -> Failure:
        """What is missing; where nothing is seen to be, what AWS says."""
        if not verdict.allowed:
            return _dependency(reason, verdict.message)
        note = f"{verdict.subject} seems right as read now: a change may not have reached CloudTrail yet"
        if self._refusal is None:
            return _dependency(reason, f"AWS refused, but {note}")
        return replace(self._refusal, message=f"{self._refusal.message}; {note}")

    async def _organization(self) -> str | None:
        """The id of the organization whose trail it is."""
        if not self._configuration.is_organization_trail:
            return None
        return (await self._aws.organization(self._location.region)).id

    async def _call(self, service: str, operation: str, region: str | None = None, **parameters: Any) -> dict[str, Any]:
        return await self._aws.call(service, region or self._location.region, operation, **parameters)


def _may_not_look(error: AWSError) -> None:
    """Raise the error, unless it says that the operator may not look. 405: only a bucket's own account may."""
    denied = (Reason.ACCESS_DENIED, Reason.DENIED_BY_ORGANIZATION)
    if error.code != "MethodNotAllowed" and failure_of(error).reason not in denied:
        raise error


def _unseen(error: AWSError | FailureError) -> str:
    told = error.failure.message if isinstance(error, FailureError) else f"{error.action}: {error.code}"
    return f"what stands in the way could not be looked at just now ({told})"


def _dependency(reason: Reason, message: str) -> Failure:
    return Failure(FailureClass.DEPENDENCY, reason, message)


def _document(policy: Any) -> str:
    return policy if isinstance(policy, str) else json.dumps(policy)


def _compact(statements: Any) -> str:
    if isinstance(statements, list):
        statements = {"Version": "2012-10-17", "Statement": statements}
    return json.dumps(statements, separators=(",", ":"))
