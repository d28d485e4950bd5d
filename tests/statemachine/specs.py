"""Strategies: specs that the API server accepts and this AWS can do, field by field, and what people do by hand."""

import itertools
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from tests.statemachine.aws import ACCOUNT, ALIAS, BUCKETS, KEYS, REGIONS, ROLE, group_arn, key_arn, topic_arn
from tests.statemachine.kubernetes import Manifest

TRAILS: dict[str, Manifest] = {
    "team-a/alpha": {},
    "team-b/rival": {"name": "alpha", "region": REGIONS[0]},
    "team-a/beta": {"region": REGIONS[1]},
    "team-b/abroad": {"name": "alpha", "region": REGIONS[1]},
}
"""All Trails that there may be, with the fields that never change: two claim one trail, a third its shadow's name."""

_DATA = {"type": "AWS::S3::Object", "values": ["arn:aws:s3:::other/", "arn:aws:s3:::another/logs"]}
_EVERYTHING = [
    {"type": "AWS::S3::Object", "values": ["arn:aws:s3:::"]},
    {"type": "AWS::Lambda::Function", "values": ["arn:aws:lambda"]},
    {"type": "AWS::DynamoDB::Table", "values": ["arn:aws:dynamodb"]},
]
_BASIC: list[list[Manifest]] = [
    [{}],
    [{"readWriteType": "ReadOnly"}],
    [{"readWriteType": "WriteOnly", "excludeManagementEventSources": ["rdsdata.amazonaws.com", "kms.amazonaws.com"]}],
    [{"dataResources": [_DATA]}],
    [{"includeManagementEvents": False, "dataResources": _EVERYTHING}],
    [{"readWriteType": "ReadOnly"}, {"readWriteType": "WriteOnly", "dataResources": [_DATA]}],
    [{"readWriteType": "WriteOnly", "dataResources": [_DATA]}, {"readWriteType": "ReadOnly"}],
]
_MANAGEMENT = {"field": "eventCategory", "equals": ["Management"]}
_OBJECTS = {
    "name": "objects",
    "fieldSelectors": [
        {"field": "eventCategory", "equals": ["Data"]},
        {"field": "resources.type", "equals": ["AWS::S3::Object"]},
        {"field": "resources.ARN", "startsWith": ["arn:aws:s3:::other/", "arn:aws:s3:::another/"]},
    ],
}
_ADVANCED: list[list[Manifest]] = [
    [{"name": "all", "fieldSelectors": [_MANAGEMENT]}],
    [
        {
            "fieldSelectors": [
                {"field": "readOnly", "equals": ["false"]},
                _MANAGEMENT,
                {"field": "eventSource", "notEquals": ["rdsdata.amazonaws.com", "kms.amazonaws.com"]},
            ]
        }
    ],
    [_OBJECTS],
    [_OBJECTS, {"fieldSelectors": [_MANAGEMENT]}],
    [{"fieldSelectors": [_MANAGEMENT]}, _OBJECTS],
]
_INSIGHTS: list[list[Manifest]] = [
    [],
    [{"insightType": "ApiCallRateInsight"}],
    [{"insightType": "ApiErrorRateInsight", "eventCategories": ["Data"]}],
    [
        {"insightType": "ApiErrorRateInsight", "eventCategories": ["Management"]},
        {"insightType": "ApiCallRateInsight", "eventCategories": ["Data", "Management"]},
    ],
]
_AGGREGATIONS: list[list[Manifest]] = [
    [],
    [{"eventCategory": "Data", "templates": ["API_ACTIVITY"]}],
    [{"eventCategory": "Data", "templates": ["USER_ACTIONS", "API_ACTIVITY"]}],
]


def _recordings() -> list[Manifest]:
    """What may be recorded: selectors, and the insights and aggregations that they allow."""
    selectors: list[Manifest] = [
        {},
        *({"eventSelectors": one} for one in _BASIC),
        *({"advancedEventSelectors": one} for one in _ADVANCED),
    ]
    allowed = []
    for chosen, insights, aggregations in itertools.product(selectors, _INSIGHTS, _AGGREGATIONS):
        recorded = _recorded(chosen)
        if all(_supports(recorded, one) for one in insights) and ("Data" in recorded or not aggregations):
            spec = dict(chosen)
            if insights:
                spec["insightSelectors"] = insights
            if aggregations:
                spec["aggregationConfigurations"] = aggregations
            allowed.append(spec)
    return allowed


def _supports(recorded: set[str], insight: Manifest) -> bool:
    needed = {"Data": {"Data"}, "Management": {"Write"}}
    if insight["insightType"] == "ApiErrorRateInsight":
        needed["Management"] = {"Read", "Write"}
    return all(recorded & needed[category] for category in insight.get("eventCategories", ["Management"]))


