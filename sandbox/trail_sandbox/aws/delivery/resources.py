"""The resources that a request is about, as far as event records name them, and whose they are.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html (resources)
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
"""

from collections.abc import Callable
from dataclasses import dataclass

from trail_sandbox.aws.delivery.classification import is_management
from trail_sandbox.aws.events import ApiEvent
from trail_sandbox.aws.regions import partition_of
from trail_sandbox.aws.world import World

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


@dataclass(frozen=True)
class Resource:
    """One of the resources of an event."""

    type: str
    arn: str
    account: str | None = None
    region: str | None = None
    is_prefix: bool = False
    """The ARN is the beginning of those of many, such as of the objects that ListObjects lists."""

    def describe(self, account: str | None) -> dict[str, str]:
        """Describe the resource as a record does, with the account if it may be disclosed."""
        whose = {"accountId": account} if account else {}
        return {**whose, "type": self.type, "ARNPrefix" if self.is_prefix else "ARN": self.arn}


def resources_of(event: ApiEvent, world: World) -> tuple[Resource, ...]:
    """Return the resources that a request is about; none for services whose records do not say."""
    read = _READERS.get(event.service)
    return read(event, world) if read else ()


def _s3(event: ApiEvent, world: World) -> tuple[Resource, ...]:
    name = _parameter(event, "Bucket")
    if not name:
        return ()
    found = None if event.operation == "CreateBucket" else world.bucket(name)
    arn = f"arn:{partition_of(event.region)}:s3:::{name}"
    account, region = (found.account, found.region) if found else (event.caller.account, event.region)
    bucket = Resource("AWS::S3::Bucket", arn, account, region)
    if is_management(event):
        return (bucket,)
    key = _parameter(event, "Key")
    if key:
        return Resource("AWS::S3::Object", f"{arn}/{key}"), bucket
    return Resource("AWS::S3::Object", f"{arn}/", is_prefix=True), bucket


def _lambda(event: ApiEvent, _: World) -> tuple[Resource, ...]:
    return _named(event, "AWS::Lambda::Function", "lambda", "function:", _parameter(event, "FunctionName"))


def _dynamodb(event: ApiEvent, _: World) -> tuple[Resource, ...]:
    tables = event.parameters.get("RequestItems") or [_parameter(event, "TableName")]
    return tuple(
        one for table in tables for one in _named(event, "AWS::DynamoDB::Table", "dynamodb", "table/", str(table))
    )


def _sns(event: ApiEvent, _: World) -> tuple[Resource, ...]:
    return _named(event, "AWS::SNS::Topic", "sns", "", _parameter(event, "TopicArn"))


def _sqs(event: ApiEvent, _: World) -> tuple[Resource, ...]:
    return _named(event, "AWS::SQS::Queue", "sqs", "", _parameter(event, "QueueUrl").rpartition("/")[2])


def _kms(event: ApiEvent, world: World) -> tuple[Resource, ...]:
    """The key, and the alias of calls about aliases. Grants and imports are of the key.

    https://docs.aws.amazon.com/kms/latest/developerguide/ct-createalias.html
    """
    alias = _parameter(event, "AliasName")
    name = _parameter(event, "KeyId") or _parameter(event, "TargetKeyId") or alias
    key = world.key(name, event.caller.account, event.region) if name and not event.error_code else None
    if key is None:
        return ()
    found = Resource("AWS::KMS::Key", key.arn, key.account, key.region)
    prefix = key.arn.partition(":key/")[0]
    return (Resource("AWS::KMS::Alias", f"{prefix}:{alias}", key.account, key.region), found) if alias else (found,)


def _sts(event: ApiEvent, _: World) -> tuple[Resource, ...]:
    """The role of AssumeRole: a refusal is its account's as little as a role that is not there is."""
    arn = _parameter(event, "RoleArn")
    if not arn.startswith("arn:") or event.error_code:
        return ()
    return (Resource("AWS::IAM::Role", arn, arn.split(":")[4], event.region),)


def _named(event: ApiEvent, kind: str, service: str, path: str, name: str) -> tuple[Resource, ...]:
    """A resource of the caller's account by its name, or any by its ARN."""
    if name.startswith("arn:"):
        parts = name.split(":")
        return (Resource(kind, name, parts[4], parts[3]),) if len(parts) > 5 else ()
    account, region = event.caller.account, event.region
    arn = f"arn:{partition_of(event.region)}:{service}:{region}:{account}:{path}{name}"
    return (Resource(kind, arn, account, region),) if name else ()


def _parameter(event: ApiEvent, name: str) -> str:
    return str(event.parameters.get(name) or "")


_READERS: dict[str, Callable[[ApiEvent, World], tuple[Resource, ...]]] = {
    "s3": _s3,
    "lambda": _lambda,
    "dynamodb": _dynamodb,
    "sns": _sns,
    "sqs": _sqs,
    "kms": _kms,
    "sts": _sts,
}
