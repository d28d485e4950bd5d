"""The CEL rules of a Trail, and the patterns that they share with the models.

The API server checks the rules. Each message says what to write instead.
"""

from trail_operator.api.constants import RESERVED_TAG_PREFIX
from trail_operator.api.event_selector_rules import SPEC_RULES as SELECTOR_RULES
from trail_operator.api.schema import REGION, no_control_characters, rule, rules

# Optional strings may be "", which means the same as omitting them: template engines often render "".
_OR_EMPTY = "self == '' || "
EMPTY = "^$"
_PARTITION = "arn:aws[a-z-]*"
NAME_PATTERN = "^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$"
BUCKET_PATTERN = "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
TOPIC_PATTERN = "^[A-Za-z0-9_-]{1,256}$"
TOPIC_ARN_PATTERN = f"^{_PARTITION}:sns:[a-z0-9-]+:[0-9]{{12}}:[A-Za-z0-9_-]+$"
# For Python, which does not support the character classes of RE2.
LOG_GROUP_ARN_PATTERN = (
    rf"^{_PARTITION}:logs:[a-z0-9-]+:[0-9]{{12}}:log-group:[^:*\x00-\x1f\x7f-\x9f\u2028\u2029]+(:\*)?$"
)
ROLE_ARN_PATTERN = f"^{_PARTITION}:iam::[0-9]{{12}}:role/[!-~]+$"
ALIAS_PATTERN = "^alias/[A-Za-z0-9/_-]+$"
KEY_ARN_PATTERN = f"^{_PARTITION}:kms:[a-z0-9-]+:[0-9]{{12}}:(key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)$"
KEY_ID_PATTERN = "^(mrk-[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"
# For a status: recorded values are used only if the operator can have written them.
TRAIL_ARN_PATTERN = rf"^{_PARTITION}:cloudtrail:[a-z0-9-]+:[0-9]{{12}}:trail/[A-Za-z0-9._-]+$"
ACCOUNT_PATTERN = "^[0-9]{12}$"

# On fields.

TAG_KEY = rules(
    rule(
        "!self.lowerAscii().startsWith('aws:')",
        "tag keys that start with 'aws:' are reserved for AWS: choose another key",
    ),
    rule(
        f"!self.lowerAscii().startsWith('{RESERVED_TAG_PREFIX}')",
        f"tag keys that start with '{RESERVED_TAG_PREFIX}' are reserved for the operator: choose another key",
    ),
    rule(
        r"self.matches(r'^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$')",
        "a tag key may contain only letters, digits, spaces and _ . : / = + - @",
    ),
)
TAG_VALUE = rules(
    rule(
        r"self.matches(r'^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$')",
        "a tag value may contain only letters, digits, spaces and _ . : / = + - @",
    ),
)
ACCOUNT_NAME = rules(no_control_characters("accountRef.name"))
REGION_CODE = rules(
    rule(
        REGION,
        "region must be an AWS region code, such as eu-central-1",
    ),
)
BUCKET = rules(
    rule(
        f"self.matches(r'{BUCKET_PATTERN}') && !self.contains('..')",
        "s3BucketName must be a bucket name: 3 to 63 lowercase letters, digits, dots and hyphens, starting and ending "
        "with a letter or digit (not an ARN or an s3:// URL)",
    ),
    rule(
        r"!self.matches(r'^([0-9]{1,3}\.){3}[0-9]{1,3}$')",
        "s3BucketName must not look like an IP address: choose another bucket",
    ),
)
KEY_PREFIX = rules(
    rule(
        "!(self + '/').contains('AWSLogs/')",
        "s3KeyPrefix must not contain AWSLogs/: CloudTrail appends /AWSLogs/, so omit it",
    ),
    rule(
        "!self.startsWith('/') && !self.endsWith('/')",
        "s3KeyPrefix must not start or end with a slash: write logs, not /logs/",
    ),
    no_control_characters("s3KeyPrefix"),
)
TOPIC = rules(
    rule(
        f"{_OR_EMPTY}self.matches(r'{TOPIC_PATTERN}') || self.matches(r'{TOPIC_ARN_PATTERN}')",
        "snsTopicName must be a topic name (letters, digits, _ and -) or a topic ARN (arn:aws:sns:REGION:ACCOUNT:NAME)",
    ),
)
LOG_GROUP = rules(
    rule(
        _OR_EMPTY
        + rf"self.matches(r'^{_PARTITION}:logs:[a-z0-9-]+:[0-9]{{12}}:log-group:[^:*\p{{Cc}}\p{{Zl}}\p{{Zp}}]+(:\*)?$')",
        "cloudWatchLogsLogGroupARN must be a log group ARN: arn:aws:logs:REGION:ACCOUNT:log-group:NAME "
        "(the suffix ':*' is optional)",
    ),
)
LOG_ROLE = rules(
    rule(
        f"{_OR_EMPTY}self.matches(r'{ROLE_ARN_PATTERN}')",
        "cloudWatchLogsRoleARN must be a role ARN: arn:aws:iam::ACCOUNT:role/NAME",
    ),
)
KMS_KEY = rules(
    rule(
        f"{_OR_EMPTY}self.matches(r'{ALIAS_PATTERN}') || self.matches(r'{KEY_ARN_PATTERN}') || "
        f"self.matches(r'{KEY_ID_PATTERN}')",
        "kmsKeyID must be a key ID, a key ARN (arn:aws:kms:REGION:ACCOUNT:key/ID), an alias (alias/NAME) or an "
        "alias ARN",
    ),
)
DELETION_POLICY = rules(
    rule(
        "self in ['Delete', 'Retain']",
        "deletionPolicy must be Delete or Retain: for Crossplane's Orphan, write Retain",
    ),
)

