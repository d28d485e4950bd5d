"""The `AWSAccount` resource as pydantic models: an AWS account, how to get into it, and who may use it for what."""

from typing import Annotated

from pydantic import Field, StrictBool, StringConstraints
from pydantic.fields import FieldInfo

from trail_operator.api.conditions import Condition
from trail_operator.api.label_selector import LabelSelector
from trail_operator.api.reasons import ConditionType
from trail_operator.api.schema import REGION, Resource, Status, no_control_characters, rule, rules
from trail_operator.api.trail import AdoptionPolicy

_SET = {"x-kubernetes-list-type": "set"}


def _text(what: str, longest: int) -> FieldInfo:
    """The schema of an entry of a list: some text on one line."""
    extra = rules(no_control_characters(what))
    info: FieldInfo = Field(min_length=1, max_length=longest, json_schema_extra=extra)
    return info


Regions = tuple[Annotated[str, _text("a region", 32)], ...]
Namespaces = tuple[Annotated[str, _text("a namespace", 253)], ...]
# Names or ARNs with * and ?.
BucketPatterns = tuple[Annotated[str, _text("a bucket", 63)], ...]
TrailNamePatterns = tuple[Annotated[str, _text("a pattern", 128)], ...]
Patterns = tuple[Annotated[str, _text("a pattern", 700)], ...]
EXTERNAL_ID = "<externalID>"
"""What stands for an AWSAccount's externalID wherever others than its readers read."""
# As botocore takes it: https://github.com/boto/botocore/blob/develop/botocore/utils.py (is_valid_endpoint_url)
_HOST = "([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?[.])*[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"


class AllowedNamespaces(Resource):
    """Namespaces by name or by label: those that either of the two names."""

    names: Annotated[Namespaces, Field(max_length=1000, description="Namespaces by name.", json_schema_extra=_SET)] = ()
    selector: Annotated[LabelSelector | None, Field(description="Namespaces by their labels; {} means all.")] = None

    def allows(self, namespace: str, labels: dict[str, str] | None) -> bool:
        """Whether a namespace with these labels is among them; where they are not known, no selector selects it."""
        if namespace in self.names:
            return True
        return self.selector is not None and labels is not None and self.selector.selects(labels)


class AWSAccountSpec(Resource):
    """An AWS account, how to get into it, and who may use it for what."""

    account_id: Annotated[
        str,
        Field(
            alias="accountID",
            description="The account's number. Nothing is written unless STS says that we are in it. Immutable.",
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
            description="The role to assume, of that account. Left out: the operator's own identity.",
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
            description="The external id that the role's trust policy asks for.",
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
            description="Home region of the account's Trails that name none. Left out: the operator's.",
            json_schema_extra=rules(
                rule(f"self == '' || {REGION}", "region must be an AWS region code, such as eu-central-1")
            ),
        ),
    ] = ""
    allowed_regions: Annotated[
        Regions,
        Field(
            max_length=100,
            description="Home regions that Trails may have. Left out or empty: any.",
            json_schema_extra=_SET,
        ),
    ] = ()
    allowed_namespaces: Annotated[
        AllowedNamespaces,
        Field(description="Namespaces whose Trails may use the account. Left out: none."),
    ] = AllowedNamespaces()
    allowed_buckets: Annotated[
        BucketPatterns | None,
        Field(
            max_length=1000,
            description="Buckets that Trails may name, as names with * and ?. Left out: any; empty: none.",
            json_schema_extra=_SET,
        ),
    ] = None
    allowed_log_role_arns: Annotated[
        Patterns | None,
        Field(
            alias="allowedLogRoleARNs",
            max_length=1000,
            description="Roles that Trails may name for log groups, as ARNs with * and ?. Left out: any; empty: none.",
            json_schema_extra=_SET,
        ),
    ] = None
    allowed_topic_arns: Annotated[
        Patterns | None,
        Field(
            alias="allowedTopicARNs",
            max_length=1000,
            description=(
                "SNS topics that Trails may name, as ARNs with * and ?; a topic given by name is one of the trail's "
                "region and account. Left out: any; empty: none."
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
                "KMS keys that Trails may name, as key ARNs with * and ?; ids and aliases are resolved to the key's "
                "ARN by kms:DescribeKey. Left out: any; empty: none."
            ),
            json_schema_extra=_SET,
        ),
    ] = None
    allowed_log_group_arns: Annotated[
        Patterns | None,
        Field(
            alias="allowedLogGroupARNs",
            max_length=1000,
            description="Log groups that Trails may name, as ARNs with * and ?. Left out: any; empty: none.",
            json_schema_extra=_SET,
        ),
    ] = None
    allowed_trail_names: Annotated[
        TrailNamePatterns | None,
        Field(
            max_length=1000,
            description=(
                "Names that trails may have, with * and ?, also of Trails with managementPolicy: Observe. Left out: "
                "any; empty: none."
            ),
            json_schema_extra=_SET,
        ),
    ] = None
    allowed_adoption: Annotated[
        AdoptionPolicy,
        Field(
            description=(
                "Which existing trails a Trail may take over where its adoptionPolicy says so: none (Never), those "
                "without an owner tag (IfUnowned), or also those of other owners (Always). Never where left out."
            )
        ),
    ] = AdoptionPolicy.NEVER
    allow_organization_trails: Annotated[
        StrictBool, Field(description="Whether Trails may have isOrganizationTrail.")
    ] = False
    endpoint_url: Annotated[
        str,
        StringConstraints(max_length=2048),
        Field(
            alias="endpointURL",
            description="Where the account's AWS APIs answer. Left out: AWS's own endpoints.",
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
        # What is no ARN its own rule refuses: this one must not fail on an object that was stored before.
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

    arn: Annotated[str, Field(description="The trail's ARN.", json_schema_extra={"maxLength": 256})]
    name: Annotated[str, Field(description="The trail's name.", json_schema_extra={"maxLength": 128})]
    home_region: Annotated[str, Field(description="Its home region.", json_schema_extra={"maxLength": 32})]
    owner: Annotated[
        str,
        Field(
            description=(
                "Whose it is: the Trail namespace/name of this cluster, the owner tag of another cluster, Unmanaged, "
                "or Unknown where AWS does not show it."
            ),
            json_schema_extra={"maxLength": 256},
        ),
    ]
    is_multi_region_trail: Annotated[bool, Field(description="Whether it records all regions.")]
    is_organization_trail: Annotated[bool, Field(description="Whether it is the organization's.")]
    is_logging: Annotated[
        StrictBool | None, Field(description="Whether it is logging; absent where AWS does not show it.")
    ] = None


class AWSAccountStatus(Status):
    """What the operator last found."""

    trail_count: Annotated[
        int | None,
        Field(description="How many trails the account has, in all regions; absent where AWS does not tell."),
    ] = None
    unmanaged_count: Annotated[
        int | None, Field(description="How many of them no operator manages, as far as AWS shows whose they are.")
    ] = None
    trails: Annotated[
        tuple[AccountTrail, ...],
        Field(
            description=(
                "Every trail of the account in all regions, as the console's Trails page lists them. What AWS does not "
                "let the operator read is left out, and Ready says so."
            ),
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["arn"],
                "maxItems": 1000,
            },
        ),
    ] = ()
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            description="Ready: STS says that we are in the account.",
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
