"""What a trail should be by its spec, and what it is by AWS's answers, in one form. No code of the operator's."""

from collections.abc import Callable, Mapping
from typing import Any

OWNER = "trail-operator.dev/owner"
READS = (
    "GetTrail",
    "GetTrailStatus",
    "ListTags",
    "GetEventSelectors",
    "GetInsightSelectors",
    "GetEventConfiguration",
)
"""All that there is to know of a trail."""

Form = dict[str, Any]


def wanted(
    spec: Mapping[str, Any], owner: str, region: str, account: str, key_arn: Callable[[str, str], str | None]
) -> Form:
    """What the spec asks for. `key_arn` resolves a key named in a region; a name that means none is no key's ARN."""
    include_global = spec.get("includeGlobalServiceEvents", True)
    topic = spec.get("snsTopicName") or None
    group = spec.get("cloudWatchLogsLogGroupARN") or None
    return {
        "S3BucketName": spec["s3BucketName"],
        "S3KeyPrefix": spec.get("s3KeyPrefix") or None,
        "SnsTopicARN": topic if topic is None or ":" in topic else f"arn:aws:sns:{region}:{account}:{topic}",
        "KmsKeyId": (key_arn(spec["kmsKeyID"], region) or spec["kmsKeyID"]) if spec.get("kmsKeyID") else None,
        "CloudWatchLogsLogGroupArn": group and (group if group.endswith(":*") else f"{group}:*"),
        "CloudWatchLogsRoleArn": spec.get("cloudWatchLogsRoleARN") or None,
        "IncludeGlobalServiceEvents": include_global,
        "IsMultiRegionTrail": spec.get("isMultiRegionTrail", include_global),
        "LogFileValidationEnabled": spec.get("enableLogFileValidation", True),
        "IsOrganizationTrail": spec.get("isOrganizationTrail", False),
        "RecursiveLogging": spec.get("recursiveLogging", True),
        "IsLogging": spec.get("isLogging", True),
        "Selectors": _selectors(spec.get("eventSelectors"), spec.get("advancedEventSelectors")),
        "Insights": {
            (entry["insightType"], category)
            for entry in spec.get("insightSelectors", ())
            for category in entry.get("eventCategories") or ["Management"]
        },
        "Aggregations": {
            (entry["eventCategory"], template)
            for entry in spec.get("aggregationConfigurations", ())
            for template in entry["templates"]
        },
        "Tags": {tag["key"]: tag.get("value", "") for tag in spec.get("tags", ())},
        "Owner": owner,
    }


# What it means if AWS does not say: answers from before there were these do not.
_UNSAID = {"IsOrganizationTrail": False, "RecursiveLogging": True}


def found(answers: Mapping[str, Mapping[str, Any]]) -> Form:
    """What a trail is, by the answers to all reads; insights that are off are answered by nothing."""
    trail = answers["GetTrail"]["Trail"]
    (entry,) = answers["ListTags"]["ResourceTagList"]
    tags = {tag["Key"]: tag.get("Value", "") for tag in entry.get("TagsList", ())}
    selectors = answers["GetEventSelectors"]
    return {
        **{
            name: _UNSAID.get(name) if trail.get(name) is None else trail[name]
            for name in (
                "S3BucketName",
                "S3KeyPrefix",
                "SnsTopicARN",
                "KmsKeyId",
                "CloudWatchLogsLogGroupArn",
                "CloudWatchLogsRoleArn",
                "IncludeGlobalServiceEvents",
                "IsMultiRegionTrail",
                "LogFileValidationEnabled",
                "IsOrganizationTrail",
                "RecursiveLogging",
            )
        },
        "IsLogging": answers["GetTrailStatus"]["IsLogging"],
        "Selectors": _selectors(
            [_lower(one) for one in selectors.get("EventSelectors") or ()],
            [_lower(one) for one in selectors.get("AdvancedEventSelectors") or ()],
        ),
        "Insights": {
            (entry["InsightType"], category)
            for entry in answers["GetInsightSelectors"].get("InsightSelectors") or ()
            for category in entry.get("EventCategories") or ["Management"]
        },
        "Aggregations": {
            (entry["EventCategory"], template)
            for entry in answers["GetEventConfiguration"].get("AggregationConfigurations") or ()
            for template in entry.get("Templates") or ()
        },
        "Tags": {key: value for key, value in tags.items() if not key.startswith(("aws:", "trail-operator.dev/"))},
        "Owner": tags.get(OWNER),
    }


def difference(one: Form, another: Form) -> str:
    """In what two forms differ, in words; "" where in nothing."""
    return "; ".join(
        f"{name}: {one[name]!r} is wanted, {another[name]!r} found" for name in one if one[name] != another[name]
    )


def drifted(one: Form, another: Form) -> set[str]:
    """In what two forms differ, by the fields of the spec; what selectors of both kinds say is one field."""
    return {_FIELDS.get(name, f"{name[0].lower()}{name[1:]}") for name in one if one[name] != another[name]}


_FIELDS = {
    "SnsTopicARN": "snsTopicName",
    "KmsKeyId": "kmsKeyID",
    "CloudWatchLogsLogGroupArn": "cloudWatchLogsLogGroupARN",
    "CloudWatchLogsRoleArn": "cloudWatchLogsRoleARN",
    "LogFileValidationEnabled": "enableLogFileValidation",
    "Selectors": "eventSelectors",
    "Insights": "insightSelectors",
    "Aggregations": "aggregationConfigurations",
}
"""Where the spec does not spell a field as CloudTrail does."""


def _selectors(basic: Any, advanced: Any) -> tuple[Any, ...]:
    if advanced:
        return tuple((one.get("name", ""), _conditions(one["fieldSelectors"])) for one in advanced)
    return tuple(
        (
            one.get("readWriteType", "All"),
            one.get("includeManagementEvents", True),
            frozenset(
                (resource["type"], frozenset(value.removesuffix(":::") for value in resource["values"]))
                for resource in one.get("dataResources", ())
            ),
            frozenset(one.get("excludeManagementEventSources", ())),
        )
        for one in basic or [{}]
    )


def _conditions(fields: Any) -> frozenset[Any]:
    return frozenset(
        (one["field"], operator, frozenset(values))
        for one in fields
        for operator, values in one.items()
        if operator != "field"
    )


def _lower(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name[0].lower() + name[1:]: _lower(one) for name, one in value.items()}
    return [_lower(one) for one in value] if isinstance(value, list) else value
