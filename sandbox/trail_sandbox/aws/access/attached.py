"""The policies of what is acted on: buckets, keys, topics, queues and buses; other accounts need them.

moto lets everybody into every bucket, and knows no key, topic, queue or bus of another account.
"""

from dataclasses import dataclass

from trail_sandbox.aws.access.needs import Need
from trail_sandbox.aws.moto_events import find_bus
from trail_sandbox.aws.moto_sqs import find_queue
from trail_sandbox.aws.world import World

# https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html, column Cross-account use.
_KMS_ACROSS_ACCOUNTS = frozenset(
    {
        *("DescribeKey", "Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
        *("CreateGrant", "ListGrants", "RevokeGrant", "GetKeyRotationStatus", "GetPublicKey"),
    }
)


@dataclass(frozen=True)
class Attached:
    """A resource that may have a policy."""

    account: str
    policy: str | None
    is_sole: bool = False
    """Nobody gets in past the policy, the owner's users included, as with keys and with roles' trust."""
    must_name_root: bool = False
    """The owner's root user needs an Allow, too. A Deny binds it in any case."""


def attached_to(world: World, need: Need, account: str) -> Attached | None:
    """Find the resource with a policy that an account's caller needs, if it is such a one."""
    service, _, operation = need.action.partition(":")
    if service == "s3" and operation != "CreateBucket":
        bucket = world.bucket(need.resource.split(":", 5)[-1].partition("/")[0])
        return Attached(bucket.account, bucket.policy) if bucket else None
    if service == "kms" and ":key/" in need.resource:
        key = world.key(need.resource, account, "")
        if key is None:
            return None
        is_reachable = key.account == account or operation in _KMS_ACROSS_ACCOUNTS
        return Attached(key.account, key.policy if is_reachable else None, is_sole=True)
    if service == "SNS":
        topic = world.topic(need.resource)
        return Attached(topic.account, topic.policy) if topic else None
    if service == "sqs" and need.resource != "*":
        _, _, _, region, owner, name = need.resource.split(":", 5)
        queue = find_queue(owner, region, name)
        return Attached(owner, queue.policy if queue else None)
    if service == "events" and ":event-bus/" in need.resource:
        return _bus(need.resource)
    return None


def _bus(arn: str) -> Attached:
    """Find a bus by its ARN. One that is not there lets nobody from outside in."""
    _, _, _, region, account, resource = arn.split(":", 5)
    bus = find_bus(account, region, resource.partition("/")[2])
    return Attached(account, bus.policy if bus else None)
