"""For each rule of the Trail's schema: what the API server accepts, what it refuses, and what it then says.

A case is found by where it applies and by the schema's keyword; "rule" stands for a CEL rule, which is told apart by
its message. `test_admission.py` runs the cases, and fails for a rule or bound that has none.
"""

from collections.abc import Iterable
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
    besides: frozenset[str] = frozenset()
    """What else is refused, where the bound cannot be exceeded alone."""


def spec(**fields: Any) -> Parts:
    """Fields of the spec."""
    return {"spec": fields}


def named(name: str, /, **fields: Any) -> Parts:
    """A Trail of that metadata.name, with fields of the spec."""
    return {"metadata": {"name": name}, "spec": fields}


DESTINATIONS = ("S3", "Digest", "SNS", "CloudWatchLogs")


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


def difference(**fields: Any) -> Parts:
    """A status with one difference."""
    return status(drift=[{"path": "isLogging", "desired": "true", "observed": "false", **fields}])


def last_drift(**fields: Any) -> Parts:
    """A status with a last drift."""
    return status(lastDrift={"detectionTime": "2026-01-31T12:00:00Z", "paths": ["isLogging"], **fields})


def changed_by(**fields: Any) -> Parts:
    """A status with a last drift and who caused it."""
    caller = {"principal": "arn:aws:iam::123456789012:user/a", "eventName": "StopLogging", "eventID": "1"}
    return last_drift(changedBy={**caller, "eventTime": "2026-01-31T12:00:00Z", "source": "EventHistory", **fields})


def several(parts: Parts, number: int, key: str, values: Iterable[str] = ()) -> Parts:
    """The same status with so many entries in its list, told apart by `key`."""
    ((name, (entry,)),) = parts["status"].items()
    names = list(values) or [f"{key}-{index}" for index in range(number)]
    return status(**{name: [{**entry, key: each} for each in names]})


def refusal(*operations: str, message: str = "no") -> Parts:
    """A status with a refusal of each of these operations."""
    return status(refusals=[{"operation": operation, "message": message} for operation in operations])


def twice(parts: Parts) -> Parts:
    """The same status with its list's entry doubled."""
    ((name, entries),) = parts["status"].items()
    return status(**{name: entries * 2})


def basic(**fields: Any) -> Parts:
    """A spec with one basic event selector."""
    return spec(eventSelectors=[fields])


def resources(*values: str, kind: str = "AWS::S3::Object") -> Parts:
    """A spec with one basic event selector of these data resources."""
    return basic(dataResources=[{"type": kind, "values": list(values)}])


def functions(count: int) -> list[str]:
    """Data resources, each another one."""
    return [f"arn:aws:lambda:us-east-1:123456789012:function:f{number}" for number in range(count)]


def where(field: str, *values: str, operator: str = "equals") -> Parts:
    """A condition on one field."""
    return {"field": field, operator: list(values)}


MANAGEMENT = where("eventCategory", "Management")
DATA = where("eventCategory", "Data")
OBJECTS = where("resources.type", "AWS::S3::Object")
NETWORK = where("eventCategory", "NetworkActivity")


def selector(*conditions: Parts, **fields: Any) -> Parts:
    """One advanced event selector."""
    return {"fieldSelectors": list(conditions), **fields}


def advanced(*conditions: Parts, **fields: Any) -> Parts:
    """A spec with one advanced event selector."""
    return spec(advancedEventSelectors=[selector(*conditions, **fields)])


def numbered(count: int) -> list[str]:
    """Values, each another one."""
    return [f"v{number}" for number in range(count)]


def insight(kind: str, *categories: str, **fields: Any) -> Parts:
    """A spec with one insight, and with what the trail records."""
    return spec(
        insightSelectors=[{"insightType": kind, **({"eventCategories": categories} if categories else {})}], **fields
    )


def aggregation(*templates: str, category: str = "Data", **fields: Any) -> Parts:
    """A spec with one aggregation, of a trail that records data events unless told otherwise."""
    records = fields or {"advancedEventSelectors": [selector(DATA, OBJECTS)]}
    return spec(aggregationConfigurations=[{"eventCategory": category, "templates": list(templates)}], **records)


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


