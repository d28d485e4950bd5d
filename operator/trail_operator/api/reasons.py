"""Condition types, and the closed set of reasons of conditions and Events. `explanations.py` has their meaning."""

from enum import StrEnum


class ConditionType(StrEnum):
    """Conditions of all kinds. Reconciling, Stalled and Advisory are present only while true."""

    READY = "Ready"
    SYNCED = "Synced"
    LOGGING = "Logging"
    DELIVERING = "Delivering"
    DEPENDENCIES_READY = "DependenciesReady"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    ADVISORY = "Advisory"
    EVENTS_ARRIVING = "EventsArriving"


class Reason(StrEnum):
    """Every reason of a condition."""

    RECORDING = "Recording"
    LOGGING_OFF = "LoggingOff"
    DELIVERY_FAILING = "DeliveryFailing"
    PROGRESSING = "Progressing"
    THROTTLED = "Throttled"
    BUCKET_NOT_FOUND = "BucketNotFound"
    BUCKET_POLICY_DENIES = "BucketPolicyDenies"
    TOPIC_NOT_FOUND = "TopicNotFound"
    TOPIC_POLICY_DENIES = "TopicPolicyDenies"
    KEY_NOT_FOUND = "KeyNotFound"
    KEY_DISABLED = "KeyDisabled"
    KEY_NOT_USABLE = "KeyNotUsable"
    KEY_POLICY_DENIES = "KeyPolicyDenies"
    LOG_GROUP_NOT_FOUND = "LogGroupNotFound"
    ROLE_NOT_FOUND = "RoleNotFound"
    ROLE_NOT_TRUSTED = "RoleNotTrusted"
    ROLE_POLICY_DENIES = "RolePolicyDenies"
    QUOTA_EXCEEDED = "QuotaExceeded"
    ORGANIZATION_NOT_READY = "OrganizationNotReady"
    INVALID_SPEC = "InvalidSpec"
    WRONG_HOME_REGION = "WrongHomeRegion"
    CONFLICT = "Conflict"
    ACCESS_DENIED = "AccessDenied"
    DENIED_BY_ORGANIZATION = "DeniedByOrganization"
    CREDENTIALS_UNAVAILABLE = "CredentialsUnavailable"
    ASSUME_ROLE_DENIED = "AssumeRoleDenied"
    IDENTITY_MISMATCH = "IdentityMismatch"
    IDENTITY_VERIFIED = "IdentityVerified"
    ACCOUNT_NOT_FOUND = "AccountNotFound"
    NAMESPACE_NOT_ALLOWED = "NamespaceNotAllowed"
    REGION_NOT_ALLOWED = "RegionNotAllowed"
    BUCKET_NOT_ALLOWED = "BucketNotAllowed"
    LOG_ROLE_NOT_ALLOWED = "LogRoleNotAllowed"
    ORGANIZATION_TRAIL_NOT_ALLOWED = "OrganizationTrailNotAllowed"
    RESOURCE_NOT_ALLOWED = "ResourceNotAllowed"
    TRAIL_NAME_NOT_ALLOWED = "TrailNameNotAllowed"
    ADOPTION_NOT_ALLOWED = "AdoptionNotAllowed"
    IN_USE = "InUse"
    OBSERVED = "Observed"
    DRIFTED = "Drifted"
    TRAIL_NOT_FOUND = "TrailNotFound"
    AWS_UNREACHABLE = "AWSUnreachable"
    PAUSED = "Paused"
    INTERNAL_ERROR = "InternalError"
    DEFINITION_OUTDATED = "DefinitionOutdated"
    ALLOWED = "Allowed"
    READ_PERMISSION_MISSING = "ReadPermissionMissing"
    UNDECIDABLE = "Undecidable"
    NOT_EVALUATED = "NotEvaluated"
    OWNED_ELSEWHERE = "OwnedElsewhere"
    DUPLICATE_GLOBAL_EVENTS = "DuplicateGlobalServiceEvents"
    DUPLICATE_MANAGEMENT_EVENTS = "DuplicateManagementEvents"
    GLOBAL_EVENTS_IGNORED = "GlobalServiceEventsIgnored"
    LOGS_OWN_DELIVERY = "LogsOwnDelivery"
    NO_MANAGEMENT_EVENTS = "NoManagementEvents"
    UNKNOWN_SELECTOR = "UnknownSelector"
    LEGACY_PRINCIPAL = "LegacyPrincipal"
    ANNOTATION_IGNORED = "AnnotationIgnored"
    EVENTS_RECEIVED = "EventsReceived"
    EVENTS_MISSING = "EventsMissing"
    NO_TRAFFIC = "NoTraffic"
    NOT_LOGGING = "NotLogging"
    IN_SYNC = "InSync"
    TRAIL_NOT_MANAGED = "TrailNotManaged"
    LOG_GROUP_NOT_CONFIGURED = "LogGroupNotConfigured"
    LOG_GROUP_ELSEWHERE = "LogGroupElsewhere"
    LOG_GROUP_UNSUITABLE = "LogGroupUnsuitable"
    ACTION_NOT_ALLOWED = "ActionNotAllowed"
    NO_ACTION = "NoAction"
    TOPIC_WITHOUT_SUBSCRIBER = "TopicWithoutSubscriber"
    TRAIL_NOT_LOGGING = "TrailNotLogging"
    EVENTS_NOT_RECORDED = "EventsNotRecorded"


