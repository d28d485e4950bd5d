"""Judges everything that a trail depends on before AWS reports an error, as the diagnosis of an error does.

It only reads. The rules are in the modules of the dependencies and in `domain/iam_policy`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from trail_operator.aws.client import Reads
from trail_operator.aws.diagnosis.bucket import Bucket
from trail_operator.aws.diagnosis.case import Case
from trail_operator.aws.diagnosis.log_files import key_or_bucket
from trail_operator.aws.diagnosis.log_group import LogGroup
from trail_operator.aws.diagnosis.topic import Topic
from trail_operator.domain.dependencies import DependentTrail, Judgement
from trail_operator.domain.failure import Failure, FailureError


@dataclass(frozen=True)
class Judgements:
    """The judgements on all dependencies. `unanswered`: why others could not be judged now."""

    found: tuple[Judgement, ...]
    unanswered: tuple[Failure, ...]


async def judge_dependencies(reads: Reads, trail: DependentTrail) -> Judgements:
    """Judge the key, the bucket, the topic, the log group and its role. A read without an answer hides no other."""
    case = Case(reads, trail.arn, trail.location, trail.configuration)
    found: list[Judgement] = []
    unanswered: list[Failure] = []
    for judge in _judges(case):
        try:
            found += await judge()
        except FailureError as error:
            unanswered.append(error.failure)
    return Judgements((*found,), (*unanswered,))


def _judges(case: Case) -> list[Callable[[], Awaitable[list[Judgement]]]]:
    """Return what judges each dependency that the trail has."""
    configuration = case.configuration
    judges: list[Callable[[], Awaitable[list[Judgement]]]] = [lambda: _log_files(case)]
    if configuration.sns_topic_name:
        judges.append(Topic(case).judgements)
    if configuration.cloud_watch_logs_log_group_arn and configuration.cloud_watch_logs_role_arn:
        judges.append(LogGroup(case).judgements)
    return judges


async def _log_files(case: Case) -> list[Judgement]:
    unread = await Bucket(case).unread_region() if case.configuration.kms_key_id else None
    return [*await key_or_bucket(case), *filter(None, [unread])]
