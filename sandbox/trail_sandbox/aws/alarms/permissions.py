"""Whether a topic and its key let CloudWatch publish for an alarm.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
"""

from trail_sandbox.aws.policy import Decision, Principal, Request, evaluate
from trail_sandbox.aws.world import Topic, World

_CLOUDWATCH = Principal.service("cloudwatch.amazonaws.com")
_ENCRYPTION = ("kms:GenerateDataKey", "kms:Decrypt")


def may_publish(world: World, alarm_arn: str, account: str, topic: Topic) -> bool:
    """Say whether it may; SNS's own policy for new topics knows its account as aws:SourceOwner."""
    keys = {"aws:SourceArn": alarm_arn, "aws:SourceAccount": account, "aws:SourceOwner": account}
    request = Request(_CLOUDWATCH, "SNS:Publish", topic.arn, keys)
    if evaluate(topic.policy, request) is not Decision.ALLOW:
        return False
    if topic.kms_key is None:
        return True
    key = world.key(topic.kms_key, topic.account, topic.region)
    if key is None or not key.is_usable:
        return False
    asked = [Request(_CLOUDWATCH, action, key.arn, keys) for action in _ENCRYPTION]
    return all(evaluate(key.policy, one) is Decision.ALLOW for one in asked)
