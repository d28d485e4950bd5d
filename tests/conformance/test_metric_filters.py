"""Metric filters of CloudWatch Logs, as alarms on what a trail records use them."""

import json
from typing import Any

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import case, fact, refused, unverified

API = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference"
PUT = f"{API}/API_PutMetricFilter.html"
DELETE = f"{API}/API_DeleteMetricFilter.html"
DESCRIBE = f"{API}/API_DescribeMetricFilters.html"
TEST = f"{API}/API_TestMetricFilter.html"
TRANSFORMATION = f"{API}/API_MetricTransformation.html"
LIMITS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"
SYNTAX = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html"
JSON_SYNTAX = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html"
CLASSES = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html"
MODEL = "https://github.com/boto/botocore/blob/develop/botocore/data/logs/2014-03-28/service-2.json.gz"
# What AWS answered to others.
WORDS = "https://github.com/aws/aws-cdk/issues/16278"
NO_DIMENSIONS = "https://github.com/hashicorp/terraform-provider-aws/issues/28881"
SECURITY_HUB = "https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html"

INVALID = "InvalidParameterException"
CODE = unverified("the limit is documented, the code of the refusal is not")
PATTERN = "{$.eventName=StopLogging}"
METRIC = {"metricName": "stops", "metricNamespace": "test", "metricValue": "1"}
RECORD = {
    "eventVersion": "1.11",
    "eventTime": "2026-03-04T05:06:07Z",
    "eventName": "StopLogging",
    "eventSource": "cloudtrail.amazonaws.com",
    "errorCode": "AccessDenied",
    "readOnly": False,
    "requestParameters": None,
    "userIdentity": {"type": "Root"},
    "resources": [{"ARN": "arn:aws:s3:::logs"}],
}


def group(aws: Account, **members: Any) -> str:
    """A log group; its name."""
    name = aws.name("events")
    aws.client("logs").create_log_group(logGroupName=name, **members)
    return name


def put(aws: Account, log_group: str, name: str = "filter", pattern: str = PATTERN, **metric: Any) -> None:
    aws.client("logs").put_metric_filter(
        logGroupName=log_group, filterName=name, filterPattern=pattern, metricTransformations=[METRIC | metric]
    )


def described(aws: Account, **parameters: Any) -> list[dict[str, Any]]:
    filters: list[dict[str, Any]] = aws.client("logs").describe_metric_filters(**parameters)["metricFilters"]
    return filters


def names(aws: Account, **parameters: Any) -> list[str]:
    return [one["filterName"] for one in described(aws, **parameters)]


def matches(aws: Account, pattern: str, *events: Any) -> list[dict[str, Any]]:
    messages = [one if isinstance(one, str) else json.dumps(one) for one in events or (RECORD,)]
    answer = aws.client("logs").test_metric_filter(filterPattern=pattern, logEventMessages=messages)
    found: list[dict[str, Any]] = answer["matches"]
    return found


@fact(DESCRIBE)
def test_a_filter_is_described_as_it_was_put(aws: Account) -> None:
    where, pattern = group(aws), "{  ($.eventName = StopLogging)  }"
    put(aws, where, pattern=pattern)
    [one] = aws.eventually(lambda: described(aws, logGroupName=where), bool)
    assert (one["filterName"], one["filterPattern"], one["logGroupName"]) == ("filter", pattern, where)
    assert {name: one["metricTransformations"][0][name] for name in METRIC} == METRIC
    assert one["creationTime"] > 1_600_000_000_000


@fact(PUT)
def test_a_second_put_replaces_the_whole_filter(aws: Account) -> None:
    where = group(aws)
    put(aws, where, defaultValue=0.0)
    put(aws, where, pattern="{$.eventName=DeleteTrail}")
    [one] = aws.eventually(
        lambda: described(aws, logGroupName=where), lambda found: "Delete" in found[0]["filterPattern"]
    )
    assert "defaultValue" not in one["metricTransformations"][0]


@fact(PUT)
def test_the_same_name_in_two_groups_is_two_filters(aws: Account) -> None:
    first, second = group(aws), group(aws)
    put(aws, first)
    put(aws, second)
    aws.client("logs").delete_metric_filter(logGroupName=first, filterName="filter")
    assert aws.eventually(lambda: names(aws, logGroupName=first), lambda found: not found) == []
    assert names(aws, logGroupName=second) == ["filter"]


