"""CEL rules on what a Trail records that concern several fields, and the limits of AWS that they hold."""

from trail_operator.api.schema import rule

MAX_VALUES = 500
"""The most values that all conditions of a trail may have together."""
MAX_DATA_RESOURCES = 250
"""The most data resources that all basic selectors of a trail may have together."""
_ALL_OF_A_TYPE = (":s3", ":::", ":lambda", ":dynamodb")
"""What a data resource ends in that means all resources of its type: AWS does not count it.
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DataResource.html, API_EventSelector.html
"""
OPERATORS = ("equals", "startsWith", "endsWith", "notEquals", "notStartsWith", "notEndsWith")

# https://github.com/awsdocs/aws-cloudformation-user-guide/pull/752
BASIC_SELECTOR_RULE = rule(
    "!has(self.includeManagementEvents) || self.includeManagementEvents || "
    "(has(self.dataResources) && size(self.dataResources) > 0)",
    "an event selector without management events needs dataResources: name some, or leave includeManagementEvents out",
)

# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html
FIELD_SELECTOR_RULES = [
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
]

ADVANCED_SELECTOR_RULES = [
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
    + ") : has(self.eventSelectors) && self.eventSelectors.exists(s, has(s.dataResources) && size(s.dataResources) > 0))"
)
_ON_MANAGEMENT = (
    "(!has(i.eventCategories) || size(i.eventCategories) == 0 || i.eventCategories.exists(c, c == 'Management'))"
)

SPEC_RULES = [
    rule(
        "!(has(self.eventSelectors) && has(self.advancedEventSelectors))",
        "a trail has either eventSelectors or advancedEventSelectors: write all of them as advancedEventSelectors",
    ),
    rule(
        "!has(self.eventSelectors) || self.eventSelectors.map(s, has(s.dataResources) ? "
        "s.dataResources.map(d, size(d.values) == 1 && ("
        + " || ".join(f"d.values[0].endsWith('{ending}')" for ending in _ALL_OF_A_TYPE)
        + f") ? 0 : size(d.values)).sum() : 0).sum() <= {MAX_DATA_RESOURCES}",
        f"the eventSelectors of a trail may name {MAX_DATA_RESOURCES} data resources together: name buckets instead of prefixes, "
        "or use advancedEventSelectors",
    ),
    rule(
        "!has(self.advancedEventSelectors) || self.advancedEventSelectors.map(s, s.fieldSelectors.map(f, "
        + " + ".join(f"(has(f.{operator}) ? size(f.{operator}) : 0)" for operator in OPERATORS)
        + f").sum()).sum() <= {MAX_VALUES}",
        f"the conditions of all advancedEventSelectors of a trail may have {MAX_VALUES} values together: take some away, or "
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
