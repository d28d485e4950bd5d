"""CloudWatch Logs as AWS has it where moto has it otherwise: metric filters, and the classes of log groups.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html
"""

import base64
import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from moto.logs.exceptions import (
    InvalidParameterException,
    LimitExceededException,
    LogsClientError,
    ResourceNotFoundException,
)
from moto.logs.models import LogGroup, LogsBackend
from moto.logs.responses import LogsResponse

from trail_sandbox.aws import metric_filters
from trail_sandbox.aws.filter_patterns import Expression, PatternError, parse
from trail_sandbox.aws.metric_filters import NUMBER, Filter, event_of, filters_of, text_of
from trail_sandbox.aws.model_input import validation_error

STANDARD = "STANDARD"
_CLASSES = (STANDARD, "INFREQUENT_ACCESS", "DELIVERY")
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
_MOST_FILTERS = 100
_MOST_FILTERS_WITH_REGEXES = 5
_MOST_DIMENSIONS = 3
_PAGE = 50

Given = dict[str, Any]


def correct() -> None:
    """Take out what moto decides otherwise than AWS."""
    LogsResponse.put_metric_filter = _put_metric_filter  # type: ignore[method-assign, assignment]
    LogsResponse.delete_metric_filter = _delete_metric_filter  # type: ignore[method-assign, assignment]
    LogsResponse.describe_metric_filters = _describe_metric_filters  # type: ignore[method-assign, assignment]
    LogsResponse.test_metric_filter = _test_metric_filter  # type: ignore[attr-defined]
    LogsResponse.create_log_group = _keeping_class(LogsResponse.create_log_group)  # type: ignore[method-assign, assignment]
    LogsBackend.put_log_events = _counting(LogsBackend.put_log_events)  # type: ignore[method-assign]
    LogGroup.to_describe_dict = _described(LogGroup.to_describe_dict)  # type: ignore[method-assign, assignment]


def _put_metric_filter(response: LogsResponse) -> str:
    given = _given(response, "PutMetricFilter")
    if "fieldSelectionCriteria" in given or "emitSystemFieldDimensions" in given:
        raise NotImplementedError("metric filters of centralized log groups")
    group = _group(response, given["logGroupName"])
    if _class_of(group) != STANDARD or given.get("applyOnTransformedLogs"):
        # Not verified: with which error.
        raise LogsClientError("InvalidOperationException", "The operation is not valid on the specified log group.")
    expression = _parsed(given["filterPattern"])
    [transformation] = given["metricTransformations"]
    _check_transformation(transformation, given["filterPattern"])
    filters = filters_of(group)
    # Not verified: a filter that replaces another keeps its time of creation.
    old = filters.get(given["filterName"])
    others = [one for name, one in filters.items() if name != given["filterName"]]
    _check_limits(expression, others)
    filters[given["filterName"]] = {
        "filterName": given["filterName"],
        "filterPattern": given["filterPattern"],
        "metricTransformations": [transformation],
        "creationTime": old["creationTime"] if old else int(time.time() * 1000),
        "logGroupName": group.name,
        "applyOnTransformedLogs": False,
    }
    return ""


def _delete_metric_filter(response: LogsResponse) -> str:
    given = _given(response, "DeleteMetricFilter")
    if filters_of(_group(response, given["logGroupName"])).pop(given["filterName"], None) is None:
        raise ResourceNotFoundException("The specified metric filter does not exist.")
    return ""


def _describe_metric_filters(response: LogsResponse) -> str:
    given = _given(response, "DescribeMetricFilters")
    if ("metricName" in given) != ("metricNamespace" in given):
        raise InvalidParameterException("metricName and metricNamespace must be given together.")
    name = given.get("logGroupName")
    groups = [_group(response, name)] if name else list(response.logs_backend.groups.values())
    # The model: without a log group, the prefix is not used.
    prefix = given.get("filterNamePrefix", "") if name else ""
    found = [
        one
        for group in groups
        for one in list(filters_of(group).values())
        if one["filterName"].startswith(prefix) and _is_of_metric(one, given)
    ]
    return json.dumps(_page(found, given))


def _test_metric_filter(response: LogsResponse) -> str:
    given = _given(response, "TestMetricFilter")
    expression = _parsed(given["filterPattern"])
    matches = []
    # Not verified: that numbers begin with 0, and how extracted values are spelt.
    for number, message in enumerate(given["logEventMessages"]):
        event = event_of(message)
        if expression.matches(event):
            values = {one.text: text_of(one.find(event)) for one in expression.selectors()}
            extracted = {name: value for name, value in values.items() if value is not None}
            matches.append({"eventNumber": number, "eventMessage": message, "extractedValues": extracted})
    return json.dumps({"matches": matches})


