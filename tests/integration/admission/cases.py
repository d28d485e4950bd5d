"""For each rule and bound of the Trail's schema: what the API server accepts, what it refuses, and what it then says.

A case is found by where it applies and by the schema's keyword; "rule" stands for a CEL rule, which is told apart by
its message. `test_admission.py` runs the cases, and fails for a rule or bound that has none.
"""

from dataclasses import dataclass
from typing import Any

Parts = dict[str, Any]
"""Parts of a manifest: laid over a minimal one at creation, over what there is at a change (None takes away)."""


@dataclass(frozen=True)
class Case:
    """One rule or bound, with what keeps it and what breaks it."""

    path: str
    keyword: str
    accepted: list[Parts]
    refused: list[Parts]
    says: str
    before: Parts | None = None
    """The Trail before a change; None: accepted and refused are about creation (or, if they are a status, about it)."""


def spec(**fields: Any) -> Parts:
    """Fields of the spec."""
    return {"spec": fields}


def named(name: str, /, **fields: Any) -> Parts:
    """A Trail of that metadata.name, with fields of the spec."""
    return {"metadata": {"name": name}, "spec": fields}


def status(**fields: Any) -> Parts:
    """Fields of the status."""
    return {"status": fields}


def tag(key: str, value: str = "") -> Parts:
    """A spec with one tag."""
    return spec(tags=[{"key": key, "value": value}])


def condition(**fields: Any) -> Parts:
    """A status with one condition."""
    entry = {
        "type": "Ready",
        "status": "True",
        "reason": "Recording",
        "message": "",
        "lastTransitionTime": "2026-01-31T12:00:00Z",
        "observedGeneration": 1,
    }
    return status(conditions=[{**entry, **fields}])


def delivery(**fields: Any) -> Parts:
    """A status with one delivery error."""
    return status(delivery=[{"destination": "S3", "error": "NoSuchBucket", "since": "2026-01-31T12:00:00Z", **fields}])


def twice(parts: Parts) -> Parts:
    """The same status with its list's entry doubled."""
    ((name, entries),) = parts["status"].items()
    return status(**{name: entries * 2})


KEY_ID = "0123abcd-4567-89ef-0123-456789abcdef"
GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:audit"
ROLE = "arn:aws:iam::123456789012:role/audit"
TOPIC = "arn:aws:sns:us-east-1:123456789012:audit"


def group(arn: str) -> Parts:
    """A log group with a role."""
    return spec(cloudWatchLogsLogGroupARN=arn, cloudWatchLogsRoleARN=ROLE if arn else "")


def role(arn: str) -> Parts:
    """A role with a log group."""
    return spec(cloudWatchLogsRoleARN=arn, cloudWatchLogsLogGroupARN=GROUP if arn else "")


NAMES = [
    Case(
        "",
        "rule",
        accepted=[named("a" * 128), named("a" * 128, name="audit")],
        refused=[named("a" * 129, name="audit"), named("a" * 253, name="audit")],
        says="must have at most 128 characters, so that the owner tag in AWS holds it: choose a shorter name",
    ),
    Case(
        "",
        "rule",
        accepted=[
            named("abc"),
            named("audit.logs-1"),
            named("a--b", name="a-b"),
            named("ab", name="Audit_Logs.1"),
            spec(name="a" * 128),
        ],
        refused=[
            named("ab"),
            named("a--b"),
            spec(name="a-_b"),
            spec(name="a..b"),
            spec(name="-audit"),
            spec(name="audit_"),
            spec(name="audit logs"),
            spec(name="audit/logs"),
            spec(name="audit\n"),
            spec(name="журнал"),
            spec(name="arn:aws:cloudtrail:us-east-1:123456789012:trail/audit"),
        ],
        says="must have 3 to 128 letters, digits, '.', '_' and '-', begin and end with a letter or digit, and have no "
        "two of . _ - side by side: set spec.name to such a name",
    ),
    Case(
        "",
        "rule",
        accepted=[spec(name="192.168.5"), spec(name="v192.168.5.4"), named("192.168.5.4", name="audit")],
        refused=[spec(name="192.168.5.4"), named("10.0.0.1"), spec(name="999.999.999.999")],
        says="must not look like an IP address: set spec.name to another name",
    ),
    Case("spec.name", "minLength", [spec(name="abc")], [spec(name="ab"), spec(name="")], "at least 3 chars long"),
    Case("spec.name", "maxLength", [spec(name="a" * 128)], [spec(name="a" * 129)], "may not be more than 128"),
]