class EventReason(StrEnum):
    """Reasons of Events that no condition has."""

    RELEASED = "Released"
    OWNER_TAG_REMOVAL_FAILED = "OwnerTagRemovalFailed"
    DELETION_NOT_CONFIRMED = "DeletionNotConfirmed"
    RELEASED_UNVERIFIED = "ReleasedUnverified"
    STATUS_REFUSED = "StatusRefused"


ACCOUNT_REASONS = (
    Reason.IDENTITY_VERIFIED,
    Reason.ASSUME_ROLE_DENIED,
    Reason.IDENTITY_MISMATCH,
    Reason.CREDENTIALS_UNAVAILABLE,
    Reason.ACCESS_DENIED,
    Reason.DENIED_BY_ORGANIZATION,
    Reason.INVALID_SPEC,
    Reason.THROTTLED,
    Reason.PROGRESSING,
    Reason.AWS_UNREACHABLE,
    Reason.IN_USE,
    Reason.INTERNAL_ERROR,
)
"""Reasons of the condition Ready of an AWSAccount."""

EVENTS_ARRIVING_REASONS = (Reason.EVENTS_RECEIVED, Reason.EVENTS_MISSING, Reason.NO_TRAFFIC, Reason.NOT_LOGGING)
"""Reasons of the condition EventsArriving of an AWSAccount."""

ALARM_SET_REASONS = (
    Reason.IN_SYNC,
    Reason.OBSERVED,
    Reason.PROGRESSING,
    Reason.THROTTLED,
    Reason.TRAIL_NOT_FOUND,
    Reason.TRAIL_NOT_MANAGED,
    Reason.LOG_GROUP_NOT_CONFIGURED,
    Reason.LOG_GROUP_ELSEWHERE,
    Reason.LOG_GROUP_UNSUITABLE,
    Reason.LOG_GROUP_NOT_FOUND,
    Reason.ACTION_NOT_ALLOWED,
    Reason.INVALID_SPEC,
    Reason.WRONG_HOME_REGION,
    Reason.CONFLICT,
    Reason.QUOTA_EXCEEDED,
    Reason.DRIFTED,
    Reason.ACCESS_DENIED,
    Reason.DENIED_BY_ORGANIZATION,
    Reason.CREDENTIALS_UNAVAILABLE,
    Reason.ASSUME_ROLE_DENIED,
    Reason.IDENTITY_MISMATCH,
    Reason.ACCOUNT_NOT_FOUND,
    Reason.NAMESPACE_NOT_ALLOWED,
    Reason.PAUSED,
    Reason.AWS_UNREACHABLE,
    Reason.INTERNAL_ERROR,
    Reason.DEFINITION_OUTDATED,
    Reason.NO_ACTION,
    Reason.TOPIC_NOT_FOUND,
    Reason.TOPIC_WITHOUT_SUBSCRIBER,
    Reason.TRAIL_NOT_LOGGING,
    Reason.EVENTS_NOT_RECORDED,
)
"""Reasons of the conditions of a TrailAlarmSet."""