NO_CONTROL = "must not contain control characters, such as line breaks: remove them"


def odd(text: str) -> list[str]:
    """A text with each kind of control character."""
    return [f"{text}{character}x" for character in ("\n", "\r", "\t", "\x1b[31m", "\x7f", "\x85", "\u2028")]


NAMES = [
    Case(
        "",
        "rule",
        accepted=[named("a" * 128), named("a" * 128, name="audit")],
        refused=[named("a" * 129, name="audit"), named("a" * 253, name="audit")],
        says="must have at most 128 characters to fit into the owner tag in AWS: choose a shorter name",
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
        says="must have 3 to 128 letters, digits, '.', '_' or '-', start and end with a letter or digit, and not "
        "contain two of . _ - in a row: set spec.name to a valid name",
    ),
    Case(
        "",
        "rule",
        accepted=[spec(name="192.168.5"), spec(name="v192.168.5.4"), named("192.168.5.4", name="audit")],
        refused=[spec(name="192.168.5.4"), named("10.0.0.1"), spec(name="999.999.999.999")],
        says="must not look like an IP address: set spec.name to another name",
    ),
]

# The name that counts is spec.name, else metadata.name: a change of the one that changes nothing is accepted.
NAME_IMMUTABLE = (
    "name is immutable: create a second Trail with the new name, wait until it is Ready, then delete this one"
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
        says="must be an AWS region code, such as eu-central-1",
    ),
]

# Once its ARN is on record; before that, a region may be corrected.
REGION_IMMUTABLE = (
    "region is immutable once the trail is created: keep the region in status.homeRegion; to move the trail, create a "
    "second Trail in the new region, wait until it is Ready, then delete this one"
)
PINNED = {"homeRegion": "eu-west-1", "arn": "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit"}
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

ACCOUNT_IMMUTABLE = (
    "accountRef is immutable: create a second Trail in the other account, wait until it is Ready, then delete this one"
)
BLUE, GREEN = {"name": "blue"}, {"name": "green"}
ACCOUNTS = [
    Case(
        "spec.accountRef.name",
        "rule",
        accepted=[spec(accountRef={"name": "production-1.eu"})],
        refused=[spec(accountRef={"name": text}) for text in odd("production")],
        says=f"accountRef.name {NO_CONTROL}",
    ),
    Case(
        "",
        "rule",
        before=spec(accountRef=BLUE),
        accepted=[spec(accountRef=BLUE, isLogging=False), {"metadata": {"finalizers": None}}],
        refused=[spec(accountRef=GREEN), spec(accountRef=None)],
        says=ACCOUNT_IMMUTABLE,
    ),
    Case("", "rule", [spec(isLogging=False)], [spec(accountRef=BLUE)], ACCOUNT_IMMUTABLE, before={}),
]

BUCKETS = [
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
        says="must be a bucket name: 3 to 63 lowercase letters, digits, dots and hyphens, starting and ending with a "
        "letter or digit (not an ARN or an s3:// URL)",
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
        "rule",
        accepted=[spec(s3KeyPrefix="logs"), spec(s3KeyPrefix="AWSLogsArchive")],
        refused=[spec(s3KeyPrefix="AWSLogs"), spec(s3KeyPrefix="a/AWSLogs"), spec(s3KeyPrefix="AWSLogs/123456789012")],
        says="must not contain AWSLogs/: CloudTrail appends /AWSLogs/, so omit it",
    ),
    Case(
        "spec.s3KeyPrefix",
        "rule",
        accepted=[spec(s3KeyPrefix="logs/production")],
        refused=[spec(s3KeyPrefix="/logs"), spec(s3KeyPrefix="logs/"), spec(s3KeyPrefix="/")],
        says="must not start or end with a slash: write logs, not /logs/",
    ),
    Case(
        "spec.s3KeyPrefix",
        "rule",
        accepted=[spec(s3KeyPrefix="two words/é-日本")],
        refused=[spec(s3KeyPrefix=text) for text in odd("logs")],
        says=f"s3KeyPrefix {NO_CONTROL}",
    ),
]

