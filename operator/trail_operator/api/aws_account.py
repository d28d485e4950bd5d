"""The `AWSAccount` resource as pydantic models: an AWS account, its credentials, and who may use it for what."""

from typing import Annotated

from pydantic import Field, StrictBool, StringConstraints
from pydantic.fields import FieldInfo

from trail_operator.api.conditions import Condition, StatusWithConditions
from trail_operator.api.label_selector import LabelSelector
from trail_operator.api.schema import REGION, Resource, list_map, no_control_characters, rule, rules
from trail_operator.api.trail import AdoptionPolicy

_SET = {"x-kubernetes-list-type": "set"}


def _text(what: str, longest: int) -> FieldInfo:
    """Return the schema of a list entry: a string on one line."""
    extra = rules(no_control_characters(what))
    info: FieldInfo = Field(min_length=1, max_length=longest, json_schema_extra=extra)
    return info


Regions = tuple[Annotated[str, _text("a region", 32)], ...]
Namespaces = tuple[Annotated[str, _text("a namespace", 253)], ...]
# Names or ARNs with the wildcards * and ?.
BucketPatterns = tuple[Annotated[str, _text("a bucket", 63)], ...]
TrailNamePatterns = tuple[Annotated[str, _text("a pattern", 128)], ...]
Patterns = tuple[Annotated[str, _text("a pattern", 700)], ...]
EXTERNAL_ID = "<externalID>"
"""Placeholder for an AWSAccount's externalID in texts for readers who may not see it."""
# As botocore validates it: https://github.com/boto/botocore/blob/develop/botocore/utils.py (is_valid_endpoint_url)
_HOST = "([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?[.])*[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"


class AllowedNamespaces(Resource):
    """Namespaces that are listed by name or match a label selector."""

    names: Annotated[
        Namespaces, Field(max_length=1000, description="Names of namespaces.", json_schema_extra=_SET)
    ] = ()
    selector: Annotated[LabelSelector | None, Field(description="Selects namespaces by label; {} selects all.")] = None

    def allows(self, namespace: str, labels: dict[str, str] | None) -> bool:
        """Return whether the namespace is allowed. If its labels are unknown (None), the selector does not match."""
        if namespace in self.names:
            return True
        return self.selector is not None and labels is not None and self.selector.selects(labels)


class AWSAccountSpec(Resource):
    """An AWS account, its credentials, and who may use it for what."""

    account_id: Annotated[
        str,
        Field(
            alias="accountID",
            description="AWS account ID. Nothing is written unless STS confirms that the credentials belong to it. "
            "Immutable.",
            json_schema_extra=rules(
                rule("self.matches(r'^[0-9]{12}$')", "accountID must be an AWS account ID: 12 digits, in quotes"),
                rule("self == oldSelf", "accountID is immutable: create another AWSAccount for another account"),
                maxLength=64,
            ),
        ),
    ]
    role_arn: Annotated[
        str,
        StringConstraints(max_length=700),
        Field(
            alias="roleARN",
            description="ARN of the role to assume, in that account. Defaults to the operator's own identity.",
            json_schema_extra=rules(
                rule(
                    r"self == '' || self.matches(r'^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]+$')",
                    "roleARN must be a role ARN: arn:aws:iam::ACCOUNT:role/NAME",
                )
            ),
        ),
    ] = ""
    external_id: Annotated[
        str,
        StringConstraints(max_length=1224),
        Field(
            alias="externalID",
            description="External ID that the role's trust policy requires.",
            json_schema_extra=rules(
                rule(
                    r"self == '' || self.matches(r'^[\w+=,.@:/-]{2,}$')",
                    "externalID must have at least two characters, each a letter, a digit or one of + = , . @ : / _ -",
                )
            ),
        ),
    ] = ""
    region: Annotated[
        str,
        StringConstraints(max_length=32),
        Field(
            description="Home region of the account's Trails that set none. Defaults to the operator's region.",
            json_schema_extra=rules(
                rule(f"self == '' || {REGION}", "region must be an AWS region code, such as eu-central-1")
            ),
        ),
    ] = ""
    allowed_regions: Annotated[
        Regions,
        Field(
            max_length=100,
            description="Home regions that Trails may have. Omitted or empty: any.",
            json_schema_extra=_SET,
        ),
    ] = ()
    allowed_namespaces: Annotated[
        AllowedNamespaces,
        Field(description="Namespaces whose Trails may use the account. Defaults to none."),
    ] = AllowedNamespaces()
    allowed_buckets: Annotated[
        BucketPatterns | None,
        Field(
            max_length=1000,
            description="Names of buckets that Trails may use, with wildcards * and ?. Omitted: any; empty: none.",
            json_schema_extra=_SET,
        ),
    ] = None
    allowed_log_role_arns: Annotated[
        Patterns | None,
        Field(
            alias="allowedLogRoleARNs",
            max_length=1000,
            description="ARNs of roles that Trails may use for log groups, with wildcards * and ?. Omitted: any; "
            "empty: none.",
            json_schema_extra=_SET,
        ),
    ] = None
    allowed_topic_arns: Annotated[
        Patterns | None,
        Field(
            alias="allowedTopicARNs",
            max_length=1000,
            description=(
                "ARNs of SNS topics that Trails may use, with wildcards * and ?. A topic given by name is in the "
                "trail's region and account. Omitted: any; empty: none."
            ),
            json_schema_extra=_SET,
        ),
    ] = None
    allowed_key_arns: Annotated[
        Patterns | None,
        Field(
            alias="allowedKeyARNs",
            max_length=1000,
            description=(
                "ARNs of KMS keys that Trails may use, with wildcards * and ?. IDs and aliases are resolved to the "
                "key ARN by kms:DescribeKey. Omitted: any; empty: none."
            ),
            json_schema_extra=_SET,
        ),
    ] = None
    allowed_log_group_arns: Annotated[
        Patterns | None,
        Field(
            alias="allowedLogGroupARNs",
            max_length=1000,
            description="ARNs of log groups that Trails may use, with wildcards * and ?. Omitted: any; empty: none.",
            json_schema_extra=_SET,
        ),
    ] = None
    allowed_action_arns: Annotated[
        Patterns,
        Field(
            alias="allowedActionARNs",
            max_length=1000,
            description=(
                "ARNs of SNS topics that the alarms of TrailAlarmSets may notify, with wildcards * and ?. Omitted or "
                "empty: none."
            ),
            json_schema_extra=_SET,
        ),
    ] = ()
    allowed_trail_names: Annotated[
        TrailNamePatterns | None,
        Field(
            max_length=1000,
            description=(
                "Names that trails may have, with wildcards * and ?, also for Trails with managementPolicy: Observe. "
                "Omitted: any; empty: none."
            ),
            json_schema_extra=_SET,
        ),
    ] = None
    allowed_adoption: Annotated[
        AdoptionPolicy,
        Field(
            description=(
                "Which existing trails a Trail may take over by its adoptionPolicy: none (Never), those without an "
                "owner tag (IfUnowned), or also those of other owners (Always). Defaults to Never."
            )
        ),
    ] = AdoptionPolicy.NEVER
    allow_organization_trails: Annotated[
        StrictBool, Field(description="Whether Trails may set isOrganizationTrail.")
    ] = False
    endpoint_url: Annotated[
        str,
        StringConstraints(max_length=2048),
        Field(
            alias="endpointURL",
            description="Endpoint URL of the account's AWS APIs. Defaults to AWS's endpoints.",
            json_schema_extra=rules(
                rule(
                    rf"self == '' || self.matches(r'^https://({_HOST}|\[[0-9a-fA-F:.]+\])(:[0-9]{{1,5}})?(/[!-~]*)?$')"
                    " || "
                    r"self.matches(r'^http://(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?(/[!-~]*)?$')",
                    "endpointURL must start with https:// (http:// for localhost only) and a host name (letters, "
                    "digits, hyphens and dots), and have no user name",
                )
            ),
        ),
    ] = ""