@fact(LIMITS)
def test_a_group_has_at_most_100_filters(aws: Account) -> None:
    where = group(aws)
    for number in range(100):
        put(aws, where, f"filter-{number}")
    with refused("LimitExceededException"):
        put(aws, where, "one-more")
    put(aws, where, "filter-7")


@CODE
@fact(SYNTAX)
def test_a_group_has_at_most_5_filters_with_regular_expressions(aws: Account) -> None:
    where, regex = group(aws), "{$.eventName=%^Stop%}"
    for number in range(5):
        put(aws, where, f"filter-{number}", regex)
    with refused("LimitExceededException"):
        put(aws, where, "one-more", regex)
    put(aws, where, "filter-4", regex)
    put(aws, where, "one-more")


@pytest.mark.parametrize("operation", [case("put", PUT, "put"), case("delete", DELETE, "delete")])
def test_a_group_that_is_not_there(aws: Account, operation: str) -> None:
    with refused("ResourceNotFoundException", "The specified log group does not exist."):
        if operation == "put":
            put(aws, aws.name("none"))
        else:
            aws.client("logs").delete_metric_filter(logGroupName=aws.name("none"), filterName="filter")


@fact(MODEL)
def test_filters_of_a_group_that_is_not_there(aws: Account) -> None:
    with refused("ResourceNotFoundException"):
        described(aws, logGroupName=aws.name("none"))


@fact(DELETE)
def test_a_filter_that_is_not_there_is_not_deleted(aws: Account) -> None:
    where = group(aws)
    with refused("ResourceNotFoundException"):
        aws.client("logs").delete_metric_filter(logGroupName=where, filterName="none")


@fact("https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteLogGroup.html")
def test_filters_are_deleted_with_their_group(aws: Account) -> None:
    where = group(aws)
    put(aws, where)
    aws.client("logs").delete_log_group(logGroupName=where)
    aws.client("logs").create_log_group(logGroupName=where)
    assert described(aws, logGroupName=where) == []


@fact(f"{API}/API_LogGroup.html")
def test_a_group_tells_how_many_filters_it_has(aws: Account) -> None:
    where = group(aws)
    put(aws, where)
    [one] = aws.client("logs").describe_log_groups(logGroupNamePrefix=where)["logGroups"]
    assert one["metricFilterCount"] == 1


@unverified("that there are no metric filters is documented, the code of the refusal is not")
@fact(CLASSES)
def test_a_group_for_infrequent_access_has_no_filters(aws: Account) -> None:
    where = group(aws, logGroupClass="INFREQUENT_ACCESS")
    [one] = aws.client("logs").describe_log_groups(logGroupNamePrefix=where)["logGroups"]
    assert one["logGroupClass"] == "INFREQUENT_ACCESS"
    with refused("InvalidOperationException"):
        put(aws, where)


@pytest.mark.parametrize(
    ("name", "pattern", "metric"),
    [
        case("a name with a colon", PUT, "a:b", PATTERN, {}),
        case("a name with an asterisk", PUT, "a*", PATTERN, {}),
        case("a name of 513 characters", PUT, "n" * 513, PATTERN, {}),
        case("a pattern of 1025 characters", PUT, "n", PATTERN + " " * (1025 - len(PATTERN)), {}),
        case("a metric's name with a dollar sign", TRANSFORMATION, "n", PATTERN, {"metricName": "$a"}),
        case("a metric's name of 256 characters", TRANSFORMATION, "n", PATTERN, {"metricName": "m" * 256}),
        case("a namespace with a colon", TRANSFORMATION, "n", PATTERN, {"metricNamespace": "a:b"}),
        case("a value of 101 characters", TRANSFORMATION, "n", PATTERN, {"metricValue": "1" * 101}),
        case("an unknown unit", TRANSFORMATION, "n", PATTERN, {"unit": "Calls"}),
        case(
            "4 dimensions",
            TRANSFORMATION,
            "n",
            PATTERN,
            {"dimensions": {f"d{one}": "$.a" for one in range(4)}},
            marks=(CODE,),
        ),
        case(
            "a default value and a dimension",
            PUT,
            "n",
            PATTERN,
            {"defaultValue": 0.0, "dimensions": {"name": "$.eventName"}},
            marks=(CODE,),
        ),
        case("a value that is no number", TRANSFORMATION, "n", PATTERN, {"metricValue": "one"}, marks=(CODE,)),
        case("a dimension of a pattern that has none", NO_DIMENSIONS, "n", "", {"dimensions": {"name": "$.a"}}),
    ],
)
def test_a_filter_is_refused(aws: Account, name: str, pattern: str, metric: dict[str, Any]) -> None:
    where = group(aws)
    with refused(INVALID):
        put(aws, where, name, pattern, **metric)
    assert described(aws, logGroupName=where) == []


