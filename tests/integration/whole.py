"""The whole of a trail: specs with every field, what they need in AWS, and all that AWS tells of a trail."""

from typing import Any

from tests.integration.aws import REGION, Account

DEFAULT_SELECTOR = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}
MINIMAL_RECORDING = {
    "EventSelectors": [DEFAULT_SELECTOR],
    "AdvancedEventSelectors": [],
    "InsightSelectors": [],
    "AggregationConfigurations": [],
}


class World:
    """What the maximal specs need, and the specs."""

    def __init__(self, account: Account) -> None:
        name = "whole"
        self.name = name
        self.bucket = account.bucket(f"logs-{account.number}", name, "*")
        self.other_bucket = account.bucket(f"more-{account.number}", name, "*")
        group, more = account.log_group("events"), account.log_group("more-events")
        self.minimal: dict[str, Any] = {"name": name, "s3BucketName": self.bucket}
        self.basic: dict[str, Any] = {
            "name": name,
            "region": REGION,
            "s3BucketName": self.bucket,
            "s3KeyPrefix": "one",
            "snsTopicName": account.topic("one", name),
            "cloudWatchLogsLogGroupARN": group,
            "cloudWatchLogsRoleARN": account.role("one", group),
            "kmsKeyID": account.key(name),
            "isMultiRegionTrail": True,
            "includeGlobalServiceEvents": True,
            "enableLogFileValidation": True,
            "isOrganizationTrail": False,
            "isLogging": True,
            "recursiveLogging": False,
            "eventSelectors": [
                {
                    "readWriteType": "WriteOnly",
                    "includeManagementEvents": True,
                    "excludeManagementEventSources": ["kms.amazonaws.com", "rdsdata.amazonaws.com"],
                },
                {
                    "readWriteType": "All",
                    "includeManagementEvents": False,
                    "dataResources": [
                        {"type": "AWS::S3::Object", "values": ["arn:aws:s3:::bucket-b/", "arn:aws:s3:::bucket-a/x"]},
                        {"type": "AWS::Lambda::Function", "values": ["arn:aws:lambda"]},
                    ],
                },
            ],
            "insightSelectors": [
                {"insightType": "ApiCallRateInsight", "eventCategories": ["Management", "Data"]},
                {"insightType": "ApiErrorRateInsight"},
            ],
            "aggregationConfigurations": [{"eventCategory": "Data", "templates": ["RESOURCE_ACCESS", "API_ACTIVITY"]}],
            "tags": [{"key": "team", "value": "security"}, {"key": "flag"}],
            "deletionPolicy": "Delete",
            "adoptionPolicy": "Never",
            "managementPolicy": "Manage",
        }
        self.advanced: dict[str, Any] = {
            "name": name,
            "s3BucketName": self.other_bucket,
            "s3KeyPrefix": "two",
            "snsTopicName": account.topic("two", name).rsplit(":", 1)[1],
            "cloudWatchLogsLogGroupARN": f"{more}:*",
            "cloudWatchLogsRoleARN": account.role("two", more),
            "kmsKeyID": "alias/two",
            "isMultiRegionTrail": False,
            "includeGlobalServiceEvents": False,
            "enableLogFileValidation": False,
            "recursiveLogging": True,
            "advancedEventSelectors": [
                {
                    "name": "management",
                    "fieldSelectors": [
                        {"field": "eventCategory", "equals": ["Management"]},
                        {"field": "eventSource", "notEquals": ["kms.amazonaws.com"]},
                    ],
                },
                {
                    "fieldSelectors": [
                        {"field": "resources.type", "equals": ["AWS::S3::Object"]},
                        {"field": "eventCategory", "equals": ["Data"]},
                        {"field": "readOnly", "equals": ["false"]},
                        {"field": "resources.ARN", "startsWith": ["arn:aws:s3:::bucket-z/", "arn:aws:s3:::bucket-y/"]},
                    ]
                },
                {
                    "name": "network",
                    "fieldSelectors": [
                        {"field": "eventCategory", "equals": ["NetworkActivity"]},
                        {"field": "eventSource", "equals": ["ec2.amazonaws.com"]},
                        {"field": "errorCode", "equals": ["VpceAccessDenied"]},
                    ],
                },
            ],
            "insightSelectors": [{"insightType": "ApiErrorRateInsight", "eventCategories": ["Data"]}],
            "aggregationConfigurations": [{"eventCategory": "Data", "templates": ["USER_ACTIONS"]}],
            "tags": [{"key": "team", "value": "audit"}, {"key": "cost", "value": "1"}],
        }
        account.key(name, alias="two")


def everything(account: Account, name: str) -> Any:
    """The whole trail as AWS tells of it, without what identifies it, sets in order."""
    found = account.trail(name)
    assert found is not None
    shown = {key: value for key, value in found.items() if key not in ("TrailARN", "SnsTopicName")}
    return _ordered(shown | account.recorded(name))


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(member) for key, member in value.items()}
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        return sorted(value)
    if isinstance(value, list):
        ordered = [_ordered(member) for member in value]
        keyed = [member for member in ordered if {"Field", "Type", "InsightType"} & member.keys()]
        return sorted(ordered, key=str) if len(keyed) == len(ordered) else ordered
    return value
