"""The resources that calls to the services about CloudTrail name: keys, topics, queues, log groups, roles, rules.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import re
from collections.abc import Callable, Iterator, Sequence

from moto.cloudwatch.models import cloudwatch_backends
from moto.iam.models import iam_backends

from trail_sandbox.aws.access.needs import Ask, Keys, Need, tag_keys
from trail_sandbox.aws.moto_sqs import find_queue
from trail_sandbox.aws.roles import find_role
from trail_sandbox.aws.world import World

_ACCOUNT = re.compile(r"\A[0-9]{12}\Z")

Arns = Callable[[World, Ask], list[str]]

# What services call themselves in policies and messages.
_PREFIXES = {"sns": "SNS", "monitoring": "cloudwatch", "tagging": "tag"}
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html: needs TagResource, too.
_TAGGING = ("cloudwatch:PutMetricAlarm", "cloudwatch:PutCompositeAlarm")
_IAM_KEYS = {
    "PolicyArn": "iam:PolicyARN",
    "PermissionsBoundary": "iam:PermissionsBoundary",
    "AWSServiceName": "iam:AWSServiceName",
}


def other_needs(world: World, ask: Ask) -> Iterator[Need]:
    """Give the one action of a call, on each of the resources that it names."""
    name = ask.operation.name
    if ask.service == "sqs":  # sqs:DeleteMessage also allows DeleteMessageBatch
        name = name.removesuffix("Batch")
    action = f"{_PREFIXES.get(ask.service, ask.service)}:{name}"
    keys = tag_keys(ask.parameters)
    if ask.service == "iam":
        keys |= {key: ask.text(name) for name, key in _IAM_KEYS.items() if ask.text(name)}
    if ask.service == "kms" and ask.text("KeyId").startswith("alias/"):
        keys["kms:RequestAlias"] = ask.text("KeyId")
    if ask.service == "monitoring":
        keys |= _alarm_action_keys(ask)
    arns = _ARNS.get(ask.service)
    for resource in (arns(world, ask) if arns else None) or ["*"]:
        yield Need(action, resource, {**keys, **_alarm_tags(ask, resource)})
        if action == "sqs:ReceiveMessage":
            yield from _decryption(world, resource)
        if action in _TAGGING and ask.parameters.get("Tags"):
            yield Need("cloudwatch:TagResource", resource, keys)


def _alarm_action_keys(ask: Ask) -> dict[str, str | Sequence[str]]:
    """Give the actions of an alarm that is put; not verified: that the key is left out where there are none.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-alarm-actions.html
    """
    given = [ask.parameters.get(name) for name in ("AlarmActions", "OKActions", "InsufficientDataActions")]
    actions = [str(one) for some in given if isinstance(some, list) for one in some]
    return {"cloudwatch:AlarmActions": actions} if actions else {}


def _alarm_tags(ask: Ask, resource: str) -> Keys:
    """Give the tags that an alarm has before the call."""
    if ask.service != "monitoring":
        return {}
    backend = cloudwatch_backends[ask.caller.account][ask.region]
    tags: dict[str, str] = backend.tagger.get_tag_dict_for_resource(resource)
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}


def _decryption(world: World, queue_arn: str) -> Iterator[Need]:
    """Give what a consumer of an encrypted queue needs of its key.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    """
    _, _, _, region, account, name = queue_arn.split(":", 5)
    queue = find_queue(account, region, name)
    named = queue.kms_master_key_id if queue else None  # type: ignore[attr-defined]  # made by moto's setattr
    key = world.key(named, account, region) if named else None
    if key:
        yield Need("kms:Decrypt", key.arn, {"kms:EncryptionContext:aws:sqs:arn": queue_arn})


def _of_kms(world: World, ask: Ask) -> list[str]:
    alias = ask.text("AliasName")
    key = ask.text("KeyId") or ask.text("TargetKeyId") or ask.text("SourceKeyId") or alias
    if not key:
        return []
    found = world.key(key, ask.caller.account, ask.region)
    named = found.arn if found else key if key.startswith("arn:") else ask.arn(f"key/{key}")
    return [named, ask.arn(alias)] if alias else [named]


def _of_sns(_: World, ask: Ask) -> list[str]:
    if ask.operation.name == "CreateTopic":
        return [ask.arn(ask.text("Name"))]
    given = ask.text("TopicArn") or ask.text("TargetArn") or ask.text("ResourceArn")
    return [given] if given else []


def _of_sqs(_: World, ask: Ask) -> list[str]:
    """Name the queue, which is another account's if its URL or the call says so."""
    owner, name = ["", "", *ask.text("QueueUrl").split("/")][-2:]
    name, owner = ask.text("QueueName") or name, ask.text("QueueOwnerAWSAccountId") or owner
    return [ask.arn(name, account=owner if _ACCOUNT.match(owner) else None)] if name else []