@pytest.mark.parametrize(
    ("name", "pattern", "metric"),
    [
        case("with a name of 512 characters", PUT, "n" * 512, PATTERN, {}),
        case("with slashes in the name", PUT, "a/b/c", PATTERN, {}),
        case("with a pattern of 1024 characters", PUT, "n", PATTERN + " " * (1024 - len(PATTERN)), {}),
        case("with an empty pattern", PUT, "n", "", {}),
        case("with 3 dimensions", TRANSFORMATION, "n", PATTERN, {"dimensions": {f"d{one}": "$.a" for one in range(3)}}),
        case("with a field as its value", TRANSFORMATION, "n", PATTERN, {"metricValue": "$.a.b[0]"}),
    ],
)
def test_a_filter_is_accepted(aws: Account, name: str, pattern: str, metric: dict[str, Any]) -> None:
    where = group(aws)
    put(aws, where, name, pattern, **metric)
    assert aws.eventually(lambda: names(aws, logGroupName=where), bool) == [name]


@fact(PUT)
def test_two_metrics_are_too_many(aws: Account) -> None:
    where = group(aws)
    with refused(INVALID):
        aws.client("logs").put_metric_filter(
            logGroupName=where, filterName="n", filterPattern=PATTERN, metricTransformations=[METRIC, METRIC]
        )


@fact(DESCRIBE)
def test_filters_are_listed_by_name_in_pages(aws: Account) -> None:
    where = group(aws)
    for name in ("b", "B", "a", "c/1", "c"):
        put(aws, where, name)
    client, found, token = aws.client("logs"), list[list[str]](), dict[str, str]()
    while True:
        answer = client.describe_metric_filters(logGroupName=where, limit=2, **token)
        found.append([one["filterName"] for one in answer["metricFilters"]])
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert found == [["B", "a"], ["b", "c"], ["c/1"]]


@fact(DESCRIBE)
def test_a_page_has_at_most_50_filters(aws: Account) -> None:
    where = group(aws)
    for number in range(51):
        put(aws, where, f"filter-{number}")
    answer = aws.client("logs").describe_metric_filters(logGroupName=where)
    assert len(answer["metricFilters"]) == 50
    assert answer["nextToken"]
    with refused(INVALID):
        described(aws, logGroupName=where, limit=51)


@fact(DESCRIBE)
def test_filters_are_found_by_prefix_and_by_metric(aws: Account) -> None:
    where = group(aws)
    put(aws, where, "a/1")
    put(aws, where, "a/2", metricName="others")
    put(aws, where, "b")
    assert names(aws, logGroupName=where, filterNamePrefix="a/") == ["a/1", "a/2"]
    assert names(aws, logGroupName=where, metricName="stops", metricNamespace="test") == ["a/1", "b"]
    assert names(aws, logGroupName=where, metricName="stops", metricNamespace="other") == []


@pytest.mark.parametrize(
    "given",
    [case("its name", DESCRIBE, {"metricName": "stops"}), case("its namespace", DESCRIBE, {"metricNamespace": "test"})],
)
def test_a_metric_is_not_found_by_half_of_it(aws: Account, given: dict[str, str]) -> None:
    where = group(aws)
    with refused(INVALID):
        described(aws, logGroupName=where, **given)


@fact(DESCRIBE)
def test_without_a_group_all_filters_of_the_region_are_listed(aws: Account) -> None:
    here, there = group(aws), group(aws)
    name = aws.name("filter")
    put(aws, here, name)
    put(aws, there, name)
    paginator = aws.client("logs").get_paginator("describe_metric_filters")
    pages = list(paginator.paginate(metricName="stops", metricNamespace="test"))
    found = {one["logGroupName"] for page in pages for one in page["metricFilters"] if one["filterName"] == name}
    assert found == {here, there}