# The name that counts is spec.name, else metadata.name: a change of the one that changes nothing is accepted.
NAME_IMMUTABLE = (
    "name is immutable: make a second Trail with the new name, wait until it is Ready, then delete this one"
)
CHANGES_OF_NAME = [
    Case(
        "",
        "rule",
        before=named("audit", name="logs"),
        accepted=[spec(name="logs", isLogging=False)],
        refused=[spec(name="other"), spec(name="Logs"), spec(name="audit"), spec(name=None)],
        says=NAME_IMMUTABLE,
    ),
    Case("", "rule", [spec(name="audit")], [spec(name="other")], NAME_IMMUTABLE, before=named("audit")),
    Case("", "rule", [spec(name=None)], [spec(name="other")], NAME_IMMUTABLE, before=named("audit", name="audit")),
]

REGIONS = [
    Case(
        "spec.region",
        "rule",
        accepted=[
            spec(region="us-east-1"),
            spec(region="ap-southeast-15"),
            spec(region="us-gov-west-1"),
            spec(region="us-isob-east-1"),
            spec(region="eusc-de-east-1"),
        ],
        refused=[
            spec(region=""),
            spec(region="US-EAST-1"),
            spec(region="Frankfurt"),
            spec(region="us-east-1a"),
            spec(region="us-east"),
            spec(region="us-east-1\n"),
            spec(region="us-east-1/../evil.example#-1"),
        ],
        says="must be the code of an AWS region, such as eu-central-1",
    ),
    Case(
        "spec.region",
        "maxLength",
        accepted=[spec(region="us-" + "a" * 27 + "-1")],
        refused=[spec(region="us-" + "a" * 28 + "-1")],
        says="may not be more than 32",
    ),
]

# Pinned by status.homeRegion; before that, a region may be corrected.
REGION_IMMUTABLE = (
    "region is immutable once the trail is created: keep it as it is in status.homeRegion; to move, make a second "
    "Trail in the new region, wait until it is Ready, then delete this one"
)
PINNED = {"homeRegion": "eu-west-1"}
CHANGES_OF_REGION = [
    Case(
        "",
        "rule",
        before={**spec(region="eu-west-1"), "status": PINNED},
        accepted=[spec(region="eu-west-1", isLogging=False), spec(s3KeyPrefix="logs"), spec(region=None)],
        refused=[spec(region="us-east-1")],
        says=REGION_IMMUTABLE,
    ),
    Case(
        "",
        "rule",
        before={"status": PINNED},
        accepted=[spec(region="eu-west-1"), spec(isLogging=False)],
        refused=[spec(region="us-east-1")],
        says=REGION_IMMUTABLE,
    ),
    Case(
        "",
        "rule",
        # The spec may have changed just while the operator put the other region on record: the way back is open, and
        # all else can be written, so that the Trail can also be deleted.
        before={**spec(region="us-east-1"), "status": PINNED},
        accepted=[
            *(spec(region="eu-west-1"), spec(region=None), spec(isLogging=False)),
            *({"metadata": {"finalizers": None}}, {"status": {}}),
        ],
        refused=[spec(region="us-west-2")],
        says=REGION_IMMUTABLE,
    ),
]

BUCKETS = [
    Case("spec.s3BucketName", "minLength", [spec(s3BucketName="abc")], [spec(s3BucketName="ab")], "at least 3 chars"),
    Case(
        "spec.s3BucketName",
        "maxLength",
        accepted=[spec(s3BucketName="b" * 63)],
        refused=[spec(s3BucketName="b" * 64)],
        says="may not be more than 63",
    ),
    Case(
        "spec.s3BucketName",
        "rule",
        accepted=[spec(s3BucketName="example-audit-logs"), spec(s3BucketName="1.example.com")],
        refused=[
            spec(s3BucketName="Example-Audit-Logs"),
            spec(s3BucketName="example_audit_logs"),
            spec(s3BucketName="-example"),
            spec(s3BucketName="example."),
            spec(s3BucketName="example..logs"),
            spec(s3BucketName="example\n"),
            spec(s3BucketName="bücher"),
            spec(s3BucketName="s3://example-audit-logs"),
            spec(s3BucketName="arn:aws:s3:::example-audit-logs"),
        ],
        says="must be a bucket's name: 3 to 63 lowercase letters, digits, dots and hyphens, beginning and ending with "
        "a letter or digit (no ARN, no s3:// address)",
    ),
    Case(
        "spec.s3BucketName",
        "rule",
        accepted=[spec(s3BucketName="192.168.5")],
        refused=[spec(s3BucketName="192.168.5.4")],
        says="must not look like an IP address",
    ),
]

