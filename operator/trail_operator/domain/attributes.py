"""The attributes that CreateTrail and UpdateTrail set, in one table.

A new attribute is a field of TrailSpec, a field of Configuration and a row of ATTRIBUTES; one that is scope also needs
a text in coverage.py. tests/unit/test_attributes.py reports what is missing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trail_operator.api.trail import TrailSpec
from trail_operator.domain.arns import Location


@dataclass(frozen=True)
class Configuration:
    """All attributes in normal form. Fields have the names of the spec, in snake case."""

    s3_bucket_name: str
    s3_key_prefix: str | None
    sns_topic_name: str | None
    cloud_watch_logs_log_group_arn: str | None
    cloud_watch_logs_role_arn: str | None
    kms_key_id: str | None
    is_multi_region_trail: bool
    include_global_service_events: bool
    enable_log_file_validation: bool
    is_organization_trail: bool
    recursive_logging: bool


@dataclass(frozen=True)
class Resolved:
    """A spec with its resolved references."""

    spec: TrailSpec
    location: Location
    kms_key_arn: str | None
    """The ARN of spec.kmsKeyID; None if omitted."""


@dataclass(frozen=True)
class NormalForm:
    """How an attribute is normalized, so that values compare by `==`, and how it is sent."""

    of_spec: Callable[[Any, Resolved], Any]
    of_answer: Callable[[Any], Any]
    """Of None if the response does not have it."""
    sent: Callable[[Any], Any]


@dataclass(frozen=True)
class Attribute:
    """An attribute: its names, its normal form and its meaning."""

    spec: str
    request: str
    answer: str
    form: NormalForm
    is_scope: bool
    """Whether it decides whose events a trail records, apart from selectors: true is more, false is less."""


def _unchanged(value: Any) -> Any:
    return value


def _flag(*, unanswered: bool) -> NormalForm:
    """Return the form of a boolean. `unanswered`: the value if AWS's response does not have it."""
    return NormalForm(
        of_spec=lambda value, _: value,
        of_answer=lambda value: unanswered if value is None else value,
        sent=_unchanged,
    )


_BUCKET = NormalForm(of_spec=lambda value, _: value, of_answer=lambda value: value or "", sent=_unchanged)
_TEXT = NormalForm(of_spec=lambda value, _: value or None, of_answer=lambda value: value or None, sent=_unchanged)
_TOPIC = NormalForm(
    of_spec=lambda value, resolved: resolved.location.topic_arn(value) if value else None,
    of_answer=lambda value: value or None,
    sent=_unchanged,
)
_LOG_GROUP = NormalForm(
    of_spec=lambda value, _: value.removesuffix(":*") or None,
    of_answer=lambda value: (value or "").removesuffix(":*") or None,
    sent=lambda value: f"{value}:*",
)
_KEY = NormalForm(
    of_spec=lambda _, resolved: resolved.kms_key_arn,
    of_answer=lambda value: value or None,
    sent=_unchanged,
)
# If the spec omits it, another field decides.
_MULTI_REGION = NormalForm(of_spec=lambda _, resolved: resolved.spec.multi_region, of_answer=bool, sent=_unchanged)
_OFF, _ON = _flag(unanswered=False), _flag(unanswered=True)

# By field of Configuration: the names in the spec, in requests and in responses, and the normal form.
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateTrail.html
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Trail.html
ATTRIBUTES: Mapping[str, Attribute] = {
    "s3_bucket_name": Attribute("s3BucketName", "S3BucketName", "S3BucketName", _BUCKET, is_scope=False),
    "s3_key_prefix": Attribute("s3KeyPrefix", "S3KeyPrefix", "S3KeyPrefix", _TEXT, is_scope=False),
    "sns_topic_name": Attribute("snsTopicName", "SnsTopicName", "SnsTopicARN", _TOPIC, is_scope=False),
    "cloud_watch_logs_log_group_arn": Attribute(
        "cloudWatchLogsLogGroupARN",
        "CloudWatchLogsLogGroupArn",
        "CloudWatchLogsLogGroupArn",
        _LOG_GROUP,
        is_scope=False,
    ),
    "cloud_watch_logs_role_arn": Attribute(
        "cloudWatchLogsRoleARN", "CloudWatchLogsRoleArn", "CloudWatchLogsRoleArn", _TEXT, is_scope=False
    ),
    "kms_key_id": Attribute("kmsKeyID", "KmsKeyId", "KmsKeyId", _KEY, is_scope=False),
    "is_multi_region_trail": Attribute(
        "isMultiRegionTrail", "IsMultiRegionTrail", "IsMultiRegionTrail", _MULTI_REGION, is_scope=True
    ),
    "include_global_service_events": Attribute(
        "includeGlobalServiceEvents",
        "IncludeGlobalServiceEvents",
        "IncludeGlobalServiceEvents",
        _OFF,
        is_scope=True,
    ),
    "enable_log_file_validation": Attribute(
        "enableLogFileValidation", "EnableLogFileValidation", "LogFileValidationEnabled", _OFF, is_scope=False
    ),
    "is_organization_trail": Attribute(
        "isOrganizationTrail", "IsOrganizationTrail", "IsOrganizationTrail", _OFF, is_scope=True
    ),
    "recursive_logging": Attribute("recursiveLogging", "RecursiveLogging", "RecursiveLogging", _ON, is_scope=True),
}
SCOPE = frozenset(name for name, attribute in ATTRIBUTES.items() if attribute.is_scope)
# AWS accepts these only together: half a pair is rejected, or checked against the current other half.
SENT_TOGETHER = (
    frozenset({"cloud_watch_logs_log_group_arn", "cloud_watch_logs_role_arn"}),
    frozenset({"is_multi_region_trail", "include_global_service_events"}),
)


def desired_configuration(resolved: Resolved) -> Configuration:
    """Return the configuration that a spec asks for."""
    values: dict[str, Any] = {
        name: attribute.form.of_spec(getattr(resolved.spec, name), resolved) for name, attribute in ATTRIBUTES.items()
    }
    return Configuration(**values)


def observed_configuration(trail: Mapping[str, Any]) -> Configuration:
    """Return the configuration in a response of GetTrail or DescribeTrails; the latter may omit attributes."""
    values: dict[str, Any] = {
        name: attribute.form.of_answer(trail.get(attribute.answer)) for name, attribute in ATTRIBUTES.items()
    }
    return Configuration(**values)


def differing(one: Configuration, other: Configuration) -> set[str]:
    """Return the attributes in which two configurations differ."""
    return {name for name in ATTRIBUTES if getattr(one, name) != getattr(other, name)}
