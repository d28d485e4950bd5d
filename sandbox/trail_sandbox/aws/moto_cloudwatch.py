"""CloudWatch alarms as AWS has them where moto has them otherwise.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

import base64
import re
from collections.abc import Callable
from typing import Any

from moto.cloudwatch.exceptions import (
    CloudWatchException,
    InvalidParameterCombination,
    InvalidParameterValue,
    ResourceNotFound,
    ResourceNotFoundException,
    ValidationError,
)
from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult, EmptyResult

from trail_sandbox.aws.model_input import validation_error
from trail_sandbox.aws.regions import partition_of

_DAY = 24 * 3600
_SHORT_PERIODS = (10, 20, 30)
_MOST_TAGS = 50
_PAGE = 50
_MISSING_DATA = ("breaching", "notBreaching", "ignore", "missing")
_CREATED = "Unchecked: Initial alarm creation"
_STATE = ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "history")
_ARN = re.compile(r"\Aarn:(?P<partition>[a-z-]+):(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]*):[0-9]*:.+\Z", re.DOTALL)
_IN_RULE = re.compile(r"""(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:["']([^"']+)["']|([^"')\s]+))\s*\)""")
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")
_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
# What makes an alarm another kind than one on a single metric.
_OTHER_KINDS = frozenset(
    {"Metrics", "ThresholdMetricId", "EvaluationWindow", "WarmUpConfiguration", "EvaluationCriteria"}
    | {"EvaluationInterval", "ActionConfiguration"}
)

Given = dict[str, Any]
Method = Callable[[CloudWatchResponse], ActionResult]


class LimitExceededFault(CloudWatchException):
    """Too many alarms or tags."""

    code = "LimitExceeded"


class InvalidNextToken(CloudWatchException):
    """A token that no answer had."""

    code = "InvalidNextToken"


def correct() -> None:
    """Take out what moto decides otherwise than AWS."""
    put = _put(CloudWatchResponse.put_metric_alarm)
    CloudWatchResponse.put_metric_alarm = put  # type: ignore[method-assign, assignment]
    # moto makes composite alarms by the same method, but does not know the call.
    CloudWatchResponse.put_composite_alarm = put  # type: ignore[attr-defined]
    CloudWatchResponse.describe_alarms = _describe_alarms  # type: ignore[method-assign, assignment]
    CloudWatchResponse.delete_alarms = _delete_alarms  # type: ignore[method-assign, assignment]
    CloudWatchResponse.tag_resource = _tag_resource  # type: ignore[method-assign, assignment]
    CloudWatchResponse.untag_resource = _untag_resource  # type: ignore[method-assign, assignment]
    CloudWatchResponse.list_tags_for_resource = _list_tags  # type: ignore[method-assign, assignment]


def _put(method: Method) -> Method:
    """Replace the whole configuration of an alarm, and keep its state and its tags."""

    def put_metric_alarm(response: CloudWatchResponse) -> ActionResult:
        is_composite = response._get_param("AlarmRule") is not None
        given = _given(response, "PutCompositeAlarm" if is_composite else "PutMetricAlarm")
        _check_name(given)
        if not is_composite:
            _check_kind(given)
            _check_periods(given)
        _check_actions(given, response.region)
        backend = response.cloudwatch_backend
        if is_composite:
            _check_rule(given, backend)
        old: Alarm | None = backend.alarms.get(given["AlarmName"])
        if old is not None and (old.rule is not None) != is_composite:
            # Not verified: with which error. Names are unique among both kinds.
            raise ValidationError(f"An alarm of another type has the name {given['AlarmName']}.")
        old_tags = _tags(backend, old) if old else None
        if old_tags is None:
            _check_tags(given.get("Tags", []))
        answer = method(response)
        _keep(backend, backend.alarms[given["AlarmName"]], old, old_tags)
        return answer

    return put_metric_alarm


def _keep(backend: CloudWatchBackend, alarm: Alarm, old: Alarm | None, old_tags: dict[str, str] | None) -> None:
    if old is None:
        alarm.state_value, alarm.state_reason = "INSUFFICIENT_DATA", _CREATED
        return
    for name in _STATE:
        setattr(alarm, name, getattr(old, name))
    backend.tagger.delete_all_tags_for_resource(alarm.alarm_arn)
    backend.tagger.tag_resource(alarm.alarm_arn, [{"Key": key, "Value": one} for key, one in (old_tags or {}).items()])


def _describe_alarms(response: CloudWatchResponse) -> ActionResult:
    given = _given(response, "DescribeAlarms")
    if "ChildrenOfAlarmName" in given or "ParentsOfAlarmName" in given:
        raise NotImplementedError("DescribeAlarms by children and parents of composite alarms")
    if given.get("AlarmNames") and "AlarmNamePrefix" in given:
        raise InvalidParameterCombination("AlarmNames and AlarmNamePrefix must not be given together.")
    types = given.get("AlarmTypes") or ["MetricAlarm"]
    after = _position(given.get("NextToken"))
    found = sorted(
        (one for one in list(response.cloudwatch_backend.alarms.values()) if _is_asked_for(one, given, types)),
        key=lambda one: str(one.name),
    )
    rest = [one for one in found if one.name > after]
    page = rest[: given.get("MaxRecords", _PAGE)]
    result: dict[str, Any] = {
        "MetricAlarms": [one for one in page if one.rule is None],
        "CompositeAlarms": [one for one in page if one.rule is not None],
    }
    if len(rest) > len(page):
        result["NextToken"] = base64.urlsafe_b64encode(page[-1].name.encode()).decode()
    return ActionResult(result)


def _is_asked_for(alarm: Alarm, given: Given, types: list[str]) -> bool:
    actions = [*alarm.alarm_actions, *alarm.ok_actions, *alarm.insufficient_data_actions]
    return (
        ("MetricAlarm" if alarm.rule is None else "CompositeAlarm") in types
        and (not given.get("AlarmNames") or alarm.name in given["AlarmNames"])
        and alarm.name.startswith(given.get("AlarmNamePrefix", ""))
        and given.get("StateValue", alarm.state_value) == alarm.state_value
        and ("ActionPrefix" not in given or any(one.startswith(given["ActionPrefix"]) for one in actions))
    )


def _delete_alarms(response: CloudWatchResponse) -> ActionResult:
    """Delete those that are there; not verified: that a call about none that is there is refused."""
    given, backend = _given(response, "DeleteAlarms"), response.cloudwatch_backend
    found = [backend.alarms[name] for name in dict.fromkeys(given["AlarmNames"]) if name in backend.alarms]
    if not found:
        raise ResourceNotFound("None of the alarms exists.")
    if sum(one.rule is not None for one in found) > 1:
        raise ValidationError("A call deletes at most one composite alarm.")
    _check_dependents(backend, found)
    for alarm in found:
        backend.tagger.delete_all_tags_for_resource(alarm.alarm_arn)
    backend.delete_alarms([one.name for one in found])
    return EmptyResult()


def _check_dependents(backend: CloudWatchBackend, found: list[Alarm]) -> None:
    """Refuse to delete any alarm if one of them is in the rule of a composite alarm.

    The code and the words: https://github.com/cloud-custodian/cloud-custodian/issues/7763
    Not verified: of a composite alarm that is deleted with them.
    """
    used = {name for one in list(backend.alarms.values()) if one not in found for name in _names_in(one.rule)}
    kept = [one.name for one in found if one.name in used or one.alarm_arn in used]
    if kept:
        them = "it" if len(kept) == 1 else "them"
        raise ValidationError(f"Cannot delete {','.join(kept)} as there are composite alarm(s) depending on {them}.")


def _check_rule(given: Given, backend: CloudWatchBackend) -> None:
    """Refuse a rule about alarms that do not exist; not verified: how they are listed.

    https://github.com/awsdocs/aws-cloudformation-user-guide/issues/911
    """
    known = {text for one in list(backend.alarms.values()) for text in (one.name, one.alarm_arn)}
    unknown = [name for name in _names_in(given["AlarmRule"]) if name not in known]
    if unknown:
        raise ValidationError(f"Could not save the composite alarm as alarms {unknown} in the alarm rule do not exist")


def _names_in(rule: str | None) -> list[str]:
    """Give the names and ARNs of alarms in a composite alarm's rule."""
    return [quoted or bare for quoted, bare in _IN_RULE.findall(rule or "")]


def _tag_resource(response: CloudWatchResponse) -> ActionResult:
    given, backend = _given(response, "TagResource"), response.cloudwatch_backend
    alarm = _alarm_of(backend, given["ResourceARN"])
    _check_tags([{"Key": key, "Value": one} for key, one in (_tags(backend, alarm) | _as_dict(given["Tags"])).items()])
    backend.tagger.tag_resource(alarm.alarm_arn, given["Tags"])
    return EmptyResult()


def _untag_resource(response: CloudWatchResponse) -> ActionResult:
    given, backend = _given(response, "UntagResource"), response.cloudwatch_backend
    backend.tagger.untag_resource_using_names(_alarm_of(backend, given["ResourceARN"]).alarm_arn, given["TagKeys"])
    return EmptyResult()


def _list_tags(response: CloudWatchResponse) -> ActionResult:
    given, backend = _given(response, "ListTagsForResource"), response.cloudwatch_backend
    tags = _tags(backend, _alarm_of(backend, given["ResourceARN"]))
    return ActionResult({"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]})


def _given(response: CloudWatchResponse, operation: str) -> Given:
    given = {name: value for name, value in response._get_params().items() if value is not None}
    message = validation_error("cloudwatch", operation, given)
    if message:
        raise ValidationError(message)
    return given


def _check_name(given: Given) -> None:
    if _CONTROL_CHARACTERS.search(given["AlarmName"]):
        raise ValidationError("The name of an alarm must not contain control characters.")


def _check_kind(given: Given) -> None:
    if _OTHER_KINDS & given.keys():
        raise NotImplementedError("alarms on anything but one metric")
    for name in ("MetricName", "Namespace", "Period", "Threshold"):
        if name not in given:
            raise ValidationError(f"The parameter {name} is required for an alarm on a metric.")
    if ("Statistic" in given) == ("ExtendedStatistic" in given):
        raise InvalidParameterCombination("An alarm has either Statistic or ExtendedStatistic.")
    if given.get("TreatMissingData", "missing") not in _MISSING_DATA:
        raise ValidationError(f"TreatMissingData is one of {', '.join(_MISSING_DATA)}.")


def _check_periods(given: Given) -> None:
    period, periods = given["Period"], given["EvaluationPeriods"]
    if period not in _SHORT_PERIODS and period % 60:
        raise ValidationError("Period is 10, 20, 30 or a multiple of 60.")
    if period * periods > (7 * _DAY if period >= 3600 else _DAY):
        raise ValidationError("EvaluationPeriods times Period is too long.")
    if given.get("DatapointsToAlarm", 1) > periods:
        # https://github.com/hashicorp/terraform/issues/24070
        raise ValidationError("DatapointsToAlarm must be less than or equal to EvaluationPeriods")


def _check_actions(given: Given, region: str) -> None:
    """Refuse actions that cannot be; that one is there is not checked. Not verified: other regions, and in what words.

    Partitions: https://github.com/aws-samples/amazon-cloudwatch-auto-alarms/issues/61
    """
    partition = partition_of(region)
    for action in [one for name in _ACTIONS for one in given.get(name, [])]:
        found = _ARN.match(action)
        if found is None:
            raise ValidationError(f"Invalid arn syntax: {action}")
        if found["partition"] != partition:
            raise ValidationError(f"Invalid partition {found['partition']} specified. Only {partition} is supported.")
        if found["service"] == "sns" and found["region"] != region:
            raise ValidationError(f"Invalid region {found['region']} specified. Only {region} is supported.")


def _check_tags(tags: list[dict[str, str]]) -> None:
    if len(tags) > _MOST_TAGS:
        raise InvalidParameterValue(f"An alarm has at most {_MOST_TAGS} tags.")
    if any(one["Key"].lower().startswith("aws:") for one in tags):
        raise InvalidParameterValue("Keys of tags must not begin with aws:.")


def _alarm_of(backend: CloudWatchBackend, arn: str) -> Alarm:
    if not _ARN.match(arn):
        raise InvalidParameterValue(f"{arn} is no ARN of an alarm.")
    alarm: Alarm | None = next((one for one in list(backend.alarms.values()) if one.alarm_arn == arn), None)
    if alarm is None:
        raise ResourceNotFoundException
    return alarm


def _tags(backend: CloudWatchBackend, alarm: Alarm) -> dict[str, str]:
    tags: dict[str, str] = backend.tagger.get_tag_dict_for_resource(alarm.alarm_arn)
    return dict(tags)


def _as_dict(tags: list[dict[str, str]]) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in tags}


def _position(token: str | None) -> str:
    if token is None:
        return ""
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise InvalidNextToken("The next token is invalid.") from error
