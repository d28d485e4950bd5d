"""What is proposed for the metric filters that a log group has already: a spec that counts the same beside them."""

from typing import Any

import pytest

from tests.unit.alarm_builders import TOPIC, alarm_settings, filter_settings
from trail_operator.api.trail_alarm_set import TrailAlarmSetSpec
from trail_operator.domain.alarms.alarm import AlarmSettings, FilterKey, FilterSettings, ObservedAlarm
from trail_operator.domain.alarms.desired import alarm_problems, desired_alarms
from trail_operator.domain.alarms.presets import PRESET_ALARMS
from trail_operator.domain.alarms.proposal import Proposal, propose

Existing = tuple[FilterSettings, AlarmSettings | None]
OTHER = "{ $.eventName = DeleteBucket }"


def pair(pattern: str, metric: str = "M", *, value: str = "1", **alarm: Any) -> Existing:
    """A filter, and the alarm on its metric, as a Terraform module makes them."""
    where = {"metric_name": metric, "metric_namespace": "CISBenchmark"}
    return filter_settings(pattern=pattern, metric_value=value, **where), alarm_settings(**where, **alarm)


def proposed(**found: Existing) -> Proposal:
    filters = {FilterKey("audit", name): settings for name, (settings, _) in found.items()}
    alarms = [ObservedAlarm(f"{name}-alarm", f"arn:{name}", alarm) for name, (_, alarm) in found.items() if alarm]
    return propose("audit", filters, alarms)


def test_the_patterns_of_presets_are_presets() -> None:
    names = {f"cis-{number}": pair(alarm.pattern, f"M{number}") for number, alarm in enumerate(PRESET_ALARMS[:14])}
    assert proposed(**names).spec == {
        "trailRef": {"name": "audit"},
        "actions": {"alarm": [TOPIC]},
        "presets": ["SecurityHub"],
    }
    some = proposed(a=pair(PRESET_ALARMS[0].pattern.replace(" ", "")), b=pair(PRESET_ALARMS[14].pattern, "B"))
    assert some.spec is not None
    assert some.spec["presets"] == ["CIS"]
    assert len(some.spec["exclude"]) == 13
    assert some.doubled == ("a", "b")


def test_other_patterns_are_alarms_of_the_spec() -> None:
    found = proposed(**{"my filter!": pair(OTHER, period=600, datapoints_to_alarm=2, evaluation_periods=3, value="2")})
    assert found.spec is not None
    assert found.spec["alarms"] == [
        {
            "name": "my-filter",
            "filterPattern": OTHER,
            "period": 600,
            "evaluationPeriods": 3,
            "datapointsToAlarm": 2,
            "metricValue": "2",
        }
    ]


def test_settings_that_differ_are_overrides() -> None:
    first, second = PRESET_ALARMS[0], PRESET_ALARMS[5]
    found = proposed(a=pair(first.pattern, "A", threshold=3.0), b=pair(second.pattern, "B", alarm_actions=()))
    assert found.spec is not None
    assert found.spec["overrides"] == [
        {"name": first.name, "threshold": 3, "actions": {"alarm": [TOPIC]}},
        {"name": second.name, "actions": {}},
    ]


def test_what_a_proposal_lacks_is_said() -> None:
    found = proposed(
        silent=(filter_settings(), None),
        all=pair("", "All"),
        missing=pair(OTHER, "A", treat_missing_data="missing", alarm_actions=("arn:aws:automate:x:ec2:stop", TOPIC)),
        dimensions=(filter_settings(metric_name="D", others={"dimensions": "{}"}), alarm_settings(metric_name="D")),
    )
    assert found.doubled == ("dimensions", "missing")
    for text in (
        "Left out: metric filter silent, which has no alarm",
        "Left out: metric filter all, which matches everything",
        "Alarm missing-alarm treats missing data as missing; here it is notBreaching, the default",
        "of dimensions: dimensions",
        "no SNS topics: arn:aws:automate:x:ec2:stop",
    ):
        assert any(text in remark for remark in found.remarks), (text, found.remarks)


def test_filters_of_the_operator_are_not_proposed_again() -> None:
    name = "prod/security/cis/A"
    settings = filter_settings(metric_name="A", metric_namespace="CloudTrail/audit/cis")
    alarm = alarm_settings(metric_name="A", metric_namespace="CloudTrail/audit/cis")
    filters = {FilterKey("audit", name): settings}
    assert propose("audit", filters, [ObservedAlarm(name, "arn", alarm)]) == Proposal(None)
    assert propose("audit", {}, []) == Proposal(None)


@pytest.mark.parametrize("name", ["RootUsage", "x" * 500, "a/b:c", "-"])
def test_a_proposal_counts_the_same(name: str) -> None:
    found = proposed(**{name: pair(OTHER), f"{name} ": pair(OTHER, "N"), "root": pair(PRESET_ALARMS[0].pattern, "R")})
    spec = TrailAlarmSetSpec.model_validate(found.spec)
    assert alarm_problems(spec) == ""
    alarms = desired_alarms(spec, name_prefix="c/n/s/", trail_name="audit", set_name="s")
    assert [alarm.filter.pattern for alarm in alarms] == [PRESET_ALARMS[0].pattern, OTHER, OTHER]
