"""The `Trail` resource as pydantic models: its fields, defaults and rules. The CRD is generated from here.

Field names are CloudTrail's own in lowerCamelCase, spelt as ACK and CloudFormation users have them. Rules that
the API server can judge are written as CEL with a message that says what to write instead.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictBool, StringConstraints, WithJsonSchema

from trail_operator.api.conditions import Condition
from trail_operator.api.constants import RESERVED_TAG_PREFIX
from trail_operator.api.event_selectors import RULES as SELECTOR_RULES
from trail_operator.api.event_selectors import (
    AdvancedEventSelectors,
    AggregationConfigurations,
    EventSelectors,
    InsightSelectors,
)
from trail_operator.api.reasons import ConditionType
from trail_operator.api.schema import (
    REGION,
    REGION_PATTERN,
    Resource,
    Status,
    matching,
    no_control_characters,
    rule,
    rules,
)


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


# Optional texts may be "", which means the same as leaving them out: nobody's template engine should matter.
_OR_EMPTY = "self == '' || "
_EMPTY = "^$"
_PARTITION = "arn:aws[a-z-]*"
_NAME_PATTERN = "^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$"
_BUCKET_PATTERN = "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
_TOPIC_PATTERN = "^[A-Za-z0-9_-]{1,256}$"
_TOPIC_ARN_PATTERN = f"^{_PARTITION}:sns:[a-z0-9-]+:[0-9]{{12}}:[A-Za-z0-9_-]+$"
# Python's, which does not know the classes of RE2.
_GROUP_ARN_PATTERN = rf"^{_PARTITION}:logs:[a-z0-9-]+:[0-9]{{12}}:log-group:[^:*\x00-\x1f\x7f-\x9f\u2028\u2029]+(:\*)?$"
_ROLE_ARN_PATTERN = f"^{_PARTITION}:iam::[0-9]{{12}}:role/[!-~]+$"
_ALIAS_PATTERN = "^alias/[A-Za-z0-9/_-]+$"
_KEY_ARN_PATTERN = f"^{_PARTITION}:kms:[a-z0-9-]+:[0-9]{{12}}:(key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)$"
_KEY_ID_PATTERN = "^(mrk-[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"
# Of a status: what is on record is used only if it can be what the operator writes.
_TRAIL_ARN_PATTERN = rf"^{_PARTITION}:cloudtrail:[a-z0-9-]+:[0-9]{{12}}:trail/[A-Za-z0-9._-]+$"
_ACCOUNT_PATTERN = "^[0-9]{12}$"


class Tag(Resource):
    """A tag of the trail in AWS."""

    key: Annotated[
        str,
        StringConstraints(min_length=1, max_length=128),
        Field(
            description="The tag's key.",
            json_schema_extra=rules(
                rule(
                    "!self.lowerAscii().startsWith('aws:')",
                    "tag keys that begin with 'aws:' are AWS's own: choose another key",
                ),
                rule(
                    f"!self.lowerAscii().startsWith('{RESERVED_TAG_PREFIX}')",
                    f"tag keys that begin with '{RESERVED_TAG_PREFIX}' are the operator's own: choose another key",
                ),
                rule(
                    r"self.matches(r'^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$')",
                    "a tag key may have letters, digits, spaces and _ . : / = + - @ only",
                ),
            ),
        ),
    ]
    value: Annotated[
        str,
        StringConstraints(max_length=256),
        Field(
            description="The tag's value; empty or left out: a tag without value.",
            json_schema_extra=rules(
                rule(
                    r"self.matches(r'^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$')",
                    "a tag value may have letters, digits, spaces and _ . : / = + - @ only",
                )
            ),
        ),
    ] = ""


class AccountReference(Resource):
    """Which AWSAccount."""

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=253),
        Field(
            description="The AWSAccount's name.",
            json_schema_extra=rules(no_control_characters("accountRef.name")),
        ),
    ]


class TrailSpec(Resource):
    """What the trail is to be. What is left out has one meaning: the default, enforced."""

    name: Annotated[
        str | None,
        StringConstraints(min_length=3, max_length=128),
        matching(_NAME_PATTERN),
        Field(description="The trail's name in AWS; metadata.name where left out. Immutable."),
    ] = None
    region: Annotated[
        str | None,
        StringConstraints(max_length=32),
        matching(REGION_PATTERN),
        Field(
            description="The trail's home region; the operator's region where left out. Immutable once created.",
            json_schema_extra=rules(
                rule(
                    REGION,
                    "region must be the code of an AWS region, such as eu-central-1",
                )
            ),
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
        matching(_BUCKET_PATTERN),
        Field(
            alias="s3BucketName",
            description="The S3 bucket that receives the log files. Its policy must let CloudTrail write.",
            json_schema_extra=rules(
                rule(
                    f"self.matches(r'{_BUCKET_PATTERN}') && !self.contains('..')",
                    "s3BucketName must be a bucket's name: 3 to 63 lowercase letters, digits, dots and hyphens, "
                    "beginning and ending with a letter or digit (no ARN, no s3:// address)",
                ),
                rule(
                    r"!self.matches(r'^([0-9]{1,3}\.){3}[0-9]{1,3}$')",
                    "s3BucketName must not look like an IP address: choose another bucket",
                ),
            ),
        ),
    ]
    s3_key_prefix: Annotated[
        str,
        StringConstraints(max_length=200),
        Field(
            alias="s3KeyPrefix",
            description="What the keys of the log files begin with, before AWSLogs/.",
            json_schema_extra=rules(
                rule(
                    "!(self + '/').contains('AWSLogs/')",
                    "s3KeyPrefix must not contain AWSLogs/: CloudTrail adds /AWSLogs/ itself, leave it out",
                ),
                rule(
                    "!self.startsWith('/') && !self.endsWith('/')",
                    "s3KeyPrefix must not begin or end with a slash: write logs, not /logs/",
                ),
                no_control_characters("s3KeyPrefix"),
            ),
        ),
    ] = ""
    sns_topic_name: Annotated[
        str,
        StringConstraints(max_length=256),
        matching(_EMPTY, _TOPIC_PATTERN, _TOPIC_ARN_PATTERN),
        Field(
            alias="snsTopicName",
            description="The SNS topic told of each log file: a name (in the trail's home region and account) or an ARN.",
            json_schema_extra=rules(
                rule(
                    f"{_OR_EMPTY}self.matches(r'{_TOPIC_PATTERN}') || self.matches(r'{_TOPIC_ARN_PATTERN}')",
                    "snsTopicName must be a topic's name (letters, digits, _ and -) or a topic's ARN "
                    "(arn:aws:sns:REGION:ACCOUNT:NAME)",
                )
            ),
        ),
    ] = ""
    cloud_watch_logs_log_group_arn: Annotated[
        str,
        StringConstraints(max_length=700),
        matching(_EMPTY, _GROUP_ARN_PATTERN),
        Field(
            alias="cloudWatchLogsLogGroupARN",
            description=(
                "The CloudWatch Logs log group that receives the events, by ARN (with or without the ending ':*'). "
                "Needs cloudWatchLogsRoleARN."
            ),
            json_schema_extra=rules(
                rule(
                    _OR_EMPTY
                    + rf"self.matches(r'^{_PARTITION}:logs:[a-z0-9-]+:[0-9]{{12}}:log-group:[^:*\p{{Cc}}\p{{Zl}}\p{{Zp}}]+(:\*)?$')",
                    "cloudWatchLogsLogGroupARN must be a log group's ARN: arn:aws:logs:REGION:ACCOUNT:log-group:NAME "
                    "(an ending ':*' is optional)",
                )
            ),
        ),
    ] = ""
    cloud_watch_logs_role_arn: Annotated[
        str,
        StringConstraints(max_length=700),
        matching(_EMPTY, _ROLE_ARN_PATTERN),
        Field(
            alias="cloudWatchLogsRoleARN",
            description="The IAM role that CloudTrail assumes to write to the log group, by ARN.",
            json_schema_extra=rules(
                rule(
                    f"{_OR_EMPTY}self.matches(r'{_ROLE_ARN_PATTERN}')",
                    "cloudWatchLogsRoleARN must be a role's ARN: arn:aws:iam::ACCOUNT:role/NAME",
                )
            ),
        ),
    ] = ""
    kms_key_id: Annotated[
        str,
        StringConstraints(max_length=350),
        matching(_EMPTY, _ALIAS_PATTERN, _KEY_ARN_PATTERN, _KEY_ID_PATTERN),
        Field(
            alias="kmsKeyID",
            description=(
                "The KMS key that encrypts the log files: a key id, key ARN, alias (alias/NAME) or alias ARN. "
                "It must be in the bucket's region."
            ),
            json_schema_extra=rules(
                rule(
                    f"{_OR_EMPTY}self.matches(r'{_ALIAS_PATTERN}') || self.matches(r'{_KEY_ARN_PATTERN}') || "
                    f"self.matches(r'{_KEY_ID_PATTERN}')",
                    "kmsKeyID must be a key id, a key ARN (arn:aws:kms:REGION:ACCOUNT:key/ID), an alias (alias/NAME) or an "
                    "alias ARN",
                )
            ),
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
            json_schema_extra=rules(
                rule(
                    "self in ['Delete', 'Retain']",
                    "deletionPolicy must be Delete or Retain: for what Crossplane calls Orphan, write Retain",
                )
            ),
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


SPEC_RULES = [
    rule(
        "!(has(self.isMultiRegionTrail) && self.isMultiRegionTrail && has(self.includeGlobalServiceEvents) "
        "&& !self.includeGlobalServiceEvents)",
        "a multi-region trail must include global service events: set includeGlobalServiceEvents to true, or "
        "isMultiRegionTrail to false",
    ),
    rule(
        "(has(self.cloudWatchLogsLogGroupARN) && self.cloudWatchLogsLogGroupARN != '') == "
        "(has(self.cloudWatchLogsRoleARN) && self.cloudWatchLogsRoleARN != '')",
        "cloudWatchLogsLogGroupARN and cloudWatchLogsRoleARN belong together: set both or neither",
    ),
    *SELECTOR_RULES,
]

_NAME = "(has({0}.spec.name) ? {0}.spec.name : {0}.metadata.name)"
_THIS_NAME, _OLD_NAME = _NAME.format("self"), _NAME.format("oldSelf")

# At the root, on effective values: a rule on a field does not run when the field is removed and added again.
ROOT_RULES = [
    rule(
        "size(self.metadata.name) <= 128",
        "metadata.name must have at most 128 characters, so that the owner tag in AWS holds it: choose a shorter name",
    ),
    rule(
        rf"{_THIS_NAME}.matches(r'{_NAME_PATTERN}') && size({_THIS_NAME}) >= 3",
        "the trail's name (spec.name, else metadata.name) must have 3 to 128 letters, digits, '.', '_' and '-', begin and "
        "end with a letter or digit, and have no two of . _ - side by side: set spec.name to such a name",
    ),
    rule(
        rf"!{_THIS_NAME}.matches(r'^([0-9]{{1,3}}\.){{3}}[0-9]{{1,3}}$')",
        "the trail's name (spec.name, else metadata.name) must not look like an IP address: set spec.name to another name",
    ),
    rule(
        f"{_THIS_NAME} == {_OLD_NAME}",
        "the trail's name is immutable: make a second Trail with the new name, wait until it is Ready, then delete this one",
    ),
    rule(
        "has(self.spec.accountRef) == has(oldSelf.spec.accountRef) && "
        "(!has(self.spec.accountRef) || self.spec.accountRef.name == oldSelf.spec.accountRef.name)",
        "accountRef is immutable: make a second Trail in the other account, wait until it is Ready, then delete this one",
    ),
    # An unchanged region is never refused, whatever is on record: else nothing could be written any more, not even to let
    # a deleted Trail go. A region that is left out means the operator's default, which only the operator knows: it stalls
    # where that is another one.
    rule(
        "!has(oldSelf.status) || !has(oldSelf.status.arn) || !has(oldSelf.status.homeRegion) || "
        "!has(self.spec.region) || self.spec.region == oldSelf.status.homeRegion || "
        "(has(oldSelf.spec.region) && self.spec.region == oldSelf.spec.region)",
        "region is immutable once the trail is created: keep it as it is in status.homeRegion; to move, make a second "
        "Trail in the new region, wait until it is Ready, then delete this one",
    ),
]


class Difference(Resource):
    """One field in which AWS differs from the spec."""

    path: Annotated[str, Field(description="The field, as in spec.", json_schema_extra={"maxLength": 512})]
    desired: Annotated[str, Field(description="What the spec says.", json_schema_extra={"maxLength": 1100})]
    observed: Annotated[str, Field(description="What AWS says.", json_schema_extra={"maxLength": 1100})]


class Destination(StrEnum):
    """What AWS delivers to."""

    S3 = "S3"
    DIGEST = "Digest"
    SNS = "SNS"
    CLOUD_WATCH_LOGS = "CloudWatchLogs"


class DeliveryError(Resource):
    """A delivery error that AWS reports for one destination, in the home region."""

    # A plain text, so that a status written by a newer version is still read.
    destination: Annotated[
        str, Field(description="What AWS delivers to.", json_schema_extra={"enum": [*map(str, Destination)]})
    ]
    error: Annotated[str, Field(description="AWS's error code.", json_schema_extra={"maxLength": 256})]
    since: Annotated[datetime, Field(description="When the operator first saw it.")]


class Refusal(Resource):
    """A call that AWS refuses for good, as long as neither the spec nor what AWS judges the call by changes."""

    operation: Annotated[
        str, StringConstraints(max_length=64), Field(description="The call, such as PutEventSelectors.")
    ]
    message: Annotated[str, StringConstraints(max_length=1024), Field(description="What AWS answered.")]


class TrailStatus(Status):
    """What the operator last found in AWS."""

    arn: Annotated[str | None, matching(_TRAIL_ARN_PATTERN), Field(description="The trail's ARN.")] = None
    account_id: Annotated[
        str | None,
        matching(_ACCOUNT_PATTERN),
        Field(alias="accountID", description="The AWS account of the trail; pinned."),
    ] = None
    home_region: Annotated[
        str | None, matching(REGION_PATTERN), Field(description="The trail's home region; pinned.")
    ] = None
    owner_tag: Annotated[
        str | None,
        Field(max_length=256, description="The owner tag by which the trail was last seen to be this resource's."),
    ] = None
    is_logging: Annotated[StrictBool | None, Field(description="Whether AWS says that the trail is logging.")] = None
    is_multi_region_trail: Annotated[
        StrictBool | None, Field(description="Whether AWS says that the trail records all regions.")
    ] = None
    drift: Annotated[
        tuple[Difference, ...],
        Field(
            description="In what AWS differs from the spec, while it does; of selectors the first ten members.",
            json_schema_extra={"x-kubernetes-list-type": "atomic", "maxItems": 128},
        ),
    ] = ()
    delivery: Annotated[
        tuple[DeliveryError, ...],
        Field(
            description="The delivery errors that AWS reports.",
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["destination"],
                "maxItems": 4,
            },
        ),
    ] = ()
    refusals: Annotated[
        tuple[Refusal, ...],
        Field(
            max_length=16,
            description=(
                "The calls that AWS refuses for good for observedGeneration. Each is repeated an hour after the later of "
                "the operator's start and the last attempt, and at once when the trail has changed."
            ),
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["operation"],
            },
        ),
    ] = ()
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            description="Ready, Synced, Logging, Delivering; Reconciling and Stalled only while true.",
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
                "maxItems": 16,
            },
        ),
    ] = ()

    def condition(self, kind: ConditionType) -> Condition | None:
        """The condition of that type, if present."""
        return next((entry for entry in self.conditions if entry.type == kind), None)