SPEC_RULES = [
    rule(
        # The field's own rule rejects an invalid ARN. This one must not fail on an object that was stored before.
        "!has(self.roleARN) || size(self.roleARN.split(':')) < 5 || self.roleARN.split(':')[4] == self.accountID",
        "roleARN must be a role in the account accountID",
    ),
    rule(
        "!has(self.externalID) || self.externalID == '' || (has(self.roleARN) && self.roleARN != '')",
        "externalID requires roleARN: set both, or remove externalID",
    ),
    rule(
        "!has(self.allowedRegions) || size(self.allowedRegions) == 0 || !has(self.region) || self.region == '' || "
        "self.region in self.allowedRegions",
        "region must be one of allowedRegions",
    ),
]


class AccountTrail(Resource):
    """A trail of the account."""

    arn: Annotated[str, Field(description="ARN of the trail.", json_schema_extra={"maxLength": 256})]
    name: Annotated[str, Field(description="Name of the trail.", json_schema_extra={"maxLength": 128})]
    home_region: Annotated[str, Field(description="Home region of the trail.", json_schema_extra={"maxLength": 32})]
    owner: Annotated[
        str,
        Field(
            description=(
                "Owner of the trail: the Trail of this cluster as namespace/name, the owner tag of another cluster, "
                "Unmanaged, or Unknown if AWS does not show it."
            ),
            json_schema_extra={"maxLength": 256},
        ),
    ]
    is_multi_region_trail: Annotated[bool, Field(description="Whether the trail records all regions.")]
    is_organization_trail: Annotated[bool, Field(description="Whether the trail is an organization trail.")]
    is_logging: Annotated[
        StrictBool | None, Field(description="Whether the trail is logging; absent if AWS does not show it.")
    ] = None


class AWSAccountStatus(StatusWithConditions):
    """The state that the operator last observed."""

    trail_count: Annotated[
        int | None,
        Field(description="Number of trails in the account, in all regions; absent if unknown."),
    ] = None
    unmanaged_count: Annotated[
        int | None, Field(description="Number of them that no operator manages, as far as AWS shows their owners.")
    ] = None
    trails: Annotated[
        tuple[AccountTrail, ...],
        Field(
            description=(
                "All trails of the account in all regions, as on the console's Trails page. Those that the operator "
                "may not read are omitted, and Ready reports that."
            ),
            json_schema_extra=list_map("arn", 1000),
        ),
    ] = ()
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            description=(
                "Ready: STS confirms that the credentials belong to the account. EventsArriving, only with an event "
                "queue: whether events of the account arrive from it. It does not affect Ready."
            ),
            json_schema_extra=list_map("type", 16),
        ),
    ] = ()
