"""Explains why AWS rejects a request: reads what the trail depends on, and says what is missing.

If the operator lacks a permission to read, the message names it and prints what is required. If AWS does not answer,
the message says so, and AWS's own error stays. It only reads.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Destination
from trail_operator.aws.client import Reads
from trail_operator.aws.diagnosis.bucket import Bucket
from trail_operator.aws.diagnosis.case import Case, Dependency, dependency, is_denied
from trail_operator.aws.diagnosis.key import TrailKey
from trail_operator.aws.diagnosis.log_files import has_bucket_key, key_or_bucket
from trail_operator.aws.diagnosis.log_group import LogGroup, LogRole
from trail_operator.aws.diagnosis.topic import Topic
from trail_operator.aws.error_codes import INVALID_INSIGHTS, SUSPENDED
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read, iam_action
from trail_operator.domain.dependencies import Judgement
from trail_operator.domain.failure import Failure, FailureError
from trail_operator.domain.iam_policy.verdict import Answer, Finding, Verdict
from trail_operator.domain.texts import sentences
from trail_operator.domain.trail import DesiredTrail, ObservedTrail
from trail_operator.domain.warnings import Advice


@dataclass(frozen=True)
class DeliveryAdvice:
    """Why AWS cannot deliver to some destinations, and warnings found on the way."""

    message: str = ""
    advice: tuple[Advice, ...] = ()


class Diagnosis:
    """Explains rejected requests and delivery errors."""

    def __init__(self, aws: Reads) -> None:
        self._aws = aws

    async def explain(self, error: AWSError, desired: DesiredTrail) -> Failure:
        """Return the failure behind an error, with its cause if that can be read."""
        failure = error.failure
        if error.code == SUSPENDED:
            return failure  # not caused by a policy
        if error.code == INVALID_INSIGHTS and desired.insights:
            written = ", ".join(sorted({kind for kind, _ in desired.insights}))
            return replace(failure, message=f"{failure.message}: spec.insightSelectors has {written}")
        try:
            return await self._cause(failure, error, desired)
        except FailureError as further:
            return replace(failure, message=sentences([failure.message, _unknown_cause(further)]))

    async def _cause(self, failure: Failure, error: AWSError, desired: DesiredTrail) -> Failure:
        configuration = desired.configuration
        case = Case(self._aws, desired.arn, desired.location, configuration, failure)
        # AWS may blame something that the spec does not name, such as the bucket's default encryption key.
        match failure.reason:
            case Reason.BUCKET_NOT_FOUND:
                return await Bucket(case).missing()
            case Reason.BUCKET_POLICY_DENIES:
                return await Bucket(case).explain()
            case Reason.TOPIC_POLICY_DENIES if configuration.sns_topic_name:
                return await Topic(case).explain()
            case Reason.KEY_POLICY_DENIES:
                return case.judged(*await key_or_bucket(case), *await _topic_key(case))
            case Reason.KEY_NOT_FOUND | Reason.KEY_DISABLED:
                return await _some_key(case)
            case Reason.ROLE_NOT_TRUSTED if configuration.cloud_watch_logs_role_arn:
                return await LogRole(case).explain()
            case Reason.LOG_GROUP_NOT_FOUND | Reason.ROLE_POLICY_DENIES if configuration.cloud_watch_logs_log_group_arn:
                return await LogGroup(case).explain()
            case Reason.QUOTA_EXCEEDED:
                return await _Region(case).explain(error.message)
        return failure

    async def delivery_advice(self, desired: DesiredTrail, observed: ObservedTrail) -> DeliveryAdvice:
        """Return what is wrong with the destinations that AWS cannot deliver to."""
        case = Case(self._aws, observed.arn, desired.location, observed.configuration)
        failing = observed.failing_destinations.keys()
        checks: list[Callable[[], Awaitable[Failure]]] = []
        if failing & {Destination.S3, Destination.DIGEST}:
            checks.append(lambda: _log_files(case))
        if Destination.SNS in failing:
            checks.append(Topic(case).explain)
        if Destination.CLOUD_WATCH_LOGS in failing:
            checks.append(LogGroup(case).explain)
        messages: list[str] = []
        advice: list[Advice] = []
        for check in checks:
            try:
                found = await check()
            except FailureError as error:
                messages.append(_unknown_cause(error))
                continue
            messages.append(found.message)
            advice.extend(found.advice)
        return DeliveryAdvice(sentences(messages), tuple(advice))


class _Region(Dependency):
    async def explain(self, refusal: str) -> Failure:
        """List the trails of the region that AWS names: `User: ACCOUNT already has 5 trails in REGION.`"""
        named = re.search(r"trails in ([a-z0-9-]+)", refusal)
        region = named.group(1) if named else self._case.location.region
        answer = await self._call(Read.DescribeTrails, region=region, includeShadowTrails=True)
        trails = ", ".join(sorted(trail["TrailARN"] for trail in answer["trailList"]))
        return dependency(
            Reason.QUOTA_EXCEEDED,
            f"Region {region} has no room for another trail: AWS allows five, and these exist: {trails}. Delete one "
            "that is not needed; the operator then creates this trail",
        )


async def _log_files(case: Case) -> Failure:
    """Return why the bucket receives no files."""
    return case.judged(*await key_or_bucket(case))


async def _some_key(case: Case) -> Failure:
    """Explain an error about a key, which AWS does not always name: the trail's, its topic's or its bucket's.

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
    verdict = state or await key.policy(bucket_key=await has_bucket_key(bucket))
    return case.judged((Reason.KEY_POLICY_DENIES, verdict), *topic_key)


async def _topic_key(case: Case) -> list[Judgement]:
    """Judge the topic's key, which an error may be about: AWS documents no error for this key alone.

    If it cannot be read, the judgement says so and other findings are kept.
    """
    if not case.configuration.sns_topic_name:
        return []
    try:
        judgement = await Topic(case).key()
    except FailureError as error:
        unknown = Verdict("the key of the topic", Answer.UNDECIDABLE, (Finding(_unknown_cause(error)),))
        return [(Reason.KEY_POLICY_DENIES, unknown)]
    return [judgement] if judgement else []


def _unknown_cause(error: FailureError) -> str:
    if not isinstance(error, AWSError):
        return f"The cause is not known yet: {error.failure.message}"
    if is_denied(error):
        return f"The cause is not known: the operator lacks {iam_action(error.action)}"
    return f"The cause is not known yet: {error.action} failed with {error.code}"
