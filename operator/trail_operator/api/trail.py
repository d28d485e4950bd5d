"""The `Trail` resource as pydantic models: its fields, defaults and rules. The CRD is generated from here.

Field names are CloudTrail's own in lowerCamelCase, spelt as ACK and CloudFormation users have them. `trail_rules.py` has
the rules that the API server checks, `trail_status.py` the status.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictBool, StringConstraints, WithJsonSchema

from trail_operator.api import trail_rules
from trail_operator.api.event_selectors import (
    AdvancedEventSelectors,
    AggregationConfigurations,
    EventSelectors,
    InsightSelectors,
)
from trail_operator.api.schema import REGION_PATTERN, Resource, matching


class DeletionPolicy(StrEnum):
    """What becomes of the trail in AWS when its Trail is deleted."""

    DELETE = "Delete"
    RETAIN = "Retain"


class AdoptionPolicy(StrEnum):
    """What to do with a trail of that name that is not this resource's."""

    NEVER = "Never"
    IF_UNOWNED = "IfUnowned"
    ALWAYS = "Always"

    def includes(self, other: "AdoptionPolicy") -> bool:
        """Whether this policy takes over at least what the other does."""
        order = list(AdoptionPolicy)
        return order.index(other) <= order.index(self)


class ManagementPolicy(StrEnum):
    """Whether the trail is kept as the spec says, or only looked at."""

    MANAGE = "Manage"
    OBSERVE = "Observe"


class Tag(Resource):
    """A tag of the trail in AWS."""

    key: Annotated[
        str,
        StringConstraints(min_length=1, max_length=128),
        Field(
            description="The tag's key.",
            json_schema_extra=trail_rules.TAG_KEY,
        ),
    ]
    value: Annotated[
        str,
        StringConstraints(max_length=256),
        Field(
            description="The tag's value; empty or left out: a tag without value.",
            json_schema_extra=trail_rules.TAG_VALUE,
        ),
    ] = ""


class AccountReference(Resource):
    """Which AWSAccount."""

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=253),
        Field(
            description="The AWSAccount's name.",
            json_schema_extra=trail_rules.ACCOUNT_NAME,
        ),
    ]


