"""`trail-operator plan` of TrailAlarmSets: what it says before a change is what the operator then writes."""

from typing import Any

import pytest

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import AlarmSets, Trails, alarm_set, trail
from tests.integration.process import Operator
from tests.integration.test_plan_command import SETTINGS, Plan, environment, manifests, plan, planned
from tests.patience import eventually
from trail_operator.domain.alarms.presets import PRESET_ALARMS

__all__ = ["environment", "plan"]

DELETIONS = {"name": "Deletions", "filterPattern": "{$.eventName=Delete*}"}
WRITES = ("PutMetricFilter", "DeleteMetricFilter", "PutMetricAlarm", "DeleteAlarms", "TagResource", "UntagResource")
TOPICS = "arn:aws:sns:*"


@pytest.fixture
def operator(operator_process: OperatorFactory) -> Operator:
    """An operator that may notify all topics."""
    return operator_process("--allowed-action-arns", TOPICS)


@pytest.fixture
def audit(account: Account) -> dict[str, Any]:
    """The manifest of a Trail with a log group."""
    group = account.log_group("events")
    bucket = account.bucket(f"logs-{account.number}", "audit")
    role = account.role("logs", group)
    return trail("audit", bucket, cloudWatchLogsLogGroupARN=group, cloudWatchLogsRoleARN=role)


@pytest.fixture
def applied(audit: dict[str, Any], trails: Trails) -> dict[str, Any]:
    """The Trail, once it is Ready."""
    trails.create(audit)
    trails.wait_ready("audit")
    return audit


def settings(allowed: str = TOPICS) -> tuple[str, ...]:
    return (*SETTINGS, "--allowed-action-arns", allowed)


def writes(account: Account) -> list[tuple[str, Any]]:
    """The calls by which the operator has written filters and alarms."""
    calls = [call for call in account.calls() if call["service"] in ("logs", "monitoring")]
    return [(call["operation"], call["parameters"]) for call in calls if call["operation"] in WRITES]


def _log_groups(alarm_sets: AlarmSets) -> set[str]:
    body = alarm_sets.get("cis") or {}
    return {one["logGroup"] for one in body["status"]["filters"]}


def calls(one: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(call["operation"], call["parameters"]) for call in one["calls"]]


def test_what_is_planned_for_alarms_is_what_follows(
    operator: Operator, plan: Plan, account: Account, audit: dict[str, Any], trails: Trails, alarm_sets: AlarmSets
) -> None:
    topic = account.topic("alarms", "audit")
    manifest = alarm_set("cis", "audit", presets=["CIS"], alarms=[DELETIONS], actions={"alarm": [topic]})

    def of_set(*bodies: dict[str, Any]) -> dict[str, Any]:
        before = len(writes(account))
        done = plan("-f", "-", "-o", "json", *settings(), stdin=manifests(*bodies, namespace=trails.namespace))
        assert len(writes(account)) == before
        [one] = planned(done)["alarmSets"]
        assert one["admission"] == {"answer": "accepted", "message": None}
        return dict(one)

    first = of_set(audit, manifest)
    assert (first["outcome"], first["alarmCount"], first["logGroup"]) == ("create", len(PRESET_ALARMS) + 1, "events")
    assert first["namePrefix"] == f"test/{trails.namespace}/cis/"
    assert "Trail audit has no trail yet" in first["notes"][0]
    trails.create(audit)
    trails.wait_ready("audit")
    alarm_sets.create(manifest)
    alarm_sets.wait_ready("cis", 60)
    assert writes(account) == calls(first)
    again = of_set(audit, manifest)
    assert (again["outcome"], again["calls"], again["notes"]) == ("none", [], [])

    before = len(writes(account))
    manifest["spec"] |= {"exclude": ["VPCChanges"], "alarms": [], "tags": [{"key": "team", "value": "x"}]}
    manifest["spec"]["overrides"] = [{"name": "RootUsage", "threshold": 3}]
    change = of_set(manifest)
    assert change["outcome"] == "update"
    assert {"path": "alarms[RootUsage].threshold", "observed": "1", "desired": "3"} in change["differences"]
    alarm_sets.replace_spec("cis", **manifest["spec"])
    alarm_sets.wait_ready("cis", 60)
    assert writes(account)[before:] == calls(change)

    before = len(writes(account))
    moved = account.log_group("moved")
    account.role_permissions("logs", moved)
    audit["spec"]["cloudWatchLogsLogGroupARN"] = moved
    change = of_set(audit, manifest)
    assert (change["outcome"], change["logGroup"]) == ("update", "moved")
    assert "after its update" in change["notes"][0]
    trails.replace_spec("audit", **audit["spec"])
    eventually("moved", lambda: _log_groups(alarm_sets) == {"moved"})
    alarm_sets.wait_ready("cis", 60)
    assert writes(account)[before:] == calls(change)


