"""Why AWS refuses: reads what a trail depends on and says what is missing, where the operator may read it.

Where it may not, it says which permission it lacks and prints what is required; where AWS does not answer just now, it
says that, and AWS's own refusal stands. Only ever reads.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Destination
from trail_operator.aws.client import AWSClient
from trail_operator.aws.diagnosis.bucket import Bucket
from trail_operator.aws.diagnosis.case import Case, Dependency, Judgement, certain, dependency, is_denied
from trail_operator.aws.diagnosis.key import TrailKey
from trail_operator.aws.diagnosis.log_group import LogGroup, LogRole
from trail_operator.aws.diagnosis.topic import Topic
from trail_operator.aws.error_codes import INVALID_INSIGHTS, SUSPENDED
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.domain.failure import Failure, FailureError
from trail_operator.domain.iam_policy.verdict import Answer, Finding, Verdict
from trail_operator.domain.trail import DesiredTrail, ObservedTrail
from trail_operator.domain.warnings import Advice

_UNSEEN = "what stands in the way could not be looked at"


@dataclass(frozen=True)
class DeliveryAdvice:
    """What is wrong with the destinations that AWS cannot deliver to, in words, and what to warn of besides."""

    message: str = ""
    advice: tuple[Advice, ...] = ()


class Diagnosis:
    """Explains refusals and delivery errors."""

    def __init__(self, aws: AWSClient) -> None:
        self._aws = aws

    async def explain(self, error: AWSError, desired: DesiredTrail) -> Failure:
        """The failure behind an error, as exactly as it can be known."""
        failure = error.failure
        if error.code == SUSPENDED:
            return failure  # no policy is to blame
        if error.code == INVALID_INSIGHTS and desired.insights:
            written = ", ".join(sorted({kind for kind, _ in desired.insights}))
            return replace(failure, message=f"{failure.message}: spec.insightSelectors has {written}")
        try:
            return await self._behind(failure, error, desired)
        except FailureError as further:
            return replace(failure, message=f"{failure.message}; {_unseen(further)}")

    async def _behind(self, failure: Failure, error: AWSError, desired: DesiredTrail) -> Failure:
        configuration = desired.configuration
        case = Case(self._aws, desired.arn, desired.location, configuration, failure)
        # AWS may name what the trail does not have, such as the key that a bucket encrypts with by default.
        match failure.reason:
            case Reason.BUCKET_NOT_FOUND:
                return await Bucket(case).missing()
            case Reason.BUCKET_POLICY_DENIES:
                return await Bucket(case).explain()
            case Reason.TOPIC_POLICY_DENIES if configuration.sns_topic_name:
                return await Topic(case).explain()
            case Reason.KEY_POLICY_DENIES:
                return case.judged(*await _key_or_bucket(case), *await _topic_key(case))
            case Reason.KEY_NOT_FOUND | Reason.KEY_DISABLED:
                return await _some_key(case)
            case Reason.ROLE_NOT_TRUSTED if configuration.cloud_watch_logs_role_arn:
                return await LogRole(case).explain()
            case Reason.LOG_GROUP_NOT_FOUND | Reason.ROLE_POLICY_DENIES if configuration.cloud_watch_logs_log_group_arn:
                return await LogGroup(case).explain()
            case Reason.QUOTA_EXCEEDED:
                return await _Region(case).full(error.message)
        return failure

    async def delivery_advice(self, desired: DesiredTrail, observed: ObservedTrail) -> DeliveryAdvice:
        """What is wrong with the destinations that AWS can't deliver to."""
        case = Case(self._aws, observed.arn, desired.location, observed.configuration)
        failing = observed.failing_destinations.keys()
        looks: list[Callable[[], Awaitable[Failure]]] = []
        if failing & {Destination.S3, Destination.DIGEST}:
            looks.append(lambda: _log_files(case))
        if Destination.SNS in failing:
            looks.append(Topic(case).explain)
        if Destination.CLOUD_WATCH_LOGS in failing:
            looks.append(LogGroup(case).explain)
        messages: list[str] = []
        advice: list[Advice] = []
        for look in looks:
            try:
                found = await look()
            except FailureError as error:
                messages.append(_unseen(error))
                continue
            messages.append(found.message)
            advice.extend(found.advice)
        return DeliveryAdvice(" ".join(messages), tuple(advice))


class _Region(Dependency):
    async def full(self, refusal: str) -> Failure:
        """Which trails fill the region that AWS names: `User: ACCOUNT already has 5 trails in REGION.`"""
        named = re.search(r"trails in ([a-z0-9-]+)", refusal)
        region = named.group(1) if named else self._case.location.region
        answer = await self._call(Read.DescribeTrails, region=region, includeShadowTrails=True)
        trails = ", ".join(sorted(trail["TrailARN"] for trail in answer["trailList"]))
        return dependency(
            Reason.QUOTA_EXCEEDED,
            f"region {region} has no room for another trail: AWS allows five, and there are {trails}. The trail is "
            "made when one of them goes",
        )


async def _log_files(case: Case) -> Failure:
    """Why the bucket gets no files."""
    return case.judged(*await _key_or_bucket(case))


async def _some_key(case: Case) -> Failure:
    """AWS does not always say which: the trail's key or its topic's where that is known to be unusable, else policies.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html#API_CreateTrail_Errors
    """
    key, bucket, configuration = TrailKey(case), Bucket(case), case.configuration
    state = await key.state(await bucket.region()) if configuration.kms_key_id else None
    if isinstance(state, Failure):
        return state
    topic_key = await _topic_key(case)
    if any(verdict.answer is Answer.REFUSED for _, verdict in topic_key):
        return case.judged(*topic_key)
    if not configuration.kms_key_id:
        return case.judged(*await bucket.judgements(), *topic_key)
    verdict = state or await key.policy(bucket_key=await _has_bucket_key(bucket))
    return case.judged((Reason.KEY_POLICY_DENIES, verdict), *topic_key)


async def _key_or_bucket(case: Case) -> list[Judgement]:
    """AWS names both in one error: the trail's key where that is known to refuse, else the bucket."""
    key, bucket = TrailKey(case), Bucket(case)
    if not case.configuration.kms_key_id:
        return await bucket.judgements()
    state = await key.state(await bucket.region())
    if isinstance(state, Failure):
        return [certain(state)]
    verdict = await key.policy(bucket_key=await _has_bucket_key(bucket))
    return await bucket.judgements(verdict, *([state] if state else []))


async def _topic_key(case: Case) -> list[Judgement]:
    """The topic's key, which AWS may mean as well: it documents no error that is for this key alone.

    Where it could not be looked at, what else was found is told all the same.
    """
    if not case.configuration.sns_topic_name:
        return []
    try:
        judgement = await Topic(case).key()
    except (AWSError, FailureError) as error:
        unseen = Verdict("the key of the topic", Answer.UNDECIDABLE, (Finding(_unseen(error)),))
        return [(Reason.KEY_POLICY_DENIES, unseen)]
    return [judgement] if judgement else []


async def _has_bucket_key(bucket: Bucket) -> bool | None:
    encryption = await bucket.encryption()
    return encryption.bucket_key if encryption else None


def _unseen(error: FailureError) -> str:
    if not isinstance(error, AWSError):
        return f"{_UNSEEN} just now ({error.failure.message})"
    if is_denied(error):
        return f"{_UNSEEN}, since the operator lacks {error.action}"
    return f"{_UNSEEN} just now ({error.action}: {error.code})"
