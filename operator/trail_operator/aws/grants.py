"""The statements of the operator's IAM policies: which resources they are for, and when they are needed.

`operations.py` has the actions that each grants.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class When(StrEnum):
    """When the operator needs an IAM action."""

    ALWAYS = "always"
    STOPPING = "with `isLogging: false`"
    DELETING = "with `deletionPolicy: Delete`"
    LOG_GROUP = "with `cloudWatchLogsRoleARN`"
    KEY = "with an alias in `kmsKeyID`, or `allowedKeyARNs` in the AWSAccount"
    ORGANIZATION = "with `isOrganizationTrail: true`"
    ACCOUNT = "with `roleARN` in an AWSAccount"
    EVENT_QUEUE = "with `--event-queue`"
    WARNINGS = "optional, for warnings about other trails"
    MESSAGES = "optional, for `DependenciesReady` and messages that say what is missing"
    ALARMS = "with a TrailAlarmSet"
    PATTERNS = "with `alarms` in a TrailAlarmSet"
    ALARM_TAGS = "optional, to read the tags of alarms with fewer calls"
    ALARM_LOG_GROUP = "optional, to check the log group of a TrailAlarmSet before anything is written"
    ALARM_TOPICS = "optional, for `Advisory` of a TrailAlarmSet"
    ATTRIBUTION = "optional, for `status.lastDrift.changedBy`; not with `--drift-attribution None`"


@dataclass(frozen=True, eq=False)
class Grant:
    """A statement of the operator's IAM policies. `actions_of` returns its actions."""

    sid: str
    resource: str
    condition: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


TRAILS = Grant("Trails", "arn:aws:cloudtrail:*:ACCOUNT:trail/*")
OTHER_TRAILS = Grant("OtherTrails", "*")  # these actions have no resource types
LOG_GROUP_ROLES = Grant(
    "RolesForLogGroups",
    "arn:aws:iam::ACCOUNT:role/ROLE",
    {"StringEquals": {"iam:PassedToService": "cloudtrail.amazonaws.com"}},
)
KEYS = Grant("KeyAliases", "*")
ORGANIZATION = Grant("OrganizationTrails", "*")
ORGANIZATION_ROLE = Grant(
    "OrganizationTrailsRole",
    "arn:aws:iam::*:role/aws-service-role/cloudtrail.amazonaws.com/AWSServiceRoleForCloudTrail",
)
DEPENDENCIES = Grant("WhatTrailsDependOn", "*")
EVENT_HISTORY = Grant("EventHistory", "*")  # the action has no resource types
METRIC_FILTERS = Grant("MetricFilters", "arn:aws:logs:*:ACCOUNT:log-group:LOG_GROUP:*")  # filters have no ARN
ALARMS = Grant("Alarms", "arn:aws:cloudwatch:*:ACCOUNT:alarm:CLUSTER/*")
ALARM_READS = Grant("AlarmReads", "*")
ALARM_CHECKS = Grant("AlarmChecks", "*")
ACCOUNT_ROLES = Grant("RolesOfTrailAccounts", "arn:aws:iam::*:role/ROLE")  # of the operator's own identity
EVENT_QUEUE = Grant("EventQueue", "arn:aws:sqs:REGION:ACCOUNT:QUEUE")  # of the operator's own identity

NEEDED = (TRAILS, OTHER_TRAILS, LOG_GROUP_ROLES, KEYS)
FOR_ORGANIZATIONS = (ORGANIZATION, ORGANIZATION_ROLE)
FOR_MESSAGES = (DEPENDENCIES,)
FOR_ATTRIBUTION = (EVENT_HISTORY,)
FOR_EVENTS = (EVENT_QUEUE,)
FOR_ALARMS = (METRIC_FILTERS, ALARMS, ALARM_READS, ALARM_CHECKS)
FOR_ACCOUNTS = (ACCOUNT_ROLES,)

FEATURES: Mapping[str, tuple[Grant, ...]] = {
    "accounts": FOR_ACCOUNTS,
    "organizations": FOR_ORGANIZATIONS,
    "dependencies": FOR_MESSAGES,
    "events": FOR_EVENTS,
    "attribution": FOR_ATTRIBUTION,
    "alarms": FOR_ALARMS,
}
"""What the operator can do besides managing trails, and the statements for it."""


@dataclass(frozen=True)
class Permission:
    """An IAM action that an operation needs, and the statement that grants it. Empty fields: as for the operation."""

    grant: Grant
    when: When
    action: str = ""
    why: str = ""