TOPICS = [
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
        says="must be a topic name (letters, digits, _ and -) or a topic ARN (arn:aws:sns:REGION:ACCOUNT:NAME)",
    ),
]

LOG_GROUPS = [
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
            *map(group, odd(GROUP)),
        ],
        says="must be a log group ARN: arn:aws:logs:REGION:ACCOUNT:log-group:NAME (the suffix ':*' is optional)",
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
            role(ROLE + " "),
            *map(role, odd(ROLE)),
        ],
        says="must be a role ARN: arn:aws:iam::ACCOUNT:role/NAME",
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
        says="require each other: set both or neither",
    ),
]

KEYS = [
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
        says="must be a key ID, a key ARN (arn:aws:kms:REGION:ACCOUNT:key/ID), an alias (alias/NAME) or an alias ARN",
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
        says="set includeGlobalServiceEvents: true or isMultiRegionTrail: false",
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
        says="set includeGlobalServiceEvents: true or isMultiRegionTrail: false",
    ),
]

CHARACTERS = "may contain only letters, digits, spaces and _ . : / = + - @"
TAGS = [
    Case(
        "spec.tags[]",
        "x-kubernetes-list-map-keys",
        accepted=[spec(tags=[{"key": "a"}, {"key": "A"}])],
        refused=[spec(tags=[{"key": "a", "value": "1"}, {"key": "a", "value": "2"}])],
        says="Duplicate value",
    ),
    Case(
        "spec.tags[].key",
        "rule",
        accepted=[tag("aws"), tag("awsome:x"), tag("my-aws:x")],
        refused=[tag("aws:x"), tag("AWS:x"), tag("aWs:")],
        says="start with 'aws:' are reserved for AWS: choose another key",
    ),
    Case(
        "spec.tags[].key",
        "rule",
        accepted=[tag("trail-operator.dev"), tag("x.trail-operator.dev/owner")],
        refused=[tag("trail-operator.dev/owner"), tag("Trail-Operator.Dev/x")],
        says="start with 'trail-operator.dev/' are reserved for the operator: choose another key",
    ),
    Case(
        "spec.tags[].key",
        "rule",
        accepted=[tag("a_b.c:d/e=f+g-h@i j"), tag("équipe"), tag("監査 1")],
        refused=[tag("a*b"), tag("a,b"), tag("a\tb"), tag("a\n"), tag("🔒")],
        says=f"a tag key {CHARACTERS}",
    ),
    Case(
        "spec.tags[].value",
        "rule",
        accepted=[tag("k", "a_b.c:d/e=f+g-h@i j"), tag("k", "監査"), tag("k", "aws:x")],
        refused=[tag("k", "a*"), tag("k", '{"a": 1}'), tag("k", "a\n"), tag("k", "🔒")],
        says=f"a tag value {CHARACTERS}",
    ),
]