def _given(response: LogsResponse, operation: str) -> Given:
    body = json.loads(response.body or "{}")
    message = validation_error("logs", operation, body)
    if message:
        raise InvalidParameterException(message)
    return {name: value for name, value in body.items() if value is not None}


def _group(response: LogsResponse, name: str) -> LogGroup:
    group: LogGroup | None = response.logs_backend.groups.get(name)
    if group is None:
        raise ResourceNotFoundException
    return group


def _parsed(pattern: str) -> Expression:
    try:
        return parse(pattern)
    except PatternError as error:
        # What AWS answers, without the reason: https://github.com/aws/aws-cdk/issues/16278.
        raise InvalidParameterException("Invalid metric filter pattern") from error


def _check_transformation(transformation: Given, pattern: str) -> None:
    dimensions = transformation.get("dimensions") or {}
    if dimensions and transformation.get("defaultValue") is not None:
        raise InvalidParameterException("A metric transformation has either dimensions or a default value.")
    if dimensions and not pattern.strip():
        # https://github.com/hashicorp/terraform-provider-aws/issues/28881
        raise InvalidParameterException("The specified filter pattern does not support dimensions")
    if len(dimensions) > _MOST_DIMENSIONS:
        raise InvalidParameterException(f"A metric transformation has at most {_MOST_DIMENSIONS} dimensions.")
    for value in [*dimensions.values(), transformation["metricValue"]]:
        is_number = value is transformation["metricValue"] and NUMBER.fullmatch(value)
        if not is_number and not _is_selector(value):
            raise InvalidParameterException(f"Invalid metric transformation: {value!r} is no value of a metric.")


def _is_selector(value: str) -> bool:
    try:
        [selector] = parse(f"{{ {value} NOT EXISTS }}").selectors()
    except (PatternError, ValueError):
        return False
    return selector.text == value


def _check_limits(expression: Expression, others: Iterable[Filter]) -> None:
    patterns = [one["filterPattern"] for one in others]
    if len(patterns) >= _MOST_FILTERS:
        raise LimitExceededException
    with_regexes = sum(parse(pattern).regexes() > 0 for pattern in patterns)
    if expression.regexes() and with_regexes >= _MOST_FILTERS_WITH_REGEXES:
        raise LimitExceededException


def _is_of_metric(one: Filter, given: Given) -> bool:
    [transformation] = one["metricTransformations"]
    return all(
        given.get(name, transformation[name]) == transformation[name] for name in ("metricName", "metricNamespace")
    )


def _page(found: list[Filter], given: Given) -> dict[str, Any]:
    """Give the filters after those that a token says have been seen, in the order of their names."""
    after = _position(given["nextToken"]) if "nextToken" in given else ["", ""]
    rest = sorted((one for one in found if _place(one) > after), key=_place)
    page = rest[: given.get("limit", _PAGE)]
    answer: dict[str, Any] = {"metricFilters": page}
    if len(rest) > len(page):
        answer["nextToken"] = base64.urlsafe_b64encode(json.dumps(_place(page[-1])).encode()).decode()
    return answer


def _place(one: Filter) -> list[str]:
    return [one["filterName"], one["logGroupName"]]


def _position(token: str) -> list[str]:
    try:
        name, group = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError) as error:
        raise InvalidParameterException("The specified nextToken is invalid.") from error
    return [str(name), str(group)]


def _class_of(group: LogGroup) -> str:
    return str(getattr(group, "log_group_class", STANDARD))


def _keeping_class(method: Callable[[LogsResponse], str]) -> Callable[[LogsResponse], str]:
    def create_log_group(response: LogsResponse) -> str:
        given = json.loads(response.body or "{}")
        group_class = given.get("logGroupClass") or STANDARD
        if group_class not in _CLASSES:
            raise InvalidParameterException(f"{group_class} is no class of log groups.")
        answer = method(response)
        response.logs_backend.groups[given["logGroupName"]].__dict__["log_group_class"] = group_class
        return answer

    return create_log_group


def _described(method: Callable[[LogGroup], dict[str, Any]]) -> Callable[[LogGroup], dict[str, Any]]:
    def to_describe_dict(group: LogGroup) -> dict[str, Any]:
        return method(group) | {"metricFilterCount": len(filters_of(group)), "logGroupClass": _class_of(group)}

    return to_describe_dict


def _counting(method: Callable[..., Any]) -> Callable[..., Any]:
    """Publish the metrics of the filters that match log events."""

    def put_log_events(logs: LogsBackend, log_group_name: str, log_stream_name: str, log_events: list[Given]) -> Any:
        answer = method(logs, log_group_name, log_stream_name, log_events)
        if group := logs.groups.get(log_group_name):
            metric_filters.count(logs, group, [event_of(one["message"]) for one in log_events], datetime.now(UTC))
        return answer

    return put_log_events
