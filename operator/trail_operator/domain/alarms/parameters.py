"""The parameters of writes to metric filters and alarms.

PutMetricFilter and PutMetricAlarm replace all settings, so every call has all of them:
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from collections.abc import Iterable, Mapping
from typing import Any

from trail_operator.domain.alarms.alarm import AlarmSettings, FilterKey, FilterSettings


def put_filter_parameters(key: FilterKey, settings: FilterSettings) -> dict[str, Any]:
    """Return the parameters of PutMetricFilter. It has no unit and no default value, whatever `others` says."""
    transformation = {
        "metricName": settings.metric_name,
        "metricNamespace": settings.metric_namespace,
        "metricValue": settings.metric_value,
    }
    return {
        "logGroupName": key.log_group,
        "filterName": key.name,
        "filterPattern": settings.pattern,
        "metricTransformations": [transformation],
    }


def delete_filter_parameters(key: FilterKey) -> dict[str, Any]:
    """Return the parameters of DeleteMetricFilter."""
    return {"logGroupName": key.log_group, "filterName": key.name}


def put_alarm_parameters(
    full_name: str, settings: AlarmSettings, tags: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the parameters of PutMetricAlarm. `full_name`: the name in AWS. `tags`: those of a new alarm.

    For an alarm that exists, AWS ignores tags. Nothing in `others` is sent, so that AWS removes it.
    """
    optional: dict[str, Any] = {
        "Statistic": settings.statistic,
        "Period": settings.period,
        "EvaluationPeriods": settings.evaluation_periods,
        "DatapointsToAlarm": settings.datapoints_to_alarm,
        "Threshold": settings.threshold,
        "ComparisonOperator": settings.comparison_operator,
        "Tags": cloudwatch_tags(tags) if tags else None,
    }
    return {
        "AlarmName": full_name,
        "AlarmDescription": settings.description,
        "ActionsEnabled": settings.actions_enabled,
        "AlarmActions": list(settings.alarm_actions),
        "OKActions": list(settings.ok_actions),
        "InsufficientDataActions": list(settings.insufficient_data_actions),
        "MetricName": settings.metric_name,
        "Namespace": settings.metric_namespace,
        "TreatMissingData": settings.treat_missing_data,
        **{name: value for name, value in optional.items() if value is not None},
    }


def delete_alarms_parameters(full_names: Iterable[str]) -> dict[str, Any]:
    """Return the parameters of DeleteAlarms. It deletes those that exist, at most 100 in a call."""
    return {"AlarmNames": sorted(full_names)}


def tag_parameters(arn: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters of TagResource, which adds tags to an alarm and replaces those of the same keys."""
    return {"ResourceARN": arn, "Tags": cloudwatch_tags(tags)}


def untag_parameters(arn: str, keys: Iterable[str]) -> dict[str, Any]:
    """Return the parameters of UntagResource."""
    return {"ResourceARN": arn, "TagKeys": sorted(keys)}


def cloudwatch_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags for a request to CloudWatch, which takes empty values, but none left out."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
