"""Judges where a trail's log files go: its key and its bucket, for which AWS has one error."""

from trail_operator.aws.diagnosis.bucket import Bucket
from trail_operator.aws.diagnosis.case import Case, certain
from trail_operator.aws.diagnosis.key import TrailKey
from trail_operator.domain.dependencies import Judgement
from trail_operator.domain.failure import Failure


async def key_or_bucket(case: Case) -> list[Judgement]:
    """Judge the trail's key, and unless it is known to deny, the bucket."""
    key, bucket = TrailKey(case), Bucket(case)
    if not case.configuration.kms_key_id:
        return await bucket.judgements()
    state = await key.state(await bucket.region())
    if isinstance(state, Failure):
        return [certain(state)]
    verdict = await key.policy(bucket_key=await has_bucket_key(bucket))
    return await bucket.judgements(verdict, *([state] if state else []))


async def has_bucket_key(bucket: Bucket) -> bool | None:
    """Return whether the bucket has an S3 Bucket Key; None if the operator may not read that."""
    encryption = await bucket.encryption()
    return encryption.bucket_key if encryption else None
