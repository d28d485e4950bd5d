"""Basic event selectors, held to AWS's rules and filled up as AWS tells them.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_EventSelector.html
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DataResource.html
Messages that AWS is known to have answered: "(1 to 5)" in the go-to-k/cdkd project, "(0 to 250)" in
badmintoncryer/cdk-preflight, "DataResources.Values is invalid" in
https://github.com/aws-samples/aws-security-reference-architecture-examples/issues/335, "Invalid combination" in
https://github.com/aws/aws-cdk/issues/15488. The others are formed after them.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from trail_sandbox.aws.errors import AwsError

_MOST_SELECTORS = 5
_MOST_DATA_RESOURCES = 250
_READ_WRITE_TYPES = frozenset({"ReadOnly", "WriteOnly", "All"})
_EXCLUDABLE = frozenset({"kms.amazonaws.com", "rdsdata.amazonaws.com"})

# Values without their beginning, arn:PARTITION.
_ALL_OF_A_TYPE = frozenset({"s3", "s3:::", "lambda", "dynamodb"})
# A bucket's ARN ends in a slash, then comes the beginning of the objects' keys: https://github.com/aws/aws-cdk/issues/3450
_VALUES: Mapping[str, re.Pattern[str]] = {
    "AWS::S3::Object": re.compile(r"s3(:::([A-Za-z0-9._-]{3,255}/[^*]*)?)?"),
    "AWS::Lambda::Function": re.compile(
        r"lambda(:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9$_-]+)?)?"
    ),
    "AWS::DynamoDB::Table": re.compile(r"dynamodb(:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9._-]{3,255})?"),
}


def parse_basic(selectors: Sequence[Mapping[str, Any]], partition: str) -> tuple[Mapping[str, Any], ...]:
    """Give selectors with every member, or refuse them."""
    if not 1 <= len(selectors) <= _MOST_SELECTORS:
        raise invalid("Specify a valid number of selectors (1 to 5) for your trail")
    parsed = tuple(_parse(selector, partition) for selector in selectors)
    values = [value for selector in parsed for resource in selector["DataResources"] for value in resource["Values"]]
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html: all of a type is none.
    if sum(_rest(value, partition) not in _ALL_OF_A_TYPE for value in values) > _MOST_DATA_RESOURCES:
        raise invalid("Specify a valid number of DataResources.Values (0 to 250) for all your selectors")
    return parsed


def invalid(message: str) -> AwsError:
    """Refuse selectors, of either kind."""
    return AwsError("InvalidEventSelectorsException", message)


def _parse(selector: Mapping[str, Any], partition: str) -> Mapping[str, Any]:
    parsed = {
        "ReadWriteType": selector.get("ReadWriteType", "All"),
        "IncludeManagementEvents": selector.get("IncludeManagementEvents", True),
        "DataResources": [_parse_resource(resource, partition) for resource in selector.get("DataResources", ())],
        "ExcludeManagementEventSources": selector.get("ExcludeManagementEventSources", []),
    }
    _check_value("ReadWriteType", parsed["ReadWriteType"], valid=parsed["ReadWriteType"] in _READ_WRITE_TYPES)
    for source in parsed["ExcludeManagementEventSources"]:
        _check_value("ExcludeManagementEventSources", source, valid=source in _EXCLUDABLE)
    if not parsed["IncludeManagementEvents"]:
        _check_without_management_events(parsed)
    return parsed


def _check_without_management_events(selector: Mapping[str, Any]) -> None:
    """Refuse to record nothing, and to exclude from what is not recorded.

    https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/cloudtrail#exclude_management_event_sources-1
    """
    combination = "Invalid combination of parameters in EventSelectors. When includeManagementEvents is false, "
    if not selector["DataResources"]:
        raise invalid(f"{combination}DataResources must not be empty")
    if selector["ExcludeManagementEventSources"]:
        raise invalid(f"{combination}ExcludeManagementEventSources must be empty")


def _parse_resource(resource: Mapping[str, Any], partition: str) -> Mapping[str, Any]:
    kind, values = resource.get("Type"), resource.get("Values", [])
    if kind is None or kind not in _VALUES:
        raise _invalid_value("DataResources.Type", kind or "null")
    for value in values:
        _check_value("DataResources.Values", value, valid=_VALUES[kind].fullmatch(_rest(value, partition)) is not None)
    return {"Type": kind, "Values": values}


def _rest(value: str, partition: str) -> str:
    """Give an ARN of the partition without its beginning; of any other text nothing."""
    beginning, _, rest = value.partition(f"arn:{partition}:")
    return "" if beginning else rest


def _check_value(member: str, value: str, *, valid: bool) -> None:
    if not valid:
        raise _invalid_value(member, value)


def _invalid_value(member: str, value: str) -> AwsError:
    return invalid(f"Value {value} for {member} is invalid.")
