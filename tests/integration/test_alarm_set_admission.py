"""What the API server itself does with TrailAlarmSets: which it refuses and what it then says, how it shows them."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.integration.admission.alarm_set_cases import BOUNDS, CASES, MINIMAL, PATTERN, TOPIC, custom, override
from tests.integration.admission.bounds import bounds
from tests.integration.admission.cases import Case, Parts, changed_by, condition, named, numbered, refusal, spec
from tests.integration.admission.server import (
    Admission,
    examples,
    in_namespace,
    nodes,
    of_another_type,
    required,
    transitions,
    with_value,
    without_case,
    without_change,
    without_one_rule,
)
from tests.integration.conftest import kubectl
from trail_operator.api.crd import alarm_set_crd
from trail_operator.api.trail_alarm_set import TrailAlarmSetSpec
from trail_operator.api.trail_alarm_set_status import MAX_FILTERS, TrailAlarmSetStatus
from trail_sandbox.sandbox import Sandbox

DEFINITION = alarm_set_crd()
NODES = nodes(DEFINITION["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
ALL_CASES = [*CASES, *bounds(NODES, BOUNDS)]

TOPICS = {"alarm": [TOPIC], "ok": [TOPIC], "insufficientData": [TOPIC]}
FIELDS: Parts = {
    "description": "See the runbook.",
    "metricValue": "1",
    "statistic": "Sum",
    "period": 300,
    "evaluationPeriods": 3,
    "datapointsToAlarm": 2,
    "threshold": 2.5,
    "comparisonOperator": "GreaterThanThreshold",
    "treatMissingData": "notBreaching",
    "actionsEnabled": True,
    "actions": TOPICS,
}
EVERYTHING: Parts = {
    "spec": {
        "trailRef": {"name": "audit"},
        "presets": ["SecurityHub", "CIS"],
        "exclude": ["S3BucketPolicyChanges"],
        **override(**FIELDS)["spec"],
        **custom(**FIELDS)["spec"],
        "actions": TOPICS,
        "tags": [{"key": "team", "value": "security"}],
        "deletionPolicy": "Retain",
        "managementPolicy": "Observe",
    },
    "status": {
        "observedGeneration": 1,
        "accountID": "123456789012",
        "accountName": "production",
        "region": "us-east-1",
        "namePrefix": "prod/security/alarms/",
        "filters": [{"logGroup": "audit", "name": "prod/security/alarms/RootUsage"}],
        "ownerTag": "prod/security/alarms",
        "alarmCount": 14,
        "drift": [{"path": "RootUsage.threshold", "desired": "1", "observed": "2"}],
        "lastDrift": {
            **changed_by(sourceIdentity="a", onBehalfOf="b", sourceIPAddress="c", userAgent="d")["status"]["lastDrift"],
            "correctionTime": "2026-01-31T12:00:01Z",
        },
        **refusal("PutMetricFilter")["status"],
        **condition()["status"],
    },
}


@pytest.fixture(scope="module")
def admission(api: client.ApiClient, worker_id: str) -> Iterator[Admission]:
    """A namespace for this module."""
    with in_namespace(api, f"alarm-admission-{worker_id}", DEFINITION, MINIMAL) as found:
        yield found


# -- rules and bounds


@pytest.mark.parametrize(("case", "parts"), examples(ALL_CASES, "accepted"))
def test_accepted(admission: Admission, case: Case, parts: Parts) -> None:
    assert admission.causes(case.before, parts) == []


@pytest.mark.parametrize(("case", "parts"), examples(ALL_CASES, "refused"))
def test_refused(admission: Admission, case: Case, parts: Parts) -> None:
    causes = admission.causes(case.before, parts)
    assert [field for field, message in causes if field == case.path and case.says in message], causes
    assert {field for field, _ in causes} <= {case.path, *case.besides}


def test_every_rule_and_bound_has_a_case() -> None:
    assert without_case(NODES, ALL_CASES) == []


def test_every_case_is_about_one_rule_or_bound_and_shows_both_sides() -> None:
    assert without_one_rule(NODES, ALL_CASES) == []
    assert [case for case in ALL_CASES if not (case.accepted and case.refused)] == []


def test_a_rule_about_change_has_a_case_about_change() -> None:
    assert transitions(NODES)
    assert without_change(NODES, ALL_CASES) == []


# -- types and required fields, of spec and status alike


def test_every_field_is_accepted_and_read(admission: Admission) -> None:
    assert EVERYTHING["spec"].keys() == NODES["spec"]["properties"].keys()
    assert EVERYTHING["status"].keys() == NODES["status"]["properties"].keys()
    for part in ("spec", "status"):
        assert admission.causes(None, {part: EVERYTHING[part]}) == []
    for model in (
        TrailAlarmSetSpec.model_validate(EVERYTHING["spec"]),
        TrailAlarmSetStatus.parse(EVERYTHING["status"]),
    ):
        shown = model.model_dump(mode="json", by_alias=True, exclude_none=True)
        assert shown in EVERYTHING.values()


@pytest.mark.parametrize("path", [path for path in NODES if path not in ("", "spec", "status")])
def test_a_value_of_another_type_is_refused(admission: Admission, path: str) -> None:
    parts, says = of_another_type(NODES, EVERYTHING, path)
    causes = admission.causes(None, parts)
    assert [field for field, message in causes if field == path and says in message], causes


@pytest.mark.parametrize("path", required(NODES))
def test_a_required_field_is_required(admission: Admission, path: str) -> None:
    assert admission.causes(None, with_value(EVERYTHING, path, None)) == [(path, "Required value")]


# -- what the API server writes itself, and what not


def test_no_default_is_written_into_a_spec(admission: Admission) -> None:
    body = admission.create({})
    assert body["spec"] == MINIMAL["spec"]
    assert body["status"] == {"observedGeneration": -1}


def test_the_trail_cannot_be_changed_by_removing_it_first(admission: Admission) -> None:
    name = admission.store({})
    try:
        with pytest.raises(ApiException, match="Required value"):
            admission.change(name, spec(trailRef=None))
    finally:
        admission.delete(name)


def test_the_largest_alarm_set_is_not_too_costly_to_judge(admission: Admission) -> None:
    topics = [f"{TOPIC}-{one}".ljust(350, "x") for one in numbered(5)]
    actions = dict.fromkeys(("alarm", "ok", "insufficientData"), topics)
    fields = {"description": "é" * 1024, "metricValue": "1" * 100, "actions": actions}
    largest = {
        "presets": ["SecurityHub", "CIS"],
        "exclude": [one.ljust(64, "x") for one in numbered(50)],
        "overrides": [{"name": one.ljust(64, "x"), **fields} for one in numbered(50)],
        "alarms": [
            {"name": one.ljust(64, "x"), "filterPattern": PATTERN.ljust(1024), **fields} for one in numbered(50)
        ],
        "actions": actions,
        "tags": [{"key": f"{number:02d}" + "界" * 126, "value": "界" * 256} for number in range(49)],
    }
    name = admission.store(named("m" * 63, **largest))
    filters = [{"logGroup": "g" * 512, "name": one.ljust(512, "x")} for one in numbered(MAX_FILTERS)]
    admission.change(name, {"status": {"filters": filters}}, stored=True)
    changed = admission.change(name, spec(managementPolicy="Observe"))
    assert changed["spec"] == {**MINIMAL["spec"], **largest, "managementPolicy": "Observe"}
    admission.delete(name)


# -- what users send with kubectl, and see of it


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (override(filterPattern=PATTERN)["spec"], 'unknown field "spec.overrides[0].filterPattern"'),
        ({"accountRef": {"name": "production"}}, 'unknown field "spec.accountRef"'),
        (custom(evaluationPeriod=1)["spec"], 'unknown field "spec.alarms[0].evaluationPeriod"'),
    ],
)
def test_kubectl_refuses_unknown_fields(cluster: Sandbox, admission: Admission, fields: Parts, says: str) -> None:
    done = subprocess.run(
        ["kubectl", "apply", "--dry-run=server", "-n", admission.namespace, "-f", "-"],
        env={**os.environ, **cluster.environment()},
        input=json.dumps({**MINIMAL, "spec": {**MINIMAL["spec"], **fields}}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert says in done.stderr


def test_who_applies_some_alarms_leaves_those_of_others(cluster: Sandbox, admission: Admission) -> None:
    def apply(manager: str, *names: str) -> Any:
        alarms = [{"name": name, "filterPattern": PATTERN} for name in names]
        manifest = json.dumps({**MINIMAL, "spec": {**MINIMAL["spec"], "alarms": alarms}})
        kubectl(
            cluster,
            *("apply", "--server-side", f"--field-manager={manager}", "-n", admission.namespace, "-f", "-"),
            text=manifest,
        )
        return [alarm["name"] for alarm in (admission.get("alarms") or {})["spec"]["alarms"]]

    assert apply("ours", "a", "b") == ["a", "b"]
    assert apply("theirs", "c") == ["a", "b", "c"]
    assert apply("ours", "b") == ["b", "c"]
    admission.delete("alarms")


def test_kubectl_get_shows_what_matters(cluster: Sandbox, admission: Admission) -> None:
    conditions = [
        *condition(reason="InSync")["status"]["conditions"],
        *condition(type="Advisory", reason="NoAction")["status"]["conditions"],
    ]
    name = admission.store({"status": {**EVERYTHING["status"], "conditions": conditions}})

    def table(*arguments: str) -> list[list[str]]:
        return [line.split() for line in kubectl(cluster, "get", "-n", admission.namespace, *arguments).splitlines()]

    head, (*row, age) = table("tas")
    assert head == ["NAME", "READY", "ALARMS", "REASON", "TRAIL", "AGE"]
    assert row == ["alarms", "True", "14", "InSync", "audit"]
    assert re.fullmatch(r"\d+s", age)
    head, row = table("trailalarmsets", "-o", "wide")
    assert head[6:] == ["ADVISORY", "REGION", "ACCOUNT"]
    assert row[6:] == ["NoAction", "us-east-1", "123456789012"]
    assert ["trailalarmset.trail-operator.dev/alarms"] in table("aws", "-o", "name")
    admission.delete(name)


@pytest.mark.parametrize(
    "path", [path for path, schema in NODES.items() if path.startswith("spec") and "properties" in schema]
)
def test_kubectl_explain_describes_every_field(cluster: Sandbox, path: str) -> None:
    where = path.replace("[]", "")
    text = " ".join(kubectl(cluster, "explain", f"tas.{where}").split())
    for name, schema in NODES[path]["properties"].items():
        assert f"{name} <" in text
        assert schema["description"] in text
