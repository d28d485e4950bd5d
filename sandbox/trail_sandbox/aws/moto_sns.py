"""SNS as AWS has it where moto has it otherwise: the numbers of a topic's subscriptions."""

from moto.sns.models import Subscription, Topic

# Their owners must confirm; what AWS delivers to itself in the same account is confirmed at once:
# https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
_TO_BE_CONFIRMED = ("email", "email-json", "http", "https")


def correct() -> None:
    """Take out what moto decides otherwise than AWS."""
    Topic.subscriptions_confimed = property(_confirmed, _ignore)  # type: ignore[assignment]  # as moto spells it
    Topic.subscriptions_pending = property(_pending, _ignore)  # type: ignore[assignment]


def _confirmed(topic: Topic) -> int:
    return sum(_is_confirmed(one) for one in _subscriptions(topic))


def _pending(topic: Topic) -> int:
    return sum(not _is_confirmed(one) for one in _subscriptions(topic))


def _subscriptions(topic: Topic) -> list[Subscription]:
    return [one for one in topic.sns_backend.subscriptions.values() if one.topic.arn == topic.arn]


def _is_confirmed(subscription: Subscription) -> bool:
    return subscription.confirmed or subscription.protocol not in _TO_BE_CONFIRMED


def _ignore(topic: Topic, value: int) -> None:
    """Leave out the zero that moto begins with."""