@pytest.mark.parametrize(
    "pattern",
    [
        case("the empty one", SYNTAX, ""),
        case("a text", JSON_SYNTAX, '{ $.eventName = "StopLogging" }'),
        case("a text without quotes", SECURITY_HUB, "{($.eventSource=cloudtrail.amazonaws.com)}"),
        case("a beginning", SECURITY_HUB, '{$.errorCode="AccessDenied*"}'),
        case("an end", SECURITY_HUB, '{$.eventName="*Logging"}'),
        case("another text", SECURITY_HUB, '{$.userIdentity.type!="IAMUser"}'),
        case("a field that is not there", SECURITY_HUB, "{$.userIdentity.invokedBy NOT EXISTS}"),
        case("null", JSON_SYNTAX, "{ $.requestParameters IS NULL }"),
        case("false", JSON_SYNTAX, "{ $.readOnly IS FALSE }"),
        case("an element of a list", JSON_SYNTAX, '{ $.resources[0].ARN = "arn:aws:s3:::logs" }'),
        case("a regular expression", SYNTAX, "{ $.eventName = %^St[a-z]pL% }"),
        case("and before or", JSON_SYNTAX, "{$.eventName=StopLogging || $.eventName=a && $.eventName=b}"),
    ],
)
def test_a_pattern_matches(aws: Account, pattern: str) -> None:
    assert [json.loads(one["eventMessage"]) for one in matches(aws, pattern)] == [RECORD]


@pytest.mark.parametrize(
    "pattern",
    [
        case("the name in other letters", SYNTAX, "{$.eventname=StopLogging}"),
        case("the value in other letters", SYNTAX, "{$.eventName=stoplogging}"),
        case("part of the value", JSON_SYNTAX, "{$.eventName=Stop}"),
        case("an object", JSON_SYNTAX, "{$.userIdentity=*}"),
        case("a list", JSON_SYNTAX, "{$.resources=*}"),
        case("parentheses before and", JSON_SYNTAX, "{($.eventName=StopLogging || $.eventName=a) && $.eventName=b}"),
    ],
)
def test_a_pattern_does_not_match(aws: Account, pattern: str) -> None:
    assert matches(aws, pattern) == []


@fact(TEST)
def test_only_the_messages_that_match_are_told(aws: Account) -> None:
    [one] = matches(aws, PATTERN, {"eventName": "StartLogging"}, "no JSON", RECORD)
    assert json.loads(one["eventMessage"]) == RECORD


@pytest.mark.parametrize(
    "pattern",
    [
        case("without its end", SYNTAX, "{ $.eventName = StopLogging"),
        case("without a value", SYNTAX, "{ $.eventName = }"),
        case("without a selector", SYNTAX, "{ eventName = StopLogging }"),
        case("with an operator that there is not", JSON_SYNTAX, "{ $.eventName EXISTS }"),
        case("with another operator that there is not", JSON_SYNTAX, "{ $.eventName IS NOT NULL }"),
        case("with a character that is in no regular expression", SYNTAX, "{ $.eventName = %something!% }"),
        case("with a group in a regular expression", SYNTAX, "{ $.eventName = %(Stop)Logging% }"),
        case("with 3 regular expressions", SYNTAX, "{ $.a = %a% || $.b = %b% || $.c = %c% }", marks=(CODE,)),
    ],
)
def test_a_pattern_is_refused(aws: Account, pattern: str) -> None:
    where = group(aws)
    with refused(INVALID):
        matches(aws, pattern)
    with refused(INVALID):
        put(aws, where, pattern=pattern)
    assert described(aws, logGroupName=where) == []


@fact(WORDS)
def test_how_a_pattern_is_refused(aws: Account) -> None:
    with refused(INVALID, "Invalid metric filter pattern"):
        matches(aws, "{ $.eventName = two words }")


@fact(TEST)
def test_more_than_50_messages_are_refused(aws: Account) -> None:
    with refused(INVALID):
        matches(aws, PATTERN, *["{}"] * 51)