NO_SELECTORS = "specify at least one selector, or omit {}: the trail then records all management events"
BASIC_SELECTORS = [
    Case(
        "spec.eventSelectors",
        "rule",
        accepted=[basic()],
        refused=[spec(eventSelectors=[])],
        says=NO_SELECTORS.format("eventSelectors"),
    ),
    Case(
        "spec.eventSelectors[]",
        "rule",
        accepted=[
            basic(includeManagementEvents=False, dataResources=[{"type": "AWS::S3::Object", "values": ["arn:aws:s3"]}]),
            basic(includeManagementEvents=True, dataResources=[]),
            basic(excludeManagementEventSources=["kms.amazonaws.com"]),
        ],
        refused=[basic(includeManagementEvents=False), basic(includeManagementEvents=False, dataResources=[])],
        says="without management events needs dataResources: add some, or omit includeManagementEvents",
    ),
    Case(
        "spec.eventSelectors[].dataResources[].type",
        "rule",
        accepted=[resources("arn:aws:new", kind="AWS::New::Thing")],
        refused=[resources("arn:aws:new", kind=text) for text in odd("AWS::New::Thing")],
        says=f"type {NO_CONTROL}",
    ),
    Case(
        "spec.eventSelectors[].dataResources[].values",
        "rule",
        accepted=[
            resources("arn:aws:s3"),
            resources("arn:aws:s3:::bucket/", "arn:aws-us-gov:s3:::bucket/a*b"),
            resources("arn:aws:dynamodb", kind="AWS::DynamoDB::Table"),
        ],
        refused=[
            resources("arn:aws:s3:::*"),
            resources("arn:aws:s3:::*/*"),
            resources("arn:aws:s3:::one/", "arn:aws:s3:::bucket/*"),
            resources("*"),
        ],
        says="data resources do not support wildcards: write arn:aws:s3 for all objects, arn:aws:s3:::bucket/ for the "
        "objects of a bucket, arn:aws:lambda for all functions, arn:aws:dynamodb for all tables",
    ),
    Case(
        "spec",
        "rule",
        accepted=[
            spec(eventSelectors=[{"dataResources": [{"type": "AWS::Lambda::Function", "values": functions(50)}]}] * 5),
            # All of a type is not counted.
            basic(
                dataResources=[
                    {"type": "AWS::Lambda::Function", "values": functions(250)},
                    {"type": "AWS::S3::Object", "values": ["arn:aws:s3"]},
                    {"type": "AWS::S3::Object", "values": ["arn:aws:s3:::"]},
                    {"type": "AWS::Lambda::Function", "values": ["arn:aws:lambda"]},
                    {"type": "AWS::DynamoDB::Table", "values": ["arn:aws-cn:dynamodb"]},
                ]
            ),
        ],
        refused=[
            spec(
                eventSelectors=[
                    {"dataResources": [{"type": "AWS::Lambda::Function", "values": functions(250)}]},
                    {"dataResources": [{"type": "AWS::S3::Object", "values": ["arn:aws:s3:::bucket/"]}]},
                ]
            ),
            basic(dataResources=[{"type": "AWS::Lambda::Function", "values": functions(126)}] * 2),
        ],
        says="the eventSelectors of a trail may list at most 250 data resources in total: list buckets instead of "
        "prefixes, or use advancedEventSelectors",
    ),
    Case(
        "spec.eventSelectors[].excludeManagementEventSources[]",
        "rule",
        accepted=[basic(excludeManagementEventSources=["kms.amazonaws.com"])],
        refused=[basic(excludeManagementEventSources=[text]) for text in odd("kms")],
        says=f"a service {NO_CONTROL}",
    ),
]

