"""Reads metric filters from CloudWatch Logs into the types of the domain. `Alarms.apply` writes them."""

import json
from collections.abc import Mapping
from typing import Any

from trail_operator.api.reasons import Reason
from trail_operator.aws.client import AWSClient
from trail_operator.aws.error_codes import NOT_FOUND
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.aws.pages import list_all
from trail_operator.domain.alarms.alarm import FilterKey, FilterSettings
from trail_operator.domain.alarms.log_group import STANDARD
from trail_operator.domain.failure import Failure, FailureClass, FailureError

_INVALID = "InvalidParameterException"
_DESCRIBED = frozenset({"filterName", "filterPattern", "metricTransformations", "creationTime", "logGroupName"})
_COUNTED = frozenset({"metricName", "metricNamespace", "metricValue"})
# A record as CloudTrail delivers it to a log group, to test patterns with.
_RECORD = json.dumps(
    {
        "eventVersion": "1.11",
        "userIdentity": {"type": "Root", "accountId": "123456789012"},
        "eventTime": "2024-01-01T00:00:00Z",
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": "StopLogging",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.1",
        "eventType": "AwsApiCall",
    }
)


class MetricFilters:
    """The metric filters that one set of credentials sees."""

    def __init__(self, aws: AWSClient) -> None:
        self._aws = aws

    async def observe(self, log_group: str, prefix: str, region: str) -> dict[FilterKey, FilterSettings]:
        """Return the filters of a log group whose names begin with a prefix.

        Raises FailureError, with the reason LogGroupNotFound if there is no such log group.
        """
        parameters = {"logGroupName": log_group, **({"filterNamePrefix": prefix} if prefix else {})}
        try:
            found = await list_all(self._aws, Read.DescribeMetricFilters, region, "metricFilters", **parameters)
        except AWSError as error:
            if error.code in NOT_FOUND:
                raise FailureError(_not_found(log_group, region)) from None
            raise
        return {FilterKey(log_group, one["filterName"]): _settings(one) for one in found}

    async def log_group_class(self, log_group: str, region: str) -> str | None:
        """Return the class of a log group, or None if there is none of that name."""
        # Sorted by name: if it exists, it is the first.
        # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html
        response = await self._aws.call(Read.DescribeLogGroups, region, logGroupNamePrefix=log_group)
        found = (one for one in response["logGroups"] if one["logGroupName"] == log_group)
        return next((one.get("logGroupClass") or STANDARD for one in found), None)

    async def test_pattern(self, pattern: str, region: str) -> str | None:
        """Return why AWS rejects a pattern, in its words; None if it is valid."""
        try:
            await self._aws.call(Read.TestMetricFilter, region, filterPattern=pattern, logEventMessages=[_RECORD])
        except AWSError as error:
            if error.code != _INVALID:
                raise
            return error.message or error.code
        return None


def other_settings(described: Mapping[str, Any], known: frozenset[str]) -> dict[str, str]:
    """Return the settings that are not among the known ones, as texts. What is false, empty or absent is not set."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
        for name, value in sorted(described.items())
        if name not in known and value is not None and value is not False and value not in ("", [], {})
    }


def _settings(described: Mapping[str, Any]) -> FilterSettings:
    (transformation,) = described["metricTransformations"]
    others = other_settings(described, _DESCRIBED) | other_settings(transformation, _COUNTED)
    if others.get("unit") == "None":  # the unit of a filter that has none
        del others["unit"]
    return FilterSettings(
        described.get("filterPattern") or "",
        transformation["metricName"],
        transformation["metricNamespace"],
        transformation["metricValue"],
        others,
    )


def _not_found(log_group: str, region: str) -> Failure:
    message = (
        f"Log group {log_group} does not exist in {region}, although the trail delivers to it: create it, or correct "
        "cloudWatchLogsLogGroupARN of the Trail"
    )
    return Failure(FailureClass.DEPENDENCY, Reason.LOG_GROUP_NOT_FOUND, message)
