"""TrailAlarmSets saved, lost and restored, and what happens without their status: by the commands of the documentation.

They are those of docs/how-to/backup.md and move-a-cluster.md.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.integration.conftest import ROOT, OperatorFactory
from tests.integration.kubernetes import AlarmSets, Trails, alarm_set, trail
from tests.integration.test_how_to_drift import Shell
from trail_sandbox.sandbox import Sandbox

PAGE = ROOT / "docs" / "how-to" / "backup.md"
ALARMS = [{"name": name, "filterPattern": f"{{$.eventName={name}*}}"} for name in ("Deletions", "Puts")]
NAME = "cis"
MOVE = ROOT / "docs" / "how-to" / "move-a-cluster.md"


def scripts(namespace: str) -> list[str]:
    """The commands about TrailAlarmSets: to save, and to restore."""
    [section] = re.findall(r"^## Alarm sets\n(.*?)^## ", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    found: list[str] = re.findall(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    return [text.replace("--all-namespaces", f"--namespace {namespace}") for text in found]


def removal(namespace: str) -> str:
    """The commands that remove sets and Trails, but not AWSAccounts, which are those of all tests."""
    [loop] = re.findall(r"^    (for kind in .*?^    done\n)", MOVE.read_text(), re.DOTALL | re.MULTILINE)
    return str(loop).replace("--all-namespaces", f"--namespace {namespace}")


@pytest.fixture
def shell(cluster: Sandbox, account: Account, tmp_path: Path) -> Shell:
    return Shell(tmp_path, cluster.environment(), account.environment)


@pytest.fixture
def lost(
    operator_process: OperatorFactory, account: Account, trails: Trails, alarm_sets: AlarmSets, shell: Shell
) -> dict[str, Any]:
    """A set that was saved, and then lost together with its Trail and operator; all is left in AWS."""
    operator = operator_process()
    group, bucket = account.log_group("events"), account.bucket(f"logs-{account.number}", "audit")
    role = account.role("logs", group)
    manifest = trail("audit", bucket, cloudWatchLogsLogGroupARN=group, cloudWatchLogsRoleARN=role)
    trails.create(manifest)
    alarm_sets.create(alarm_set(NAME, "audit", alarms=ALARMS))
    body = alarm_sets.wait_ready(NAME)
    save, _ = scripts(trails.namespace)
    shell.run(save)
    operator.stop()
    shell.run(removal(trails.namespace))
    alarm_sets.wait_gone(NAME)
    trails.wait_gone("audit")
    trails.create(manifest)
    return body


def in_aws(account: Account) -> tuple[set[str], set[str]]:
    """The names of all filters and alarms."""
    found = account.client("logs").describe_metric_filters(logGroupName="events")["metricFilters"]
    return {one["filterName"] for one in found}, set(account.alarms())


def test_a_set_is_restored_with_its_status_in_a_renamed_cluster(
    operator_process: OperatorFactory, account: Account, alarm_sets: AlarmSets, shell: Shell, lost: dict[str, Any]
) -> None:
    before = in_aws(account)
    calls = len(account.calls())
    _, restore = scripts(alarm_sets.namespace)
    shell.run(restore)
    operator_process("--former-cluster-names", "test", cluster_name="new")
    body = alarm_sets.wait_ready(NAME, 60)
    assert in_aws(account) == before
    for field in ("accountID", "region", "namePrefix", "filters"):
        assert body["status"][field] == lost["status"][field]
    written = {call["operation"] for call in account.calls()[calls:]}
    assert not written & {"PutMetricFilter", "DeleteMetricFilter", "PutMetricAlarm", "DeleteAlarms"}


def test_a_set_without_its_status_is_repaired_by_restoring_it(
    operator_process: OperatorFactory, account: Account, alarm_sets: AlarmSets, shell: Shell, lost: dict[str, Any]
) -> None:
    before = in_aws(account)
    alarm_sets.create(alarm_set(NAME, "audit", alarms=ALARMS))
    operator_process()
    alarm_sets.wait_reason(NAME, "Conflict")
    assert lost["status"]["filters"][0]["name"] in alarm_sets.condition(NAME, "Ready")["message"]
    assert in_aws(account) == before
    _, restore = scripts(alarm_sets.namespace)
    shell.run(restore)
    body = alarm_sets.wait_ready(NAME, 60)
    assert body["status"]["filters"] == lost["status"]["filters"]
    assert in_aws(account) == before


def test_a_set_without_its_status_is_repaired_by_deleting_the_filters(
    operator_process: OperatorFactory, account: Account, alarm_sets: AlarmSets, lost: dict[str, Any]
) -> None:
    before = in_aws(account)
    alarm_sets.create(alarm_set(NAME, "audit", alarms=ALARMS))
    operator_process()
    alarm_sets.wait_reason(NAME, "Conflict")
    for entry in lost["status"]["filters"]:
        account.client("logs").delete_metric_filter(logGroupName=entry["logGroup"], filterName=entry["name"])
    alarm_sets.wait_ready(NAME, 60)
    assert in_aws(account) == before


def test_a_set_without_its_status_makes_new_alarms_in_a_renamed_cluster(
    operator_process: OperatorFactory, account: Account, alarm_sets: AlarmSets, lost: dict[str, Any]
) -> None:
    before = in_aws(account)
    alarm_sets.create(alarm_set(NAME, "audit", alarms=ALARMS))
    operator_process("--former-cluster-names", "test", cluster_name="new")
    alarm_sets.wait_ready(NAME, 60)
    for old, present in zip(before, in_aws(account), strict=True):
        assert old < present
        assert {name.removeprefix("new/") for name in present - old} == {name.removeprefix("test/") for name in old}