PREFIXES = [
    Case(
        "spec.s3KeyPrefix",
        "maxLength",
        accepted=[spec(s3KeyPrefix="p" * 200), spec(s3KeyPrefix="é" * 200), spec(s3KeyPrefix="")],
        refused=[spec(s3KeyPrefix="p" * 201)],
        says="may not be more than 200",
    ),
    Case(
        "spec.s3KeyPrefix",
        "rule",
        accepted=[spec(s3KeyPrefix="logs"), spec(s3KeyPrefix="AWSLogsArchive")],
        refused=[spec(s3KeyPrefix="AWSLogs"), spec(s3KeyPrefix="a/AWSLogs"), spec(s3KeyPrefix="AWSLogs/123456789012")],
        says="must not contain AWSLogs/: CloudTrail adds /AWSLogs/ itself, leave it out",
    ),
    Case(
        "spec.s3KeyPrefix",
        "rule",
        accepted=[spec(s3KeyPrefix="logs/production")],
        refused=[spec(s3KeyPrefix="/logs"), spec(s3KeyPrefix="logs/"), spec(s3KeyPrefix="/")],
        says="must not begin or end with a slash: write logs, not /logs/",
    ),
]

TOPICS = [
    Case(
        "spec.snsTopicName",
        "maxLength",
        accepted=[spec(snsTopicName="t" * 256)],
        refused=[spec(snsTopicName="t" * 257)],
        says="may not be more than 256",
    ),
    Case(
        "spec.snsTopicName",
        "rule",
        accepted=[
            spec(snsTopicName="Audit_logs-1"),
            spec(snsTopicName=TOPIC),
            spec(snsTopicName=TOPIC.replace("aws", "aws-us-gov")),
            spec(snsTopicName=""),
        ],
        refused=[
            spec(snsTopicName="audit.fifo"),
            spec(snsTopicName="audit logs"),
            spec(snsTopicName="audit\n"),
            spec(snsTopicName=TOPIC.replace(":sns:", ":sqs:")),
            spec(snsTopicName=TOPIC.replace("123456789012", "1234")),
            spec(snsTopicName="https://sns.us-east-1.amazonaws.com/audit"),
        ],
        says="must be a topic's name (letters, digits, _ and -) or a topic's ARN (arn:aws:sns:REGION:ACCOUNT:NAME)",
    ),
]

LOG_GROUPS = [
    Case(
        "spec.cloudWatchLogsLogGroupARN",
        "maxLength",
        accepted=[group(GROUP.ljust(700, "x"))],
        refused=[group(GROUP.ljust(701, "x"))],
        says="may not be more than 700",
    ),
    Case(
        "spec.cloudWatchLogsLogGroupARN",
        "rule",
        accepted=[group(GROUP), group(GROUP + ":*"), group(GROUP + "/a_b.c#d"), group("")],
        refused=[
            group("audit"),
            group(GROUP + ":"),
            group(GROUP + "*"),
            group(GROUP + ":log-stream:a"),
            group(GROUP.replace(":logs:", ":s3:")),
            group(GROUP.removesuffix("audit")),
        ],
        says="must be a log group's ARN: arn:aws:logs:REGION:ACCOUNT:log-group:NAME (an ending ':*' is optional)",
    ),
    Case(
        "spec.cloudWatchLogsRoleARN",
        "maxLength",
        accepted=[role(ROLE.ljust(700, "x"))],
        refused=[role(ROLE.ljust(701, "x"))],
        says="may not be more than 700",
    ),
    Case(
        "spec.cloudWatchLogsRoleARN",
        "rule",
        accepted=[role(ROLE), role(ROLE.replace("role/", "role/path/to/")), role("")],
        refused=[
            role("audit"),
            role(ROLE.replace("role", "user")),
            role(ROLE.removesuffix("audit")),
            role(ROLE + "\n"),
        ],
        says="must be a role's ARN: arn:aws:iam::ACCOUNT:role/NAME",
    ),
    Case(
        "spec",
        "rule",
        accepted=[
            spec(cloudWatchLogsLogGroupARN=GROUP, cloudWatchLogsRoleARN=ROLE),
            spec(cloudWatchLogsLogGroupARN="", cloudWatchLogsRoleARN=""),
            spec(cloudWatchLogsRoleARN=""),
        ],
        refused=[
            spec(cloudWatchLogsLogGroupARN=GROUP),
            spec(cloudWatchLogsRoleARN=ROLE),
            spec(cloudWatchLogsLogGroupARN=GROUP, cloudWatchLogsRoleARN=""),
            spec(cloudWatchLogsLogGroupARN=None, cloudWatchLogsRoleARN=ROLE),
        ],
        says="belong together: set both or neither",
    ),
]