# On several fields.

SPEC_RULES = [
    rule(
        "!(has(self.isMultiRegionTrail) && self.isMultiRegionTrail && has(self.includeGlobalServiceEvents) "
        "&& !self.includeGlobalServiceEvents)",
        "a multi-region trail must include global service events: set includeGlobalServiceEvents: true or "
        "isMultiRegionTrail: false",
    ),
    rule(
        "(has(self.cloudWatchLogsLogGroupARN) && self.cloudWatchLogsLogGroupARN != '') == "
        "(has(self.cloudWatchLogsRoleARN) && self.cloudWatchLogsRoleARN != '')",
        "cloudWatchLogsLogGroupARN and cloudWatchLogsRoleARN require each other: set both or neither",
    ),
    *SELECTOR_RULES,
]

_NAME = "(has({0}.spec.name) ? {0}.spec.name : {0}.metadata.name)"
_THIS_NAME, _OLD_NAME = _NAME.format("self"), _NAME.format("oldSelf")

# At the root, on effective values: a rule on a field does not run if the field is removed and added again.
ROOT_RULES = [
    rule(
        "size(self.metadata.name) <= 128",
        "metadata.name must have at most 128 characters to fit into the owner tag in AWS: choose a shorter name",
    ),
    rule(
        rf"{_THIS_NAME}.matches(r'{NAME_PATTERN}') && size({_THIS_NAME}) >= 3",
        "the trail name (spec.name, else metadata.name) must have 3 to 128 letters, digits, '.', '_' or '-', start "
        "and end with a letter or digit, and not contain two of . _ - in a row: set spec.name to a valid name",
    ),
    rule(
        rf"!{_THIS_NAME}.matches(r'^([0-9]{{1,3}}\.){{3}}[0-9]{{1,3}}$')",
        "the trail name (spec.name, else metadata.name) must not look like an IP address: set spec.name to another "
        "name",
    ),
    rule(
        f"{_THIS_NAME} == {_OLD_NAME}",
        "the trail name is immutable: create a second Trail with the new name, wait until it is Ready, then delete "
        "this one",
    ),
    rule(
        "has(self.spec.accountRef) == has(oldSelf.spec.accountRef) && "
        "(!has(self.spec.accountRef) || self.spec.accountRef.name == oldSelf.spec.accountRef.name)",
        "accountRef is immutable: create a second Trail in the other account, wait until it is Ready, then delete "
        "this one",
    ),
    # An unchanged region is always accepted, whatever the status records: otherwise no write would succeed, not even
    # the removal of the finalizer. An omitted region means the operator's default, which only the operator knows: the
    # Trail stalls if that differs.
    rule(
        "!has(oldSelf.status) || !has(oldSelf.status.arn) || !has(oldSelf.status.homeRegion) || "
        "!has(self.spec.region) || self.spec.region == oldSelf.status.homeRegion || "
        "(has(oldSelf.spec.region) && self.spec.region == oldSelf.spec.region)",
        "region is immutable once the trail is created: keep the region in status.homeRegion; to move the trail, "
        "create a second Trail in the new region, wait until it is Ready, then delete this one",
    ),
]
