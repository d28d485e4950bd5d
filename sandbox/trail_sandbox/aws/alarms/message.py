"""What an alarm tells a topic.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
Not verified: that its members are all of AWS's, and that the region is named by its code in the subject.
"""

from datetime import datetime
from typing import Any

from moto.cloudwatch.models import Alarm


def subject_of(alarm: Alarm) -> str:
    """The subject of a message; SNS takes at most 100 characters."""
    return f'{alarm.state_value}: "{alarm.name}" in {alarm.region_name}'[:100]


def message_of(alarm: Alarm, account: str, old: str, now: datetime) -> dict[str, Any]:
    """The message about an alarm that has left a state."""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": account,
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": now.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
        "Region": alarm.region_name,
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": old,
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
        "Trigger": {
            "MetricName": alarm.metric_name,
            "Namespace": alarm.namespace,
            "StatisticType": "Statistic" if alarm.statistic else "ExtendedStatistic",
            "Statistic": str(alarm.statistic or alarm.extended_statistic).upper(),
            "Unit": alarm.unit,
            "Dimensions": [{"name": one.name, "value": one.value} for one in alarm.dimensions],
            "Period": alarm.period,
            "EvaluationPeriods": alarm.evaluation_periods,
            "ComparisonOperator": alarm.comparison_operator,
            "Threshold": alarm.threshold,
            "TreatMissingData": alarm.treat_missing_data or "missing",
        },
    }