KEYS = [
    Case(
        "spec.kmsKeyID",
        "maxLength",
        accepted=[spec(kmsKeyID="alias/" + "k" * 344)],
        refused=[spec(kmsKeyID="alias/" + "k" * 345)],
        says="may not be more than 350",
    ),
    Case(
        "spec.kmsKeyID",
        "rule",
        accepted=[
            spec(kmsKeyID=KEY_ID),
            spec(kmsKeyID="mrk-" + KEY_ID.replace("-", "")),
            spec(kmsKeyID=f"arn:aws:kms:us-east-1:123456789012:key/{KEY_ID}"),
            spec(kmsKeyID="alias/audit"),
            spec(kmsKeyID="arn:aws-cn:kms:cn-north-1:123456789012:alias/audit/logs"),
            spec(kmsKeyID=""),
        ],
        refused=[
            spec(kmsKeyID="audit"),
            spec(kmsKeyID="alias/"),
            spec(kmsKeyID="alias/a b"),
            spec(kmsKeyID=KEY_ID + "\n"),
            spec(kmsKeyID=KEY_ID[:-1]),
            spec(kmsKeyID=f"arn:aws:kms:us-east-1:123456789012:{KEY_ID}"),
        ],
        says="must be a key id, a key ARN (arn:aws:kms:REGION:ACCOUNT:key/ID), an alias (alias/NAME) or an alias ARN",
    ),
]

MULTI_REGION = [
    Case(
        "spec",
        "rule",
        accepted=[
            spec(isMultiRegionTrail=True),
            spec(isMultiRegionTrail=False, includeGlobalServiceEvents=False),
            spec(includeGlobalServiceEvents=False),
            spec(isMultiRegionTrail=False),
        ],
        refused=[spec(isMultiRegionTrail=True, includeGlobalServiceEvents=False)],
        says="set includeGlobalServiceEvents to true, or isMultiRegionTrail to false",
    ),
    Case(
        "spec",
        "rule",
        before=spec(isMultiRegionTrail=True),
        accepted=[
            spec(isMultiRegionTrail=False, includeGlobalServiceEvents=False),
            spec(isMultiRegionTrail=None, includeGlobalServiceEvents=False),
        ],
        refused=[spec(includeGlobalServiceEvents=False)],
        says="set includeGlobalServiceEvents to true, or isMultiRegionTrail to false",
    ),
]