def _of_logs(_: World, ask: Ask) -> list[str]:
    """Name log groups as Logs does in its refusals, with an empty log stream, which policies meet by their `:*`."""
    if ask.text("resourceArn"):
        return [ask.text("resourceArn").removesuffix(":*")]
    group = ask.text("logGroupName") or ask.text("logGroupIdentifier")
    if not group and ask.operation.name != "DescribeLogGroups":
        return []
    arn = group.removesuffix(":*") if group.startswith("arn:") else ask.arn(f"log-group:{group}")
    return [f"{arn}:log-stream:{ask.text('logStreamName')}"]


def _of_cloudwatch(_: World, ask: Ask) -> list[str]:
    """Name alarms; not verified: that a call without names is about all of them."""
    if ask.text("ResourceARN"):
        return [ask.text("ResourceARN")]
    given = ask.parameters.get("AlarmNames")
    names = [str(one) for one in given] if isinstance(given, list) else []
    names += [ask.text("AlarmName")] if ask.text("AlarmName") else []
    return [ask.arn(f"alarm:{name}", service="cloudwatch") for name in names]


def _of_iam(_: World, ask: Ask) -> list[str]:
    def named(kind: str, name: str) -> list[str]:
        return [ask.arn(f"{kind}{ask.text('Path') or '/'}{name}", region="")]

    if ask.text("InstanceProfileName"):
        return named("instance-profile", ask.text("InstanceProfileName"))
    if ask.text("RoleName"):
        role = find_role(ask.caller.partition, ask.caller.account, ask.text("RoleName"))
        return [role.arn] if role else named("role", ask.text("RoleName"))
    if ask.text("AWSServiceName"):
        return [ask.arn(f"role/aws-service-role/{ask.text('AWSServiceName')}/*", region="")]
    if ask.text("GroupName"):
        return named("group", ask.text("GroupName"))
    if ask.text("UserName"):
        user = iam_backends[ask.caller.account][ask.caller.partition].users.get(ask.text("UserName"))
        return [user.arn] if user else named("user", ask.text("UserName"))
    if ask.text("PolicyArn"):
        return [ask.text("PolicyArn")]
    if ask.text("PolicyName"):
        return named("policy", ask.text("PolicyName"))
    # Without a name it is the caller's own user or key that is meant.
    own = ("GetUser", "ListAccessKeys", "CreateAccessKey", "DeleteAccessKey", "UpdateAccessKey", "ChangePassword")
    return [ask.caller.arn] if ask.operation.name in own else []


def _of_events(_: World, ask: Ask) -> list[str]:
    if ask.operation.name == "PutEvents":
        return list(dict.fromkeys(_buses(ask)))
    bus = ask.text("EventBusName").rpartition("/")[2] or "default"
    if ask.operation.name in ("CreateEventBus", "DeleteEventBus", "DescribeEventBus", "UpdateEventBus"):
        return [ask.arn(f"event-bus/{ask.text('Name') or 'default'}")]
    rule = ask.text("Rule") or (ask.text("Name") if ask.operation.name.endswith("Rule") else "")
    path = rule if bus == "default" else f"{bus}/{rule}"
    return [ask.arn(f"rule/{path}")] if rule else []


def _buses(ask: Ask) -> Iterator[str]:
    """Name the bus of each entry, by its ARN where it is another account's."""
    entries = ask.parameters.get("Entries")
    for entry in entries if isinstance(entries, list) else []:
        bus = str(entry.get("EventBusName") or "default")
        yield bus if bus.startswith("arn:") else ask.arn(f"event-bus/{bus}")


def _of_sts(_: World, ask: Ask) -> list[str]:
    return [ask.text("RoleArn")] if ask.text("RoleArn") else []


_ARNS: dict[str, Arns] = {
    "kms": _of_kms,
    "sns": _of_sns,
    "sqs": _of_sqs,
    "logs": _of_logs,
    "monitoring": _of_cloudwatch,
    "iam": _of_iam,
    "events": _of_events,
    "sts": _of_sts,
}
