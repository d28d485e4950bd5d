"""The plan of a TrailAlarmSet as a value, what is said about it in each format, and when it is unknown."""

import json
import re
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from tests.unit.alarm_builders import GROUP, OTHERS, PREFIX, desired_alarm, desired_set, filter_settings, observed_alarm
from tests.unit.test_trail_plan import HOSTILE, SCHEMA, closed, report, trail_plan
from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Difference, Refusal
from trail_operator.domain.alarms.alarm import FilterKey, ObservedAlarmSet
from trail_operator.domain.alarms.plan import plan
from trail_operator.domain.alarms.set_plan import AlarmSetPlan, calls_text, exists, refused_before
from trail_operator.domain.object_plan import Admission, Answer, Outcome, exit_status
from trail_operator.domain.warnings import Advice
from trail_operator.preview.plan_output import rendered
from trail_operator.preview.plan_report import PlanReport

NOTHING = ObservedAlarmSet({}, {})
CREATION = plan(desired_set(desired_alarm("A"), desired_alarm("B")), NOTHING, ()).actions


def set_plan(outcome: Outcome = Outcome.UPDATE, **more: Any) -> AlarmSetPlan:
    fields = {"trail": "audit", "account": "123456789012", "region": "eu-central-1", "log_group": GROUP, **more}
    return AlarmSetPlan("team-a", "cis", outcome, **fields)


EVERYTHING = set_plan(
    reason=Reason.CONFLICT,
    message=HOSTILE,
    name_prefix=PREFIX,
    alarm_count=2,
    differences=(Difference(path="alarms[A].threshold", desired=HOSTILE, observed="1"),),
    actions=CREATION,
    warnings=(Advice(Reason.NO_ACTION, HOSTILE),),
    notes=(HOSTILE,),
    admission=Admission(Answer.UNCHECKED, HOSTILE),
)


def of_sets(*plans: AlarmSetPlan, trails: bool = False) -> PlanReport:
    return replace(report(*([trail_plan()] if trails else [])), alarm_sets=plans)


@pytest.mark.parametrize("outcome", Outcome)
def test_json_has_the_documented_schema(outcome: Outcome) -> None:
    both = of_sets(replace(EVERYTHING, outcome=outcome), AlarmSetPlan("a", "b", Outcome.UNKNOWN), trails=True)
    document = json.loads(rendered(both, "json", colour=False))
    jsonschema.validate(document, closed(SCHEMA), jsonschema.Draft202012Validator)
    assert [call["operation"] for call in document["alarmSets"][0]["calls"]] == [
        *("PutMetricFilter", "PutMetricAlarm"),
        *("PutMetricFilter", "PutMetricAlarm"),
    ]
    assert document["alarmSetSummary"][outcome.value] >= 1
    assert document["summary"]["update"] == 1, "TrailAlarmSets are counted apart"
    assert document["exitStatus"] == 3


def test_exit_status_counts_alarm_sets() -> None:
    assert exit_status([trail_plan(Outcome.NOTHING), set_plan(Outcome.CREATE)]) == 2
    assert exit_status([trail_plan(Outcome.CREATE), set_plan(Outcome.BLOCKED)]) == 3
    assert exit_status([set_plan(Outcome.NOTHING)]) == 0


def test_text_says_where_the_alarms_are_and_what_is_called() -> None:
    text = rendered(of_sets(EVERYTHING), "text", colour=False)
    assert f"~ update team-a/cis: 2 alarms on Trail audit, log group {GROUP} in eu-central-1 of account" in text
    assert "    Calls: PutMetricFilter, PutMetricAlarm for A, B" in text
    assert set(re.findall(r"[^ -~]", text)) <= {"\n"}
    assert text.splitlines()[-1].startswith("Plan: TrailAlarmSets: 0 to create, 1 to update")
    both = rendered(of_sets(EVERYTHING, trails=True), "text", colour=False)
    assert both.splitlines()[-1].startswith("Plan: Trails: 0 to create, 1 to update, 0 to delete")


def test_markdown_shows_what_others_wrote_as_text() -> None:
    text = rendered(of_sets(EVERYTHING), "markdown", colour=False)
    for markup in ("<img", "`code`", "@everyone", "#12", "[x](", "https://evil", "\x1b", "\n# title"):
        assert markup not in text


def test_calls_in_order_without_repetition() -> None:
    other = plan(desired_set(), ObservedAlarmSet({}, {f"{PREFIX}C": observed_alarm("C")}), ()).actions
    assert calls_text([*CREATION, *other]) == "PutMetricFilter, PutMetricAlarm for A, B; DeleteAlarms for C"
    assert calls_text(CREATION[:3]) == "PutMetricFilter, PutMetricAlarm for A; PutMetricFilter for B"
    assert calls_text(()) == ""


def test_a_set_exists_if_aws_has_something_of_it() -> None:
    wanted, key = desired_set(desired_alarm()), FilterKey(GROUP, f"{PREFIX}A")
    filters = ObservedAlarmSet({key: filter_settings()}, {})
    assert not exists(wanted, NOTHING, [key])
    assert not exists(wanted, filters, []), "it is not recorded"
    assert exists(wanted, filters, [key])
    assert exists(wanted, ObservedAlarmSet({}, {f"{PREFIX}A": observed_alarm()}), [])
    assert not exists(wanted, ObservedAlarmSet({}, {f"{PREFIX}A": observed_alarm(owner=OTHERS)}), [])


def test_what_aws_has_refused_is_said_only_of_what_is_planned() -> None:
    refusals = [Refusal(operation="PutMetricAlarm", message="no"), Refusal(operation="TagResource", message="no")]
    [found] = refused_before(CREATION, refusals)
    assert (found.reason, found.message) == (Reason.INVALID_SPEC, "AWS has refused PutMetricAlarm: no")


def test_a_set_of_a_trail_whose_manifest_is_rejected_is_unknown() -> None:
    found = EVERYTHING.with_rejected_trail()
    assert (found.outcome, found.actions, found.differences) == (Outcome.UNKNOWN, (), ())
    assert "Trail audit, whose manifest the API server rejects" in found.message
