"""The spec of a `TrailAlarmSet` as pydantic models. The CRD is generated from them.

Fields of alarms are those of CloudWatch and CloudWatch Logs in lowerCamelCase. The operator applies their defaults
(`domain/alarms/desired.py`). `trail_alarm_set_rules.py` has the rules that the API server checks,
`trail_alarm_set_status.py` the status.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictBool, StringConstraints, WithJsonSchema

from trail_operator.api import trail_alarm_set_rules as rules
from trail_operator.api import trail_rules
from trail_operator.api.schema import Resource, list_map, matching
from trail_operator.api.trail import DeletionPolicy, ManagementPolicy, Tag

_SET = {"x-kubernetes-list-type": "set"}


class Preset(StrEnum):
    """A set of alarms that a standard requires."""

    SECURITY_HUB = "SecurityHub"
    CIS = "CIS"


class Statistic(StrEnum):
    """What is computed from the values of a period."""

    SAMPLE_COUNT = "SampleCount"
    AVERAGE = "Average"
    SUM = "Sum"
    MINIMUM = "Minimum"
    MAXIMUM = "Maximum"


class ComparisonOperator(StrEnum):
    """How the statistic is compared with the threshold."""

    GREATER_OR_EQUAL = "GreaterThanOrEqualToThreshold"
    GREATER = "GreaterThanThreshold"
    LESS = "LessThanThreshold"
    LESS_OR_EQUAL = "LessThanOrEqualToThreshold"


class MissingData(StrEnum):
    """What a period without values means."""

    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"
    IGNORE = "ignore"
    MISSING = "missing"


class TrailReference(Resource):
    """A reference to a Trail in the same namespace."""

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=128),
        Field(description="Name of the Trail.", json_schema_extra=rules.TRAIL_NAME),
    ]


Topics = tuple[
    Annotated[
        str,
        StringConstraints(max_length=350),
        matching(rules.TOPIC_ARN_PATTERN),
        Field(json_schema_extra=rules.TOPIC),
    ],
    ...,
]


class ActionARNs(Resource):
    """SNS topics that an alarm notifies when its state changes. They are in the region of the log group."""

    alarm: Annotated[
        Topics,
        Field(max_length=5, description="ARNs of topics for the state ALARM.", json_schema_extra=_SET),
    ] = ()
    ok: Annotated[
        Topics,
        Field(max_length=5, description="ARNs of topics for the state OK.", json_schema_extra=_SET),
    ] = ()
    insufficient_data: Annotated[
        Topics,
        Field(max_length=5, description="ARNs of topics for the state INSUFFICIENT_DATA.", json_schema_extra=_SET),
    ] = ()


class AlarmFields(Resource):
    """What can be set of any alarm. None means the default, which the operator applies."""

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=64),
        matching(rules.ALARM_NAME_PATTERN),
        Field(description="Name of the alarm.", json_schema_extra=rules.ALARM_NAME),
    ]
    description: Annotated[
        str | None,
        StringConstraints(max_length=1024),
        Field(
            description="Description of the alarm. Defaults to that of the preset, else to none.",
            json_schema_extra=rules.DESCRIPTION,
        ),
    ] = None
    metric_value: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=100),
        matching(rules.METRIC_VALUE_PATTERN),
        Field(
            description="What a matching event adds to the metric: a number, or a field of the event such as $.field. "
            'Defaults to "1".',
            json_schema_extra=rules.METRIC_VALUE,
        ),
    ] = None
    statistic: Annotated[
        Statistic | None, Field(description="What is computed from the values of a period. Defaults to Sum.")
    ] = None
    period: Annotated[
        int | None,
        Field(
            ge=10,
            le=604800,
            description="Length of a period in seconds: 10, 20, 30 or a multiple of 60. Defaults to 300.",
            json_schema_extra=rules.PERIOD,
        ),
    ] = None
    evaluation_periods: Annotated[
        int | None, Field(ge=1, le=8640, description="Number of recent periods that are evaluated. Defaults to 1.")
    ] = None
    datapoints_to_alarm: Annotated[
        int | None,
        Field(
            ge=1,
            le=8640,
            description="Number of those periods that must breach the threshold. Defaults to all of them.",
        ),
    ] = None
    threshold: Annotated[
        float | None, Field(description="Value that the statistic is compared with. Defaults to 1.")
    ] = None
    comparison_operator: Annotated[
        ComparisonOperator | None,
        Field(
            description="How the statistic is compared with the threshold. Defaults to GreaterThanOrEqualToThreshold."
        ),
    ] = None
    treat_missing_data: Annotated[
        MissingData | None, Field(description="What a period without values means. Defaults to notBreaching.")
    ] = None
    actions_enabled: Annotated[
        StrictBool | None, Field(description="Whether the alarm notifies its topics. Defaults to true.")
    ] = None
    actions: Annotated[
        ActionARNs | None,
        Field(description="Topics of this alarm, in place of spec.actions; {} means none. Defaults to spec.actions."),
    ] = None


class AlarmOverride(AlarmFields):
    """Changes to an alarm of a preset. Omitted fields keep the preset's value."""


