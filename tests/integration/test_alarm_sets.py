"""A TrailAlarmSet from apply to deletion: metric filters and alarms in AWS, and what its status says of them."""

from typing import Any

import pytest

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import AlarmSets, Trails, alarm_set, trail
from tests.integration.test_metrics import Scraped
from tests.patience import eventually
from trail_operator.domain.alarms.presets import PRESET_ALARMS

DELETIONS = {"name": "Deletions", "filterPattern": "{$.eventName=Delete*}"}


@pytest.fixture
def group(account: Account, trails: Trails) -> str:
    """The log group of the Trail `audit`."""
    group = account.log_group("events")
    bucket = account.bucket(f"logs-{account.number}", "audit")
    role = account.role("logs", group)
    trails.create(trail("audit", bucket, cloudWatchLogsLogGroupARN=group, cloudWatchLogsRoleARN=role))
    return group


@pytest.fixture
def prefix(trails: Trails) -> str:
    """What the names of filters and alarms begin with."""
    return f"test/{trails.namespace}/cis/"


def calls_of(account: Account, *services: str) -> list[str]:
    return [call["operation"] for call in account.calls() if call["service"] in services]


def test_the_alarms_of_both_presets_are_created_once(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, account: Account, group: str, prefix: str
) -> None:
    operator_process()
    alarm_sets.create(alarm_set("cis", "audit", presets=["SecurityHub", "CIS"], tags=[{"key": "team", "value": "x"}]))
    body = alarm_sets.wait_ready("cis", 60)
    names = {alarm.name for alarm in PRESET_ALARMS}
    filters, alarms = account.filters(group), account.alarms(prefix)
    assert set(filters) == set(alarms) == {f"{prefix}{name}" for name in names}
    assert body["status"]["alarmCount"] == len(names)
    assert {entry["name"] for entry in body["status"]["filters"]} == set(filters)
    for alarm in PRESET_ALARMS:
        made, watching = filters[f"{prefix}{alarm.name}"], alarms[f"{prefix}{alarm.name}"]
        assert made["filterPattern"] == alarm.pattern
        assert made["metricTransformations"] == [
            {"metricName": alarm.name, "metricNamespace": "CloudTrail/audit/cis", "metricValue": "1"}
        ]
        assert (watching["MetricName"], watching["Namespace"]) == (alarm.name, "CloudTrail/audit/cis")
        assert (watching["Statistic"], watching["Threshold"], watching["Period"]) == ("Sum", 1.0, 300)
        assert watching["TreatMissingData"] == "notBreaching"
        assert watching["Tags"] == {"team": "x", "trail-operator.dev/owner": prefix.removesuffix("/")}
    writes = [call for call in calls_of(account, "logs", "monitoring") if call.startswith(("Put", "Tag"))]
    assert len([call for call in writes if call in ("PutMetricFilter", "PutMetricAlarm")]) >= 2 * len(names)


def test_a_deleted_set_deletes_its_alarms_and_filters(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, account: Account, group: str, prefix: str
) -> None:
    operator_process()
    alarm_sets.create(alarm_set("cis", "audit", alarms=[DELETIONS]))
    alarm_sets.wait_ready("cis")
    account.client("logs").put_metric_filter(
        logGroupName="events",
        filterName=f"{prefix}Other",
        filterPattern="",
        metricTransformations=[{"metricName": "a", "metricNamespace": "b", "metricValue": "1"}],
    )
    alarm_sets.delete("cis")
    alarm_sets.wait_gone("cis")
    assert account.alarms(prefix) == {}
    assert set(account.filters(group)) == {f"{prefix}Other"}, "it was not recorded in status"


def test_a_changed_alarm_is_corrected(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, account: Account, group: str, prefix: str
) -> None:
    operator_process()
    alarm_sets.create(alarm_set("cis", "audit", alarms=[DELETIONS]))
    alarm_sets.wait_ready("cis")
    name, cloudwatch = f"{prefix}Deletions", account.client("cloudwatch")
    wanted = account.alarms(prefix)[name]
    kept: dict[str, Any] = {
        key: wanted[key] for key in ("MetricName", "Namespace", "Statistic", "Period", "EvaluationPeriods")
    }
    cloudwatch.put_metric_alarm(AlarmName=name, Threshold=100, ComparisonOperator=wanted["ComparisonOperator"], **kept)
    eventually("threshold", lambda: account.alarms(prefix)[name]["Threshold"] == 1.0)
    eventually("Event", lambda: alarm_sets.events("cis", "DriftCorrected"))

    def last_drift() -> dict[str, Any]:
        status = (alarm_sets.get("cis") or {}).get("status", {})
        found: dict[str, Any] = status.get("lastDrift") or {}
        return found

    eventually("lastDrift", lambda: "alarms[Deletions].threshold" in last_drift().get("paths", []))


def test_a_conflict_is_counted_as_a_terminal_result(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, account: Account, group: str, prefix: str
) -> None:
    account.client("logs").put_metric_filter(
        logGroupName="events",
        filterName=f"{prefix}Deletions",
        filterPattern=DELETIONS["filterPattern"],
        metricTransformations=[{"metricName": "a", "metricNamespace": "b", "metricValue": "1"}],
    )
    scraped = Scraped(operator_process(), alarm_sets.namespace)
    alarm_sets.create(alarm_set("cis", "audit", alarms=[DELETIONS]))
    alarm_sets.wait_reason("cis", "Conflict")
    eventually("it is counted", lambda: (scraped.value("reconciles_total", result="terminal") or 0) >= 1)