OPERATORS = ("equals", "startsWith", "endsWith", "notEquals", "notStartsWith", "notEndsWith")
FIELDS = "spec.advancedEventSelectors[].fieldSelectors"
ADVANCED_SELECTORS = [
    Case(
        "spec",
        "rule",
        accepted=[basic(), advanced(MANAGEMENT)],
        refused=[spec(eventSelectors=[{}], advancedEventSelectors=[selector(MANAGEMENT)])],
        says="eventSelectors and advancedEventSelectors are mutually exclusive: write all of them as "
        "advancedEventSelectors",
    ),
    Case(
        "spec",
        "rule",
        before=basic(),
        accepted=[spec(eventSelectors=None, advancedEventSelectors=[selector(MANAGEMENT)])],
        refused=[advanced(MANAGEMENT)],
        says="eventSelectors and advancedEventSelectors are mutually exclusive: write all of them as "
        "advancedEventSelectors",
    ),
    Case(
        "spec.advancedEventSelectors",
        "rule",
        accepted=[advanced(MANAGEMENT)],
        refused=[spec(advancedEventSelectors=[])],
        says=NO_SELECTORS.format("advancedEventSelectors"),
    ),
    Case(
        "spec",
        "rule",
        accepted=[
            advanced(DATA, OBJECTS, where("eventName", *numbered(498))),
            advanced(
                DATA,
                OBJECTS,
                *(where(f"f{number}", *numbered(83), operator=one) for number, one in enumerate(OPERATORS)),
            ),
            spec(advancedEventSelectors=[selector(DATA, OBJECTS, where("eventName", *numbered(98)))] * 5),
        ],
        refused=[
            advanced(DATA, OBJECTS, where("eventName", *numbered(499))),
            advanced(
                DATA,
                OBJECTS,
                where("eventName", *numbered(249)) | where("eventName", *numbered(250), operator="notEndsWith"),
            ),
            spec(advancedEventSelectors=[*[selector(DATA, OBJECTS)] * 249, selector(DATA, OBJECTS, where("a", "1"))]),
        ],
        says="the advancedEventSelectors of a trail may have at most 500 values in total: remove some, or use "
        "startsWith",
    ),
    Case(
        "spec.advancedEventSelectors[].name",
        "rule",
        accepted=[advanced(MANAGEMENT, name="all that is written, 日本")],
        refused=[advanced(MANAGEMENT, name=text) for text in odd("writes")],
        says=f"a selector's name {NO_CONTROL}",
    ),
    Case(
        FIELDS + "[]",
        "x-kubernetes-list-map-keys",
        accepted=[advanced(DATA, OBJECTS, {"field": "eventName", "startsWith": ["Get"], "endsWith": ["Object"]})],
        refused=[advanced(DATA, OBJECTS, where("eventName", "GetObject"), where("eventName", "PutObject"))],
        says="Duplicate value",
    ),
    Case(
        FIELDS,
        "rule",
        accepted=[advanced(MANAGEMENT), advanced(DATA, OBJECTS), advanced(where("eventCategory", "SomethingNew"))],
        refused=[
            advanced(where("readOnly", "true")),
            advanced(where("eventcategory", "Management")),
            advanced(where("eventCategory", "Management", "Data"), OBJECTS),
        ],
        says="an advanced event selector needs a fieldSelector {field: eventCategory, equals: [CATEGORY]} with one "
        "category: Management, Data or NetworkActivity",
    ),
    Case(
        FIELDS,
        "rule",
        accepted=[
            advanced(DATA, OBJECTS),
            advanced(DATA, where("resources.type", "AWS::Something::New")),
            advanced(DATA, OBJECTS, where("some.newField", "a", operator="notStartsWith")),
        ],
        refused=[
            advanced(DATA),
            advanced(DATA, where("resources.Type", "AWS::S3::Object")),
            advanced(DATA, where("resources.type", "AWS::S3::Object", "AWS::Lambda::Function")),
        ],
        says="a selector for data events needs exactly one fieldSelector {field: resources.type, equals: [TYPE]} with "
        "one type, such as AWS::S3::Object: write one selector per type",
    ),
    Case(
        FIELDS,
        "rule",
        accepted=[
            advanced(NETWORK, where("eventSource", "ec2.amazonaws.com")),
            advanced(NETWORK, where("eventSource", "new.amazonaws.com"), where("errorCode", "VpceAccessDenied")),
        ],
        refused=[advanced(NETWORK), advanced(NETWORK, where("eventSource", "ec2.amazonaws.com", operator="notEquals"))],
        says="a selector for network activity events needs a fieldSelector {field: eventSource, equals: [SERVICE]}, "
        "such as ec2.amazonaws.com",
    ),
    Case(
        FIELDS + "[]",
        "rule",
        accepted=[advanced(MANAGEMENT, where("new", "a", operator=operator)) for operator in OPERATORS],
        refused=[advanced(MANAGEMENT, {"field": "eventName"})],
        says="a fieldSelector needs at least one of equals, startsWith, endsWith, notEquals, notStartsWith, "
        "notEndsWith",
    ),
    Case(
        FIELDS + "[]",
        "rule",
        accepted=[advanced(MANAGEMENT, where("readOnly", "true"))],
        refused=[
            *(advanced(MANAGEMENT, where("readOnly", "true", operator=operator)) for operator in OPERATORS[1:]),
            advanced(DATA, OBJECTS | where("resources.type", "AWS::S3::A", operator="notEquals")),
            advanced(MANAGEMENT | where("eventCategory", "D", operator="startsWith")),
        ],
        says="eventCategory, readOnly and resources.type support only equals: use equals",
    ),
    Case(
        FIELDS + "[]",
        "rule",
        accepted=[advanced(MANAGEMENT, where("readOnly", "true")), advanced(MANAGEMENT, where("readOnly", "false"))],
        refused=[advanced(MANAGEMENT, where("readOnly", "True")), advanced(MANAGEMENT, where("readOnly", "ReadOnly"))],
        says="readOnly must be equals: ['true'] for read events or equals: ['false'] for write events, in quotes",
    ),
    Case(
        FIELDS + "[].field",
        "rule",
        accepted=[advanced(MANAGEMENT, where(name, "v")) for name in ("userIdentity.arn", "vpc_endpoint.Id2")],
        refused=[
            advanced(MANAGEMENT, where(name, "v"))
            for name in ("event name", "$.eventName", "resources[0].ARN", "eventName\n", "поле")
        ],
        says="field must be the name of an event field, such as eventCategory or resources.ARN",
    ),
]

