"""What the alarms of a TrailAlarmSet need of the policies of their topics, and of the keys that encrypt these."""

from collections.abc import Mapping
from dataclasses import dataclass

from trail_operator.domain.arns import Location
from trail_operator.domain.iam_policy import prescribed, requests
from trail_operator.domain.iam_policy.combined import Part, Requirement
from trail_operator.domain.iam_policy.needs import Need


@dataclass(frozen=True)
class PolicyAlarms:
    """The alarms of a TrailAlarmSet, with what policies depend on."""

    location: Location
    topics: Mapping[str, tuple[str, ...]]
    """The ARNs of topics, and of the alarms that notify each."""


def topic_parts(topic_arn: str, alarms: PolicyAlarms) -> list[Part]:
    """Return what alarms need of the policy of a topic."""
    statement = prescribed.alarm_topic_statement(topic_arn, alarms.location)
    needs = [Need(requests.publish_alarm(topic_arn, arn), topic_arn, statement) for arn in alarms.topics[topic_arn]]
    reason = (
        f"CloudWatch publishes the alarms of account {alarms.location.account}, which the policy that SNS gives to a "
        "new topic of the same account allows as well"
    )
    return [Part(tuple(needs), Requirement.REQUIRED, reason)]


def topic_key_parts(key_arn: str, _alarms: PolicyAlarms) -> list[Part]:
    """Return what alarms need of the policy of the key that encrypts a topic."""
    statement = prescribed.alarm_topic_key_statement()
    actions = ("kms:GenerateDataKey", "kms:Decrypt")
    needs = [Need(requests.use_key_for_alarm(action, key_arn), key_arn, statement) for action in actions]
    return [Part(tuple(needs), Requirement.REQUIRED, "SNS encrypts what CloudWatch publishes for alarms")]
