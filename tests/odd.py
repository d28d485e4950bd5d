"""Trails as they should not be: what is odd is put at any place of a spec or a status that has every field."""

import copy
from collections.abc import Iterator
from typing import Any

SPEC: dict[str, Any] = {
    "name": "audit",
    "region": "eu-west-1",
    "accountRef": {"name": "team"},
    "s3BucketName": "logs-one",
    "s3KeyPrefix": "p",
    "snsTopicName": "topic",
    "cloudWatchLogsLogGroupARN": "arn:aws:logs:eu-west-1:123456789012:log-group:g",
    "cloudWatchLogsRoleARN": "arn:aws:iam::123456789012:role/r",
    "kmsKeyID": "alias/key",
    "isMultiRegionTrail": True,
    "isLogging": True,
    "eventSelectors": [
        {"readWriteType": "All", "dataResources": [{"type": "AWS::S3::Object", "values": ["arn:aws:s3"]}]}
    ],
    "advancedEventSelectors": [{"name": "n", "fieldSelectors": [{"field": "eventCategory", "equals": ["Data"]}]}],
    "insightSelectors": [{"insightType": "ApiCallRateInsight", "eventCategories": ["Management"]}],
    "aggregationConfigurations": [{"eventCategory": "Data", "templates": ["API_ACTIVITY"]}],
    "tags": [{"key": "k", "value": "v"}],
    "deletionPolicy": "Delete",
    "adoptionPolicy": "Never",
    "managementPolicy": "Manage",
}
STATUS: dict[str, Any] = {
    "observedGeneration": 1,
    "arn": "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit",
    "accountID": "123456789012",
    "homeRegion": "eu-west-1",
    "isLogging": True,
    "drift": [{"path": "isLogging", "desired": "true", "observed": "false"}],
    "delivery": [{"destination": "S3", "error": "AccessDenied", "since": "2026-01-31T12:00:00Z"}],
    "refusals": [{"operation": "UpdateTrail", "message": "no"}],
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Recording",
            "message": "",
            "lastTransitionTime": "2026-01-31T12:00:00Z",
            "observedGeneration": 1,
        }
    ],
}
TEXTS = (
    "",
    "x",
    "a:b",
    "arn:",
    "arn:x:alias/",
    "arn:aws:kms",
    ":" * 9,
    "/",
    "alias/",
    "\n",
    "\x00",
    "é" * 300,
    "x" * 70000,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a value, the whole included."""
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from places(member, (*path, name))


def put(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    result = copy.deepcopy(value)
    place = result
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = odd
    return result
