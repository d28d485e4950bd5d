"""The table of AWS operations: every call of the operator, which IAM actions it needs, when and why.

`AWSClient` takes members of `Read`, `Write` and `Queue`, so every call is in the table. The labels of metrics,
docs/iam.md, the checks of responses (`responses.py`) and tests are derived from it. `grants.py` has the statements.

Actions and resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from trail_operator.aws.grants import (
    ACCOUNT_ROLES,
    ALARM_CHECKS,
    ALARM_READS,
    ALARMS,
    DEPENDENCIES,
    EVENT_HISTORY,
    EVENT_QUEUE,
    KEYS,
    LOG_GROUP_ROLES,
    METRIC_FILTERS,
    ORGANIZATION,
    ORGANIZATION_ROLE,
    OTHER_TRAILS,
    TRAILS,
    Grant,
    Permission,
    When,
)


@dataclass(frozen=True, eq=False)  # equal values would be aliases of one enum member
class Facts:
    """An operation: its service, its purpose and its permissions."""

    service: str
    why: str
    permissions: tuple[Permission, ...] = ()
    action: str = ""
    """The IAM action, if its name differs from that of the operation."""
    per_second: int | None = None
    """The most calls a second in one account and region; None: as for other operations of the service."""


# The most calls a second of each operation in one account and region. A write that others may make, too, gets less than
# AWS allows. Of CloudTrail: https://docs.aws.amazon.com/general/latest/gr/ct.html#limits_cloudtrail
# Of CloudWatch (3 for PutMetricAlarm and DeleteAlarms, 9 for DescribeAlarms), not verified for its operations on tags:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
# Of CloudWatch Logs (5 for DescribeLogGroups), not verified for its operations on metric filters:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
# Of tagging: https://docs.aws.amazon.com/general/latest/gr/arg.html
_READS_PER_SECOND = {"cloudtrail": 10, "cloudwatch": 5, "logs": 4, "resourcegroupstaggingapi": 5}
_WRITES_PER_SECOND = {"cloudtrail": 1, "cloudwatch": 2, "logs": 4}

_TRAIL = Permission(TRAILS, When.ALWAYS)
_KEY = Permission(KEYS, When.KEY)
_ORGANIZATION = Permission(ORGANIZATION, When.ORGANIZATION)
_MESSAGE = Permission(DEPENDENCIES, When.MESSAGES)
_ALARM = Permission(ALARMS, When.ALARMS)
_FILTER = Permission(METRIC_FILTERS, When.ALARMS)
_EVENT_QUEUE = Permission(EVENT_QUEUE, When.EVENT_QUEUE)
# What CloudTrail does with the permissions of the caller that creates or updates a trail:
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html
_DEPENDENT = (
    Permission(
        LOG_GROUP_ROLES,
        When.LOG_GROUP,
        "iam:PassRole",
        "Gives CloudTrail the role with which it writes to the log group.",
    ),
    *(
        Permission(grant, When.ORGANIZATION, action, "Lets CloudTrail check and prepare the organization.")
        for grant, action in (
            (ORGANIZATION_ROLE, "iam:GetRole"),
            (ORGANIZATION_ROLE, "iam:CreateServiceLinkedRole"),
            (ORGANIZATION, "organizations:DescribeOrganization"),
            (ORGANIZATION, "organizations:ListAWSServiceAccessForOrganization"),
        )
    ),
)


# Services that have another name in IAM than in botocore.
_IAM_NAMES = {"resourcegroupstaggingapi": "tag"}


class Operation(Enum):
    """An operation, with the name that AWS gives it."""

    def __str__(self) -> str:
        return f"{self.prefix}:{self.name}"

    @property
    def _facts(self) -> Facts:
        facts: Facts = self.value
        return facts

    @property
    def service(self) -> str:
        """The name of the service in botocore."""
        return self._facts.service

    @property
    def prefix(self) -> str:
        """The name of the service in IAM actions, messages and metrics."""
        return _IAM_NAMES.get(self.service, self.service)

    @property
    def why(self) -> str:
        """Why the operator calls it."""
        return self._facts.why

    @property
    def action(self) -> str:
        """The IAM action of the operation itself."""
        return self._facts.action or str(self)

    @property
    def per_second(self) -> int | None:
        """The most calls a second in one account and region; None if they are not limited here."""
        rates = _WRITES_PER_SECOND if isinstance(self, Write) else _READS_PER_SECOND
        return self._facts.per_second or rates.get(self.service)

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """The permissions that a caller needs, that for the operation first; none if AWS requires none."""
        return tuple(
            Permission(one.grant, one.when, one.action or self.action, one.why or self.why)
            for one in self._facts.permissions
        )


class Read(Operation):
    """An operation that changes nothing, for `AWSClient.call`."""

    GetTrail = Facts("cloudtrail", "Reads the trail's settings.", (_TRAIL,))
    GetTrailStatus = Facts("cloudtrail", "Reads whether the trail is logging, and which deliveries fail.", (_TRAIL,))
    GetEventSelectors = Facts("cloudtrail", "Reads which events the trail records.", (_TRAIL,))
    GetInsightSelectors = Facts("cloudtrail", "Reads which insights the trail records.", (_TRAIL,))
    GetEventConfiguration = Facts("cloudtrail", "Reads which events the trail aggregates.", (_TRAIL,))
    ListTags = Facts("cloudtrail", "Reads the trail's tags, among them the owner tag.", (_TRAIL,))
    DescribeTrails = Facts(
        "cloudtrail",
        "Finds the trail that holds a name, the trails that fill a Region, and trails that record the same events.",
        (Permission(OTHER_TRAILS, When.WARNINGS),),
    )
    ListTrails = Facts(
        "cloudtrail",
        "Finds a trail of the same resource in another Region before one is created, so that there is never a second.",
        (Permission(OTHER_TRAILS, When.ALWAYS),),
    )
    LookupEvents = Facts(
        "cloudtrail",
        "Finds out in the event history who caused a drift, a minute and a quarter of an hour after it was found.",
        (Permission(EVENT_HISTORY, When.ATTRIBUTION),),
        per_second=2,
    )
    GetCallerIdentity = Facts("sts", "Reads which account the credentials belong to, before they are used to write.")
    GetBucketPolicy = Facts("s3", "Reads what the bucket's policy allows CloudTrail to do.", (_MESSAGE,))
    GetBucketLocation = Facts("s3", "Reads the bucket's Region, in which the trail's key must be.", (_MESSAGE,))
    GetBucketEncryption = Facts(
        "s3",
        "Reads the bucket's default key, and whether it has an S3 Bucket Key, which calls for `kms:Decrypt`.",
        (_MESSAGE,),
        action="s3:GetEncryptionConfiguration",
    )
    GetBucketRequestPayment = Facts(
        "s3", "Reads whether it is a Requester Pays bucket, to which CloudTrail cannot deliver.", (_MESSAGE,)
    )
    GetTopicAttributes = Facts(
        "sns",
        "Reads the topic's policy, its key and whether it has subscribers.",
        (_MESSAGE, Permission(ALARM_CHECKS, When.ALARM_TOPICS)),
    )
    DescribeKey = Facts(
        "kms",
        "Finds the key behind an alias, and reads the state of the keys of trail, topic and bucket.",
        (_KEY, _MESSAGE),
    )
    GetKeyPolicy = Facts("kms", "Reads what the policies of these keys allow CloudTrail to do.", (_MESSAGE,))
    DescribeLogGroups = Facts(
        "logs",
        "Reads whether the log group exists, and whether its class allows metric filters.",
        (_MESSAGE, Permission(ALARM_CHECKS, When.ALARM_LOG_GROUP)),
    )
    GetRole = Facts("iam", "Reads the trust policy of the log group's role, and its permissions boundary.", (_MESSAGE,))
    ListRolePolicies = Facts("iam", "Lists the role's inline policies, page by page.", (_MESSAGE,))
    GetRolePolicy = Facts("iam", "Reads an inline policy of the role.", (_MESSAGE,))
    ListAttachedRolePolicies = Facts("iam", "Lists the role's managed policies, page by page.", (_MESSAGE,))
    GetPolicy = Facts("iam", "Finds the version in force of a managed policy or permissions boundary.", (_MESSAGE,))
    GetPolicyVersion = Facts("iam", "Reads a managed policy or permissions boundary.", (_MESSAGE,))
    DescribeOrganization = Facts(
        "organizations",
        "Reads the organization's id and its management account, to which organization trails belong.",
        (_ORGANIZATION, _MESSAGE),
    )
    DescribeMetricFilters = Facts("logs", "Reads the metric filters of the log group, page by page.", (_FILTER,))
    TestMetricFilter = Facts(
        "logs", "Checks a custom pattern before anything is written.", (Permission(ALARM_READS, When.PATTERNS),)
    )
    DescribeAlarms = Facts(
        "cloudwatch", "Reads the alarms and their states, page by page.", (Permission(ALARM_READS, When.ALARMS),)
    )
    ListTagsForResource = Facts(
        "cloudwatch", "Reads an alarm's tags, among them the owner tag, before the alarm is changed.", (_ALARM,)
    )
    GetResources = Facts(
        "resourcegroupstaggingapi",
        "Reads the tags of all alarms of an owner, page by page.",
        (Permission(ALARM_CHECKS, When.ALARM_TAGS),),
    )


class Write(Operation):
    """An operation that changes a trail, a metric filter or an alarm, for `AWSClient.write`.

    Its members are the operations of domain/actions.py and domain/alarms/actions.py.
    """

    CreateTrail = Facts("cloudtrail", "Creates the trail.", (_TRAIL, *_DEPENDENT))
    UpdateTrail = Facts("cloudtrail", "Changes the trail's settings.", (_TRAIL, *_DEPENDENT))
    PutEventSelectors = Facts("cloudtrail", "Sets which events the trail records.", (_TRAIL,))
    PutInsightSelectors = Facts("cloudtrail", "Sets which insights the trail records.", (_TRAIL,))
    PutEventConfiguration = Facts("cloudtrail", "Sets which events the trail aggregates.", (_TRAIL,))
    StartLogging = Facts("cloudtrail", "Starts logging: a new trail does not log by itself.", (_TRAIL,))
    StopLogging = Facts("cloudtrail", "Stops logging.", (Permission(TRAILS, When.STOPPING),))
    AddTags = Facts("cloudtrail", "Adds tags, among them the owner tag.", (_TRAIL,))
    RemoveTags = Facts("cloudtrail", "Removes tags.", (_TRAIL,))
    DeleteTrail = Facts("cloudtrail", "Deletes the trail.", (Permission(TRAILS, When.DELETING),))
    PutMetricFilter = Facts("logs", "Creates or replaces a metric filter.", (_FILTER,))
    DeleteMetricFilter = Facts("logs", "Deletes a metric filter.", (_FILTER,))
    PutMetricAlarm = Facts("cloudwatch", "Creates or replaces an alarm.", (_ALARM,))
    DeleteAlarms = Facts("cloudwatch", "Deletes alarms.", (_ALARM,))
    TagResource = Facts("cloudwatch", "Adds tags to an alarm. A new alarm needs it, too, for its owner tag.", (_ALARM,))
    UntagResource = Facts("cloudwatch", "Removes tags from an alarm.", (_ALARM,))


class Queue(Operation):
    """An operation on the event queue, for `AWSClient.call`. It changes nothing that trails depend on."""

    GetQueueUrl = Facts("sqs", "Finds the event queue.", (_EVENT_QUEUE,))
    ReceiveMessage = Facts("sqs", "Receives events from the event queue.", (_EVENT_QUEUE,))
    DeleteMessageBatch = Facts(
        "sqs", "Deletes the messages that it has handled.", (_EVENT_QUEUE,), action="sqs:DeleteMessage"
    )


class Internal(Operation):
    """An operation that a client needs for itself. botocore calls all of them on its own, except AssumeRole."""

    AssumeRole = Facts(
        "sts", "Gets credentials for the account of an AWSAccount.", (Permission(ACCOUNT_ROLES, When.ACCOUNT),)
    )
    AssumeRoleWithWebIdentity = Facts("sts", "Gets the operator's own credentials with IRSA.")
    HeadBucket = Facts(
        "s3",
        "Finds a bucket's Region if another response lacks it. A denial contains it, too, so no permission is needed.",
        action="s3:ListBucket",
    )


OPERATIONS: tuple[Operation, ...] = (*Read, *Write, *Queue, *Internal)
_BY_CALL = {str(operation): operation for operation in OPERATIONS}


def iam_action(call: str) -> str:
    """Return the IAM action that a call needs: `s3:GetEncryptionConfiguration` for `s3:GetBucketEncryption`."""
    operation = _BY_CALL.get(call)
    return operation.action if operation else call


def permissions_of(grant: Grant, operations: Iterable[Operation] = OPERATIONS) -> tuple[Permission, ...]:
    """Return the permissions that these operations have by a statement."""
    return tuple(one for operation in operations for one in operation.permissions if one.grant is grant)


def actions_of(grant: Grant, operations: Iterable[Operation] = OPERATIONS) -> tuple[str, ...]:
    """Return the actions that a statement grants, without duplicates."""
    return tuple(dict.fromkeys(one.action for one in permissions_of(grant, operations)))
