"""What a trail records, as the spec says it: event selectors, insights, aggregation. Parts of the `Trail` resource.

No list of fields, resource types, insight types, categories or templates is kept here: AWS adds to them, and answers
for what it does not know. https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StrictBool, StringConstraints

from trail_operator.api.schema import Resource, no_control_characters, rule, rules

_WORD = r"^[A-Za-z][A-Za-z0-9_]*$"
_VALUES = 500
"""The most values that all conditions of a trail may have together."""
_RESOURCES = 250
"""The most data resources that all basic selectors of a trail may have together."""
_ALL_OF_A_TYPE = (":s3", ":::", ":lambda", ":dynamodb")
"""What a data resource ends in that means all resources of its type: AWS does not count it.
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DataResource.html, API_EventSelector.html
"""

OPERATORS = ("equals", "startsWith", "endsWith", "notEquals", "notStartsWith", "notEndsWith")

_ATOMIC = {"x-kubernetes-list-type": "atomic"}


def _word(what: str, example: str) -> dict[str, Any]:
    return rules(rule(f"self.matches(r'{_WORD}')", f"{what} must be one word, such as {example}"))


class ReadWriteType(StrEnum):
    """Which management events a basic selector records."""

    ALL = "All"
    READ_ONLY = "ReadOnly"
    WRITE_ONLY = "WriteOnly"


def _or_leave_out(field: str) -> dict[str, Any]:
    return rules(
        rule(
            "size(self) > 0",
            f"write at least one selector, or leave {field} out: the trail then records all management events",
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
                "The resources' type: AWS::S3::Object, AWS::Lambda::Function or AWS::DynamoDB::Table; others need "
                "advancedEventSelectors."
            ),
            json_schema_extra=rules(no_control_characters("type")),
        ),
    ]
    values: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=1, max_length=2048)], ...],
        Field(
            min_length=1,
            max_length=_RESOURCES,
            description=(
                "ARNs, or their beginnings: arn:aws:s3 means all objects, arn:aws:s3:::bucket/ those of a bucket, "
                "arn:aws:lambda all functions, arn:aws:dynamodb all tables."
            ),
            json_schema_extra=rules(
                rule(
                    "self.all(value, !value.endsWith('*'))",
                    "data resources know no wildcards: write arn:aws:s3 for all objects, arn:aws:s3:::bucket/ for those "
                    "of a bucket, arn:aws:lambda for all functions, arn:aws:dynamodb for all tables",
                ),
                **_ATOMIC,
            ),
        ),
    ]


class EventSelector(Resource):
    """A basic event selector."""

    # https://github.com/awsdocs/aws-cloudformation-user-guide/pull/752
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.includeManagementEvents) || self.includeManagementEvents || "
                "(has(self.dataResources) && size(self.dataResources) > 0)",
                "an event selector without management events needs dataResources: name some, or leave "
                "includeManagementEvents out",
            )
        )
    )

    read_write_type: Annotated[
        ReadWriteType,
        Field(
            description="Which events: All, ReadOnly or WriteOnly. All where left out.",
            json_schema_extra={"default": None},
        ),
    ] = ReadWriteType.ALL
    include_management_events: Annotated[
        StrictBool,
        Field(
            description="Whether management events are recorded. true where left out.",
            json_schema_extra={"default": None},
        ),
    ] = True
    data_resources: Annotated[
        tuple[DataResource, ...],
        Field(
            max_length=_RESOURCES,
            description="The resources whose data events are recorded as well. None where left out.",
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
            description="Services whose management events are left out: kms.amazonaws.com, rdsdata.amazonaws.com.",
            json_schema_extra=_ATOMIC,
        ),
    ] = ()


_Values = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1, max_length=2048)], ...],
    Field(min_length=1, max_length=_VALUES, json_schema_extra=_ATOMIC),
]


class FieldSelector(Resource):
    """What a field must be: any of equals, startsWith, endsWith; and all of notEquals, notStartsWith, notEndsWith."""

    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                " || ".join(f"has(self.{operator})" for operator in OPERATORS),
                f"a fieldSelector needs a condition: one of {', '.join(OPERATORS)}",
            ),
            rule(
                "!(self.field in ['eventCategory', 'readOnly', 'resources.type']) || !("
                + " || ".join(f"has(self.{operator})" for operator in OPERATORS[1:])
                + ")",
                "eventCategory, readOnly and resources.type know one condition: write equals",
            ),
            rule(
                "self.field != 'readOnly' || !has(self.equals) || self.equals[0] in ['true', 'false']",
                "readOnly is equals: ['true'] for events that read or equals: ['false'] for events that write, in quotes",
            ),
        )
    )

    field: Annotated[
        str,
        StringConstraints(min_length=1, max_length=128),
        Field(
            description=(
                "The event's field: eventCategory, resources.type, resources.ARN, readOnly, eventName, eventSource, ..."
            ),
            json_schema_extra=rules(
                rule(
                    r"self.matches(r'^[\w.]+$')",
                    "field must be the name of an event's field, such as eventCategory or resources.ARN",
                )
            ),
        ),
    ]
    equals: Annotated[_Values | None, Field(description="The field is one of these.")] = None
    starts_with: Annotated[_Values | None, Field(description="The field begins with one of these.")] = None
    ends_with: Annotated[_Values | None, Field(description="The field ends with one of these.")] = None
    not_equals: Annotated[_Values | None, Field(description="The field is none of these.")] = None
    not_starts_with: Annotated[_Values | None, Field(description="The field begins with none of these.")] = None
    not_ends_with: Annotated[_Values | None, Field(description="The field ends with none of these.")] = None


_CATEGORY = "s.fieldSelectors.exists(f, f.field == 'eventCategory' && has(f.equals) && f.equals[0] == '{0}')"


class AdvancedEventSelector(Resource):
    """An advanced event selector: an event is recorded if all conditions of one selector hold."""

    name: Annotated[
        str,
        StringConstraints(max_length=1000),
        Field(
            description="What the selector is for; AWS shows it.",
            json_schema_extra=rules(no_control_characters("a selector's name")),
        ),
    ] = ""
    field_selectors: Annotated[
        tuple[FieldSelector, ...],
        Field(
            min_length=1,
            max_length=20,
            description="The conditions, one for each field.",
            json_schema_extra=rules(
                rule(
                    "self.exists(f, f.field == 'eventCategory' && has(f.equals) && size(f.equals) == 1)",
                    "each advanced event selector needs a fieldSelector {field: eventCategory, equals: [CATEGORY]} with "
                    "one category: Management, Data or NetworkActivity",
                ),
                rule(
                    "!self.exists(f, f.field == 'eventCategory' && has(f.equals) && f.equals[0] == 'Data') || "
                    "self.exists_one(f, f.field == 'resources.type' && has(f.equals) && size(f.equals) == 1)",
                    "a selector of data events needs exactly one fieldSelector {field: resources.type, equals: [TYPE]} with "
                    "one type, such as AWS::S3::Object: write a selector for each type",
                ),
                rule(
                    "!self.exists(f, f.field == 'eventCategory' && has(f.equals) && f.equals[0] == 'NetworkActivity') || "
                    "self.exists(f, f.field == 'eventSource' && has(f.equals))",
                    "a selector of network activity events needs a fieldSelector {field: eventSource, equals: [SERVICE]}, "
                    "such as ec2.amazonaws.com",
                ),
                **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["field"]},
            ),
        ),
    ]


class InsightSelector(Resource):
    """A kind of unusual activity that CloudTrail looks for."""

    insight_type: Annotated[
        str,
        StringConstraints(min_length=1, max_length=64),
        Field(
            description="ApiCallRateInsight or ApiErrorRateInsight.",
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
            description="The events that it looks at: Management, Data. Management where left out.",
            json_schema_extra=_ATOMIC,
        ),
    ] = ()


class AggregationConfiguration(Resource):
    """Summaries of data events, every five minutes."""

    event_category: Annotated[
        str,
        StringConstraints(min_length=1, max_length=64),
        Field(description="The events that are summed up: Data.", json_schema_extra=_word("eventCategory", "Data")),
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
            description="What they are summed up by: API_ACTIVITY, RESOURCE_ACCESS, USER_ACTIONS.",
            json_schema_extra=_ATOMIC,
        ),
    ]


EventSelectors = Annotated[
    tuple[EventSelector, ...] | None,
    Field(
        max_length=5,
        description=(
            "What the trail records, by basic event selectors. Left out, and without advancedEventSelectors: AWS's "
            "default, all management events."
        ),
        json_schema_extra=_or_leave_out("eventSelectors"),
    ),
]
AdvancedEventSelectors = Annotated[
    tuple[AdvancedEventSelector, ...] | None,
    Field(
        max_length=250,
        description="What the trail records, by advanced event selectors. Instead of eventSelectors.",
        json_schema_extra=_or_leave_out("advancedEventSelectors"),
    ),
]
InsightSelectors = Annotated[
    tuple[InsightSelector, ...],
    Field(
        max_length=8,
        description="The unusual activity that CloudTrail looks for. None where left out. AWS bills it.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["insightType"]},
    ),
]
AggregationConfigurations = Annotated[
    tuple[AggregationConfiguration, ...],
    Field(
        max_length=1,
        description="Summaries of data events. None where left out.",
        json_schema_extra=_ATOMIC,
    ),
]

_MANAGEMENT = (
    "(has(self.advancedEventSelectors) ? self.advancedEventSelectors.exists(s, "
    + _CATEGORY.format("Management")
    + "{advanced}) : !has(self.eventSelectors) || self.eventSelectors.exists(s, "
    "(!has(s.includeManagementEvents) || s.includeManagementEvents){basic}))"
)
_WRITES = _MANAGEMENT.format(
    advanced=(" && !s.fieldSelectors.exists(f, f.field == 'readOnly' && has(f.equals) && f.equals == ['true'])"),
    basic=" && (!has(s.readWriteType) || s.readWriteType != 'ReadOnly')",
)
_ANY_MANAGEMENT = _MANAGEMENT.format(advanced="", basic="")
_DATA = (
    "(has(self.advancedEventSelectors) ? self.advancedEventSelectors.exists(s, "
    + _CATEGORY.format("Data")
    + ") : has(self.eventSelectors) && self.eventSelectors.exists(s, has(s.dataResources) && size(s.dataResources) > 0))"
)
_ON_MANAGEMENT = (
    "(!has(i.eventCategories) || size(i.eventCategories) == 0 || i.eventCategories.exists(c, c == 'Management'))"
)

RULES = [
    rule(
        "!(has(self.eventSelectors) && has(self.advancedEventSelectors))",
        "a trail has either eventSelectors or advancedEventSelectors: write all of them as advancedEventSelectors",
    ),
    rule(
        "!has(self.eventSelectors) || self.eventSelectors.map(s, has(s.dataResources) ? "
        "s.dataResources.map(d, size(d.values) == 1 && ("
        + " || ".join(f"d.values[0].endsWith('{ending}')" for ending in _ALL_OF_A_TYPE)
        + f") ? 0 : size(d.values)).sum() : 0).sum() <= {_RESOURCES}",
        f"the eventSelectors of a trail may name {_RESOURCES} data resources together: name buckets instead of prefixes, "
        "or use advancedEventSelectors",
    ),
    rule(
        "!has(self.advancedEventSelectors) || self.advancedEventSelectors.map(s, s.fieldSelectors.map(f, "
        + " + ".join(f"(has(f.{operator}) ? size(f.{operator}) : 0)" for operator in OPERATORS)
        + f").sum()).sum() <= {_VALUES}",
        f"the conditions of all advancedEventSelectors of a trail may have {_VALUES} values together: take some away, or "
        "use startsWith",
    ),
    rule(
        "!has(self.insightSelectors) || !self.insightSelectors.exists(i, i.insightType == 'ApiCallRateInsight' && "
        f"{_ON_MANAGEMENT}) || {_WRITES}",
        "ApiCallRateInsight looks at management events that write: let the selectors record these, or take the insight "
        "away",
    ),
    rule(
        "!has(self.insightSelectors) || !self.insightSelectors.exists(i, i.insightType == 'ApiErrorRateInsight' && "
        f"{_ON_MANAGEMENT}) || {_ANY_MANAGEMENT}",
        "ApiErrorRateInsight looks at management events: let the selectors record these, or take the insight away",
    ),
    rule(
        "!has(self.insightSelectors) || !self.insightSelectors.exists(i, has(i.eventCategories) && "
        f"i.eventCategories.exists(c, c == 'Data')) || {_DATA}",
        "an insight on the category Data looks at data events: let the selectors record some, or take Data out of its "
        "eventCategories",
    ),
    rule(
        "!has(self.aggregationConfigurations) || !self.aggregationConfigurations.exists(a, a.eventCategory == 'Data') || "
        f"{_DATA}",
        "aggregationConfigurations sum up data events: let the selectors record some, or take the aggregation away",
    ),
]
"""Rules on the spec as a whole."""