CHARACTERS = "letters, digits, spaces and _ . : / = + - @ only"
TAGS = [
    Case(
        "spec.tags",
        "maxItems",
        accepted=[spec(tags=[{"key": f"k{number}"} for number in range(49)]), spec(tags=[])],
        refused=[spec(tags=[{"key": f"k{number}"} for number in range(50)])],
        says="must have at most 49 items",
    ),
    Case(
        "spec.tags[]",
        "x-kubernetes-list-map-keys",
        accepted=[spec(tags=[{"key": "a"}, {"key": "A"}])],
        refused=[spec(tags=[{"key": "a", "value": "1"}, {"key": "a", "value": "2"}])],
        says="Duplicate value",
    ),
    Case("spec.tags[].key", "minLength", [tag("k")], [tag("")], "at least 1 chars long"),
    Case(
        "spec.tags[].key", "maxLength", [tag("k" * 128), tag("é" * 128)], [tag("k" * 129)], "may not be more than 128"
    ),
    Case(
        "spec.tags[].key",
        "rule",
        accepted=[tag("aws"), tag("awsome:x"), tag("my-aws:x")],
        refused=[tag("aws:x"), tag("AWS:x"), tag("aWs:")],
        says="begin with 'aws:' are AWS's own: choose another key",
    ),
    Case(
        "spec.tags[].key",
        "rule",
        accepted=[tag("trail-operator.dev"), tag("x.trail-operator.dev/owner")],
        refused=[tag("trail-operator.dev/owner"), tag("Trail-Operator.Dev/x")],
        says="begin with 'trail-operator.dev/' are the operator's own: choose another key",
    ),
    Case(
        "spec.tags[].key",
        "rule",
        accepted=[tag("a_b.c:d/e=f+g-h@i j"), tag("équipe"), tag("監査 1")],
        refused=[tag("a*b"), tag("a,b"), tag("a\tb"), tag("a\n"), tag("🔒")],
        says=f"a tag key may have {CHARACTERS}",
    ),
    Case(
        "spec.tags[].value",
        "maxLength",
        accepted=[tag("k", "v" * 256), tag("k", "é" * 256), tag("k", "")],
        refused=[tag("k", "v" * 257)],
        says="may not be more than 256",
    ),
    Case(
        "spec.tags[].value",
        "rule",
        accepted=[tag("k", "a_b.c:d/e=f+g-h@i j"), tag("k", "監査"), tag("k", "aws:x")],
        refused=[tag("k", "a*"), tag("k", '{"a": 1}'), tag("k", "a\n"), tag("k", "🔒")],
        says=f"a tag value may have {CHARACTERS}",
    ),
]

DELETION = [
    Case(
        "spec.deletionPolicy",
        "enum",
        accepted=[spec(deletionPolicy="Delete"), spec(deletionPolicy="Retain")],
        refused=[spec(deletionPolicy="delete"), spec(deletionPolicy="Orphan"), spec(deletionPolicy="")],
        says='supported values: "Delete", "Retain"',
    ),
]

STATUS = [
    Case(
        "status.conditions[]",
        "x-kubernetes-list-map-keys",
        accepted=[condition()],
        refused=[twice(condition())],
        says="Duplicate value",
    ),
    Case(
        "status.conditions[].status",
        "enum",
        accepted=[condition(status="False"), condition(status="Unknown")],
        refused=[condition(status="true"), condition(status="")],
        says='supported values: "True", "False", "Unknown"',
    ),
    Case(
        "status.conditions[].message",
        "maxLength",
        accepted=[condition(message="m" * 32768)],
        refused=[condition(message="m" * 32769)],
        says="may not be more than 32768",
    ),
    Case(
        "status.conditions[].lastTransitionTime",
        "format",
        accepted=[condition(lastTransitionTime="2026-01-31T12:00:00.5+01:00")],
        refused=[condition(lastTransitionTime="yesterday"), condition(lastTransitionTime="2026-01-31")],
        says="must be of type date-time",
    ),
    Case(
        "status.delivery[]",
        "x-kubernetes-list-map-keys",
        accepted=[delivery()],
        refused=[twice(delivery())],
        says="Duplicate value",
    ),
    Case(
        "status.delivery[].destination",
        "enum",
        accepted=[delivery(destination=name) for name in ("S3", "Digest", "SNS", "CloudWatchLogs")],
        refused=[delivery(destination="SQS")],
        says='supported values: "S3", "Digest", "SNS", "CloudWatchLogs"',
    ),
    Case(
        "status.delivery[].since",
        "format",
        accepted=[delivery(since="2026-01-31T12:00:00Z")],
        refused=[delivery(since="12:00")],
        says="must be of type date-time",
    ),
]

CASES = [
    *NAMES,
    *CHANGES_OF_NAME,
    *REGIONS,
    *CHANGES_OF_REGION,
    *BUCKETS,
    *PREFIXES,
    *TOPICS,
    *LOG_GROUPS,
    *KEYS,
    *MULTI_REGION,
    *TAGS,
    *DELETION,
    *STATUS,
]
