"""Topics as SNS has them: which subscriptions are confirmed.

https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html
"""

import pytest

from tests.integration.aws import Account

QUEUE = "arn:aws:sqs:us-east-1:{}:alarms"


def counts(aws: Account, topic: str) -> tuple[str, str]:
    """How many subscriptions of a topic are confirmed, and how many are not yet."""
    attributes = aws.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    return attributes["SubscriptionsConfirmed"], attributes["SubscriptionsPending"]


@pytest.mark.parametrize(
    ("protocol", "receiver", "expected"),
    [
        ("sqs", QUEUE, ("1", "0")),
        ("email", "security@example.com", ("0", "1")),
    ],
)
def test_a_subscription_is_confirmed_or_not(
    aws: Account, protocol: str, receiver: str, expected: tuple[str, str]
) -> None:
    sns = aws.client("sns")
    topic, other = sns.create_topic(Name="alarms")["TopicArn"], sns.create_topic(Name="other")["TopicArn"]
    assert counts(aws, topic) == ("0", "0")
    arn = sns.subscribe(
        TopicArn=topic, Protocol=protocol, Endpoint=receiver.format(aws.number), ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    assert counts(aws, topic) == expected
    assert counts(aws, other) == ("0", "0")
    sns.unsubscribe(SubscriptionArn=arn)
    assert counts(aws, topic) == ("0", "0")