class TrailSpec(Resource):
    """What the trail is to be. What is left out has one meaning: the default, enforced."""

    name: Annotated[
        str | None,
        StringConstraints(min_length=3, max_length=128),
        matching(trail_rules.NAME_PATTERN),
        Field(description="The trail's name in AWS; metadata.name where left out. Immutable."),
    ] = None
    region: Annotated[
        str | None,
        StringConstraints(max_length=32),
        matching(REGION_PATTERN),
        Field(
            description="The trail's home region; the operator's region where left out. Immutable once created.",
            json_schema_extra=trail_rules.REGION_CODE,
        ),
    ] = None
    account_ref: Annotated[
        AccountReference | None,
        Field(
            description=(
                "The AWSAccount that the trail is in. Left out: the operator's default account, else its own identity. "
                "Immutable."
            )
        ),
    ] = None
    s3_bucket_name: Annotated[
        str,
        StringConstraints(min_length=3, max_length=63),
        matching(trail_rules.BUCKET_PATTERN),
        Field(
            alias="s3BucketName",
            description="The S3 bucket that receives the log files. Its policy must let CloudTrail write.",
            json_schema_extra=trail_rules.BUCKET,
        ),
    ]
    s3_key_prefix: Annotated[
        str,
        StringConstraints(max_length=200),
        Field(
            alias="s3KeyPrefix",
            description="What the keys of the log files begin with, before AWSLogs/.",
            json_schema_extra=trail_rules.KEY_PREFIX,
        ),
    ] = ""
    sns_topic_name: Annotated[
        str,
        StringConstraints(max_length=256),
        matching(trail_rules.EMPTY, trail_rules.TOPIC_PATTERN, trail_rules.TOPIC_ARN_PATTERN),
        Field(
            alias="snsTopicName",
            description="The SNS topic told of each log file: a name (in the trail's home region and account) or an ARN.",
            json_schema_extra=trail_rules.TOPIC,
        ),
    ] = ""
    cloud_watch_logs_log_group_arn: Annotated[
        str,
        StringConstraints(max_length=700),
        matching(trail_rules.EMPTY, trail_rules.LOG_GROUP_ARN_PATTERN),
        Field(
            alias="cloudWatchLogsLogGroupARN",
            description=(
                "The CloudWatch Logs log group that receives the events, by ARN (with or without the ending ':*'). "
                "Needs cloudWatchLogsRoleARN."
            ),
            json_schema_extra=trail_rules.LOG_GROUP,
        ),
    ] = ""
    cloud_watch_logs_role_arn: Annotated[
        str,
        StringConstraints(max_length=700),
        matching(trail_rules.EMPTY, trail_rules.ROLE_ARN_PATTERN),
        Field(
            alias="cloudWatchLogsRoleARN",
            description="The IAM role that CloudTrail assumes to write to the log group, by ARN.",
            json_schema_extra=trail_rules.LOG_ROLE,
        ),
    ] = ""
    kms_key_id: Annotated[
        str,
        StringConstraints(max_length=350),
        matching(trail_rules.EMPTY, trail_rules.ALIAS_PATTERN, trail_rules.KEY_ARN_PATTERN, trail_rules.KEY_ID_PATTERN),
        Field(
            alias="kmsKeyID",
            description=(
                "The KMS key that encrypts the log files: a key id, key ARN, alias (alias/NAME) or alias ARN. "
                "It must be in the bucket's region."
            ),
            json_schema_extra=trail_rules.KMS_KEY,
        ),
    ] = ""
    is_multi_region_trail: Annotated[
        StrictBool | None,
        Field(
            description=(
                "Whether the trail records all regions. Left out: true, or false where includeGlobalServiceEvents is false."
            )
        ),
    ] = None
    include_global_service_events: Annotated[
        StrictBool,
        Field(
            description=(
                "Whether the trail records events of global services (IAM, STS, CloudFront). Must be true for a "
                "multi-region trail."
            )
        ),
    ] = True
    enable_log_file_validation: Annotated[
        StrictBool,
        Field(description="Whether AWS writes signed digest files, by which a changed log file is found."),
    ] = True
    is_organization_trail: Annotated[
        StrictBool,
        Field(
            description=(
                "Whether the trail records all accounts of the organization. Needs the organization's management account "
                "or a delegated administrator."
            )
        ),
    ] = False
    is_logging: Annotated[StrictBool, Field(description="Whether the trail records.")] = True
    recursive_logging: Annotated[
        StrictBool,
        Field(
            description=(
                "Whether the trail records the data events that its own delivery causes. false breaks the circle of a "
                "trail that records the data events of its own bucket."
            )
        ),
    ] = True
    event_selectors: EventSelectors = None
    advanced_event_selectors: AdvancedEventSelectors = None
    insight_selectors: InsightSelectors = ()
    aggregation_configurations: AggregationConfigurations = ()
    tags: Annotated[
        tuple[Tag, ...],
        Field(
            max_length=49,
            description=(
                "The trail's tags. Authoritative: other tags are taken off, except aws:*, trail-operator.dev/* and what "
                "--ignore-tags names. At most 49: the operator adds its owner tag."
            ),
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["key"]},
        ),
    ] = ()
    # A rule and no enum: of what breaks an enum the API server only lists the values, and then judges no rule.
    deletion_policy: Annotated[
        Annotated[DeletionPolicy, WithJsonSchema({"type": "string"})] | None,
        Field(
            description=(
                "What becomes of the trail in AWS when this resource is deleted: Delete removes it, Retain leaves it "
                "and takes the owner tag off. Left out: Retain where the annotation services.k8s.aws/deletion-policy is "
                "retain, else the operator's --default-deletion-policy (Delete)."
            ),
            json_schema_extra=trail_rules.DELETION_POLICY,
        ),
    ] = None

    adoption_policy: Annotated[
        AdoptionPolicy,
        Field(
            description=(
                "What to do with a trail of that name that is not this resource's: Never touch it, take it IfUnowned "
                "(it has no owner tag), or Always, from another owner too. Never where left out."
            )
        ),
    ] = AdoptionPolicy.NEVER
    management_policy: Annotated[
        ManagementPolicy,
        Field(
            description=(
                "Manage keeps the trail as the spec says. Observe writes nothing to AWS and reports how the trail "
                "differs. Manage where left out."
            )
        ),
    ] = ManagementPolicy.MANAGE

    @property
    def multi_region(self) -> bool:
        """The effective isMultiRegionTrail: AWS refuses a multi-region trail without global service events."""
        if self.is_multi_region_trail is None:
            return self.include_global_service_events
        return self.is_multi_region_trail
