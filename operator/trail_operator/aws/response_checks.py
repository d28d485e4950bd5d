"""Whether a response matches its request, and does not contradict itself: the checks of single operations.

Each takes the region and the parameters of the request, and the response, whose required members are there.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trail_operator.domain.arns import Arn


def is_created(region: str, _: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether a created trail is in its home region.

    The account is not checked: an organization trail belongs to the management account, even if another creates it.
    """
    return is_home({"HomeRegion": region} | dict(response))


def is_updated(_: str, parameters: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether a changed trail has the name in the ARN that was asked for."""
    return bool(response["Name"] == Arn.parse(str(parameters["Name"])).name)


def are_all_tagged(_: str, parameters: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether there are the tags of all resources that were asked for."""
    return {entry["ResourceId"] for entry in response["ResourceTagList"]}.issuperset(parameters["ResourceIdList"])


def are_named(_: str, parameters: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether all events are of the call that was looked up."""
    (requested,) = parameters["LookupAttributes"]
    return {event["EventName"] for event in response["Events"]} <= {requested["AttributeValue"]}


def is_caller(_: str, __: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether the caller's ARN is one of its account."""
    found = re.fullmatch(r"arn:[\w-]+:(?:iam|sts)::(\d{12}):\S+", response["Arn"], re.ASCII)
    return found is not None and found[1] == response["Account"]


def is_key(_: str, parameters: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether it is the ARN of the requested key; for an alias, one in the same account and region."""
    requested, found = Arn.try_parse(str(parameters["KeyId"])), Arn.try_parse(response["KeyMetadata"]["Arn"])
    if found is None or found.resource_type != "key":
        return False
    if requested is not None and requested.resource_type == "alias":
        requested = replace(requested, resource=found.resource)
    return requested in (None, found)


def is_home(trail: Mapping[str, Any]) -> bool:
    """Whether a trail's home region is the region of its ARN."""
    return is_named(trail) and trail["HomeRegion"] == Arn.parse(trail["TrailARN"]).region


def is_named(trail: Mapping[str, Any]) -> bool:
    """Whether a trail's ARN is valid and contains its name. In one recorded response, the home region is another."""
    found = re.fullmatch(r"arn:[\w-]+:cloudtrail:[\w-]+:\d{12}:trail/([\w.-]{1,128})", trail["TrailARN"], re.ASCII)
    is_region = re.fullmatch(r"[\w-]{1,32}", trail["HomeRegion"], re.ASCII) is not None
    return found is not None and found[1] == trail["Name"] and is_region


def has_marker(_: str, __: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether a truncated list of IAM has a marker: without one, it would be mistaken for a complete list."""
    return not response.get("IsTruncated") or bool(response.get("Marker"))


def is_organization(_: str, __: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether ID and management account are valid, and the same as in the organization's ARN.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
    """
    organization = response["Organization"]
    own = f"{organization['MasterAccountId']}:organization/{organization['Id']}"
    is_one = re.fullmatch(r"\d{12}:organization/o-[a-z0-9]{10,32}", own, re.ASCII) is not None
    return is_one and str(organization.get("Arn") or own).endswith(own)


def is_queue(_: str, parameters: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether a URL is that of the requested queue."""
    return bool(response["QueueUrl"].rpartition("/")[2] == parameters["QueueName"])


def are_asked_for(_: str, parameters: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether there are not more messages than were asked for."""
    return len(response.get("Messages", ())) <= int(parameters["MaxNumberOfMessages"])


def are_all_answered(_: str, parameters: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether SQS says of each message whether it has deleted it."""
    answered = {entry["Id"] for name in ("Successful", "Failed") for entry in response.get(name, ())}
    return answered == {entry["Id"] for entry in parameters["Entries"]}


def are_filters(_: str, parameters: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether all filters have the prefix that was asked for, if any, and one transformation each."""
    prefix = parameters.get("filterNamePrefix", "")
    return all(
        one["filterName"].startswith(prefix) and len(one["metricTransformations"]) == 1
        for one in response["metricFilters"]
    )


def are_log_groups(_: str, parameters: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether all log groups have the prefix that was asked for."""
    return all(one["logGroupName"].startswith(parameters["logGroupNamePrefix"]) for one in response["logGroups"])


def are_alarms(region: str, parameters: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether there is a list of alarms, which have ARNs that match, and the prefix that was asked for, if any.

    AWS shows both lists, even if they are empty. Not verified: in all of its protocols.
    """
    lists = [response.get(name) for name in ("MetricAlarms", "CompositeAlarms")]
    prefix = parameters.get("AlarmNamePrefix", "")
    return any(one is not None for one in lists) and all(
        alarm["AlarmName"].startswith(prefix) and _alarm_of(region, alarm["AlarmArn"]) == alarm["AlarmName"]
        for one in lists
        for alarm in one or ()
    )


def are_tagged_alarms(region: str, parameters: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether all resources are alarms in the region, with one of the tags that were asked for."""
    (asked,) = parameters["TagFilters"]
    return all(
        _alarm_of(region, one["ResourceARN"]) is not None
        and any(tag["Key"] == asked["Key"] and tag.get("Value") in asked["Values"] for tag in one["Tags"])
        for one in response["ResourceTagMappingList"]
    )


def _alarm_of(region: str, arn: str) -> str | None:
    """Return the name in the ARN of an alarm, or None if it is not the ARN of an alarm in the region."""
    found = Arn.try_parse(arn)
    is_alarm = (
        found is not None
        and (found.service, found.region, found.resource_type) == ("cloudwatch", region, "alarm")
        and re.fullmatch(r"\d{12}", found.account, re.ASCII) is not None
    )
    return found.resource_id if found and is_alarm else None
