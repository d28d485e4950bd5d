"""Reads alarms from CloudWatch into the types of the domain, and carries out the actions of a plan."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from trail_operator.api.constants import OWNER_TAG
from trail_operator.aws.client import AWSClient
from trail_operator.aws.error_codes import NOT_FOUND
from trail_operator.aws.errors import AWSError
from trail_operator.aws.metric_filters import other_settings
from trail_operator.aws.operations import Read, Write
from trail_operator.aws.pages import list_all, list_all_of
from trail_operator.aws.rate_limit import Precondition
from trail_operator.domain.alarms.actions import AlarmAction
from trail_operator.domain.alarms.alarm import AlarmSettings, ObservedAlarm
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.failure import FailureError, transient

_PAGE = 100
_VALUES_AT_ONCE = 20
"""Of one tag: https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagFilter.html"""
_MISSING = "missing"
"""How missing data are treated if nothing is set."""
_STATE = (
    *("StateValue", "StateReason", "StateReasonData", "StateUpdatedTimestamp", "StateTransitionedTimestamp"),
    *("EvaluationState", "AlarmConfigurationUpdatedTimestamp"),
)
_KNOWN = frozenset(
    {
        *("AlarmName", "AlarmArn", "AlarmDescription", "ActionsEnabled", "AlarmActions", "OKActions"),
        *("InsufficientDataActions", "MetricName", "Namespace", "Statistic", "Period", "EvaluationPeriods"),
        *("DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData", *_STATE),
    }
)


class Alarms:
    """The CloudWatch alarms of one set of credentials."""

    def __init__(self, aws: AWSClient) -> None:
        self._aws = aws

    async def observe(self, prefix: str, region: str) -> dict[str, ObservedAlarm]:
        """Return the alarms whose names begin with a prefix, composite ones included, by name. Reads no tags.

        Raises FailureError.
        """
        account = (await self._aws.identity(region)).account
        parameters = {
            **({"AlarmNamePrefix": prefix} if prefix else {}),
            "AlarmTypes": ["MetricAlarm", "CompositeAlarm"],
            "MaxRecords": _PAGE,
        }
        kinds = ("MetricAlarms", "CompositeAlarms")
        metric, composite = await list_all_of(self._aws, Read.DescribeAlarms, region, kinds, **parameters)
        found = [_observed(one, _settings(one)) for one in metric] + [_observed(one, None) for one in composite]
        arns = [Arn.parse(alarm.arn) for alarm in found]
        if any(arn.account != account for arn in arns):
            raise FailureError(transient(f"{Read.DescribeAlarms} in {region} returns alarms of another account"))
        named = zip(arns, found, strict=True)
        if any(arn.resource_id != alarm.name or not alarm.name.startswith(prefix) for arn, alarm in named):
            raise FailureError(transient(f"{Read.DescribeAlarms} in {region} returns alarms that were not asked for"))
        return {alarm.name: alarm for alarm in found}

    async def tags(self, arn: str, region: str) -> dict[str, str] | None:
        """Return the tags of an alarm, or None if there is none. Raises FailureError."""
        try:
            response = await self._aws.call(Read.ListTagsForResource, region, ResourceARN=arn)
        except AWSError as error:
            if error.code in NOT_FOUND:
                return None
            raise
        return _tags(response["Tags"])

    async def tags_of_owner(self, owner_values: Collection[str], region: str) -> dict[str, dict[str, str]]:
        """Return all tags of the alarms with one of these owner tags, by ARN.

        What was tagged a moment ago may be missing: AWS indexes tags with a delay. Raises FailureError, AWSError if
        AWS denies it.
        """
        found: dict[str, dict[str, str]] = {}
        for values in _chunks(sorted(owner_values)):
            parameters = {
                "ResourceTypeFilters": ["cloudwatch:alarm"],
                "TagFilters": [{"Key": OWNER_TAG, "Values": values}],
                "ResourcesPerPage": _PAGE,
            }
            mappings = await list_all(self._aws, Read.GetResources, region, "ResourceTagMappingList", **parameters)
            found |= {one["ResourceARN"]: _tags(one["Tags"]) for one in mappings}
        return found

    async def apply(self, action: AlarmAction, location: Location, precondition: Precondition) -> str:
        """Carry out one action, also on a metric filter, if the credentials still belong to the location's account.

        Returns the request ID. Raises FailureError: AWSError for an error response, NotSentError if nothing was sent.
        Any other means that no response arrived, so that the action may have taken effect.
        """
        response = await self._aws.write(
            Write[action.operation], location.account, location.region, precondition=precondition, **action.parameters
        )
        return str(response.get("ResponseMetadata", {}).get("RequestId", ""))


def _observed(described: Mapping[str, Any], settings: AlarmSettings | None) -> ObservedAlarm:
    state = described.get("StateValue") or "" if settings else ""
    return ObservedAlarm(described["AlarmName"], described["AlarmArn"], settings, state=state)


def _settings(described: Mapping[str, Any]) -> AlarmSettings:
    def actions(name: str) -> tuple[str, ...]:
        return tuple(sorted(described.get(name) or ()))

    return AlarmSettings(
        description=described.get("AlarmDescription") or "",
        metric_name=described.get("MetricName") or "",
        metric_namespace=described.get("Namespace") or "",
        statistic=described.get("Statistic"),
        period=described.get("Period"),
        evaluation_periods=described.get("EvaluationPeriods"),
        datapoints_to_alarm=described.get("DatapointsToAlarm"),
        threshold=described.get("Threshold"),
        comparison_operator=described.get("ComparisonOperator"),
        treat_missing_data=described.get("TreatMissingData") or _MISSING,
        actions_enabled=described["ActionsEnabled"],
        alarm_actions=actions("AlarmActions"),
        ok_actions=actions("OKActions"),
        insufficient_data_actions=actions("InsufficientDataActions"),
        others=other_settings(described, _KNOWN),
    )


def _tags(entries: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {entry["Key"]: entry.get("Value") or "" for entry in entries}


def _chunks(values: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _VALUES_AT_ONCE):
        yield [*values[start : start + _VALUES_AT_ONCE]]
