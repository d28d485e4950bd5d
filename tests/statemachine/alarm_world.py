"""Metric filters and alarms in memory: strict where AWS is, and with its delays.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name

from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.filter_patterns import PatternError, parse
from trail_sandbox.aws.settings import Settings

SERVICES = ("logs", "cloudwatch", "resourcegroupstaggingapi")
_MOST_FILTERS = 100
_PAGE = 50
_MEMORY = 120.0

Item = dict[str, Any]
FilterPlace = tuple[str, str, str]
"""Region, log group and name."""
AlarmPlace = tuple[str, str]
"""Region and name."""


@dataclass(frozen=True)
class Present:
    """All filters and alarms at a moment. Nothing in it is changed: a write makes another one."""

    filters: Mapping[FilterPlace, Item] = field(default_factory=dict)
    alarms: Mapping[AlarmPlace, Item] = field(default_factory=dict)
    """With their tags as a mapping, and with `AlarmRule` if they are composite."""


class AlarmWorld:
    """CloudWatch Logs and CloudWatch as far as alarms need them. Log groups exist unless they are gone."""

    def __init__(self, account: str, time: Callable[[], float], settings: Settings) -> None:
        self._account = account
        self._time = time
        self._settings = settings
        self._history: list[tuple[float, Present]] = [(float("-inf"), Present())]
        self.gone: set[tuple[str, str]] = set()
        """Regions and names of the log groups that do not exist."""
        self.classes: dict[tuple[str, str], str] = {}
        """The classes of log groups that are not STANDARD."""
        self.index_delay = 0.0
        """Seconds after which tag:GetResources shows tags."""

    @property
    def present(self) -> Present:
        """What there is now."""
        return self._history[-1][1]

    def arn(self, region: str, name: str) -> str:
        """The ARN of an alarm."""
        return f"arn:aws:cloudwatch:{region}:{self._account}:alarm:{name}"

    def delete_log_group(self, region: str, group: str) -> None:
        """Delete a log group with its filters."""
        self.answer("DeleteLogGroup", region, {"logGroupName": group})

    def answer(self, operation: str, region: str, given: Mapping[str, Any], *, fresh: bool = False) -> dict[str, Any]:
        """Answer a call. `fresh`: reads see the present whatever else they see. Raises AwsError."""
        answers = getattr(self, f"_{xform_name(operation)}")
        if operation.startswith(("Put", "Delete", "Tag", "Untag", "Create", "Enable", "Disable")):
            filters, alarms = dict(self.present.filters), dict(self.present.alarms)
            answers(region, given, filters, alarms)
            self._keep(Present(filters, alarms))
            return {}
        stale = 0.0 if fresh else self._settings.stale_reads
        if operation == "GetResources" and not fresh:
            stale = max(stale, self.index_delay)
        return dict(answers(region, given, self._at(self._time() - stale) if stale else self.present))

    def _keep(self, present: Present) -> None:
        now = self._time()
        while len(self._history) > 1 and self._history[1][0] < now - _MEMORY:
            del self._history[0]
        self._history.append((now, present))

    def _at(self, moment: float) -> Present:
        return next(present for time, present in reversed(self._history) if time <= moment or time == float("-inf"))

    # Filters.

    def _create_log_group(self, region: str, given: Item, *_: Any) -> None:
        self.gone.discard((region, given["logGroupName"]))

    def _delete_log_group(self, region: str, given: Item, filters: dict[FilterPlace, Item], _: Any) -> None:
        group = region, given["logGroupName"]
        self.gone.add(group)
        for place in [place for place in filters if place[:2] == group]:
            del filters[place]

    def _put_metric_filter(self, region: str, given: Item, filters: dict[FilterPlace, Item], _: Any) -> None:
        group = given["logGroupName"]
        self._check_group(region, group)
        if self.classes.get((region, group), "STANDARD") != "STANDARD":
            raise AwsError("InvalidOperationException", "The operation is not valid on the specified log group.")
        self._check_pattern(given["filterPattern"])
        others = [place for place in filters if place[:2] == (region, group) and place[2] != given["filterName"]]
        if len(others) >= _MOST_FILTERS:
            raise AwsError("LimitExceededException", "Resource limit exceeded.")
        filters[region, group, given["filterName"]] = {**given, "creationTime": int(self._time() * 1000)}

    def _delete_metric_filter(self, region: str, given: Item, filters: dict[FilterPlace, Item], _: Any) -> None:
        self._check_group(region, given["logGroupName"])
        if filters.pop((region, given["logGroupName"], given["filterName"]), None) is None:
            raise AwsError("ResourceNotFoundException", "The specified metric filter does not exist.")

    def _describe_metric_filters(self, region: str, given: Item, present: Present) -> Item:
        group, prefix = given["logGroupName"], given.get("filterNamePrefix", "")
        self._check_group(region, group)
        found = [
            one
            for place, one in sorted(present.filters.items())
            if place[:2] == (region, group) and place[2].startswith(prefix)
        ]
        return _page(found, given, "metricFilters", "nextToken", given.get("limit", _PAGE))

    def _test_metric_filter(self, _: str, given: Item, __: Present) -> Item:
        self._check_pattern(given["filterPattern"])
        return {"matches": []}

    def _describe_log_groups(self, region: str, given: Item, _: Present) -> Item:
        name = given["logGroupNamePrefix"]
        if (region, name) in self.gone:
            return {"logGroups": []}
        return {"logGroups": [{"logGroupName": name, "logGroupClass": self.classes.get((region, name), "STANDARD")}]}

    def _check_group(self, region: str, group: str) -> None:
        if (region, group) in self.gone:
            raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")

    def _check_pattern(self, pattern: str) -> None:
        try:
            parse(pattern)
        except PatternError as error:
            raise AwsError("InvalidParameterException", "Invalid metric filter pattern") from error

    # Alarms.

    def _put_metric_alarm(self, region: str, given: Item, _: Any, alarms: dict[AlarmPlace, Item]) -> None:
        place = region, given["AlarmName"]
        old = alarms.get(place)
        if old and "AlarmRule" in old:
            raise AwsError("ValidationError", f"An alarm of another type has the name {place[1]}.")
        self._put(place, given, alarms)

    def _put_composite_alarm(self, region: str, given: Item, _: Any, alarms: dict[AlarmPlace, Item]) -> None:
        place = region, given["AlarmName"]
        old = alarms.get(place)
        if old and "AlarmRule" not in old:
            raise AwsError("ValidationError", f"An alarm of another type has the name {place[1]}.")
        self._put(place, given, alarms)

    def _put(self, place: AlarmPlace, given: Item, alarms: dict[AlarmPlace, Item]) -> None:
        """Replace all but tags, which count for a new alarm only."""
        old = alarms.get(place)
        tags = old["Tags"] if old else {one["Key"]: one["Value"] for one in given.get("Tags", ())}
        defaults = {"ActionsEnabled": True, "StateValue": old["StateValue"] if old else "INSUFFICIENT_DATA"}
        alarms[place] = {**defaults, **given, "AlarmArn": self.arn(*place), "Tags": tags}

    def _delete_alarms(self, region: str, given: Item, _: Any, alarms: dict[AlarmPlace, Item]) -> None:
        found = [(region, name) for name in given["AlarmNames"] if (region, name) in alarms]
        if not found:
            raise AwsError("ResourceNotFound", "None of the alarms exists.")
        for place in found:
            del alarms[place]

    def _enable_alarm_actions(self, region: str, given: Item, _: Any, alarms: dict[AlarmPlace, Item]) -> None:
        self._set_actions(region, given, alarms, enabled=True)

    def _disable_alarm_actions(self, region: str, given: Item, _: Any, alarms: dict[AlarmPlace, Item]) -> None:
        self._set_actions(region, given, alarms, enabled=False)

    def _set_actions(self, region: str, given: Item, alarms: dict[AlarmPlace, Item], *, enabled: bool) -> None:
        for name in given["AlarmNames"]:
            if (region, name) in alarms:
                alarms[region, name] = {**alarms[region, name], "ActionsEnabled": enabled}

    def _tag_resource(self, region: str, given: Item, _: Any, alarms: dict[AlarmPlace, Item]) -> None:
        place = self._place(region, given["ResourceARN"], alarms)
        added = {one["Key"]: one["Value"] for one in given["Tags"]}
        alarms[place] = {**alarms[place], "Tags": {**alarms[place]["Tags"], **added}}

    def _untag_resource(self, region: str, given: Item, _: Any, alarms: dict[AlarmPlace, Item]) -> None:
        place = self._place(region, given["ResourceARN"], alarms)
        kept = {key: value for key, value in alarms[place]["Tags"].items() if key not in given["TagKeys"]}
        alarms[place] = {**alarms[place], "Tags": kept}

    def _list_tags_for_resource(self, region: str, given: Item, present: Present) -> Item:
        place = self._place(region, given["ResourceARN"], present.alarms)
        return {"Tags": _as_list(present.alarms[place]["Tags"])}

    def _place(self, region: str, arn: str, alarms: Mapping[AlarmPlace, Item]) -> AlarmPlace:
        place = region, arn.partition(":alarm:")[2]
        if place not in alarms:
            raise AwsError("ResourceNotFoundException", "The alarm does not exist.", 404)
        return place

    def _describe_alarms(self, region: str, given: Item, present: Present) -> Item:
        kinds = given.get("AlarmTypes", ["MetricAlarm"])
        found = [
            one
            for place, one in sorted(present.alarms.items())
            if place[0] == region
            and place[1].startswith(given.get("AlarmNamePrefix", ""))
            and ("CompositeAlarm" if "AlarmRule" in one else "MetricAlarm") in kinds
        ]
        answer = _page(found, given, "all", "NextToken", given.get("MaxRecords", _PAGE))
        page = [{name: value for name, value in one.items() if name != "Tags"} for one in answer.pop("all")]
        return {
            "MetricAlarms": [one for one in page if "AlarmRule" not in one],
            "CompositeAlarms": [one for one in page if "AlarmRule" in one],
            **answer,
        }

    def _get_resources(self, region: str, given: Item, present: Present) -> Item:
        (wanted,) = given["TagFilters"]
        found = [
            {"ResourceARN": one["AlarmArn"], "Tags": _as_list(one["Tags"])}
            for place, one in sorted(present.alarms.items())
            if place[0] == region and one["Tags"].get(wanted["Key"]) in wanted["Values"]
        ]
        answer = _page(found, given, "ResourceTagMappingList", "PaginationToken", given["ResourcesPerPage"])
        return {"PaginationToken": "", **answer}


def _as_list(tags: Mapping[str, str]) -> list[Item]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _page(found: list[Item], given: Mapping[str, Any], member: str, token: str, size: int) -> Item:
    first = int(given.get(token) or 0)
    answer: Item = {member: found[first : first + size]}
    return answer | ({token: str(first + size)} if first + size < len(found) else {})
