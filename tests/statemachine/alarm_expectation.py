"""The filters and alarms that a spec asks for, and those in AWS, in one form. No code of the operator's."""

from collections.abc import Iterable, Mapping
from typing import Any

Form = dict[str, Any]

PRESETS = {
    "RootUsage": (
        '{$.userIdentity.type="Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType !="AwsServiceEvent"}'
    ),
    "CloudTrailChanges": (
        "{($.eventName=CreateTrail) || ($.eventName=UpdateTrail) || ($.eventName=DeleteTrail) || "
        "($.eventName=StartLogging) || ($.eventName=StopLogging)}"
    ),
    "ConsoleSignInFailures": '{($.eventName=ConsoleLogin) && ($.errorMessage="Failed authentication")}',
}
"""The patterns of the preset alarms that the walk does not exclude."""
OTHER_PRESETS = [
    *("UnauthorizedAPICalls", "ConsoleSignInWithoutMFA", "IAMPolicyChanges", "KMSKeyDisabledOrDeleted"),
    *("S3BucketPolicyChanges", "ConfigChanges", "SecurityGroupChanges", "NetworkACLChanges"),
    *("NetworkGatewayChanges", "RouteTableChanges", "VPCChanges"),
]
"""All others of SecurityHub."""
_DEFAULTS = {
    "statistic": "Sum",
    "period": 300,
    "evaluationPeriods": 1,
    "threshold": 1,
    "comparisonOperator": "GreaterThanOrEqualToThreshold",
    "treatMissingData": "notBreaching",
    "actionsEnabled": True,
}
_STATES = {"alarm": "AlarmActions", "ok": "OKActions", "insufficientData": "InsufficientDataActions"}


def names(spec: Mapping[str, Any]) -> list[str]:
    """The names of all alarms of a spec."""
    preset = [name for name in PRESETS if name not in spec.get("exclude", ())] if spec.get("presets") else []
    return preset + [one["name"] for one in spec.get("alarms", ())]


def wanted(spec: Mapping[str, Any], trail: str, name: str) -> dict[str, tuple[Form, Form]]:
    """The filter and the alarm of each name of a spec. `trail`: the name of the trail; `name`: that of the set."""
    found = {}
    for one in names(spec):
        own = _named(spec.get("alarms", ()), one)
        fields = own or _named(spec.get("overrides", ()), one)
        pattern = own["filterPattern"] if own else PRESETS[one]
        metric = {"metricName": one, "metricNamespace": f"CloudTrail/{trail}/{name}"}
        found[one] = (
            {"pattern": pattern, **metric, "metricValue": fields.get("metricValue", "1")},
            _alarm(spec, fields, metric, is_own=bool(own)),
        )
    return found


def _named(entries: Iterable[Form], name: str) -> Form:
    return next((one for one in entries if one["name"] == name), {})


def _alarm(spec: Mapping[str, Any], fields: Mapping[str, Any], metric: Form, *, is_own: bool) -> Form:
    form = {key: fields.get(key, default) for key, default in _DEFAULTS.items()}
    actions = fields.get("actions", spec.get("actions", {}))
    return {
        **form,
        **metric,
        "description": fields.get("description", "" if is_own else None),
        "datapoints": fields.get("datapointsToAlarm") or form["evaluationPeriods"],
        "tags": {tag["key"]: tag.get("value", "") for tag in spec.get("tags", ())},
        **{shown: sorted(actions.get(state, [])) for state, shown in _STATES.items()},
    }


def filter_form(found: Mapping[str, Any]) -> Form:
    """A filter, as DescribeMetricFilters shows it."""
    (transformation,) = found["metricTransformations"]
    return {"pattern": found["filterPattern"], **transformation}


def alarm_form(found: Mapping[str, Any]) -> Form:
    """An alarm, as DescribeAlarms shows it, with its tags if they are known."""
    return {
        "statistic": found.get("Statistic"),
        "period": found.get("Period"),
        "evaluationPeriods": found.get("EvaluationPeriods"),
        "threshold": found.get("Threshold"),
        "comparisonOperator": found.get("ComparisonOperator"),
        "treatMissingData": found.get("TreatMissingData", "missing"),
        "actionsEnabled": found.get("ActionsEnabled"),
        "metricName": found.get("MetricName"),
        "metricNamespace": found.get("Namespace"),
        "description": found.get("AlarmDescription", ""),
        "datapoints": found.get("DatapointsToAlarm") or found.get("EvaluationPeriods"),
        "tags": {key: one for key, one in found.get("Tags", {}).items() if not key.startswith("trail-operator.dev/")},
        **{shown: sorted(found.get(shown) or ()) for shown in _STATES.values()},
    }


def unlike(want: Form, found: Form) -> str:
    """In what two forms differ, in words. A description of None is any; unread tags are no difference."""
    return "; ".join(
        f"{key}: {want[key]!r} is wanted, {found.get(key)!r} found"
        for key in want
        if want[key] != found.get(key) and not (key == "description" and want[key] is None)
    ) + "".join(f"; {key}: {found[key]!r} is not wanted" for key in found if key not in want)