class CustomAlarm(AlarmFields):
    """An alarm of your own."""

    filter_pattern: Annotated[
        str,
        StringConstraints(max_length=1024),
        Field(
            description="Pattern of CloudWatch Logs that selects the events. AWS must accept it before anything is "
            "written.",
            json_schema_extra=rules.FILTER_PATTERN,
        ),
    ]


class TrailAlarmSetSpec(Resource):
    """Metric filters and alarms on the events that a trail delivers to its log group."""

    trail_ref: Annotated[
        TrailReference,
        Field(
            description="Trail whose events the alarms are about, in the same namespace. Immutable.",
            json_schema_extra=rules.TRAIL_REF,
        ),
    ]
    presets: Annotated[
        tuple[Preset, ...],
        Field(
            max_length=len(Preset),
            description="Alarms that standards require: SecurityHub (CloudWatch.1 to 14) and CIS (CIS AWS Foundations "
            "Benchmark v5.0, 4.1 to 4.15). They share their alarms: both together create each once.",
            json_schema_extra=_SET,
        ),
    ] = ()
    exclude: Annotated[
        tuple[
            Annotated[
                str,
                StringConstraints(min_length=1, max_length=64),
                matching(rules.ALARM_NAME_PATTERN),
                Field(json_schema_extra=rules.ALARM_NAME),
            ],
            ...,
        ],
        Field(max_length=50, description="Names of preset alarms that are not created.", json_schema_extra=_SET),
    ] = ()
    overrides: Annotated[
        tuple[Annotated[AlarmOverride, Field(json_schema_extra=rules.ALARM)], ...],
        Field(
            max_length=50,
            description="Changes to preset alarms, by name. The filter pattern cannot be changed.",
            json_schema_extra=list_map("name"),
        ),
    ] = ()
    alarms: Annotated[
        tuple[Annotated[CustomAlarm, Field(json_schema_extra=rules.ALARM)], ...],
        Field(
            max_length=50,
            description="Alarms of your own, with other names than preset alarms.",
            json_schema_extra=list_map("name"),
        ),
    ] = ()
    actions: Annotated[
        ActionARNs | None,
        Field(
            description="SNS topics of all alarms without their own. The AWSAccount's allowedActionARNs (for the "
            "operator's own identity: --allowed-action-arns) must allow them. Defaults to none."
        ),
    ] = None
    tags: Annotated[
        tuple[Tag, ...],
        Field(
            max_length=49,
            description=(
                "Tags of the alarms. Authoritative: other tags are removed, except aws:*, trail-operator.dev/* and "
                "those that match --ignore-tags. At most 49, as the operator adds its owner tag."
            ),
            json_schema_extra=list_map("key"),
        ),
    ] = ()
    deletion_policy: Annotated[
        Annotated[DeletionPolicy, WithJsonSchema({"type": "string"})] | None,
        Field(
            description=(
                "What happens to the filters and alarms in AWS when this resource is deleted: Delete deletes them, "
                "Retain keeps them and removes the owner tag of the alarms. Defaults to Retain if the "
                "annotation services.k8s.aws/deletion-policy is retain, else to the operator's "
                "--default-deletion-policy (Delete)."
            ),
            json_schema_extra=trail_rules.DELETION_POLICY,
        ),
    ] = None
    management_policy: Annotated[
        ManagementPolicy,
        Field(
            description=(
                "Manage makes the filters and alarms match the spec. Observe writes nothing to AWS and reports "
                "differences. Defaults to Manage."
            )
        ),
    ] = ManagementPolicy.MANAGE