RATE, ERRORS = "ApiCallRateInsight", "ApiErrorRateInsight"
WRITES: Parts = {"advancedEventSelectors": [selector(MANAGEMENT, where("readOnly", "false"))]}
READS: Parts = {"advancedEventSelectors": [selector(MANAGEMENT, where("readOnly", "true"))]}
BASIC_READS: Parts = {"eventSelectors": [{"readWriteType": "ReadOnly"}]}
DATA_ONLY: Parts = {"advancedEventSelectors": [selector(DATA, OBJECTS)]}
BASIC_DATA_ONLY: Parts = {
    "eventSelectors": [
        {"includeManagementEvents": False, "dataResources": [{"type": "AWS::S3::Object", "values": ["arn:aws:s3"]}]}
    ]
}
INSIGHTS = [
    Case(
        "spec",
        "rule",
        accepted=[
            insight(RATE),
            insight(RATE, "Management"),
            insight(RATE, **WRITES),
            insight(RATE, eventSelectors=[{"readWriteType": "ReadOnly"}, {"readWriteType": "WriteOnly"}]),
            insight(RATE, "Data", **DATA_ONLY),
            insight("SomethingNew", **BASIC_READS),
        ],
        refused=[
            insight(RATE, **READS),
            insight(RATE, **BASIC_READS),
            insight(RATE, **DATA_ONLY),
            insight(RATE, **BASIC_DATA_ONLY),
            insight(RATE, "Data", "Management", **DATA_ONLY),
            spec(insightSelectors=[{"insightType": RATE, "eventCategories": []}], **READS),
        ],
        says="ApiCallRateInsight analyzes write management events: record them by a selector, or remove the insight",
    ),
    Case(
        "spec",
        "rule",
        accepted=[
            insight(ERRORS),
            insight(ERRORS, **READS),
            insight(ERRORS, **BASIC_READS),
            insight(ERRORS, "Data", **DATA_ONLY),
        ],
        refused=[insight(ERRORS, **DATA_ONLY), insight(ERRORS, **BASIC_DATA_ONLY)],
        says="ApiErrorRateInsight analyzes management events: record them by a selector, or remove the insight",
    ),
    Case(
        "spec",
        "rule",
        accepted=[insight(RATE, "Data", **DATA_ONLY), insight(ERRORS, "Data", **BASIC_DATA_ONLY)],
        refused=[insight(RATE, "Data"), insight(ERRORS, "Management", "Data"), insight(ERRORS, "Data", **WRITES)],
        says="an insight on the category Data analyzes data events: record some by a selector, or remove Data from "
        "its eventCategories",
    ),
    Case(
        # What is recorded may not be narrowed below what the insights look at.
        "spec",
        "rule",
        before=insight(RATE),
        accepted=[spec(**WRITES), spec(insightSelectors=None, **READS), spec(insightSelectors=[], **READS)],
        refused=[spec(**READS)],
        says="ApiCallRateInsight analyzes write management events",
    ),
    Case(
        "spec.insightSelectors[]",
        "x-kubernetes-list-map-keys",
        accepted=[spec(insightSelectors=[{"insightType": RATE}, {"insightType": ERRORS}])],
        refused=[
            spec(insightSelectors=[{"insightType": RATE}, {"insightType": RATE, "eventCategories": ["Management"]}])
        ],
        says="Duplicate value",
    ),
    Case(
        "spec.insightSelectors[].insightType",
        "rule",
        accepted=[insight("Api2_Insight")],
        refused=[insight("api call rate"), insight("ApiCallRateInsight\n"), insight("2")],
        says="insightType must be a single word, such as ApiCallRateInsight",
    ),
    Case(
        "spec.insightSelectors[].eventCategories[]",
        "rule",
        accepted=[insight(RATE, "Management"), insight("New", "Some_New1")],
        refused=[insight(RATE, "Management, Data"), insight(RATE, "Management ")],
        says="a category must be a single word, such as Management",
    ),
]

