"""The table of AWS calls that change a trail, what a trail depends on, or alarms, and where records name the resource.

It knows names only: `cloudtrail_resources.py` reads the resources, `cloudtrail_event.py` the records. Only writes are
listed: EventBridge delivers no others to a rule of the state ENABLED.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a call changes."""

    TRAIL = "trail"
    BUCKET = "bucket"
    KEY = "key"
    ALIAS = "alias"
    TOPIC = "topic"
    LOG_GROUP = "log group"
    ROLE = "role"
    POLICY = "policy"
    """A managed policy: which roles have it is not in the record."""
    METRIC_FILTER = "metric filter"
    ALARM = "alarm"
    ORGANIZATION = "organization"
    """What the account's organization permits; it has no name."""


@dataclass(frozen=True)
class Named:
    """Where a record names a resource of one kind: members of `requestParameters`, and of `responseElements`."""

    kind: Kind
    requested: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    """An ARN, which is more precise than the name in the request."""
    within: tuple[str, ...] = ()
    """Members that name the log group of a metric filter."""


# The API spells the parameter in three ways, and the caller sends a name or an ARN.
_TRAIL = Named(Kind.TRAIL, ("name", "trailName", "resourceId"), ("trailARN",))
_BUCKET = Named(Kind.BUCKET, ("bucketName", "host", "Host"))
_KEY = Named(Kind.KEY, ("keyId", "targetKeyId"), ("keyId",))
_ALIAS = Named(Kind.ALIAS, ("aliasName", "keyId"))
# The ARN of a subscription begins with that of its topic.
_TOPIC = Named(Kind.TOPIC, ("topicArn", "name", "subscriptionArn"), ("topicArn",))
_LOG_GROUP = Named(Kind.LOG_GROUP, ("logGroupName", "logGroupIdentifier", "resourceIdentifier"))
_FILTER = Named(Kind.METRIC_FILTER, ("filterName",), within=_LOG_GROUP.requested)
# Members are spelled as in the API, with a small letter; unverified for the tag calls.
_ALARM = Named(Kind.ALARM, ("alarmName", "alarmNames", "resourceARN", "resourceArn"))
_ROLE = Named(Kind.ROLE, ("roleName",))
_POLICY = Named(Kind.POLICY, ("policyArn",))
_ORGANIZATION = Named(Kind.ORGANIZATION)

_TRAIL_CALLS = """
CreateTrail UpdateTrail DeleteTrail StartLogging StopLogging AddTags RemoveTags
PutEventSelectors PutInsightSelectors PutEventConfiguration
"""
_DELEGATION_CALLS = "RegisterOrganizationDelegatedAdmin DeregisterOrganizationDelegatedAdmin"
# The call PutBucketLifecycleConfiguration is recorded as PutBucketLifecycle.
_BUCKET_CALLS = """
CreateBucket DeleteBucket PutBucketPolicy DeleteBucketPolicy PutBucketAcl
PutBucketOwnershipControls DeleteBucketOwnershipControls PutBucketPublicAccessBlock DeleteBucketPublicAccessBlock
PutBucketEncryption DeleteBucketEncryption PutBucketRequestPayment PutBucketVersioning PutBucketLogging
PutBucketObjectLockConfiguration PutBucketReplication PutBucketLifecycle DeleteBucketLifecycle
"""
# Not RevokeGrant and RetireGrant: CloudTrail uses a key by the key's policy.
_KEY_CALLS = """
DisableKey EnableKey ScheduleKeyDeletion CancelKeyDeletion DeleteKey PutKeyPolicy CreateAlias UpdateAlias DeleteAlias
"""
# Confirming or ending a subscription by a link in an email is a call that CloudTrail does not record:
# https://docs.aws.amazon.com/sns/latest/dg/logging-using-cloudtrail.html
_TOPIC_CALLS = """
CreateTopic DeleteTopic SetTopicAttributes AddPermission RemovePermission Subscribe ConfirmSubscription Unsubscribe
"""
_LOG_GROUP_CALLS = """
CreateLogGroup DeleteLogGroup DeleteLogStream AssociateKmsKey DisassociateKmsKey PutRetentionPolicy
"""
_FILTER_CALLS = "PutMetricFilter DeleteMetricFilter"
# Not SetAlarmState: the state of an alarm is no setting.
_ALARM_CALLS = """
PutMetricAlarm PutCompositeAlarm DeleteAlarms EnableAlarmActions DisableAlarmActions TagResource UntagResource
"""
_ROLE_CALLS = """
CreateRole DeleteRole UpdateAssumeRolePolicy PutRolePolicy DeleteRolePolicy AttachRolePolicy DetachRolePolicy
PutRolePermissionsBoundary DeleteRolePermissionsBoundary
"""
_POLICY_CALLS = "CreatePolicyVersion SetDefaultPolicyVersion DeletePolicyVersion DeletePolicy"
_ORGANIZATION_CALLS = """
EnableAWSServiceAccess DisableAWSServiceAccess RegisterDelegatedAdministrator DeregisterDelegatedAdministrator
AttachPolicy DetachPolicy UpdatePolicy LeaveOrganization RemoveAccountFromOrganization
"""

_SERVICES: Mapping[str, Iterable[tuple[str, tuple[Named, ...]]]] = {
    "cloudtrail": ((_TRAIL_CALLS, (_TRAIL,)), (_DELEGATION_CALLS, (_ORGANIZATION,))),
    "s3": ((_BUCKET_CALLS, (_BUCKET,)),),
    "kms": ((_KEY_CALLS, (_KEY, _ALIAS)),),
    "sns": ((_TOPIC_CALLS, (_TOPIC,)),),
    "logs": ((_LOG_GROUP_CALLS, (_LOG_GROUP,)), (_FILTER_CALLS, (_LOG_GROUP, _FILTER))),
    "monitoring": ((_ALARM_CALLS, (_ALARM,)),),
    "iam": ((_ROLE_CALLS, (_ROLE,)), (_POLICY_CALLS, (_POLICY,))),
    "organizations": ((_ORGANIZATION_CALLS, (_ORGANIZATION,)),),
}
_EVENT_SOURCE = re.compile(r"([a-z0-9-]{1,32})\.amazonaws\.com(?:\.cn)?")


def _rows() -> Iterator[tuple[tuple[str, str], tuple[Named, ...]]]:
    for service, groups in _SERVICES.items():
        for names, resources in groups:
            for name in names.split():
                yield (service, name), resources


CALLS: Mapping[tuple[str, str], tuple[Named, ...]] = dict(_rows())
"""What each call names, by service and event name."""


def service_of(event_source: str) -> str:
    """Return the service of an `eventSource`, such as `cloudtrail`; "" if it is not the name of one."""
    found = _EVENT_SOURCE.fullmatch(event_source)
    return found[1] if found else ""