def test_the_alarm_sets_of_the_cluster(
    operator: Operator,
    plan: Plan,
    account: Account,
    applied: dict[str, Any],
    trails: Trails,
    alarm_sets: AlarmSets,
) -> None:
    alarm_sets.create(alarm_set("cis", "audit", alarms=[DELETIONS]))
    alarm_sets.create(alarm_set("lost", "absent", alarms=[DELETIONS]))
    alarm_sets.wait_ready("cis")
    operator.stop()
    account.client("cloudwatch").delete_alarms(AlarmNames=[f"test/{trails.namespace}/cis/Deletions"])
    done = plan(*settings(), "--namespace", trails.namespace)
    lines = done.stdout.splitlines()
    where = f"on Trail audit, log group events in us-east-1 of account {account.number}"
    assert f"~ update {trails.namespace}/cis: 1 alarm {where}" in lines, done.stdout
    assert "    alarms[Deletions].alarm: absent -> present" in lines
    assert "    Calls: PutMetricAlarm for Deletions" in lines
    assert any("Warning NoAction: " in line for line in lines)
    assert "    TrailNotFound: Trail absent does not exist in namespace" in done.stdout
    assert "TrailAlarmSets: 0 to create, 1 to update, 0 to delete, 0 unchanged, 1 blocked, 0 unknown" in lines[-1]
    assert done.returncode == 3
    shown = plan(*settings(), "--namespace", trails.namespace, "-o", "markdown").stdout
    assert "Calls: PutMetricAlarm for Deletions" in shown
    assert f"= none {trails.namespace}/audit" not in shown


def test_a_conflict_stops_only_its_alarm(
    plan: Plan, operator: Operator, account: Account, applied: dict[str, Any], trails: Trails
) -> None:
    account.client("logs").put_metric_filter(
        logGroupName="events",
        filterName=f"test/{trails.namespace}/cis/Deletions",
        filterPattern="",
        metricTransformations=[{"metricName": "a", "metricNamespace": "b", "metricValue": "1"}],
    )
    other = {"name": "Others", "filterPattern": "{$.eventName=Put*}"}
    text = manifests(alarm_set("cis", "audit", alarms=[DELETIONS, other]), namespace=trails.namespace)
    done = plan("-f", "-", "-o", "json", *settings(), stdin=text)
    [one] = planned(done)["alarmSets"]
    assert (done.returncode, one["outcome"], one["reason"]) == (3, "blocked", "Conflict")
    assert [name for name, _ in calls(one)] == ["PutMetricFilter", "PutMetricAlarm"]
    done = plan("-f", "-", "-o", "json", *settings(), stdin=text, KUBECONFIG="/nonexistent")
    assert planned(done)["alarmSets"][0]["outcome"] == "unknown"


def test_settings_and_limits_that_decide_about_alarms(
    plan: Plan, operator: Operator, account: Account, applied: dict[str, Any], trails: Trails
) -> None:
    topic = account.topic("alarms", "audit")
    text = manifests(
        alarm_set("cis", "audit", alarms=[DELETIONS], actions={"alarm": [topic]}), namespace=trails.namespace
    )

    def one(*flags: str) -> dict[str, Any]:
        [found] = planned(plan("-f", "-", "-o", "json", *flags, stdin=text))["alarmSets"]
        return dict(found)

    assert (one(*settings(""))["outcome"], one(*settings(""))["reason"]) == ("blocked", "ActionNotAllowed")
    position = SETTINGS.index("--allowed-action-arns")
    unknown = one(*SETTINGS[:position], *SETTINGS[position + 2 :])
    assert (unknown["outcome"], unknown["calls"], unknown["logGroup"]) == ("unknown", [], "events")
    assert "--allowed-action-arns is unknown" in unknown["message"]
    unnamed = one(*SETTINGS[2:])
    assert (unnamed["outcome"], unnamed["namePrefix"]) == ("unknown", None)
    assert "--cluster-name is unknown" in unnamed["message"]


@pytest.mark.parametrize(
    ("spec", "answer", "reason"),
    [
        ({"presets": ["CIS"], "exclude": ["Nothing"]}, "accepted", "InvalidSpec"),
        ({"alarms": [DELETIONS | {"filterPattern": "{"}]}, "accepted", "InvalidSpec"),
        ({"alarms": [DELETIONS | {"period": 7}]}, "rejected", "InvalidSpec"),
    ],
)
def test_specs_that_cannot_work(
    plan: Plan,
    operator: Operator,
    account: Account,
    applied: dict[str, Any],
    trails: Trails,
    spec: dict[str, Any],
    answer: str,
    reason: str,
) -> None:
    text = manifests(alarm_set("cis", "audit", **spec), namespace=trails.namespace)
    done = plan("-f", "-", "-o", "json", *settings(), stdin=text)
    [one] = planned(done)["alarmSets"]
    assert (done.returncode, one["outcome"], one["reason"], one["calls"]) == (3, "blocked", reason, [])
    assert one["admission"]["answer"] == answer


def test_a_set_whose_trail_is_rejected_or_not_managed(
    plan: Plan, account: Account, audit: dict[str, Any], trails: Trails
) -> None:
    manifest = alarm_set("cis", "audit", presets=["CIS"])
    account.cloudtrail.create_trail(Name="audit", S3BucketName=audit["spec"]["s3BucketName"])
    text = manifests(audit, manifest, namespace=trails.namespace)
    [one] = planned(plan("-f", "-", "-o", "json", *settings(), stdin=text))["alarmSets"]
    assert (one["outcome"], one["reason"]) == ("blocked", "TrailNotManaged")
    audit["spec"]["includeGlobalServiceEvents"] = False
    audit["spec"]["isMultiRegionTrail"] = True
    text = manifests(audit, manifest, namespace=trails.namespace)
    [one] = planned(plan("-f", "-", "-o", "json", *settings(), stdin=text))["alarmSets"]
    assert (one["outcome"], one["calls"]) == ("unknown", [])
    assert "whose manifest the API server rejects" in one["message"]
