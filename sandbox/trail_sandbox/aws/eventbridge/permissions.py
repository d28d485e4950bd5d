"""What the policies allow a rule to do: put a message into a queue, or an event on another bus.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions (queues)
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-perms.html (buses)
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-cross-account.html (queues of other accounts)
Service control policies are not evaluated. Not verified: that a role is needed wherever the regions differ, and that a
role's request carries aws:SourceArn and aws:SourceAccount.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.events.models import EventBus, Rule
from moto.sqs.models import Queue

from trail_sandbox.aws.policy import Decision, Principal, Request, evaluate
from trail_sandbox.aws.roles import Role
from trail_sandbox.aws.world import World

_EVENTBRIDGE = Principal.service("events.amazonaws.com")
_SESSION = "EventBridge"

Keys = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class _Asker:
    """As whom a rule acts: EventBridge itself, its account, or a role of its account."""

    account: str
    principal: Principal
    keys: Keys
    role: Role | None = None

    def may(self, action: str, resource: str, policy: str | None, owner: str, keys: Keys | None = None) -> bool:
        """Say whether the policy of a resource, and of the role if there is one, allow an action.

        A role needs its own permission; that of the resource only where the resource is another account's.
        """
        own = {"aws:ResourceAccount": owner}
        request = Request(self.principal, action, resource, {**self.keys, **own, **(keys or {})})
        by_resource = evaluate(policy, request) if policy else Decision.NONE
        if self.role is None:
            return by_resource is Decision.ALLOW
        is_let_in = by_resource is Decision.ALLOW or (owner == self.account and by_resource is Decision.NONE)
        return is_let_in and self.role.decide(request) is Decision.ALLOW


def may_send(world: World, rule: Rule, target: Mapping[str, Any], queue: Queue) -> bool:
    """Say whether a rule may put a message into a queue: one of another account by a role, in the same region alone."""
    asker = _as_role(world, rule, target["RoleArn"]) if target.get("RoleArn") else _as_service(world, rule)
    if asker is None or queue.region != rule.region_name:
        return False
    if queue.account_id != rule.account_id and asker.role is None:
        return False
    is_allowed = asker.may("sqs:SendMessage", queue.queue_arn, queue.policy, queue.account_id)
    return is_allowed and _may_encrypt(world, asker, queue)


def may_put(world: World, rule: Rule, target: Mapping[str, Any], bus: EventBus, event: Mapping[str, Any]) -> bool:
    """Say whether a rule may put an event on another bus.

    Without a role, a bus has to name the account: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
    """
    asker = _as_role(world, rule, target["RoleArn"]) if target.get("RoleArn") else _as_account(rule)
    if asker is None or (asker.role is None and bus.region != rule.region_name):
        return False
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    keys = {
        "events:source": str(event["source"]),
        "events:detail-type": str(event["detail-type"]),
        "events:eventBusInvocation": "true",
    }
    return asker.may("events:PutEvents", bus.arn, bus.policy, bus.account_id, keys)


def _as_service(world: World, rule: Rule) -> _Asker:
    return _Asker(rule.account_id, _EVENTBRIDGE, _source(rule) | _organization(world, rule.account_id, "Source"))


def _as_account(rule: Rule) -> _Asker:
    """The account as a bus may name it; which organization it is in is not known of it."""
    partition = rule.arn.split(":")[1]
    principal = Principal.arn(f"arn:{partition}:iam::{rule.account_id}:root")
    return _Asker(rule.account_id, principal, _source(rule))


def _as_role(world: World, rule: Rule, arn: str) -> _Asker | None:
    """A session of a role of the rule's account; None if EventBridge may not assume it."""
    role = world.role(arn)
    if role is None or role.account != rule.account_id:
        return None
    if evaluate(role.trust, Request(_EVENTBRIDGE, "sts:AssumeRole", role.arn, _source(rule))) is not Decision.ALLOW:
        return None
    name = role.arn.rpartition("/")[2]
    session = f"arn:{role.arn.split(':')[1]}:sts::{role.account}:assumed-role/{name}/{_SESSION}"
    organization = _organization(world, role.account, "Principal")
    keys = _source(rule) | organization | {"aws:PrincipalArn": role.arn}
    return _Asker(rule.account_id, Principal.arn(session), keys, role)


def _source(rule: Rule) -> dict[str, str | Sequence[str]]:
    return {"aws:SourceArn": rule.arn, "aws:SourceAccount": rule.account_id}


def _organization(world: World, account: str, whose: str) -> dict[str, str | Sequence[str]]:
    organization = world.organization(account)
    if organization is None:
        return {}
    return {f"aws:{whose}OrgID": organization.id, f"aws:{whose}OrgPaths": [organization.path_of(account)]}


def _may_encrypt(world: World, asker: _Asker, queue: Queue) -> bool:
    """Say whether the key of a queue's encryption lets a rule in: the one of SQS itself lets no other service.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    """
    name = queue.kms_master_key_id  # type: ignore[attr-defined]
    if not name:
        return True
    key = world.key(name, queue.account_id, queue.region)
    if key is None or not key.is_usable:
        return False
    context = {"kms:EncryptionContext:aws:sqs:arn": queue.queue_arn}
    return all(asker.may(action, key.arn, key.policy, key.account, context) for action in _ENCRYPTION)


_ENCRYPTION = ("kms:GenerateDataKey", "kms:Decrypt")
