"""What a trail records, in the spec of a `Trail`: event selectors, insights, aggregation.

Fields, resource types, insight types, categories and templates are not enumerated: AWS adds to them, and rejects unknown values. https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StrictBool, StringConstraints

from trail_operator.api.event_selector_rules import (
    ADVANCED_SELECTOR_RULES,
    BASIC_SELECTOR_RULE,
    FIELD_SELECTOR_RULES,
    MAX_DATA_RESOURCES,
    MAX_VALUES,
)
from trail_operator.api.schema import Resource, list_map, no_control_characters, rule, rules

_WORD = r"^[A-Za-z][A-Za-z0-9_]*$"
_ATOMIC = {"x-kubernetes-list-type": "atomic"}


def _word(what: str, example: str) -> dict[str, Any]:
    return rules(rule(f"self.matches(r'{_WORD}')", f"{what} must be a single word, such as {example}"))


class ReadWriteType(StrEnum):
    """Whether a basic selector records read events, write events or both."""

    ALL = "All"
    READ_ONLY = "ReadOnly"
    WRITE_ONLY = "WriteOnly"


def _or_leave_out(field: str) -> dict[str, Any]:
    return rules(
        rule(
            "size(self) > 0",
            f"specify at least one selector, or omit {field}: the trail then records all management events",
        ),
        **_ATOMIC,
    )


class DataResource(Resource):
    """Resources whose data events a basic selector records."""

    type: Annotated[
        str,
        StringConstraints(min_length=1, max_length=256),
        Field(
            description=(
                "Type of the resources: AWS::S3::Object, AWS::Lambda::Function or AWS::DynamoDB::Table. Others "
                "require advancedEventSelectors."
            ),
            json_schema_extra=rules(no_control_characters("type")),
        ),
    ]
    values: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=1, max_length=2048)], ...],
        Field(
            min_length=1,
            max_length=MAX_DATA_RESOURCES,
            description=(
                "ARNs or ARN prefixes: arn:aws:s3 for all objects, arn:aws:s3:::bucket/ for the objects of a bucket, "
                "arn:aws:lambda for all functions, arn:aws:dynamodb for all tables."
            ),
            json_schema_extra=rules(
                rule(
                    "self.all(value, !value.endsWith('*'))",
                    "data resources do not support wildcards: write arn:aws:s3 for all objects, arn:aws:s3:::bucket/ "
                    "for the objects of a bucket, arn:aws:lambda for all functions, arn:aws:dynamodb for all tables",
                ),
                **_ATOMIC,
            ),
        ),
    ]


class EventSelector(Resource):
    """A basic event selector."""

    model_config = ConfigDict(json_schema_extra=rules(BASIC_SELECTOR_RULE))

    read_write_type: Annotated[
        ReadWriteType,
        Field(
            description="Events to record: All, ReadOnly or WriteOnly. Defaults to All.",
            json_schema_extra={"default": None},
        ),
    ] = ReadWriteType.ALL
    include_management_events: Annotated[
        StrictBool,
        Field(
            description="Whether management events are recorded. Defaults to true.",
            json_schema_extra={"default": None},
        ),
    ] = True
    data_resources: Annotated[
        tuple[DataResource, ...],
        Field(
            max_length=MAX_DATA_RESOURCES,
            description="Resources whose data events are also recorded.",
            json_schema_extra=_ATOMIC,
        ),
    ] = ()
    exclude_management_event_sources: Annotated[
        tuple[
            Annotated[
                str,
                StringConstraints(min_length=1, max_length=256),
                Field(json_schema_extra=rules(no_control_characters("a service"))),
            ],
            ...,
        ],
        Field(
            max_length=16,
            description="Services whose management events are excluded: kms.amazonaws.com, rdsdata.amazonaws.com.",
            json_schema_extra=_ATOMIC,
        ),
    ] = ()


_Values = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1, max_length=2048)], ...],
    Field(min_length=1, max_length=MAX_VALUES, json_schema_extra=_ATOMIC),
]


class FieldSelector(Resource):
    """A condition on a field: any of equals, startsWith, endsWith; and all of notEquals, notStartsWith, notEndsWith."""

    model_config = ConfigDict(json_schema_extra=rules(*FIELD_SELECTOR_RULES))

    field: Annotated[
        str,
        StringConstraints(min_length=1, max_length=128),
        Field(
            description=(
                "Field of the event: eventCategory, resources.type, resources.ARN, readOnly, eventName, eventSource, "
                "..."
            ),
            json_schema_extra=rules(
                rule(
                    r"self.matches(r'^[\w.]+$')",
                    "field must be the name of an event field, such as eventCategory or resources.ARN",
                )
            ),
        ),
    ]
    equals: Annotated[_Values | None, Field(description="Matches if the field equals one of these.")] = None
    starts_with: Annotated[_Values | None, Field(description="Matches if the field starts with one of these.")] = None
    ends_with: Annotated[_Values | None, Field(description="Matches if the field ends with one of these.")] = None
    not_equals: Annotated[_Values | None, Field(description="Matches if the field equals none of these.")] = None
    not_starts_with: Annotated[_Values | None, Field(description="Matches if the field starts with none of these.")] = (
        None
    )
    not_ends_with: Annotated[_Values | None, Field(description="Matches if the field ends with none of these.")] = None


class AdvancedEventSelector(Resource):
    """An advanced event selector: an event is recorded if all conditions of one selector hold."""

    name: Annotated[
        str,
        StringConstraints(max_length=1000),
        Field(
            description="Name of the selector, shown by AWS.",
            json_schema_extra=rules(no_control_characters("a selector's name")),
        ),
    ] = ""
    field_selectors: Annotated[
        tuple[FieldSelector, ...],
        Field(
            min_length=1,
            max_length=20,
            description="Conditions, one per field.",
            json_schema_extra=rules(
                *ADVANCED_SELECTOR_RULES,
                **list_map("field"),
            ),
        ),
    ]


class InsightSelector(Resource):
    """A type of unusual activity that CloudTrail detects."""

    insight_type: Annotated[
        str,
        StringConstraints(min_length=1, max_length=64),
        Field(
            description="Type of the insight: ApiCallRateInsight or ApiErrorRateInsight.",
            json_schema_extra=_word("insightType", "ApiCallRateInsight"),
        ),
    ]
    event_categories: Annotated[
        tuple[
            Annotated[
                str,
                StringConstraints(min_length=1, max_length=64),
                Field(json_schema_extra=_word("a category", "Management")),
            ],
            ...,
        ],
        Field(
            max_length=8,
            description="Event categories to analyze: Management, Data. Defaults to Management.",
            json_schema_extra=_ATOMIC,
        ),
    ] = ()


class AggregationConfiguration(Resource):
    """Aggregation of data events over five minutes."""

    event_category: Annotated[
        str,
        StringConstraints(min_length=1, max_length=64),
        Field(
            description="Category of the events to aggregate: Data.", json_schema_extra=_word("eventCategory", "Data")
        ),
    ]
    templates: Annotated[
        tuple[
            Annotated[
                str,
                StringConstraints(min_length=1, max_length=64),
                Field(json_schema_extra=_word("a template", "API_ACTIVITY")),
            ],
            ...,
        ],
        Field(
            min_length=1,
            max_length=50,
            description="Templates of aggregation: API_ACTIVITY, RESOURCE_ACCESS, USER_ACTIONS.",
            json_schema_extra=_ATOMIC,
        ),
    ]


EventSelectors = Annotated[
    tuple[EventSelector, ...] | None,
    Field(
        max_length=5,
        description=(
            "Basic event selectors. Without them and advancedEventSelectors, the trail has AWS's default: all "
            "management events."
        ),
        json_schema_extra=_or_leave_out("eventSelectors"),
    ),
]
AdvancedEventSelectors = Annotated[
    tuple[AdvancedEventSelector, ...] | None,
    Field(
        max_length=250,
        description="Advanced event selectors, instead of eventSelectors.",
        json_schema_extra=_or_leave_out("advancedEventSelectors"),
    ),
]
InsightSelectors = Annotated[
    tuple[InsightSelector, ...],
    Field(
        max_length=8,
        description="Unusual activity that CloudTrail detects. Defaults to none. AWS bills it.",
        json_schema_extra=list_map("insightType"),
    ),
]
AggregationConfigurations = Annotated[
    tuple[AggregationConfiguration, ...],
    Field(
        max_length=1,
        description="Aggregation of data events. Defaults to none.",
        json_schema_extra=_ATOMIC,
    ),
]
