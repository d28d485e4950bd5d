"""Reads whether topics exist and have subscribers. The permission is optional: without it, that is unknown."""

from trail_operator.aws.client import Reads
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.domain.alarms.advice import TopicState
from trail_operator.domain.arns import Arn
from trail_operator.domain.failure import FailureError

_NOT_FOUND = ("NotFound", "NotFoundException")


async def topic_state(aws: Reads, arn: str) -> TopicState:
    """Return what AWS shows of a topic."""
    try:
        response = await aws.call(Read.GetTopicAttributes, Arn.parse(arn).region, TopicArn=arn)
    except FailureError as error:
        is_missing = isinstance(error, AWSError) and error.code in _NOT_FOUND
        return TopicState.NOT_FOUND if is_missing else TopicState.UNKNOWN
    # https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html
    confirmed = response["Attributes"].get("SubscriptionsConfirmed")
    if not isinstance(confirmed, str) or not confirmed.isdecimal():
        return TopicState.UNKNOWN
    return TopicState.SUBSCRIBED if int(confirmed) else TopicState.WITHOUT_SUBSCRIBER
