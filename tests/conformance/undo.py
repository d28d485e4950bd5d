"""Deletes what was made through clients that are watched, in the reverse order."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

Given = dict[str, Any]
Answer = dict[str, Any]

_GONE = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist", "InvalidClientTokenId")


def _delete_bucket(client: Any, given: Given, _: Answer) -> None:
    bucket = given["Bucket"]
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            client.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
    client.delete_bucket(Bucket=bucket)


def _delete_role(client: Any, given: Given, _: Answer) -> None:
    name = given["RoleName"]
    for policy in client.list_role_policies(RoleName=name)["PolicyNames"]:
        client.delete_role_policy(RoleName=name, PolicyName=policy)
    for policy in client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        client.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    client.delete_role(RoleName=name)


def _delete_user(client: Any, given: Given, _: Answer) -> None:
    name = given["UserName"]
    for key in client.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        client.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for policy in client.list_user_policies(UserName=name)["PolicyNames"]:
        client.delete_user_policy(UserName=name, PolicyName=policy)
    client.delete_user(UserName=name)


def _delete_policy(client: Any, _: Given, answer: Answer) -> None:
    arn = answer["Policy"]["Arn"]
    for role in client.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]:
        client.detach_role_policy(RoleName=role["RoleName"], PolicyArn=arn)
    client.delete_policy(PolicyArn=arn)


def _delete_rule(client: Any, given: Given, _: Answer) -> None:
    bus = given.get("EventBusName", "default")
    targets = client.list_targets_by_rule(Rule=given["Name"], EventBusName=bus)["Targets"]
    if targets:
        client.remove_targets(Rule=given["Name"], EventBusName=bus, Ids=[target["Id"] for target in targets])
    client.delete_rule(Name=given["Name"], EventBusName=bus)


_DELETIONS: dict[str, Callable[[Any, Given, Answer], object]] = {
    "cloudtrail.CreateTrail": lambda client, given, _: client.delete_trail(Name=given["Name"]),
    "s3.CreateBucket": _delete_bucket,
    "sns.CreateTopic": lambda client, _, answer: client.delete_topic(TopicArn=answer["TopicArn"]),
    "sqs.CreateQueue": lambda client, _, answer: client.delete_queue(QueueUrl=answer["QueueUrl"]),
    "cloudwatch.PutMetricAlarm": lambda client, given, _: client.delete_alarms(AlarmNames=[given["AlarmName"]]),
    "cloudwatch.PutCompositeAlarm": lambda client, given, _: client.delete_alarms(AlarmNames=[given["AlarmName"]]),
    "logs.CreateLogGroup": lambda client, given, _: client.delete_log_group(logGroupName=given["logGroupName"]),
    "iam.CreateRole": _delete_role,
    "iam.CreateUser": _delete_user,
    "iam.CreatePolicy": _delete_policy,
    "kms.CreateKey": lambda client, _, answer: client.schedule_key_deletion(
        KeyId=answer["KeyMetadata"]["KeyId"], PendingWindowInDays=7
    ),
    "kms.CreateAlias": lambda client, given, _: client.delete_alias(AliasName=given["AliasName"]),
    "events.PutRule": _delete_rule,
    "events.CreateEventBus": lambda client, given, _: client.delete_event_bus(Name=given["Name"]),
}


class Undo:
    """What is to be deleted when a fact has ended."""

    def __init__(self) -> None:
        self._deletions: list[tuple[str, Callable[[], object]]] = []

    def watch(self, client: Any, administrator: Callable[[], Any]) -> None:
        """Remember what a client makes, to delete it with the administrator's client."""
        events, service = client.meta.events, client.meta.service_model.service_name
        for operation, delete in _DELETIONS.items():
            if operation.startswith(f"{service}."):
                events.register(f"provide-client-params.{operation}", _remember)
                events.register(f"after-call.{operation}", self._made(administrator, operation, delete))

    def _made(
        self, administrator: Callable[[], Any], operation: str, delete: Callable[[Any, Given, Answer], object]
    ) -> Callable[..., None]:
        def made(http_response: Any, parsed: Answer, context: dict[str, Any], **_: Any) -> None:
            if http_response.status_code < 300:
                given = context["given"]
                self._deletions.append((f"{operation} {given}", lambda: delete(administrator(), given, parsed)))

        return made

    def all(self) -> None:
        """Delete everything, and tell of what could not be."""
        left: list[str] = []
        for what, delete in reversed(self._deletions):
            try:
                delete()
            except ClientError as error:
                if not any(word in error.response["Error"]["Code"] for word in _GONE):
                    left.append(f"{what}: {error}")
        self._deletions.clear()
        assert not left, f"left behind: {'; '.join(left)}"


def _remember(params: Given, context: dict[str, Any], **_: Any) -> None:
    context["given"] = dict(params)
