"""The operator's own IAM policy, from the table of operations: for documentation, and filled in for real accounts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trail_operator.aws.grants import (
    ACCOUNT_ROLES,
    ALARMS,
    EVENT_QUEUE,
    KEYS,
    LOG_GROUP_ROLES,
    METRIC_FILTERS,
    NEEDED,
    ORGANIZATION_ROLE,
    TRAILS,
    Grant,
    When,
)
from trail_operator.aws.operations import OPERATIONS, Operation, Read, actions_of, permissions_of
from trail_operator.domain.arns import Arn
from trail_operator.domain.iam_policy.combined import Part, Requirement
from trail_operator.domain.iam_policy.matching import Target
from trail_operator.domain.iam_policy.needs import Need
from trail_operator.domain.iam_policy.statements import Caller, Request

_OPTIONAL = {
    When.WARNINGS,
    When.MESSAGES,
    When.ATTRIBUTION,
    When.ALARM_TAGS,
    When.ALARM_LOG_GROUP,
    When.ALARM_TOPICS,
}
_PASSED_TO = {"iam:passedtoservice": ("cloudtrail.amazonaws.com",)}


@dataclass(frozen=True)
class Scope:
    """Whose policy it is: the trails and other resources that one identity of the operator uses."""

    partition: str = "aws"
    accounts: tuple[str, ...] = ("*",)
    """The accounts that own the trails."""
    trails: tuple[str, ...] = ()
    log_roles: tuple[str, ...] = ()
    account_roles: tuple[str, ...] = ()
    queue: str = ""
    has_aliases: bool = False
    """Whether keys must be resolved."""
    has_organization_trails: bool = False
    log_groups: tuple[str, ...] = ()
    """The ARNs of log groups with metric filters; empty: any."""
    cluster: str = ""
    """The name of the cluster, with which the names of alarms begin; empty: any."""
    has_alarms: bool = False

    def resources(self, grant: Grant) -> tuple[str, ...]:
        """Return the resources of a statement; none if nothing needs it."""
        if grant is TRAILS:
            return tuple(str(Arn(self.partition, "cloudtrail", "*", account, "trail/*")) for account in self.accounts)
        known = {LOG_GROUP_ROLES: self.log_roles, ACCOUNT_ROLES: self.account_roles}
        if grant in known:
            return known[grant]
        if grant is METRIC_FILTERS:
            any_group = (str(Arn(self.partition, "logs", "*", one, "log-group:*")) for one in self.accounts)
            return tuple(f"{one.removesuffix(':*')}:*" for one in self.log_groups) or tuple(any_group)
        if grant is ALARMS:
            names = f"alarm:{self.cluster or '*'}/*"
            return tuple(str(Arn(self.partition, "cloudwatch", "*", one, names)) for one in self.accounts)
        if grant is EVENT_QUEUE:
            return (self.queue,) if self.queue else ()
        if grant is ORGANIZATION_ROLE:
            arn = Arn.parse(grant.resource)
            return (str(Arn(self.partition, arn.service, arn.region, arn.account, arn.resource)),)
        return (grant.resource,)

    def requirement(self, grant: Grant, operations: Iterable[Operation]) -> Requirement:
        """Return whether an identity with this scope needs a statement."""
        needed = {one.when for one in permissions_of(grant, operations)} - _OPTIONAL
        if not self.has_organization_trails:
            needed.discard(When.ORGANIZATION)
        if not self.has_alarms:
            needed -= {When.ALARMS, When.PATTERNS}
        if not self.has_aliases and grant is KEYS:
            needed.discard(When.KEY)
        return Requirement.REQUIRED if needed else Requirement.RECOMMENDED


def statement(grant: Grant, resources: Sequence[str], operations: Iterable[Operation] = OPERATIONS) -> dict[str, Any]:
    """Return the statement for these operations."""
    actions = actions_of(grant, operations)
    return {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": actions[0] if len(actions) == 1 else list(actions),
        "Resource": resources[0] if len(resources) == 1 else list(resources),
        **({"Condition": grant.condition} if grant.condition else {}),
    }


def operator_parts(features: Iterable[tuple[Grant, ...]], scope: Scope, *, read_only: bool) -> Iterator[Part]:
    """Yield the statements of the operator's policy: what it always needs, and that of features."""
    operations: tuple[Operation, ...] = tuple(Read) if read_only else OPERATIONS
    for grant in (*NEEDED, *(one for grants in features for one in grants)):
        resources, permissions = scope.resources(grant), permissions_of(grant, operations)
        if resources and permissions:
            when = ", ".join(dict.fromkeys(one.when.value for one in permissions))
            found = statement(grant, resources, operations)
            yield Part(tuple(_needs(found, resources, scope)), scope.requirement(grant, operations), when)


def _needs(statement: dict[str, Any], resources: Sequence[str], scope: Scope) -> Iterator[Need]:
    """Yield what a statement is to allow, for its patterns and for every trail that is known."""
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    more = scope.trails if statement["Sid"] == TRAILS.sid else ()
    for action in actions:
        context = _PASSED_TO if action == "iam:PassRole" else {}
        for resource in (*resources, *more):
            target = Target(resource.removesuffix("*"), open_ended=resource.endswith("*"))
            yield Need(Request(Caller.ROLE, action, target, context), resource, statement)