def _recorded(spec: Manifest) -> set[str]:
    """Of Read and Write management events and Data events, those that are recorded."""
    recorded: set[str] = set()
    for one in spec.get("eventSelectors", []):
        if one.get("includeManagementEvents", True):
            recorded |= {"ReadOnly": {"Read"}, "WriteOnly": {"Write"}}.get(one.get("readWriteType"), {"Read", "Write"})
        recorded |= {"Data"} if one.get("dataResources") else set()
    for one in spec.get("advancedEventSelectors", []):
        is_data = {"field": "eventCategory", "equals": ["Data"]} in one["fieldSelectors"]
        only_writes = {"field": "readOnly", "equals": ["false"]} in one["fieldSelectors"]
        recorded |= {"Data"} if is_data else {"Write"} if only_writes else {"Read", "Write"}
    if not {"eventSelectors", "advancedEventSelectors"} & spec.keys():
        recorded = {"Read", "Write"}
    return recorded


def _values(name: str, *values: Any) -> list[Manifest]:
    return [{}, *({name: value} for value in values)]


RECORDINGS = _recordings()


def choices(key: str) -> dict[str, list[Manifest]]:
    """What is free in the spec of a Trail: groups of fields that are set together, with all that they may be."""
    region = TRAILS[key].get("region", REGIONS[0])
    keys = [key_arn(0), key_arn(1), f"arn:aws:kms:{REGIONS[0]}:{ACCOUNT}:{ALIAS}"]
    keys += [KEYS[0], ALIAS] if region == REGIONS[0] else []  # an id and an alias are looked for at home
    tags = [
        [],
        [{"key": "env", "value": "a"}],
        [{"key": "cost centre"}, {"key": "env", "value": "b"}],
        [{"key": "team", "value": "a"}, {"key": "env"}],
    ]
    return {
        "recording": RECORDINGS,
        "scope": [
            {},
            {"isMultiRegionTrail": True},
            {"isMultiRegionTrail": False},
            {"includeGlobalServiceEvents": False},
            {"isMultiRegionTrail": False, "includeGlobalServiceEvents": True},
            {"isMultiRegionTrail": True, "includeGlobalServiceEvents": True},
            {"isMultiRegionTrail": False, "includeGlobalServiceEvents": False},
        ],
        "s3BucketName": [{"s3BucketName": name} for name in BUCKETS],
        "s3KeyPrefix": _values("s3KeyPrefix", "", "logs", "a/b"),
        "snsTopicName": _values("snsTopicName", "", "one", topic_arn("one", region), topic_arn("two", REGIONS[0])),
        "kmsKeyID": _values("kmsKeyID", "", *keys),
        "logGroup": [
            {},
            *(
                {"cloudWatchLogsLogGroupARN": f"{group_arn(name, region)}{ending}", "cloudWatchLogsRoleARN": ROLE}
                for name, ending in (("one", ""), ("one", ":*"), ("two", ""))
            ),
        ],
        "enableLogFileValidation": _values("enableLogFileValidation", True, False),
        "isLogging": _values("isLogging", True, False),
        "recursiveLogging": _values("recursiveLogging", True, False),
        "tags": _values("tags", *tags),
        "deletionPolicy": _values("deletionPolicy", "Delete", "Retain"),
        "adoptionPolicy": _values("adoptionPolicy", "Never", "IfUnowned", "Always"),
        "managementPolicy": _values("managementPolicy", "Manage", "Observe"),
    }


CHOICES = {key: choices(key) for key in TRAILS}


def spec_of(key: str, chosen: Iterable[tuple[str, int]]) -> Manifest:
    """The spec in which some groups are chosen by number, the later ones counting, and the others are left out."""
    groups = CHOICES[key]
    spec: Manifest = dict(TRAILS[key])
    for name, number in ({"s3BucketName": 0} | dict(chosen)).items():
        spec |= groups[name][number % len(groups[name])]
    return spec


CHANGES = st.lists(st.tuples(st.sampled_from(sorted(CHOICES["team-a/alpha"])), st.integers(0, 99)), max_size=10)
"""Groups and numbers: small is simple."""


def sent(spec: Manifest) -> list[tuple[str, dict[str, Any]]]:
    """What a recording is in CloudTrail's calls, as somebody makes them by hand."""
    kind = "AdvancedEventSelectors" if "advancedEventSelectors" in spec else "EventSelectors"
    selectors = spec.get("advancedEventSelectors") or spec.get("eventSelectors") or [{"readWriteType": "All"}]
    return [
        ("PutEventSelectors", {kind: _upper(selectors)}),
        ("PutInsightSelectors", {"InsightSelectors": _upper(spec.get("insightSelectors", []))}),
        (
            "PutEventConfiguration",
            {"AggregationConfigurations": _upper(spec.get("aggregationConfigurations", []))},
        ),
    ]


def _upper(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[0].upper() + name[1:]: _upper(one) for name, one in value.items()}
    return [_upper(one) for one in value] if isinstance(value, list) else value
