"""CEL rules on what a Trail records that concern several fields, and the AWS limits that they enforce."""

from trail_operator.api.schema import rule

MAX_VALUES = 500
"""Maximum number of values in all conditions of a trail."""
MAX_DATA_RESOURCES = 250
"""Maximum number of data resources in all basic selectors of a trail."""
_ALL_OF_A_TYPE = (":s3", ":::", ":lambda", ":dynamodb")
"""Suffixes of a data resource that means all resources of its type, which AWS does not count.
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DataResource.html, API_EventSelector.html
"""
OPERATORS = ("equals", "startsWith", "endsWith", "notEquals", "notStartsWith", "notEndsWith")

# https://github.com/awsdocs/aws-cloudformation-user-guide/pull/752
BASIC_SELECTOR_RULE = rule(
    "!has(self.includeManagementEvents) || self.includeManagementEvents || "
    "(has(self.dataResources) && size(self.dataResources) > 0)",
    "an event selector without management events needs dataResources: add some, or omit includeManagementEvents",
)

# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html
FIELD_SELECTOR_RULES = [
    rule(
        " || ".join(f"has(self.{operator})" for operator in OPERATORS),
        f"a fieldSelector needs at least one of {', '.join(OPERATORS)}",
    ),
    rule(
        "!(self.field in ['eventCategory', 'readOnly', 'resources.type']) || !("
        + " || ".join(f"has(self.{operator})" for operator in OPERATORS[1:])
        + ")",
        "eventCategory, readOnly and resources.type support only equals: use equals",
    ),
    rule(
        "self.field != 'readOnly' || !has(self.equals) || self.equals[0] in ['true', 'false']",
        "readOnly must be equals: ['true'] for read events or equals: ['false'] for write events, in quotes",
    ),
]

ADVANCED_SELECTOR_RULES = [
    rule(
        "self.exists(f, f.field == 'eventCategory' && has(f.equals) && size(f.equals) == 1)",
        "an advanced event selector needs a fieldSelector {field: eventCategory, equals: [CATEGORY]} with one "
        "category: Management, Data or NetworkActivity",
    ),
    rule(
        "!self.exists(f, f.field == 'eventCategory' && has(f.equals) && f.equals[0] == 'Data') || "
        "self.exists_one(f, f.field == 'resources.type' && has(f.equals) && size(f.equals) == 1)",
        "a selector for data events needs exactly one fieldSelector {field: resources.type, equals: [TYPE]} with one "
        "type, such as AWS::S3::Object: write one selector per type",
    ),
    rule(
        "!self.exists(f, f.field == 'eventCategory' && has(f.equals) && f.equals[0] == 'NetworkActivity') || "
        "self.exists(f, f.field == 'eventSource' && has(f.equals))",
        "a selector for network activity events needs a fieldSelector {field: eventSource, equals: [SERVICE]}, "
        "such as ec2.amazonaws.com",
    ),
]
"""On the fieldSelectors of one advanced event selector."""

_CATEGORY = "s.fieldSelectors.exists(f, f.field == 'eventCategory' && has(f.equals) && f.equals[0] == '{0}')"
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
    + ") : has(self.eventSelectors) && self.eventSelectors.exists(s, has(s.dataResources) && size(s.dataResources) > "
    "0))"
)
_ON_MANAGEMENT = (
    "(!has(i.eventCategories) || size(i.eventCategories) == 0 || i.eventCategories.exists(c, c == 'Management'))"
)

SPEC_RULES = [
    rule(
        "!(has(self.eventSelectors) && has(self.advancedEventSelectors))",
        "eventSelectors and advancedEventSelectors are mutually exclusive: write all of them as advancedEventSelectors",
    ),
    rule(
        "!has(self.eventSelectors) || self.eventSelectors.map(s, has(s.dataResources) ? "
        "s.dataResources.map(d, size(d.values) == 1 && ("
        + " || ".join(f"d.values[0].endsWith('{ending}')" for ending in _ALL_OF_A_TYPE)
        + f") ? 0 : size(d.values)).sum() : 0).sum() <= {MAX_DATA_RESOURCES}",
        f"the eventSelectors of a trail may list at most {MAX_DATA_RESOURCES} data resources in total: list buckets "
        f"instead of prefixes, or use advancedEventSelectors",
    ),
    rule(
        "!has(self.advancedEventSelectors) || self.advancedEventSelectors.map(s, s.fieldSelectors.map(f, "
        + " + ".join(f"(has(f.{operator}) ? size(f.{operator}) : 0)" for operator in OPERATORS)
        + f").sum()).sum() <= {MAX_VALUES}",
        f"the advancedEventSelectors of a trail may have at most {MAX_VALUES} values in total: remove some, or use "
        f"startsWith",
    ),
    rule(
        "!has(self.insightSelectors) || !self.insightSelectors.exists(i, i.insightType == 'ApiCallRateInsight' && "
        f"{_ON_MANAGEMENT}) || {_WRITES}",
        "ApiCallRateInsight analyzes write management events: record them by a selector, or remove the insight",
    ),
    rule(
        "!has(self.insightSelectors) || !self.insightSelectors.exists(i, i.insightType == 'ApiErrorRateInsight' && "
        f"{_ON_MANAGEMENT}) || {_ANY_MANAGEMENT}",
        "ApiErrorRateInsight analyzes management events: record them by a selector, or remove the insight",
    ),
    rule(
        "!has(self.insightSelectors) || !self.insightSelectors.exists(i, has(i.eventCategories) && "
        f"i.eventCategories.exists(c, c == 'Data')) || {_DATA}",
        "an insight on the category Data analyzes data events: record some by a selector, or remove Data from its "
        "eventCategories",
    ),
    rule(
        "!has(self.aggregationConfigurations) || !self.aggregationConfigurations.exists(a, a.eventCategory == 'Data') "
        "|| "
        f"{_DATA}",
        "aggregationConfigurations aggregate data events: record some by a selector, or remove the aggregation",
    ),
]
"""Rules on the spec as a whole."""
