"""The plan of a Trail as a value, and what is said about it in each format."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.unit.builders import ARN, FULL, MINIMAL, desired, observed
from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Difference
from trail_operator.aws.caller import CallerIdentity
from trail_operator.domain.actions import Action
from trail_operator.domain.conditions import State
from trail_operator.domain.coverage import coverage_losses
from trail_operator.domain.diff import differences
from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.domain.object_plan import Admission, Answer, Outcome, exit_status, outcome_of_failure
from trail_operator.domain.plan import plan
from trail_operator.domain.trail_plan import TrailPlan, sent, settings_of, state_after
from trail_operator.domain.warnings import Advice
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.preview.plan_markdown import LONGEST, escape
from trail_operator.preview.plan_output import rendered
from trail_operator.preview.plan_report import PlanReport
from trail_operator.settings import Settings

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "plan.schema.json").read_text())
HOSTILE = "<img src=x onerror=alert(1)> | `code` @everyone #12 [x](https://evil.example) \x1b[31m\n# title"


def trail_plan(outcome: Outcome = Outcome.UPDATE, **more: Any) -> TrailPlan:
    fields = {"trail_name": "audit", "account": "123456789012", "region": "eu-central-1", "arn": ARN, **more}
    return TrailPlan("team-a", "audit", outcome, **fields)


EVERYTHING = trail_plan(
    reason=Reason.KEY_NOT_FOUND,
    message=HOSTILE,
    differences=(Difference(path="tags[a|b]", desired=HOSTILE, observed="absent"),),
    actions=(Action("UpdateTrail", {"Name": ARN}), Action("StartLogging", {"Name": ARN})),
    dependencies=State(None, Reason.UNDECIDABLE, HOSTILE),
    warnings=(Advice(Reason.NO_MANAGEMENT_EVENTS, HOSTILE),),
    losses=("events of other regions are no longer recorded",),
    admission=Admission(Answer.UNCHECKED, HOSTILE),
)


def report(*plans: TrailPlan, notes: tuple[str, ...] = (HOSTILE,)) -> PlanReport:
    settings = OperatorSettings(Settings(cluster_name="prod"), frozenset({"ignore_tags"}), "published")
    caller = CallerIdentity("123456789012", "aws", "arn:aws:iam::123456789012:user/ci")
    return PlanReport(plans, settings, (caller,), notes)


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([], 0),
        ([Outcome.NOTHING], 0),
        ([Outcome.NOTHING, Outcome.CREATE], 2),
        ([Outcome.UPDATE], 2),
        ([Outcome.DELETE], 2),
        ([Outcome.CREATE, Outcome.BLOCKED], 3),
        ([Outcome.UNKNOWN, Outcome.NOTHING], 3),
    ],
)
def test_exit_status_is_that_of_the_first_that_applies(outcomes: list[Outcome], status: int) -> None:
    assert exit_status(map(trail_plan, outcomes)) == status


def test_exit_status_of_writes_that_aws_will_refuse() -> None:
    refused = State(False, Reason.BUCKET_POLICY_DENIES, "no")
    assert exit_status([trail_plan(Outcome.CREATE, dependencies=refused)]) == 3
    assert exit_status([trail_plan(Outcome.UPDATE, dependencies=refused)]) == 3
    assert exit_status([trail_plan(Outcome.NOTHING, dependencies=refused)]) == 0


@pytest.mark.parametrize(
    ("kind", "reason", "outcome"),
    [
        (FailureClass.TERMINAL, Reason.CONFLICT, Outcome.BLOCKED),
        (FailureClass.AUTHORITY, Reason.REGION_NOT_ALLOWED, Outcome.BLOCKED),
        (FailureClass.DEPENDENCY, Reason.KEY_NOT_FOUND, Outcome.BLOCKED),
        (FailureClass.TRANSIENT, Reason.PROGRESSING, Outcome.UNKNOWN),
        (FailureClass.AUTHORITY, Reason.ACCESS_DENIED, Outcome.UNKNOWN),
        (FailureClass.AUTHORITY, Reason.CREDENTIALS_UNAVAILABLE, Outcome.UNKNOWN),
    ],
)
def test_a_failure_of_the_caller_is_unknown(kind: FailureClass, reason: Reason, outcome: Outcome) -> None:
    assert outcome_of_failure(Failure(kind, reason, "no")) is outcome


def test_sent_leaves_out_what_requires_a_refused_write() -> None:
    actions = (
        Action("PutEventSelectors", {}),
        Action("PutInsightSelectors", {}, requires=frozenset({"PutEventSelectors"})),
        Action("StartLogging", {}),
    )
    assert [one.operation for one in sent(actions, {"PutEventSelectors"})] == ["StartLogging"]
    assert sent(actions, ()) == actions


def test_settings_of_a_new_trail_are_all_that_it_has() -> None:
    shown = {entry.path: entry.desired for entry in settings_of(desired(FULL, tags={"env": "prod"}))}
    assert shown["s3BucketName"] == FULL.s3_bucket_name
    assert shown["isOrganizationTrail"] == "false"
    assert shown["isLogging"] == "true"
    assert shown["tags[env]"] == "prod"
    assert "s3KeyPrefix" not in {entry.path for entry in settings_of(desired(MINIMAL))}
    assert all(entry.observed in ("absent", "false") for entry in settings_of(desired(FULL)))


def test_state_after_is_what_the_spec_asks_for() -> None:
    want, found = desired(FULL), observed(MINIMAL, is_logging=False)
    after = state_after(want, found)
    assert differences(want, after) == ()
    assert plan(want, after) == ()
    narrowed = desired(replace(MINIMAL, is_multi_region_trail=False))
    assert coverage_losses(observed(MINIMAL), state_after(narrowed, observed(MINIMAL)))


def test_a_rejected_manifest_changes_nothing() -> None:
    rejected = EVERYTHING.with_admission(Admission(Answer.REJECTED, "spec.region is immutable"))
    assert (rejected.outcome, rejected.actions, rejected.losses) == (Outcome.BLOCKED, (), ())
    assert "spec.region is immutable" in rejected.message
    accepted = EVERYTHING.with_admission(Admission(Answer.ACCEPTED))
    assert accepted == replace(EVERYTHING, admission=Admission(Answer.ACCEPTED))


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without room for fields of later versions."""
    found = {**schema, "additionalProperties": False} if "properties" in schema else dict(schema)
    if "properties" in found:
        found["properties"] = {name: closed(one) for name, one in found["properties"].items()}
    return found | {"items": closed(found["items"])} if "items" in found else found