AGGREGATIONS = [
    Case(
        "spec",
        "rule",
        accepted=[
            aggregation("API_ACTIVITY"),
            aggregation("API_ACTIVITY", **BASIC_DATA_ONLY),
            aggregation("API_ACTIVITY", category="New", **WRITES),
        ],
        refused=[
            aggregation("API_ACTIVITY", **WRITES),
            aggregation("API_ACTIVITY", isLogging=True),
            aggregation("API_ACTIVITY", **BASIC_READS),
        ],
        says="aggregationConfigurations aggregate data events: record some by a selector, or remove the aggregation",
    ),
    Case(
        "spec.aggregationConfigurations[].eventCategory",
        "rule",
        accepted=[aggregation("API_ACTIVITY", category="Data")],
        refused=[aggregation("API_ACTIVITY", category="Data events")],
        says="eventCategory must be a single word, such as Data",
    ),
    Case(
        "spec.aggregationConfigurations[].templates[]",
        "rule",
        accepted=[aggregation("API_ACTIVITY", "RESOURCE_ACCESS", "SOMETHING_NEW")],
        refused=[aggregation("API-ACTIVITY"), aggregation("API_ACTIVITY\n")],
        says="a template must be a single word, such as API_ACTIVITY",
    ),
]

POLICIES = [
    Case(
        "spec.deletionPolicy",
        "rule",
        accepted=[spec(deletionPolicy="Delete"), spec(deletionPolicy="Retain")],
        refused=[spec(deletionPolicy="delete"), spec(deletionPolicy="Orphan"), spec(deletionPolicy="")],
        says="must be Delete or Retain: for Crossplane's Orphan, write Retain",
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
        "status.delivery[].since",
        "format",
        accepted=[delivery(since="2026-01-31T12:00:00Z")],
        refused=[delivery(since="12:00")],
        says="must be of type date-time",
    ),
    *(
        Case(
            f"status.lastDrift.{path}",
            "format",
            accepted=[made(**{name: "2026-01-31T12:00:00Z"})],
            refused=[made(**{name: "12:00"})],
            says="must be of type date-time",
        )
        for path, name, made in (
            ("detectionTime", "detectionTime", last_drift),
            ("correctionTime", "correctionTime", last_drift),
            ("changedBy.eventTime", "eventTime", changed_by),
        )
    ),
    Case(
        "status.refusals[]",
        "x-kubernetes-list-map-keys",
        accepted=[refusal("UpdateTrail", "PutEventSelectors")],
        refused=[twice(refusal("UpdateTrail"))],
        says="Duplicate value",
    ),
]

CASES = [
    *NAMES,
    *CHANGES_OF_NAME,
    *REGIONS,
    *CHANGES_OF_REGION,
    *ACCOUNTS,
    *BUCKETS,
    *PREFIXES,
    *TOPICS,
    *LOG_GROUPS,
    *KEYS,
    *MULTI_REGION,
    *TAGS,
    *BASIC_SELECTORS,
    *ADVANCED_SELECTORS,
    *INSIGHTS,
    *AGGREGATIONS,
    *POLICIES,
    *STATUS,
]
