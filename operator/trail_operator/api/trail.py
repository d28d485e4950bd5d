"""The spec of a `Trail` as pydantic models. The CRD is generated from them.

Field names are those of CloudTrail in lowerCamelCase, spelled as in ACK and CloudFormation. `trail_rules.py` has the
rules that the API server checks, `trail_status.py` the status.
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
from trail_operator.api.schema import REGION_PATTERN, Resource, list_map, matching


class DeletionPolicy(StrEnum):
    """What happens to the trail in AWS when its Trail is deleted."""

    DELETE = "Delete"
    RETAIN = "Retain"


class AdoptionPolicy(StrEnum):
    """What to do with an existing trail of that name that does not belong to this resource."""

    NEVER = "Never"
    IF_UNOWNED = "IfUnowned"
    ALWAYS = "Always"

    def includes(self, other: "AdoptionPolicy") -> bool:
        """Return whether this policy allows at least what the other allows."""
        order = list(AdoptionPolicy)
        return order.index(other) <= order.index(self)


class ManagementPolicy(StrEnum):
    """Whether the operator writes the trail, or only reads it."""

    MANAGE = "Manage"
    OBSERVE = "Observe"


class Tag(Resource):
    """A tag in AWS."""

    key: Annotated[
        str,
        StringConstraints(min_length=1, max_length=128),
        Field(
            description="Key of the tag.",
            json_schema_extra=trail_rules.TAG_KEY,
        ),
    ]
    value: Annotated[
        str,
        StringConstraints(max_length=256),
        Field(
            description="Value of the tag. Defaults to a tag without a value.",
            json_schema_extra=trail_rules.TAG_VALUE,
        ),
    ] = ""


class AccountReference(Resource):
    """A reference to an AWSAccount."""

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=253),
        Field(
            description="Name of the AWSAccount.",
            json_schema_extra=trail_rules.ACCOUNT_NAME,
        ),
    ]


class TrailSpec(Resource):
    """The desired trail. Defaults are enforced for omitted fields."""

    name: Annotated[
        str | None,
        StringConstraints(min_length=3, max_length=128),
        matching(trail_rules.NAME_PATTERN),
        Field(description="Name of the trail in AWS. Defaults to metadata.name. Immutable."),
    ] = None
    region: Annotated[
        str | None,
        StringConstraints(max_length=32),
        matching(REGION_PATTERN),
        Field(
            description="Home region of the trail. Defaults to the operator's region. Immutable once the trail is "
            "created.",
            json_schema_extra=trail_rules.REGION_CODE,
        ),
    ] = None
    account_ref: Annotated[
        AccountReference | None,
        Field(
            description=(
                "AWSAccount of the trail. Defaults to the operator's default account, else its own identity. Immutable."
            )
        ),
    ] = None
    s3_bucket_name: Annotated[
        str,
        StringConstraints(min_length=3, max_length=63),
        matching(trail_rules.BUCKET_PATTERN),
        Field(
            alias="s3BucketName",
            description="Name of the S3 bucket that receives the log files. Its policy must allow CloudTrail to write.",
            json_schema_extra=trail_rules.BUCKET,
        ),
    ]
    s3_key_prefix: Annotated[
        str,
        StringConstraints(max_length=200),
        Field(
            alias="s3KeyPrefix",
            description="Prefix of the log files' keys, before AWSLogs/.",
            json_schema_extra=trail_rules.KEY_PREFIX,
        ),
    ] = ""
    sns_topic_name: Annotated[
        str,
        StringConstraints(max_length=256),
        matching(trail_rules.EMPTY, trail_rules.TOPIC_PATTERN, trail_rules.TOPIC_ARN_PATTERN),
        Field(
            alias="snsTopicName",
            description="SNS topic that is notified of each log file: a name (in the trail's home region and account) "
            "or an ARN.",
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
                "ARN of the CloudWatch Logs log group that receives the events, with or without the suffix ':*'. "
                "Requires cloudWatchLogsRoleARN."
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
            description="ARN of the IAM role that CloudTrail assumes to write to the log group.",
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
                "KMS key that encrypts the log files: a key ID, key ARN, alias (alias/NAME) or alias ARN. "
                "It must be in the bucket's region."
            ),
            json_schema_extra=trail_rules.KMS_KEY,
        ),
    ] = ""
    is_multi_region_trail: Annotated[
        StrictBool | None,
        Field(
            description=(
                "Whether the trail records all regions. Defaults to true, or to false if includeGlobalServiceEvents "
                "is false."
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
        Field(description="Whether AWS writes signed digest files, which reveal modified log files."),
    ] = True
    is_organization_trail: Annotated[
        StrictBool,
        Field(
            description=(
                "Whether the trail records all accounts of the organization. Requires the organization's management "
                "account or a delegated administrator."
            )
        ),
    ] = False
    is_logging: Annotated[StrictBool, Field(description="Whether the trail is logging.")] = True
    recursive_logging: Annotated[
        StrictBool,
        Field(
            description=(
                "Whether the trail records the data events that its own delivery causes. Set it to false if the trail "
                "records data events of its bucket, to prevent a loop."
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
                "Tags of the trail. Authoritative: other tags are removed, except aws:*, trail-operator.dev/* and "
                "those that match --ignore-tags. At most 49, as the operator adds its owner tag."
            ),
            json_schema_extra=list_map("key"),
        ),
    ] = ()
    # A rule instead of an enum: for an invalid enum the API server lists only the values, and evaluates no rule.
    deletion_policy: Annotated[
        Annotated[DeletionPolicy, WithJsonSchema({"type": "string"})] | None,
        Field(
            description=(
                "What happens to the trail in AWS when this resource is deleted: Delete deletes it, Retain keeps it "
                "and removes the owner tag. Defaults to Retain if the annotation services.k8s.aws/deletion-policy is "
                "retain, else to the operator's --default-deletion-policy (Delete)."
            ),
            json_schema_extra=trail_rules.DELETION_POLICY,
        ),
    ] = None

    adoption_policy: Annotated[
        AdoptionPolicy,
        Field(
            description=(
                "Whether to take over an existing trail of that name that does not belong to this resource: Never, "
                "IfUnowned (if it has no owner tag) or Always (also from another owner). Defaults to Never."
            )
        ),
    ] = AdoptionPolicy.NEVER
    management_policy: Annotated[
        ManagementPolicy,
        Field(
            description=(
                "Manage makes the trail match the spec. Observe writes nothing to AWS and reports differences. "
                "Defaults to Manage."
            )
        ),
    ] = ManagementPolicy.MANAGE

    @property
    def multi_region(self) -> bool:
        """The effective isMultiRegionTrail. AWS rejects a multi-region trail without global service events."""
        if self.is_multi_region_trail is None:
            return self.include_global_service_events
        return self.is_multi_region_trail