@pytest.mark.parametrize("outcome", Outcome)
def test_json_has_the_documented_schema(outcome: Outcome) -> None:
    document = json.loads(rendered(report(replace(EVERYTHING, outcome=outcome), trail_plan()), "json", colour=False))
    jsonschema.validate(document, closed(SCHEMA), jsonschema.Draft202012Validator)
    later = {**document, "added": 1, "trails": [{**one, "added": 1} for one in document["trails"]]}
    jsonschema.validate(later, SCHEMA, jsonschema.Draft202012Validator)
    assert document["trails"][0]["calls"] == [
        {"operation": "UpdateTrail", "parameters": {"Name": ARN}},
        {"operation": "StartLogging", "parameters": {"Name": ARN}},
    ]
    assert document["summary"][outcome.value] >= 1


def test_the_schema_describes_every_field() -> None:
    def described(schema: dict[str, Any], path: str) -> list[str]:
        inner = [*schema.get("properties", {}).items(), *([("[]", schema["items"])] if "items" in schema else [])]
        missing = [] if "description" in schema or path.endswith("[]") else [path]
        return missing + [one for name, part in inner for one in described(part, f"{path}.{name}")]

    assert described(SCHEMA, "") == []


def test_text_has_no_control_characters_without_colour() -> None:
    text = rendered(report(EVERYTHING), "text", colour=False)
    assert text.isprintable() or set(re.findall(r"[^ -~]", text)) <= {"\n"}
    assert "tags[a|b]: absent -> " in text
    assert "Calls: UpdateTrail, StartLogging" in text
    assert text.splitlines()[-1] == "Plan: 0 to create, 1 to update, 0 to delete, 0 unchanged, 0 blocked, 0 unknown"


def test_text_with_colour_says_the_same() -> None:
    coloured = rendered(report(EVERYTHING), "text", colour=True)
    assert "\x1b[33m~ update" in coloured
    assert re.sub(r"\x1b\[\d*m", "", coloured) == rendered(report(EVERYTHING), "text", colour=False)


def test_markdown_shows_what_others_wrote_as_text() -> None:
    text = rendered(report(EVERYTHING), "markdown", colour=False)
    for markup in ("<img", "`code`", "@everyone", "#12", "[x](", "https://evil", "\x1b", "\n# title"):
        assert markup not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows), rows
    assert "&lt;img src" in text


def test_escaped_text_is_shown_as_it_was() -> None:
    assert escape("plain words, 1 2 3") == "plain words, 1 2 3"
    assert escape("a|b") == r"a\|b"
    assert escape("<b>&") == "&lt;b&gt;&amp;"
    assert escape("@team") == "@\u200bteam"


@pytest.mark.parametrize("count", [1000, 1])
def test_markdown_fits_into_a_comment(count: int) -> None:
    long = replace(EVERYTHING, differences=EVERYTHING.differences * (800 if count == 1 else 2))
    text = rendered(report(*[long] * count, notes=("x" * 30_000,) * 3), "markdown", colour=False)
    assert len(text) <= LONGEST
    assert f"{count} to update" in text
    assert "more resources are not shown" in text


def test_markdown_leaves_out_what_does_not_change() -> None:
    text = rendered(report(trail_plan(Outcome.NOTHING)), "markdown", colour=False)
    assert "<details>" not in text
    assert "1 unchanged" in text
